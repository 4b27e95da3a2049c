//! `{ url, digest }`, of a component and of a middleware.

use super::*;

/// The digest of nothing.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn source(table: &str) -> String {
    format!("{HEAD}{TRIGGER}[component.main]\nsource = {{ {table} }}\n")
}

fn middleware(entries: &str) -> String {
    format!("{HEAD}{TRIGGER}dependencies.middleware = [{entries}]\n{COMPONENT}")
}

#[test]
fn a_download_is_an_address_and_a_digest_of_either_case() {
    for hex in [EMPTY.to_owned(), EMPTY.to_ascii_uppercase()] {
        for url in [
            "https://e.example/main.wasm",
            "http://127.0.0.1:8080/a/main.wasm",
            "https://[::1]/main.wasm?signed=secret",
        ] {
            let table = format!("url = \"{url}\", digest = \"sha256:{hex}\"");
            let application = accepted(&source(&table));
            let component = &application.components["main"];
            let download = component.download.as_ref().unwrap();
            assert_eq!(download.digest().to_string(), format!("sha256:{EMPTY}"));
            assert_eq!(download.url().to_string(), url);
            assert_eq!(component.source, Path::new(""), "nothing is fetched yet");

            let application = accepted(&middleware(&format!("{{ {table} }}")));
            let id = &application.triggers[0].middleware[0].component;
            assert!(application.components[id].download.is_some(), "{id}");
        }
    }
}

/// Each case: the keys, and what the error has to say.
#[test]
fn nothing_is_fetched_without_knowing_what_it_has_to_be() {
    let digest = format!("digest = \"sha256:{EMPTY}\"");
    let url = "url = \"https://e.example/main.wasm\"";
    for (table, expected) in [
        (
            url.to_owned(),
            &[
                "has no `digest`",
                "only if it is what the manifest says",
                "sha256sum",
            ][..],
        ),
        (digest.clone(), &["has no `url`"]),
        (
            format!("{url}, sha256 = \"{EMPTY}\""),
            &["unknown key `sha256`", "has no `digest`"],
        ),
        (format!("{url}, digest = 1"), &["has to be a string"]),
        (
            format!("{url}, digest = \"{EMPTY}\""),
            &["has to be `sha256:` and 64 hexadecimal digits"],
        ),
        (
            format!("{url}, digest = \"SHA256:{EMPTY}\""),
            &["has to be `sha256:`"],
        ),
        (
            format!("{url}, digest = \"sha512:{EMPTY}\""),
            &["has to be `sha256:`"],
        ),
        (
            format!("{url}, digest = \"sha256:{}\"", &EMPTY[1..]),
            &["64 hexadecimal digits"],
        ),
        (
            format!("{url}, digest = \"sha256:{EMPTY}0\""),
            &["64 hexadecimal digits"],
        ),
        (
            format!("{url}, digest = \"sha256:{}é\"", &EMPTY[2..]),
            &["64 hexadecimal digits"],
        ),
        (
            format!("{url}, digest = \"sha256:{}g\"", &EMPTY[1..]),
            &["64 hexadecimal digits"],
        ),
        (
            format!("url = \"file:///main.wasm\", {digest}"),
            &["only http and https", "by its path"],
        ),
        (
            format!("url = \"ftp://e.example/main.wasm\", {digest}"),
            &["only http and https"],
        ),
        (
            format!("url = \"main.wasm\", {digest}"),
            &["only http and https"],
        ),
        (format!("url = \"\", {digest}"), &["only http and https"]),
        (format!("url = \"https://\", {digest}"), &["not a URL"]),
        (
            format!("url = \"https://user:secret@e.example/main.wasm\", {digest}"),
            &["a user or a password"],
        ),
    ] {
        for text in [source(&table), middleware(&format!("{{ {table} }}"))] {
            let error = refused(&text);
            assert!(!error.contains("secret"), "{error}");
            says(&error, expected, &table);
        }
    }
}

#[test]
fn one_address_with_two_digests_is_two_components() {
    let entry = |digit: &str| {
        format!(
            "{{ url = \"https://e.example/a.wasm\", digest = \"sha256:{}\" }}",
            digit.repeat(64)
        )
    };
    let application = accepted(&middleware(&format!("{}, {}", entry("1"), entry("2"))));
    let digests: Vec<String> = application.triggers[0]
        .middleware
        .iter()
        .map(|one| &application.components[&one.component])
        .map(|component| component.download.as_ref().unwrap().digest().hex())
        .collect();
    assert_eq!(digests, ["1".repeat(64), "2".repeat(64)]);
}

#[test]
fn what_may_be_a_secret_in_an_address_is_not_shown() {
    let table =
        format!("url = \"https://e.example/a.wasm?key=secret\", digest = \"sha256:{EMPTY}\"");
    let application = accepted(&middleware(&format!("{{ {table} }}")));
    let id = &application.triggers[0].middleware[0].component;
    let component = &application.components[id];
    let download = component.download.as_ref().unwrap();
    assert_eq!(download.shown(), "https://e.example/a.wasm");
    let shown = format!("{id} {:?} {component:?} {download:?}", application.triggers);
    assert!(!shown.contains("secret"), "{shown}");
}
