use doorward_events::schema::Schemas;

use crate::run::run;

#[test]
fn schemas_are_compiled_to_one_file_and_what_is_wrong_is_told_and_nothing_written() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("a.v1.json", r#"{"type":"object"}"#);
    write("b.v1.json", r#"{"minLength":1}"#);
    let ran = run(
        folder.path(),
        &["schemas", "b.v1.json", "a.v1.json", "-o", "events.schemas"],
    );
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let program = std::fs::read(folder.path().join("events.schemas")).unwrap();
    assert_eq!(
        ran.stdout,
        format!("events.schemas: 2 schemas, {} bytes\n", program.len())
    );
    let schemas = Schemas::read(&program).unwrap();
    assert_eq!(
        schemas.for_type("b.v1").unwrap().text(),
        r#"{"minLength":1}"#
    );

    write("a.v1.json", r#"{"properties":{"x":{"minlength":1}}}"#);
    let ran = run(
        folder.path(),
        &["schemas", "a.v1.json", "-o", "other.schemas"],
    );
    assert_eq!(ran.status, 1);
    assert!(
        ran.stderr.starts_with("a.v1.json: at #/properties/x/minlength: the keyword `minlength` is unknown: is it `minLength`?\n"),
        "{}",
        ran.stderr
    );
    assert!(!folder.path().join("other.schemas").exists());
    for (arguments, told) in [
        (
            ["schemas", "none.json", "-o", "x"],
            "the schema none.json cannot be read",
        ),
        (
            ["schemas", "events.schemas", "-o", "x"],
            "events.schemas is named by no type of events",
        ),
    ] {
        let ran = run(folder.path(), &arguments);
        assert_eq!(ran.status, 1);
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    }
}
