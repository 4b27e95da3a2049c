use super::*;

#[test]
fn calls_of_cargo_that_differ_in_their_packages_become_one() {
    let release = "cargo build --release --target wasm32-wasip2 -p ";
    let build = |component: &str, workdir: &str, commands: &[&str]| ComponentBuild {
        component: component.to_owned(),
        workdir: workdir.into(),
        commands: commands.iter().map(|line| (*line).to_owned()).collect(),
    };
    let gate = format!("{release}gate");
    let builds = [
        build("a", "", &[&gate]),
        build("b", "", &[&format!("{release}whoami")]),
        build("c", "", &[&gate]),
        build("d", "", &["cargo build -p other"]),
        build("e", "", &["cargo build -p x && echo y"]),
        build("f", "", &["cargo build -p y", "touch y"]),
        build("g", "sub", &[&gate]),
    ];
    let steps: Vec<_> = steps(&builds)
        .into_iter()
        .map(|step| (step.components.join("+"), step.line))
        .collect();
    let steps: Vec<_> = steps
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    assert_eq!(
        steps,
        [
            (
                "a+b+c",
                "cargo build --release --target wasm32-wasip2 -p gate -p whoami"
            ),
            ("d", "cargo build -p other"),
            ("g", "cargo build --release --target wasm32-wasip2 -p gate"),
            ("e", "cargo build -p x && echo y"),
            ("f", "cargo build -p y"),
            ("f", "touch y"),
        ]
    );
}

#[test]
fn a_line_that_needs_the_shell_is_left_to_the_shell() {
    for line in [
        "cargo build",
        "cargo build --workspace",
        "cargo build -p a; rm x",
        "cargo build -p $NAME",
        "cargo build -p a --features x",
        "cargo test -p a",
        "A=1 cargo build -p a",
        "cargo build -p",
    ] {
        assert_eq!(cargo::Call::parse(line), None, "{line}");
    }
    assert!(cargo::Call::parse("cargo build --package=a --profile=x").is_some());
}
