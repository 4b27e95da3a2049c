//! Tokens in headers of their own, cookies and the query: none of them reaches the origin, and all else
//! arrives as it was.

use crate::{ROUTES, Stage, head, trust};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Ask, send_bytes};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    a_token_reaches_the_origin_from_none_of_its_places,
    a_token_reaches_the_origin_in_no_trailer,
    a_token_reaches_no_mirror,
    a_route_that_hands_the_credential_on_changes_nothing,
    an_optional_route_adds_to_the_vary_of_the_origin,
];

const PLACES: &str = r#"
    [[route]]
    path = "/places/**"
    issuer = ["test"]
    token_from = ["header:x-token", "cookie:session", "query:access_token"]

    [[route]]
    path = "/places/mirrored"
    issuer = ["test"]
    token_from = ["cookie:session", "query:access_token"]
    mirror = "second"

    [[route]]
    path = "/places/kept"
    issuer = ["test"]
    token_from = ["cookie:session", "query:access_token"]
    credential = "forward"

    [[route]]
    path = "/places/open"
    issuer = ["test"]
    token_from = ["authorization", "cookie:session"]
    auth = "optional"
"#;

async fn stage(host: &dyn Host, reply: Reply, second: &Origin) -> Stage {
    let issuer = Issuer::start().await;
    let origin = Origin::start(reply).await;
    let policy = format!(
        "{}\n[upstream.orders]\nurl = [\"{}\"]\nattempts_max = 1\n[upstream.second]\nurl = \
         [\"{}\"]\n{ROUTES}\n{PLACES}",
        trust(&issuer),
        origin.url(),
        second.url(),
    );
    Stage::of(host, issuer, origin, AppSpec::gateway(policy)).await
}

async fn a_token_reaches_the_origin_from_none_of_its_places(host: &dyn Host) {
    let second = Origin::start(Reply::ok("")).await;
    let stage = stage(host, Reply::ok("hello"), &second).await;
    let token = stage.token();
    let own = stage.running.address;
    for target in ["/places/a", "/public/a"] {
        stage.origin.forget();
        let ask = Ask::get(&format!("{target}?b=1&access_token={token}"))
            .header("X-Token", &token)
            .header("Cookie", &format!("a=1; session={token}; b=2"))
            .header(
                "Referer",
                &format!("http://{own}/?access_token={token}&c=%7e"),
            );
        status(&stage.send(ask).await, 200, target);
        let seen = stage.origin.request();
        assert_eq!(seen.target, format!("{target}?b=1"), "the target");
        assert_eq!(seen.values("x-token"), [""; 0], "{target}: the header");
        assert_eq!(seen.values("cookie"), ["a=1; b=2"], "{target}: the cookies");
        assert_eq!(
            seen.values("referer"),
            [format!("http://{own}/?c=%7e")],
            "{target}: the Referer"
        );
        let all = format!("{:?}", seen.fields);
        assert!(!all.contains(&token), "{target}: a token arrived: {all}");
    }
    stage.origin.forget();
    let ask = Ask::get("/public/a")
        .header("X_Token", "x")
        .header("Cookie", "session=x")
        .header("Referer", "https://other.example/?access_token=x");
    status(&stage.send(ask).await, 200, "spelled otherwise");
    let seen = stage.origin.request();
    assert_eq!(seen.values("x_token"), [""; 0], "the header");
    assert_eq!(
        seen.values("cookie"),
        [""; 0],
        "nothing is left of the cookies"
    );
    assert_eq!(
        seen.values("referer"),
        ["https://other.example/?access_token=x"],
        "a Referer of somebody else"
    );
}

async fn a_token_reaches_the_origin_in_no_trailer(host: &dyn Host) {
    let second = Origin::start(Reply::ok("")).await;
    let stage = stage(host, Reply::ok("hello"), &second).await;
    let token = stage.token();
    let mut bytes = head(
        "POST",
        "/places/a",
        &[
            &format!("X-Token: {token}"),
            "Transfer-Encoding: chunked",
            "Trailer: X-Token, X_Token, Cookie, Referer, X-Checksum",
            "Connection: close",
        ],
    );
    bytes.push_str(&format!(
        "5\r\nhello\r\n0\r\nX-Token: {token}\r\nX_Token: {token}\r\nCookie: session={token}\r\n\
         Referer: http://gateway.example/?access_token={token}\r\nX-Checksum: 1\r\n\r\n"
    ));
    let answer = send_bytes(stage.running.address, bytes.as_bytes()).await;
    status(&answer, 200, "a chunked body with trailers");
    let seen = stage.origin.request();
    let names: Vec<_> = seen
        .trailers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    assert_eq!(names, ["x-checksum"], "what arrives of the trailers");
}

async fn a_token_reaches_no_mirror(host: &dyn Host) {
    let second = Origin::start(Reply::ok("")).await;
    let stage = stage(host, Reply::ok("hello"), &second).await;
    let token = stage.token();
    let ask = Ask::get(&format!("/places/mirrored?access_token={token}"))
        .header("Cookie", &format!("a=1; session={token}"));
    status(&stage.send(ask).await, 200, "mirrored");
    second
        .until("a mirrored request", |second| second.count() == 1)
        .await;
    let seen = second.request();
    assert_eq!(seen.target, "/places/mirrored", "the target");
    assert_eq!(seen.values("cookie"), ["a=1"], "the cookies");
}

async fn a_route_that_hands_the_credential_on_changes_nothing(host: &dyn Host) {
    let second = Origin::start(Reply::ok("")).await;
    let stage = stage(host, Reply::ok("hello"), &second).await;
    let token = stage.token();
    let target = format!("/places/kept?access_token={token}");
    let cookie = format!("a=1; session={token}");
    let referer = format!("http://{}{target}", stage.running.address);
    let ask = Ask::get(&target)
        .header("Cookie", &cookie)
        .header("X-Token", "x")
        .header("Referer", &referer);
    status(&stage.send(ask).await, 200, "handed on");
    let seen = stage.origin.request();
    assert_eq!(seen.target, target, "the target");
    assert_eq!(seen.values("cookie"), [cookie], "the cookies");
    assert_eq!(seen.values("referer"), [referer], "the Referer");
    assert_eq!(seen.values("x-token"), ["x"], "the header");
}

async fn an_optional_route_adds_to_the_vary_of_the_origin(host: &dyn Host) {
    let second = Origin::start(Reply::ok("")).await;
    let reply = Reply::ok("hello").field("Vary", "Accept-Encoding, Cookie");
    let stage = stage(host, reply, &second).await;
    for ask in [
        Ask::get("/places/open"),
        Ask::get("/places/open").bearer(&stage.token()),
    ] {
        let answer = stage.send(ask).await;
        status(&answer, 200, "an optional route");
        assert_eq!(
            answer.header("vary"),
            Some("Accept-Encoding, Cookie, Authorization"),
            "what is there already is there once"
        );
    }
}
