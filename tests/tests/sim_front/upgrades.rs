//! Another protocol is asked for (RFC 9110 §7.8): a WebSocket is refused with why, everything else is left aside.

use crate::{class, fronts, status, values};
use doorward_tests::sim::client::Sent;

const POLICY: &str = r#"
[issuer.test]
url = "https://issuer.example"
audience = "api"
jwks_url = "https://issuer.example/keys"

[cors.web]
origins = ["https://app.example"]

[defaults]
cors = "web"

[[route]]
path = "/public/**"
public = true

[[route]]
path = "/all/**"
issuer = "test"
"#;

fn upgrade(target: &str, protocols: &str) -> Sent {
    Sent::get(target)
        .field("connection", "Upgrade, HTTP2-Settings")
        .field("upgrade", protocols)
}

#[test]
fn a_websocket_is_refused_and_told_why() {
    for front in fronts(POLICY) {
        // What browsers send; some hosts show no `Upgrade`.
        let handshake = |target, protocols| {
            upgrade(target, protocols)
                .field("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
                .field("sec-websocket-version", "13")
                .field("origin", "https://app.example")
        };
        for (target, protocols) in [
            ("/public/a", "websocket"),
            ("/public/a", "WebSocket"),
            ("/all/a", "websocket"),
            ("/nowhere", "h2c, websocket/13"),
        ] {
            let what = format!("{}: {target}, {protocols}", front.what);
            let answer = front.send(handshake(target, protocols));
            status(&answer, 501, &what);
            assert_eq!(class(&answer), "not-implemented", "{what}");
            assert!(answer.text().contains("WebSocket"), "{what}");
            let allowed = values(&answer, "access-control-allow-origin");
            assert_eq!(allowed, ["https://app.example"], "{what}");
        }
        if front.what.ends_with("Shows") {
            let answer = front.send(upgrade("/public/a", "h2c , WebSocket"));
            status(&answer, 501, &front.what);
        }
        assert_eq!(front.reached(), 0, "{}", front.what);
        assert!(
            front.stage.log().contains("WASI has no upgrade"),
            "the log says so"
        );
    }
}

#[test]
fn what_else_is_asked_for_is_left_aside() {
    for front in fronts(POLICY) {
        for protocols in ["h2c", "h2c, foo/2", "TLS/1.0", "HTTP/2.0", "xwebsocket", ""] {
            let what = format!("{}: {protocols}", front.what);
            front.behind.forget();
            let settings = "AAMAAABkAAQAoAAAAAIAAAAA";
            let sent = upgrade("/public/a", protocols).field("http2-settings", settings);
            status(&front.send(sent), 200, &what);
            let seen = &front.behind.seen()[0];
            assert!(seen.values("connection").is_empty(), "{what}");
            // No component may take these out of what it hands to the next one.
            if front.kind == crate::Kind::Gateway || front.what.ends_with("Removes") {
                for name in ["upgrade", "http2-settings"] {
                    assert!(seen.values(name).is_empty(), "{what}: {name}");
                }
            }
        }
    }
}
