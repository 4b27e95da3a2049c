//! One Redis, two hosts: what one has written the other reads, be it this host or Spin; and what is said of labels.

use crate::scene::{INTERFACES, given, on_redis, spec};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::host::{Host, InProcess};
use doorward_runtime_tests::run::Case;
use doorward_runtime_tests::servers::{Redis, Server};
use serde_json::{Value, json};

pub const CASES: &[Case] = cases![
    what_another_host_has_written_is_read_and_counted_on,
    stores_of_one_url_are_one_and_databases_are_apart;
    both_manners:
    what_belongs_to_others_in_the_same_redis_does_no_harm,
];

/// With this host beside the other one, whichever that is.
async fn what_another_host_has_written_is_read_and_counted_on(host: &dyn Host) {
    let server = Server::start(Redis::default()).await;
    let mut spec = spec(&["default"]);
    spec.runtime_config = Some(on_redis("default", &server.url()));
    let apps = [spec.write(), spec.write()];
    let running = [host.start(&apps[0]).await, InProcess.start(&apps[1]).await];
    for (by, of) in [(0, 1), (1, 0)] {
        for open in INTERFACES {
            let value = json!([0, 255, 10]);
            let writes = json!([
                [open, "a", "default"],
                ["set", "a", "häß *", value],
                ["set", "a", "", "of the empty key"],
                ["open-wasi", "w", "default"],
                ["increment", "w", "count", 3],
                ["set-many", "w", ["m1", "1"], ["m2", ""]],
            ]);
            let wrote = given(running[by].address, &writes).await;
            assert_eq!(wrote[4], json!(3), "{wrote}");
            let reads = json!([
                [open, "a", "default"],
                ["get", "a", "häß *"],
                ["get", "a", ""],
                ["keys", "a"],
                ["open-wasi", "w", "default"],
                ["increment", "w", "count", -2],
                ["get", "a", "m2"],
                ["exists", "a", "m1"],
                ["delete-many", "w", "häß *", "", "count", "m1", "m2"],
                ["keys", "a"],
            ]);
            let read = given(running[of].address, &reads).await;
            let keys = ["", "count", "häß *", "m1", "m2"];
            let expected = json!([
                null,
                value,
                "of the empty key",
                keys,
                null,
                1,
                "",
                true,
                null,
                []
            ]);
            assert_eq!(read, expected, "{open}: {by} has written, {of} reads");
        }
    }
}

async fn stores_of_one_url_are_one_and_databases_are_apart(host: &dyn Host) {
    let server = Server::start(Redis::default()).await;
    let url = server.url();
    let mut spec = spec(&["default", "same", "apart"]);
    spec.runtime_config = Some(
        on_redis("default", &url)
            + &on_redis("same", &url)
            + &on_redis("apart", &format!("{url}/1")),
    );
    let app = spec.write();
    let running = host.start(&app).await;
    let steps = json!([
        ["open-3", "a", "default"],
        ["set", "a", "key", "value"],
        ["open-3", "b", "same"],
        ["get", "b", "key"],
        ["open-3", "c", "apart"],
        ["get", "c", "key"],
        ["keys", "c"],
    ]);
    let had = given(running.address, &steps).await;
    let had = [&had[3], &had[5], &had[6]];
    assert_eq!(had, [&json!("value"), &json!(null), &json!([])]);
}

async fn what_belongs_to_others_in_the_same_redis_does_no_harm(host: &dyn Host) {
    let server = Server::start(Redis::default()).await;
    let mut spec = spec(&["default"]);
    spec.runtime_config = Some(on_redis("default", &server.url()));
    let app = spec.write();
    let running = host.start(&app).await;
    let cli = |arguments: &[&str]| {
        let status = std::process::Command::new("redis-cli")
            .args(["-p", &server.port().to_string()])
            .args(arguments)
            .stdout(std::process::Stdio::null())
            .status();
        assert!(status.unwrap().success());
    };
    cli(&["RPUSH", "list", "a"]);
    cli(&["SETRANGE", "large", "2000000", "a"]);
    cli(&["EVAL", "redis.call('SET', '\\255\\254', 'no text')", "0"]);
    let wrong = |had: &Value, part: &str| {
        let said = had.as_str().unwrap();
        let is_said = said.starts_with("error: other: ") && said.contains(part);
        assert!(is_said, "{part}: {said}");
    };
    for open in INTERFACES {
        let steps = json!([
            [open, "a", "default"],
            ["keys", "a"],
            ["get", "a", "list"],
            ["get", "a", "large"],
            ["exists", "a", "list"],
            ["set", "a", "key", "value"],
            ["get", "a", "key"],
            ["delete", "a", "key"],
        ]);
        let had = given(running.address, &steps).await;
        assert_eq!(had[1], json!(["large", "list"]), "what is no text is none");
        wrong(&had[2], "WRONGTYPE");
        wrong(&had[3], "over the limit of");
        assert_eq!(had[4], json!(true));
        assert_eq!(had[6], json!("value"), "{open} goes on");
    }
    let steps = json!([
        ["open-wasi", "a", "default"],
        ["increment", "a", "list", 1],
        ["get-many", "a", "list"],
        ["cas", "a", "x", "list"],
        ["swap", "x", "a"],
        ["get-many", "a", "none"],
    ]);
    let had = given(running.address, &steps).await;
    for index in [1, 2, 4] {
        wrong(&had[index], "WRONGTYPE");
    }
    assert_eq!(had[5], json!([["none", null]]));
}
