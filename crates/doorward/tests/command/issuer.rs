use serde_json::json;

use crate::run::{Issuer, fails, verify};

#[test]
fn the_metadata_is_what_a_gate_expects_to_find() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start(folder.path());
    let mut found = 0;
    for url in
        doorward_token::metadata::candidate_urls(&issuer.url, doorward_syntax::url::Wire::Safe)
    {
        let response = issuer.get(url.strip_prefix(&issuer.url).unwrap());
        assert_eq!(response.status, 200, "{url}");
        let metadata = doorward_token::metadata::parse(
            response.body.as_bytes(),
            &issuer.url,
            doorward_syntax::url::Wire::Safe,
        )
        .unwrap();
        assert_eq!(metadata.jwks_uri, format!("{}/jwks", issuer.url));
        assert!(
            response.head.contains("content-type: application/json"),
            "{url}"
        );
        found += 1;
    }
    assert!(found >= 2, "discovery and RFC 8414, and {found} were tried");
}

#[test]
fn client_credentials_get_a_token_that_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start(folder.path());
    let keys = issuer.keys();
    // "me:secret" and "me:" in base64.
    for (headers, body) in [
        (
            "",
            "grant_type=client_credentials&client_id=me&scope=read%3Aa+b",
        ),
        (
            "Authorization: Basic bWU6c2VjcmV0\r\n",
            "grant_type=client_credentials&scope=read:a%20b",
        ),
        (
            "Authorization: Basic bWU6\r\n",
            "grant_type=client_credentials&client_id=me&scope=read:a b",
        ),
    ] {
        let response = issuer.post_form("/token", headers, body);
        assert_eq!(response.status, 200, "{headers}{body}: {}", response.body);
        assert!(
            response.head.contains("cache-control: no-store"),
            "{}",
            response.head
        );
        let granted = response.json();
        assert_eq!(granted["token_type"], "Bearer");
        assert_eq!(granted["expires_in"], 3600);
        let token = granted["access_token"].as_str().unwrap();
        let verified = verify(token, &keys, &issuer.url, true).unwrap();
        assert_eq!(verified.subject(), Some("me"));
        assert_eq!(verified.scopes(), ["read:a", "b"]);
    }
}

#[test]
fn the_audience_can_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start(folder.path());
    let body =
        "grant_type=client_credentials&client_id=me&audience=http://127.0.0.1:3000&resource=urn:x";
    let granted = issuer.post_form("/token", "", body).json();
    let token = granted["access_token"].as_str().unwrap();
    let verified = verify(token, &issuer.keys(), &issuer.url, false).unwrap();
    assert_eq!(verified.audience(), ["http://127.0.0.1:3000", "urn:x"]);
    assert!(verified.scopes().is_empty(), "no scope was asked for");
}

#[test]
fn a_request_for_a_token_that_is_none_is_refused_as_rfc_6749_says() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start(folder.path());
    let long = format!(
        "grant_type=client_credentials&client_id={}",
        "x".repeat(20_000)
    );
    for (headers, body, status, code) in [
        ("", "", 400, "invalid_request"),
        ("", "grant_type=", 400, "invalid_request"),
        (
            "",
            "grant_type=password&client_id=a",
            400,
            "unsupported_grant_type",
        ),
        ("", "grant_type=client_credentials", 401, "invalid_client"),
        (
            "Authorization: Bearer x\r\n",
            "grant_type=client_credentials",
            401,
            "invalid_client",
        ),
        (
            "Authorization: Basic bWU6\r\n",
            "grant_type=client_credentials&client_id=you",
            400,
            "invalid_request",
        ),
        (
            "",
            "grant_type=client_credentials&client_id=a&scope=a%22b",
            400,
            "invalid_scope",
        ),
        (
            "",
            "grant_type=client_credentials&client_id=a&scope=a++b",
            400,
            "invalid_scope",
        ),
        (
            "",
            "grant_type=client_credentials&client_id=a&client_id=b",
            400,
            "invalid_request",
        ),
        (
            "",
            "grant_type=client_credentials&client_id=%zz",
            400,
            "invalid_request",
        ),
        ("", &long, 400, "invalid_request"),
    ] {
        let response = issuer.post_form("/token", headers, body);
        let shown = &body[..body.len().min(80)];
        assert_eq!(
            response.status, status,
            "{headers}{shown}: {}",
            response.body
        );
        assert_eq!(response.json()["error"], code, "{headers}{shown}");
        assert_eq!(
            response.head.contains("www-authenticate: basic"),
            status == 401,
            "{headers}{shown}: {}",
            response.head
        );
    }
}

#[test]
fn other_requests_are_answered_with_what_would_be_right() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start(folder.path());
    let host = issuer.authority();
    for (request, status, expected) in [
        (
            format!("GET /token HTTP/1.1\r\nHost: {host}\r\n"),
            405,
            "allow: post",
        ),
        (
            format!("DELETE /jwks HTTP/1.1\r\nHost: {host}\r\n"),
            405,
            "allow: get, head",
        ),
        (
            format!("GET /other HTTP/1.1\r\nHost: {host}\r\n"),
            404,
            "application/json",
        ),
        (
            format!(
                "POST /token HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
            ),
            400,
            "application/json",
        ),
    ] {
        let body = if request.starts_with("POST") {
            "{}"
        } else {
            ""
        };
        let response = issuer.send(&format!("{request}Connection: close\r\n\r\n{body}"));
        assert_eq!(response.status, status, "{request}");
        assert!(
            response.head.contains(expected),
            "{request}: {}",
            response.head
        );
    }
}

#[test]
fn a_name_that_somebody_made_resolve_to_loopback_gets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start(folder.path());
    for (host, status) in [
        ("Host: evil.example\r\n", 421),
        ("Host: 127.0.0.1.evil.example\r\n", 421),
        ("Host: localhost\r\nHost: evil.example\r\n", 421),
        ("Host: localhost:3001\r\n", 200),
        ("Host: [::1]:3001\r\n", 200),
        ("Host: 127.0.0.1\r\n", 200),
    ] {
        let response = issuer.send(&format!(
            "GET /jwks HTTP/1.1\r\n{host}Connection: close\r\n\r\n"
        ));
        assert_eq!(response.status, status, "{host}");
        assert_eq!(response.body.contains("\"keys\""), status == 200, "{host}");
    }
}

#[test]
fn only_public_halves_are_published() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start(folder.path());
    let set = issuer.get("/jwks").json();
    for key in set["keys"].as_array().unwrap() {
        let names: Vec<&str> = key
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(
                !names.contains(&private),
                "{names:?} holds a private member"
            );
        }
        assert_eq!(key["use"], json!("sig"));
    }
}

#[test]
fn it_listens_on_loopback_addresses_only() {
    let folder = tempfile::tempdir().unwrap();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:3001"] {
        let flags = ["issuer", "--listen", address, "--state-dir", "state"];
        fails(
            folder.path(),
            &flags,
            1,
            &["anybody", "--listen 127.0.0.1:"],
        );
    }
}

#[test]
fn a_port_that_is_taken_is_named_with_the_flag_that_changes_it() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::start(folder.path());
    let address = issuer.authority();
    let flags = ["issuer", "--listen", address, "--state-dir", "other"];
    fails(
        folder.path(),
        &flags,
        1,
        &[address, "--listen 127.0.0.1:PORT"],
    );
}

#[cfg(unix)]
#[test]
fn it_ends_well_when_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut issuer = Issuer::start(folder.path());
    let kill = std::process::Command::new("kill")
        .args(["-TERM", &issuer.child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success(), "the signal was not sent");
    assert_eq!(issuer.child.wait().unwrap().code(), Some(0));
}
