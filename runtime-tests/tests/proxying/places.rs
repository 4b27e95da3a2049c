//! Tokens in headers of their own, cookies and the query: none of them reaches the origin, and all else
//! arrives as it was.

use crate::{Stage, policy};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::Issuer;
use doorward_runtime_tests::origin::{Origin, Reply};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![a_token_reaches_the_origin_from_none_of_its_places,];

const PLACES: &str = r#"
    [[route]]
    path = "/places/**"
    issuer = ["test"]
    token_from = ["header:x-token", "cookie:session", "query:access_token"]
"#;

async fn stage(host: &dyn Host) -> Stage {
    let issuer = Issuer::start().await;
    let origin = Origin::start(Reply::ok("hello")).await;
    let policy = format!("{}\n{PLACES}", policy(&issuer, &origin.url(), ""));
    Stage::of(host, issuer, origin, AppSpec::gateway(policy)).await
}

async fn a_token_reaches_the_origin_from_none_of_its_places(host: &dyn Host) {
    let stage = stage(host).await;
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
