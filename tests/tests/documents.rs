//! Checks of what is written for people: what it points to is there.

#![expect(clippy::unwrap_used, reason = "tests")]

use doorward_tests::tree::{files, has_extension, in_folder, root, shown, text_of};

/// The rooms that a document may point into by their path.
const ROOMS: [&str; 8] = [
    "components/",
    "crates/",
    "deploy/",
    "docs/",
    "runtime-tests/",
    "templates/",
    "tests/",
    "wit/",
];

#[test]
fn every_document_points_to_what_is_there() {
    let mut pointers = 0;
    let mut wrong = Vec::new();
    let documents = files().into_iter().filter(|file| has_extension(file, "md"));
    for file in documents.filter(|file| !in_folder(file, "wit/deps")) {
        let (text, folder) = (text_of(&file), file.parent().unwrap());
        let links = links(&text).map(|link| (link, folder.join(link)));
        let paths = paths(&text).map(|path| (path, root().join(path)));
        for (pointer, target) in links.chain(paths) {
            pointers += 1;
            if !target.exists() {
                wrong.push(format!("{}: {pointer}", shown(&file)));
            }
        }
    }
    assert!(pointers > 100, "only {pointers} were found");
    assert!(wrong.is_empty(), "what is not there:\n{}", wrong.join("\n"));
}

#[test]
fn the_service_with_the_gate_linked_in_is_the_one_that_is_compiled() {
    let text = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let (document, example) = (
        text("docs/linked-in.md"),
        text("crates/edge/examples/hello.rs"),
    );
    let mut blocks = document.split("```rust\n").skip(1);
    let quoted = blocks.next().and_then(|block| block.split("```").next());
    let code = example.split_once("\n\n").map(|(_, code)| code);
    assert_eq!(quoted, code, "docs/linked-in.md quotes another service");
    assert_eq!(blocks.next(), None, "code that nobody compiles");
}

#[test]
fn pointers_are_found_wherever_they_stand() {
    let text = "[a](docs/a.md#part) and [b](https://b.example), [c](../c.md).\n\
                `crates/x/src/y.rs`, `cargo test`, `crates/x/<name>`, `other/x`";
    let found: Vec<_> = links(text).collect();
    assert_eq!(found, ["docs/a.md", "../c.md"]);
    let found: Vec<_> = paths(text).collect();
    assert_eq!(found, ["crates/x/src/y.rs"]);
}

/// The targets of links within the repository, without what they name in a file.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    targets
        .filter(|target| !target.contains("://") && !target.starts_with(['#', '<']))
        .map(|target| target.split('#').next().unwrap_or(target))
}

/// The paths that are written as code.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let is_path = |code: &&str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./@".contains(&byte);
        ROOMS.iter().any(|room| code.starts_with(room)) && code.bytes().all(is_plain)
    };
    text.split('`').skip(1).step_by(2).filter(is_path)
}
