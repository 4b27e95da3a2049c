//! Who can be asked, what the component sees that is asked, and that bodies are streams.

use crate::{ALL, Stage, asking, relay};
use doorward_runtime_tests::app::{AppSpec, Other};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::{pieces_come_back, seen, status};
use doorward_runtime_tests::host::{Host, InProcess};
use doorward_runtime_tests::raw::Raw;
use doorward_runtime_tests::run::Case;

pub const CASES: &[Case] = cases![
    components_of_either_handler_ask_each_other,
    the_component_sees_what_spin_would_show_it,
    the_middlewares_of_the_component_are_not_passed,
    each_request_to_the_older_handler_has_an_instance_of_its_own,
    what_is_not_allowed_is_not_asked,
    what_the_component_may_is_its_own,
    no_client_reaches_a_private_component_by_naming_it,
    bodies_go_both_ways_as_they_come,
    a_sender_is_slowed_down_by_who_does_not_read,
    trailers_arrive_on_both_sides;
    in_process:
    a_component_that_is_not_there_is_an_error_that_names_the_nearest,
    components_in_a_circle_end_with_an_error_and_not_with_the_instances,
];

const MIB: u64 = 1 << 20;

async fn components_of_either_handler_ask_each_other(host: &dyn Host) {
    let others = vec![
        Other::private("echo", "echo"),
        asking("older", "older"),
        asking("worker", "relay"),
    ];
    let stage = Stage::start(host, &relay(ALL, others)).await;
    for (target, asked) in [
        ("/echo/a?b=c", "/a?b=c"),
        ("/older/a?b=c", "/a?b=c"),
        ("/echo?b=c", "/?b=c"),
        ("/worker/echo/a", "/a"),
        ("/older/ask/echo/a", "/a"),
        ("/older/ask/older/a", "/a"),
        ("/worker/older/ask/worker/older/a", "/a"),
    ] {
        let answer = stage.get(target).await;
        status(&answer, 200, target);
        assert_eq!(answer.json()["target"], asked, "{target}");
    }
    let answer = Ask::new("PATCH", "/older/x")
        .header("X-One", "1")
        .body(b"abc")
        .send(stage.running.address)
        .await;
    assert_eq!(answer.json()["method"], "Patch");
    assert_eq!(seen(&answer, "x-one"), ["1"]);
}

async fn the_component_sees_what_spin_would_show_it(host: &dyn Host) {
    let others = vec![
        Other {
            route: Some("/routed/:here/..."),
            ..Other::private("echo", "echo")
        },
        Other::private("older", "older"),
    ];
    let stage = Stage::start(host, &relay(ALL, others)).await;
    for name in ["echo", "older"] {
        let answer = Ask::get(&format!("/{name}/a/b/?c=d"))
            .header("Spin-Client-Addr", "127.0.0.1:1")
            .header("Connection", "close, x-for-the-host")
            .header("X-For-The-Host", "1")
            .send(stage.running.address)
            .await;
        status(&answer, 200, name);
        let seen = |field| seen(&answer, field).pop().unwrap_or_default();
        for (field, expected) in [
            ("spin-client-addr", "0.0.0.0:0"),
            ("spin-path-info", "/a/b/"),
            ("spin-full-url", "http://localhost/a/b/?c=d"),
            ("spin-matched-route", "/..."),
            ("spin-base-path", "/"),
            ("spin-raw-component-route", "/..."),
            ("spin-component-route", ""),
            ("spin-path-match-here", ""),
            ("host", ""),
        ] {
            assert_eq!(seen(field), expected, "{name}: {field}");
        }
        let authority = format!("{name}.spin.internal");
        assert_eq!(answer.json()["authority"], authority, "{name}");
    }
    // From outside it has a route, and its client an address.
    let answer = stage.get("/routed/x/y").await;
    assert_eq!(seen(&answer, "spin-path-match-here"), ["x"]);
    assert_ne!(seen(&answer, "spin-client-addr"), ["0.0.0.0:0"]);
}

async fn the_middlewares_of_the_component_are_not_passed(host: &dyn Host) {
    let public = || Other {
        route: Some("/direct/..."),
        middleware: vec!["rebuild"],
        ..Other::private("echo", "echo")
    };
    let private = "\n[[trigger.http]]\nroute = { private = true }\ncomponent = \"echo\"\n";
    for (what, triggers, passed_on_spin) in [
        ("with a private trigger besides", private, false),
        // Spin makes a trigger's middlewares part of a component that has no other trigger.
        ("with this trigger alone", "", true),
    ] {
        let app = relay(ALL, vec![public()]).write();
        let manifest = std::fs::read_to_string(app.manifest()).unwrap();
        std::fs::write(app.manifest(), manifest + triggers).unwrap();
        let running = host.start(&app).await;
        let stage = Stage { running, _app: app };
        let direct = stage.get("/direct/a").await;
        assert_eq!(
            seen(&direct, "x-auth-subject"),
            ["nobody"],
            "{what}: asked from outside"
        );
        let chained = stage.get("/echo/a").await;
        status(&chained, 200, what);
        let passed = !seen(&chained, "x-auth-subject").is_empty();
        assert_eq!(passed, passed_on_spin && host.name() == "spin", "{what}");
    }
}

async fn each_request_to_the_older_handler_has_an_instance_of_its_own(host: &dyn Host) {
    let older = Other {
        route: Some("/direct/..."),
        ..Other::private("older", "older")
    };
    let stage = Stage::start(host, &relay(ALL, vec![older])).await;
    for target in ["/older/a", "/older/a", "/direct/a", "/direct/a"] {
        let answer = stage.get(target).await;
        status(&answer, 200, target);
        assert_eq!(answer.json()["request_of_this_instance"], 1, "{target}");
    }
}

async fn what_is_not_allowed_is_not_asked(host: &dyn Host) {
    for (allowed, fields, reached) in [
        ("http://echo.spin.internal", &[][..], true),
        (ALL, &[], true),
        ("http://older.spin.internal", &[], false),
        ("http://127.0.0.1:*", &[], false),
        ("http://self", &[], false),
        ("https://echo.spin.internal", &[], false),
        ("https://echo.spin.internal", &[("X-Scheme", "https")], true),
        ("http://echo.spin.internal", &[("X-Scheme", "https")], false),
        (ALL, &[("X-Host", "echo.spin.internal:81")], false),
        (
            "http://echo.spin.internal:81",
            &[("X-Host", "echo.spin.internal:81")],
            true,
        ),
        // There is nothing of the sort, and nobody is asked in the network for it.
        (ALL, &[("X-Host", "spin.internal")], false),
        (ALL, &[("X-Host", "a.echo.spin.internal")], false),
        (ALL, &[("X-Host", "echo.spin.internal.")], false),
    ] {
        let others = vec![
            Other::private("echo", "echo"),
            Other::private("older", "older"),
        ];
        let stage = Stage::start(host, &relay(allowed, others)).await;
        let mut ask = Ask::get("/echo/a").header("X-Tell", "1");
        for (name, value) in fields {
            ask = ask.header(name, value);
        }
        let answer = ask.send(stage.running.address).await;
        assert_eq!(
            answer.status == 200,
            reached,
            "{allowed} {fields:?}: {}",
            answer.text()
        );
        if reached {
            stage.logged(&["reached"]).await;
        } else {
            assert!(!stage.has_logged(&["reached"]), "{allowed} {fields:?}");
        }
    }
}

async fn what_the_component_may_is_its_own(host: &dyn Host) {
    let others = vec![
        Other::private("echo", "echo"),
        Other::private("worker", "relay"),
    ];
    let stage = Stage::start(host, &relay(ALL, others)).await;
    status(&stage.get("/echo/a").await, 200, "the first one may ask");
    let answer = stage.get("/worker/echo/a").await;
    status(&answer, 599, "the second one may not");
}

async fn no_client_reaches_a_private_component_by_naming_it(host: &dyn Host) {
    let mut echo = relay(ALL, vec![Other::private("older", "older")]);
    echo.service = "echo";
    let stage = Stage::start(
        host,
        &AppSpec {
            route: "/public/...",
            ..echo
        },
    )
    .await;
    for request in [
        "GET /a HTTP/1.1\r\nHost: older.spin.internal\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: OLDER.spin.internal.:80\r\n\r\n",
        "GET http://older.spin.internal/a HTTP/1.1\r\nHost: older.spin.internal\r\n\r\n",
        "GET http://older.spin.internal/a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /older/a HTTP/1.1\r\nHost: older.spin.internal\r\n\r\n",
    ] {
        let mut client = Raw::connect(stage.running.address).await;
        client.send(request).await;
        let response = client.response().await.unwrap();
        assert!(
            matches!(response.status, 400 | 404 | 500),
            "{request:?}: {} {}",
            response.status,
            response.text()
        );
        assert!(
            response.body.len() < 100,
            "{request:?}: {}",
            response.text()
        );
    }
    // A public one is reached whatever it is called.
    let mut client = Raw::connect(stage.running.address).await;
    client
        .send("GET /public/a HTTP/1.1\r\nHost: older.example\r\n\r\n")
        .await;
    let response = client.response().await.unwrap();
    assert_eq!(response.json()["target"], "/public/a");
}

async fn bodies_go_both_ways_as_they_come(host: &dyn Host) {
    let others = vec![
        Other::private("echo", "echo"),
        asking("older", "older"),
        asking("worker", "relay"),
    ];
    let stage = Stage::start(host, &relay(ALL, others)).await;
    for target in ["/echo/body", "/older/body", "/worker/echo/body"] {
        pieces_come_back(stage.running.address, target, None).await;
    }
    let mib = vec![b'x'; MIB as usize];
    for target in ["/echo/body", "/older/body", "/worker/worker/echo/body"] {
        let answer = Ask::new("POST", target)
            .body(&mib)
            .send(stage.running.address)
            .await;
        assert!(answer.body == mib, "{target}: {} bytes", answer.body.len());
    }
}

async fn a_sender_is_slowed_down_by_who_does_not_read(host: &dyn Host) {
    let others = vec![Other::private("echo", "echo"), asking("worker", "relay")];
    let stage = Stage::start(host, &relay(ALL, others)).await;
    for target in ["/echo/body", "/worker/worker/echo/body"] {
        let mut client = Raw::connect_with_buffers(stage.running.address, 64 * 1024).await;
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
            1024 * MIB
        );
        client.send(head).await;
        // It sends everything back, and nobody reads that.
        let taken = client
            .send_while_taken(&vec![b'x'; 256 * 1024], 256 * MIB)
            .await;
        assert!(taken < 64 * MIB, "{target}: {taken} bytes were taken");
    }
}

async fn trailers_arrive_on_both_sides(host: &dyn Host) {
    let others = vec![Other::private("echo", "echo"), asking("worker", "relay")];
    let stage = Stage::start(host, &relay(ALL, others)).await;
    for target in ["/echo/trailers", "/worker/echo/trailers"] {
        let mut client = Raw::connect(stage.running.address).await;
        let request = format!(
            "POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n\
             3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n"
        );
        client.send(request).await;
        let response = client.response().await.unwrap();
        assert_eq!(
            response.json()["trailers"],
            serde_json::json!(["x-sum"]),
            "{target}"
        );
        assert_eq!(response.json()["bytes"], 3, "{target}");
        // `body` answers with the trailers that came.
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\
             Trailer: x-sum\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n",
            target.replace("trailers", "body")
        );
        client.send(request).await;
        let response = client.response().await.unwrap();
        assert_eq!(response.body, b"abc", "{target}");
    }
}

async fn a_component_that_is_not_there_is_an_error_that_names_the_nearest() {
    let stage = Stage::start(
        &InProcess,
        &relay(ALL, vec![Other::private("echo", "echo")]),
    )
    .await;
    let answer = stage.get("/eco/a").await;
    status(&answer, 599, "no component");
    assert!(
        answer.text().contains("did you mean `echo`?"),
        "{}",
        answer.text()
    );
    stage
        .logged(&["no component `eco`", "did you mean `echo`?"])
        .await;
    status(&stage.get("/echo/a").await, 200, "one that is there");
}

async fn components_in_a_circle_end_with_an_error_and_not_with_the_instances() {
    let others = vec![
        asking("a", "relay"),
        asking("b", "relay"),
        Other::private("echo", "echo"),
    ];
    let stage = Stage::start(&InProcess, &relay(ALL, others)).await;
    let deep = |hops: usize, last: &str| format!("{}{last}", "/a/b".repeat(hops / 2));
    // Each name is one component that is asked, `echo` the last one.
    status(&stage.get(&deep(6, "/a/echo/x")).await, 200, "8 in a row");
    let asks: Vec<_> = (0..64)
        .map(|number| {
            let address = stage.running.address;
            let target = deep(if number % 2 == 0 { 8 } else { 40 }, "/echo/x");
            tokio::spawn(async move { Ask::get(&target).send(address).await })
        })
        .collect();
    for ask in asks {
        let answer = ask.await.unwrap();
        status(&answer, 599, "9 in a row and more");
        assert!(answer.text().contains("LoopDetected"), "{}", answer.text());
    }
    stage.logged(&["in a circle"]).await;
    status(&stage.get("/a/b/echo/x").await, 200, "afterwards");
    // What a request says of itself changes nothing.
    let answer = Ask::get(&deep(40, "/echo/x"))
        .header("Host", "a.spin.internal")
        .header("X-Depth", "0")
        .header("Spin-Client-Addr", "1.2.3.4:5")
        .send(stage.running.address)
        .await;
    assert_ne!(answer.status, 200);
}
