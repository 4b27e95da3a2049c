use super::*;

fn edits() -> FieldEdits {
    FieldEdits {
        remove: vec!["x-debug".to_owned(), "x_trace.id".to_owned()],
        set: vec![("x-env".to_owned(), "prod".to_owned())],
    }
}

#[test]
fn one_name_stands_for_every_spelling_of_it() {
    let edits = edits();
    for name in [
        "x-debug",
        "X-Debug",
        "x_debug",
        "X_DEBUG",
        "x.debug",
        "X~Debug",
        "x-trace-id",
        "x_trace.id",
        "X-Trace_ID",
        "x-env",
        "x_env",
        "X.Env",
    ] {
        assert!(edits.touch(name), "{name}");
    }
    for name in [
        "", "xdebug", "x-debugs", "x-debu", "-x-debug", "x-env-", "debug",
    ] {
        assert!(!edits.touch(name), "{name}");
        assert!(!FieldEdits::default().touch(name), "{name}");
    }
}
