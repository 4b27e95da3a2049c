//! What belongs to one hop stays there, and what is told of a request's way is what the gateway knows.

use crate::{Stage, head, policy, problem};
use doorward_runtime_tests::app::AppSpec;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Ask, send_bytes};
use doorward_runtime_tests::gated::status;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{Issuer, KEYS, METADATA};
use doorward_runtime_tests::origin::{Origin, Reply, Seen};
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    fields_of_the_clients_connection_reach_no_origin,
    fields_of_the_origins_connection_reach_no_client,
    each_field_of_the_origins_connection_ends_alone,
    an_origin_that_closes_its_connection_does_not_close_the_clients,
    what_a_client_says_of_its_way_is_dropped,
    what_a_trusted_proxy_says_of_a_requests_way_is_kept_and_appended_to,
    who_is_trusted_is_so_by_its_address_only,
    an_answer_says_of_its_way_what_the_origin_said,
    a_request_that_was_here_before_is_refused_before_anybody_is_asked,
    a_gateway_that_asks_itself_ends_at_once,
];

async fn fields_of_the_clients_connection_reach_no_origin(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("hello")).await;
    let fields = [
        "Connection: close, X-Named, x-other",
        "X-Named: named",
        "X-Other: named",
        "Keep-Alive: timeout=5, hop",
        "Proxy-Connection: hop",
        "TE: trailers, hop",
        "Upgrade: hop",
        "HTTP2-Settings: hop",
        "Proxy-Authorization: Basic hop",
        "Proxy-Authenticate: hop",
        "Proxy-Authentication-Info: hop",
        "Proxy_Authorization: hop",
        "keep.alive: hop",
        "Transfer_Encoding: hop",
        "X-End: to-end",
        // Nobody can have these taken away.
        "Cookie: a=b",
    ];
    let bytes = head("GET", "/public/a", &fields);
    let answer = send_bytes(stage.running.address, bytes.as_bytes()).await;
    status(&answer, 200, "the origin answers");
    let seen = stage.origin.request();
    let all = format!("{:?}", seen.fields);
    assert!(!all.contains("hop"), "a field of one hop arrived: {all}");
    assert_eq!(seen.values("x-end"), ["to-end"], "others arrive");
    // Who does not see `Connection` cannot know what it names.
    let named: &[&str] = if host.shows_hops() { &["named"] } else { &[] };
    for name in ["x-named", "x-other"] {
        assert_eq!(seen.values(name), named, "{name}, which Connection names");
    }
    assert_eq!(
        seen.values("connection"),
        [""; 0],
        "the connection is another one"
    );
}

/// Fields of one hop in an answer, with what `Connection` names.
const HOPS: [(&str, &str); 8] = [
    ("Connection", "X-Named, keep-alive"),
    ("Connection", "x-other"),
    ("X-Named", "hop"),
    ("X-OTHER", "hop"),
    ("Keep-Alive", "timeout=5, hop"),
    ("Proxy-Connection", "hop"),
    ("Upgrade", "hop"),
    ("Proxy-Authenticate", "hop"),
];

/// Fails if a field of one hop is in the answer to a client.
async fn nothing_of_the_hop_arrives(stage: &Stage, method: &str, what: &str) {
    let answer = stage.send(Ask::new(method, "/public/a")).await;
    let all = format!("{:?}", answer.headers).to_ascii_lowercase();
    for word in ["hop", "x-named", "x-other", "keep-alive"] {
        assert!(!all.contains(word), "{what}: {word} of one hop: {all}");
    }
    assert_eq!(answer.header("x-end"), Some("to-end"), "{what}: others");
}

async fn fields_of_the_origins_connection_reach_no_client(host: &dyn Host) {
    // Those that only the gateway knows, which looks for them where it has something to set anyway.
    let odd = [
        ("TE", "hop"),
        ("Proxy-Authentication-Info", "hop"),
        ("Proxy_Authenticate", "hop"),
    ];
    let set = "response.set = { x-set = \"a\" }";
    for (lines, odd) in [("", &[][..]), (set, &odd)] {
        for status in [200, 304, 404, 503] {
            let reply = Reply::status(status).field("X-End", "to-end");
            let reply = HOPS
                .iter()
                .chain(odd)
                .fold(reply, |reply, (name, value)| reply.field(name, value));
            let stage = Stage::with(host, reply, lines).await;
            for method in ["GET", "HEAD"] {
                let what = format!("{method}, {status}, {lines}");
                nothing_of_the_hop_arrives(&stage, method, &what).await;
            }
        }
    }
}

async fn each_field_of_the_origins_connection_ends_alone(host: &dyn Host) {
    let alone = [
        ("Connection", "hop"),
        ("Keep-Alive", "hop"),
        ("Proxy-Connection", "hop"),
        ("Upgrade", "hop"),
        ("Proxy-Authenticate", "hop"),
    ];
    for (name, value) in alone {
        let reply = Reply::ok("hello")
            .field("X-End", "to-end")
            .field(name, value);
        let stage = Stage::new(host, reply).await;
        nothing_of_the_hop_arrives(&stage, "GET", name).await;
    }
    // The framing is the gateway's own.
    let reply = "HTTP/1.1 200 OK\r\nX-End: to-end\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let stage = Stage::new(host, Reply::raw(reply)).await;
    let mut client = stage.connect().await;
    client.send(head("GET", "/public/a", &[])).await;
    let answer = client.response().await.unwrap();
    assert_eq!(answer.text(), "hello");
    let codings = answer.values("transfer-encoding");
    assert_eq!(codings, ["chunked"], "once, and by the gateway itself");
}

async fn an_origin_that_closes_its_connection_does_not_close_the_clients(host: &dyn Host) {
    for value in ["close", "Close", "keep-alive, close"] {
        let stage = Stage::new(host, Reply::ok("hello").field("Connection", value)).await;
        let mut client = stage.connect().await;
        for turn in ["first", "second", "third"] {
            client.send(head("GET", "/public/a", &[])).await;
            let answer = client.response().await;
            let answer = answer.unwrap_or_else(|error| panic!("{value}, {turn}: {error:?}"));
            assert_eq!(answer.text(), "hello", "{value}, {turn}");
        }
    }
}

/// What a client may claim of a request's way, and much besides that is read for it.
const FORGED: [(&str, &str); 24] = [
    ("Via", "1.0 forged"),
    ("Forwarded", "for=192.0.2.66;host=forged;proto=https"),
    ("X-Forwarded-For", "192.0.2.66"),
    ("X-Forwarded-For", "192.0.2.67"),
    ("X_Forwarded_For", "192.0.2.66"),
    ("X.Forwarded-For", "192.0.2.66"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "forged.example"),
    ("X-Forwarded-Port", "66"),
    ("X-Forwarded-Prefix", "/forged"),
    ("X-Forwarded-Server", "forged"),
    ("X-Forwarded-Client-Cert", "forged"),
    ("X-Forwarded-User", "forged"),
    ("X-Original-URL", "/forged"),
    ("X-Rewrite-URL", "/forged"),
    ("X-Real-IP", "192.0.2.66"),
    ("True-Client-IP", "192.0.2.66"),
    ("CF-Connecting-IP", "192.0.2.66"),
    ("X-HTTP-Method-Override", "DELETE-forged"),
    ("X-Host", "forged.example"),
    ("Proxy", "http://forged.example"),
    ("Spin-Client-Addr", "192.0.2.66:66"),
    ("Spin-Full-Url", "http://forged.example/"),
    ("X-Envoy-External-Address", "192.0.2.66"),
];

async fn what_a_client_says_of_its_way_is_dropped(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("hello")).await;
    let mut ask = Ask::get("/public/a").header("CDN-Loop", "another; v=1");
    for (name, value) in FORGED {
        ask = ask.header(name, value);
    }
    status(&stage.send(ask).await, 200, "the origin answers");
    let seen = stage.origin.request();
    // The name of the request is drawn, and any digits may be in it.
    let drawn = |name: &str| ["traceparent", "x-request-id"].contains(&name);
    let told_of = seen.fields.iter().filter(|(name, _)| !drawn(name));
    let all = format!("{:?}", told_of.collect::<Vec<_>>());
    for forged in ["forged", "192.0.2", "https", "66"] {
        let port = stage.origin.address().port().to_string();
        let own = stage.running.address.port().to_string();
        let all = all.replace(&port, "").replace(&own, "");
        assert!(!all.contains(forged), "{forged} arrived: {all}");
    }
    let asked = stage.running.address.to_string();
    told(
        &seen,
        &[
            ("via", &["1.1 doorward"]),
            ("x-forwarded-for", &["127.0.0.1"]),
            ("x-forwarded-proto", &["http"]),
            ("x-forwarded-host", &[&asked]),
            (
                "forwarded",
                &[&format!("for=127.0.0.1;host=\"{asked}\";proto=http")],
            ),
            // RFC 8586 §2: nobody removes it.
            ("cdn-loop", &["another; v=1, doorward"]),
        ],
    );
}

fn told(seen: &Seen, expected: &[(&str, &[&str])]) {
    for (name, values) in expected {
        assert_eq!(
            seen.values(name),
            *values,
            "{name}, which the origin is told"
        );
    }
}

/// A request through two proxies, the second of which is connected.
fn from_proxies() -> Ask {
    Ask::get("/public/a")
        .header("X-Forwarded-For", "192.0.2.66, 198.51.100.1")
        .header("X-Forwarded-For", "198.51.100.2")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Host", "shop.example")
        .header("Via", "1.1 far")
        .header("Via", "2 near (a comment)")
        .header("Forwarded", "for=192.0.2.66;host=forged")
        .header("X-Real-IP", "192.0.2.66")
        .header("CDN-Loop", "near")
}

/// The gateway where the policy says this of proxies.
async fn behind_proxies(host: &dyn Host, lines: &str) -> Stage {
    let issuer = Issuer::start().await;
    let origin = Origin::start(Reply::ok("hello")).await;
    let policy = format!("[proxy]\n{lines}\n{}", policy(&issuer, &origin.url(), ""));
    Stage::of(host, issuer, origin, AppSpec::gateway(policy)).await
}

async fn what_a_trusted_proxy_says_of_a_requests_way_is_kept_and_appended_to(host: &dyn Host) {
    for (lines, forwarded_to) in [
        ("trusted_hops = 1", 2),
        ("trusted_hops = 2\nname = \"edge-7\"", 1),
        ("trusted_hops = 1\ntrusted_networks = [\"127.0.0.0/8\"]", 2),
        (
            "trusted_hops = 1\ntrusted_networks = [\"10.0.0.0/8\", \"127.0.0.1\"]",
            2,
        ),
    ] {
        let stage = behind_proxies(host, lines).await;
        status(&stage.send(from_proxies()).await, 200, lines);
        let seen = stage.origin.request();
        let asked = stage.running.address.to_string();
        let name = if lines.contains("edge-7") {
            "edge-7"
        } else {
            "doorward"
        };
        let mut nodes =
            ["192.0.2.66", "198.51.100.1", "198.51.100.2"].map(|node| format!("for={node}"));
        nodes[forwarded_to].push_str(";host=shop.example;proto=https");
        let forwarded = format!(
            "{}, for=127.0.0.1;host=\"{asked}\";proto=http",
            nodes.join(", ")
        );
        told(
            &seen,
            &[
                ("via", &[&format!("1.1 far, 2 near, 1.1 {name}")]),
                (
                    "x-forwarded-for",
                    &["192.0.2.66, 198.51.100.1, 198.51.100.2, 127.0.0.1"],
                ),
                ("x-forwarded-proto", &["https"]),
                ("x-forwarded-host", &["shop.example"]),
                ("forwarded", &[&forwarded]),
                ("cdn-loop", &[&format!("near, {name}")]),
                ("x-real-ip", &[]),
            ],
        );
    }
}

async fn who_is_trusted_is_so_by_its_address_only(host: &dyn Host) {
    for lines in [
        "",
        "trusted_hops = 0",
        "trusted_hops = 1\ntrusted_networks = [\"10.0.0.0/8\"]",
        "trusted_hops = 1\ntrusted_networks = [\"::1\", \"127.0.0.2\"]",
    ] {
        let stage = behind_proxies(host, lines).await;
        let ask = from_proxies().header("Spin-Client-Addr", "10.0.0.1:1");
        status(&stage.send(ask).await, 200, lines);
        let seen = stage.origin.request();
        let asked = stage.running.address.to_string();
        told(
            &seen,
            &[
                ("via", &["1.1 doorward"]),
                ("x-forwarded-for", &["127.0.0.1"]),
                ("x-forwarded-proto", &["http"]),
                ("x-forwarded-host", &[&asked]),
                ("cdn-loop", &["near, doorward"]),
                ("x-real-ip", &[]),
            ],
        );
    }
}

async fn an_answer_says_of_its_way_what_the_origin_said(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("hello").field("Via", "1.1 origin")).await;
    let answer = stage.get("/public/a").await;
    let via: Vec<&str> = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "via")
        .map(|(_, value)| value.as_str())
        .collect();
    // A gateway may add itself to responses and need not (RFC 9110 §7.6.3).
    assert_eq!(via, ["1.1 origin"]);
}

async fn a_request_that_was_here_before_is_refused_before_anybody_is_asked(host: &dyn Host) {
    let stage = Stage::new(host, Reply::ok("hello")).await;
    for values in [
        &["doorward"][..],
        &["DoorWard"],
        &["other, doorward; v=1"],
        &["other", "doorward"],
        &["\"unclosed, doorward ; x"],
    ] {
        for target in ["/public/a", "/read/a"] {
            let mut ask = Ask::get(target).bearer(&stage.token());
            if target == "/public/a" {
                ask = Ask::get(target);
            }
            for value in values {
                ask = ask.header("CDN-Loop", value);
            }
            let answer = stage.send(ask).await;
            problem(&answer, 508, &[], &format!("{target}, {values:?}"));
        }
    }
    assert_eq!(stage.origin.connections(), 0, "the origin was not asked");
    let asked = stage.issuer.requests(METADATA) + stage.issuer.requests(KEYS);
    assert_eq!(asked, 0, "nor was the issuer");
    let ask = Ask::get("/public/a").header("CDN-Loop", "doorward2, my-doorward");
    status(&stage.send(ask).await, 200, "somebody else's name");
}

async fn a_gateway_that_asks_itself_ends_at_once(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let origin = Origin::start(Reply::ok("hello")).await;
    let policy = policy(&issuer, "http://self.alt", "");
    let mut spec = AppSpec::gateway(policy);
    spec.outbound.push("http://self".to_owned());
    let stage = Stage::of(host, issuer, origin, spec).await;
    let answer = stage.get("/public/a").await;
    problem(&answer, 508, &[], "the gateway as its own upstream");
    let log = stage.running.whole_log().await;
    let refused = log.iter().filter(|line| line.contains("508")).count();
    assert_eq!(refused, 1, "it went round once: {log:#?}");
}
