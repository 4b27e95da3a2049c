use super::*;

const POLICY: &[u8] = br#"
[issuer.acme]
url = "https://login.acme.example"
audience = "https://api.acme.example"
jwks_file = "/keys.json"

[[route]]
path = "/api/**"
scope = ["read"]
"#;
const KEYS: &[u8] = br#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "one",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// What is made of these files.
fn prepared(files: &[(&str, &'static [u8])]) -> Result<Prepared, String> {
    Prepared::of(|path| {
        let mut files = files.iter();
        Ok(files.find(|(of, _)| *of == path).map(|(_, bytes)| *bytes))
    })
}

#[test]
fn the_policy_and_the_embedded_keys_are_given_once() {
    let mut prepared = prepared(&[(POLICY_PATH, POLICY), ("/keys.json", KEYS)]).unwrap();
    assert!(prepared.take_policy().is_some());
    assert!(prepared.take_policy().is_none());
    assert!(prepared.take_keys("/other.json").is_none());
    let keys = prepared.take_keys("/keys.json").unwrap();
    assert_eq!(keys.len(), 1);
    assert!(prepared.take_keys("/keys.json").is_none());
}

#[test]
fn keys_that_are_not_embedded_are_left_to_the_instance() {
    let mut prepared = prepared(&[(POLICY_PATH, POLICY)]).unwrap();
    assert!(prepared.take_keys("/keys.json").is_none());
    assert!(prepared.take_policy().is_some());
}

#[test]
fn what_cannot_be_used_is_said() {
    let policy = (POLICY_PATH, POLICY);
    for (files, expected) in [
        (&[][..], "nothing is embedded in this component"),
        (
            &[(POLICY_PATH, &b"[[route]]\npath = \"/a\"\ncolour = 1"[..])],
            "colour",
        ),
        (&[(POLICY_PATH, &b"\xff"[..])], "valid UTF-8"),
        (&[policy, ("/keys.json", b"[]")], "/keys.json: "),
        (
            &[policy, ("/keys.json", b"{\"keys\": []}")],
            "/keys.json: the key set is empty",
        ),
    ] {
        let error = prepared(files).unwrap_err();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}
