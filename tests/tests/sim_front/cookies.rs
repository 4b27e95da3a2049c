//! Cookies that come in several fields are one field for everybody here and behind (RFC 9113 §8.2.3).

use crate::{Front, class, fronts, status};
use doorward_tests::sim::client::Sent;

const POLICY: &str = r#"
[issuer.test]
url = "https://issuer.example"
audience = "api"
jwks_url = "https://issuer.example/keys"

[identity]
x-auth-subject = "sub"

[limits.few]
header_count_max = 20

[limits.small]
header_bytes_max = 2000

[[route]]
path = "/public/**"
public = true

[[route]]
path = "/few/**"
public = true
limits = "few"

[[route]]
path = "/small/**"
public = true
limits = "small"

[[route]]
path = "/session/**"
issuer = ["test"]
token_from = ["cookie:session"]

[[route]]
path = "/keep/**"
issuer = ["test"]
token_from = ["cookie:session"]
credential = "forward"
"#;

fn sent(target: &str, crumbs: &[String]) -> Sent {
    let sent = Sent::get(target);
    crumbs
        .iter()
        .fold(sent, |sent, crumb| sent.field("cookie", crumb))
}

/// The fields of cookies that arrive behind.
fn arrives(front: &Front, target: &str, crumbs: &[String]) -> Vec<String> {
    front.behind.forget();
    let what = format!("{}: {target} {crumbs:?}", front.what);
    status(&front.send(sent(target, crumbs)), 200, &what);
    front.behind.seen()[0].values("cookie")
}

#[test]
fn several_fields_go_on_as_one_and_one_as_it_was() {
    for front in fronts(POLICY) {
        for (crumbs, expected) in [
            (&["theme=dark", "user=42"][..], "theme=dark; user=42"),
            (&["a=1", "b=2; c=3", "d"], "a=1; b=2; c=3; d"),
            (&["a=1", "a=2"], "a=1; a=2"),
            (&["a=1;b=2;  c=\"3\""], "a=1;b=2;  c=\"3\""),
        ] {
            let crumbs: Vec<_> = crumbs.iter().map(|&crumb| crumb.to_owned()).collect();
            assert_eq!(
                arrives(&front, "/public/a", &crumbs),
                [expected],
                "{}",
                front.what
            );
        }
        assert!(
            arrives(&front, "/public/a", &[]).is_empty(),
            "{}",
            front.what
        );
    }
}

#[test]
fn the_credential_is_found_in_any_of_them_and_once_only() {
    for front in fronts(POLICY) {
        let what = &front.what;
        let session = format!("session={}", front.token("read"));
        let crumbs = ["a=1".to_owned(), session.clone(), "b=2".to_owned()];
        assert_eq!(
            arrives(&front, "/session/a", &crumbs),
            ["a=1; b=2"],
            "{what}"
        );
        assert_eq!(
            front.behind.seen()[0].values("x-auth-subject"),
            ["alice"],
            "{what}"
        );
        assert_eq!(
            arrives(&front, "/keep/a", &crumbs),
            [crumbs.join("; ")],
            "{what}"
        );
        assert!(
            arrives(&front, "/session/a", std::slice::from_ref(&session)).is_empty(),
            "{what}"
        );
        // Of two, no reader is to choose.
        let answer = front.send(sent("/session/a", &[session.clone(), session]));
        status(&answer, 400, what);
        assert_eq!(class(&answer), "malformed-credential", "{what}");
    }
}

#[test]
fn they_count_as_one() {
    let thirty: Vec<_> = (0..30).map(|number| format!("c{number}=v")).collect();
    let long: Vec<_> = (0..300).map(|number| format!("c{number}=v")).collect();
    for front in fronts(POLICY) {
        let what = &front.what;
        assert_eq!(
            arrives(&front, "/few/a", &thirty),
            [thirty.join("; ")],
            "{what}"
        );
        // Their bytes still count.
        let answer = front.send(sent("/small/a", &long));
        status(&answer, 431, what);
    }
}
