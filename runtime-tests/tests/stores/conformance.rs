//! Everything that the interfaces offer, wherever the store is.

use crate::scene::{self, INTERFACES, Scene, Where, given, other, spec};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::Case;
use doorward_runtime_tests::servers::{Kind as _, Redis, Server};
use serde_json::{Value, json};

pub const CASES: &[Case] = cases![
    every_interface_reads_and_writes_the_same_entries,
    any_text_is_a_key_and_any_bytes_a_value,
    what_is_not_granted_is_denied,
    what_is_counted_is_the_sum_of_all_that_was_added,
    a_batch_is_written_and_deleted_as_a_whole;
    both_manners:
    a_batch_is_read_in_the_order_of_its_keys,
    what_is_no_number_is_not_counted,
    a_value_is_swapped_only_for_the_one_that_was_seen,
    what_is_too_long_is_an_error_and_the_store_goes_on,
    all_of_many_keys_are_listed,
    as_many_are_open_as_may_be,
];

/// Where each case has its store: in a file, and then on a Redis, where there is one. The cases that are about a Redis
/// say where there is none.
fn places() -> impl Iterator<Item = Where> {
    let redis = Redis::available().is_ok().then_some(Where::Redis);
    [Where::File].into_iter().chain(redis)
}

async fn every_interface_reads_and_writes_the_same_entries(host: &dyn Host) {
    for place in places() {
        let scene = Scene::start(host, place).await;
        for open in INTERFACES {
            let steps = [
                (json!(["get", "a", "key"]), json!(null)),
                (json!(["exists", "a", "key"]), json!(false)),
                (json!(["delete", "a", "key"]), json!(null)),
                (json!(["keys", "a"]), json!([])),
                (json!(["set", "a", "key", "value"]), json!(null)),
                (json!(["get", "a", "key"]), json!("value")),
                (json!(["exists", "a", "key"]), json!(true)),
                (json!(["set", "a", "key", ""]), json!(null)),
                (json!(["get", "a", "key"]), json!("")),
                (json!(["exists", "a", "key"]), json!(true)),
                (json!(["set", "a", "b", "2"]), json!(null)),
                (json!(["keys", "a"]), json!(["b", "key"])),
                (json!(["delete", "a", "key"]), json!(null)),
                (json!(["get", "a", "key"]), json!(null)),
                (json!(["keys", "a"]), json!(["b"])),
                (json!(["delete", "a", "b"]), json!(null)),
            ];
            scene.gives(open, &steps).await;
        }
        let mut steps = Vec::new();
        for (name, open) in ["x", "y", "z"].into_iter().zip(INTERFACES) {
            steps.push((json!([open, name, "default"]), json!(null)));
        }
        for (by, others) in [("x", ["y", "z"]), ("y", ["x", "z"]), ("z", ["x", "y"])] {
            steps.push((json!(["set", by, "key", by]), json!(null)));
            for other in others {
                steps.push((json!(["get", other, "key"]), json!(by)));
            }
        }
        scene.gives("open-3", &steps).await;
    }
}

async fn any_text_is_a_key_and_any_bytes_a_value(host: &dyn Host) {
    for place in places() {
        let scene = Scene::start(host, place).await;
        let mut keys = [
            "",
            " ",
            "*",
            "a/b:c",
            "h?llo[a-z]",
            "häß\u{1f600}",
            "with\r\nlines",
            "with\u{0}zero",
            "\\x",
        ];
        for open in INTERFACES {
            let mut steps = Vec::new();
            for value in [
                json!([0, 255, 128, 13, 10]),
                json!("a\r\n$1\r\nb"),
                json!(""),
            ] {
                for key in keys {
                    steps.push((json!(["set", "a", key, value]), json!(null)));
                    steps.push((json!(["get", "a", key]), value.clone()));
                }
            }
            keys.sort_unstable();
            steps.push((json!(["keys", "a"]), json!(keys)));
            for key in keys {
                steps.push((json!(["exists", "a", key]), json!(true)));
                steps.push((json!(["delete", "a", key]), json!(null)));
            }
            steps.push((json!(["keys", "a"]), json!([])));
            scene.gives(open, &steps).await;
        }
    }
}

async fn what_is_not_granted_is_denied(host: &dyn Host) {
    for place in places() {
        let server = match place {
            Where::File => None,
            Where::Redis => Some(Server::start(Redis::default()).await),
        };
        let config = server.as_ref().map(|server| {
            let url = server.url();
            scene::on_redis("default", &url) + &scene::on_redis("other", &url)
        });
        for granted in [vec![], vec!["default"]] {
            let mut spec = spec(&granted);
            spec.runtime_config.clone_from(&config);
            let app = spec.write();
            let running = host.start(&app).await;
            for open in INTERFACES {
                let labels = ["default", "other", "none", ""];
                let steps: Vec<Value> = labels.iter().map(|of| json!([open, of, of])).collect();
                let had = given(running.address, &Value::from(steps)).await;
                for (label, had) in labels.iter().zip(had.as_array().unwrap()) {
                    let expected = match granted.contains(label) {
                        true => json!(null),
                        false => json!("error: access-denied"),
                    };
                    assert_eq!(had, &expected, "{open} {label} of {granted:?}");
                }
            }
        }
    }
}

/// How a number that was counted is stored.
fn stored(place: Where, number: i64) -> Value {
    match place {
        Where::Redis => json!(number.to_string()),
        Where::File => match String::from_utf8(number.to_le_bytes().to_vec()) {
            Ok(text) => json!(text),
            Err(error) => json!(error.into_bytes()),
        },
    }
}

async fn what_is_counted_is_the_sum_of_all_that_was_added(host: &dyn Host) {
    for place in places() {
        let scene = Scene::start(host, place).await;
        let large = 9_007_199_254_740_993_i64;
        let steps = [
            (json!(["increment", "a", "count", 1]), json!(1)),
            (json!(["increment", "a", "count", 2]), json!(3)),
            (json!(["increment", "a", "count", -10]), json!(-7)),
            (json!(["increment", "a", "count", 0]), json!(-7)),
            (json!(["get", "a", "count"]), stored(place, -7)),
            (json!(["increment", "a", "large", large]), json!(large)),
            (json!(["increment", "a", "large", -large]), json!(0)),
            (json!(["get", "a", "large"]), stored(place, 0)),
            (
                json!(["increment", "a", "least", i64::MIN]),
                json!(i64::MIN),
            ),
            (json!(["keys", "a"]), json!(["count", "large", "least"])),
        ];
        scene.gives("open-wasi", &steps).await;
        // From many instances at once.
        let at = scene.running.address;
        let adding = (0..16).map(|_| async move {
            let step = (json!("increment"), 1);
            let steps: Vec<Value> = (0..25)
                .map(|_| json!([step.0, "a", "hits", step.1]))
                .collect();
            let open = json!(["open-wasi", "a", "default"]);
            given(at, &Value::from([vec![open], steps].concat())).await
        });
        futures::future::join_all(adding).await;
        let all = [(json!(["increment", "a", "hits", 0]), json!(400))];
        scene.gives("open-wasi", &all).await;
    }
}

async fn a_batch_is_written_and_deleted_as_a_whole(host: &dyn Host) {
    for place in places() {
        let scene = Scene::start(host, place).await;
        let steps = [
            (json!(["set-many", "a"]), json!(null)),
            (json!(["get-many", "a"]), json!([])),
            (json!(["delete-many", "a"]), json!(null)),
            (
                json!(["set-many", "a", ["k1", "v1"], ["k2", [0, 255]], ["k3", ""]]),
                json!(null),
            ),
            (json!(["get", "a", "k2"]), json!([0, 255])),
            (json!(["keys", "a"]), json!(["k1", "k2", "k3"])),
            (
                json!(["set-many", "a", ["k1", "1"], ["k1", "2"]]),
                json!(null),
            ),
            (json!(["get", "a", "k1"]), json!("2")),
            (json!(["delete-many", "a", "k1", "k3", "none"]), json!(null)),
            (json!(["keys", "a"]), json!(["k2"])),
        ];
        scene.gives("open-wasi", &steps).await;
    }
}

async fn a_batch_is_read_in_the_order_of_its_keys(host: &dyn Host) {
    for place in places() {
        let scene = Scene::start(host, place).await;
        let steps = [
            (
                json!(["set-many", "a", ["k1", "v1"], ["k2", ""]]),
                json!(null),
            ),
            (
                json!(["get-many", "a", "k2", "none", "k1", "k2"]),
                json!([["k2", ""], ["none", null], ["k1", "v1"], ["k2", ""]]),
            ),
            (json!(["get-many", "a", "none"]), json!([["none", null]])),
            (
                json!(["keys-from", "a", "k1"]),
                json!("error: other: there is no such cursor"),
            ),
        ];
        scene.gives("open-wasi", &steps).await;
    }
}

async fn what_is_no_number_is_not_counted(host: &dyn Host) {
    for place in places() {
        let scene = Scene::start(host, place).await;
        let wrong = json!("error: other: the value or the sum is not a number of 64 bits");
        let steps = [
            (json!(["set", "a", "text", "text"]), json!(null)),
            (json!(["increment", "a", "text", 1]), wrong.clone()),
            (json!(["get", "a", "text"]), json!("text")),
            (json!(["set", "a", "empty", ""]), json!(null)),
            (json!(["increment", "a", "empty", 1]), wrong.clone()),
            (json!(["increment", "a", "most", i64::MAX]), json!(i64::MAX)),
            (json!(["increment", "a", "most", 1]), wrong),
            (json!(["increment", "a", "most", 0]), json!(i64::MAX)),
        ];
        scene.gives("open-wasi", &steps).await;
    }
}

async fn a_value_is_swapped_only_for_the_one_that_was_seen(host: &dyn Host) {
    for place in places() {
        let scene = Scene::start(host, place).await;
        let cas = |name: &str| (json!(["cas", "a", name, "key"]), json!(null));
        let swap =
            |name: &str, value: &str, told: &str| (json!(["swap", name, value]), json!(told));
        let steps = [
            cas("x"),
            (json!(["current", "x"]), json!(null)),
            swap("x", "first", "swapped"),
            (json!(["get", "a", "key"]), json!("first")),
            // One that nobody has looked at is for a key without a value.
            cas("x"),
            swap("x", "second", "lost"),
            (json!(["get", "a", "key"]), json!("first")),
            (json!(["current", "x"]), json!("first")),
            swap("x", "second", "swapped"),
            cas("x"),
            (json!(["current", "x"]), json!("second")),
            (json!(["set", "a", "key", "of somebody else"]), json!(null)),
            swap("x", "third", "lost"),
            // What it is was seen with that.
            swap("x", "third", "swapped"),
            (json!(["get", "a", "key"]), json!("third")),
            cas("x"),
            (json!(["current", "x"]), json!("third")),
            (json!(["delete", "a", "key"]), json!(null)),
            swap("x", "fourth", "lost"),
            (json!(["get", "a", "key"]), json!(null)),
            swap("x", "fourth", "swapped"),
            // Empty is not absent.
            (json!(["set", "a", "key", ""]), json!(null)),
            cas("x"),
            swap("x", "fifth", "lost"),
            (json!(["current", "x"]), json!("")),
            swap("x", "fifth", "swapped"),
            (json!(["get", "a", "key"]), json!("fifth")),
        ];
        scene.gives("open-wasi", &steps).await;
        // Of two that saw the same, one swaps.
        let steps = [
            cas("x"),
            cas("y"),
            (json!(["current", "x"]), json!("fifth")),
            (json!(["current", "y"]), json!("fifth")),
            swap("y", "of y", "swapped"),
            swap("x", "of x", "lost"),
            (json!(["get", "a", "key"]), json!("of y")),
        ];
        scene.gives("open-wasi", &steps).await;
    }
}

async fn what_is_too_long_is_an_error_and_the_store_goes_on(host: &dyn Host) {
    for place in places() {
        const MIB: usize = 1 << 20;
        let scene = Scene::start(host, place).await;
        let at = scene.running.address;
        for open in INTERFACES {
            let long_key = "k".repeat(4097);
            let steps = json!([
                [open, "a", "default"],
                ["set-long", "a", "long", MIB],
                ["get", "a", "long"],
                ["set-long", "a", "long", MIB + 1],
                ["set", "a", long_key, ""],
                ["get", "a", long_key],
                ["exists", "a", long_key],
                ["delete", "a", long_key],
                ["get", "a", "long"],
                ["delete", "a", "long"],
            ]);
            let had = given(at, &steps).await;
            assert_eq!(had[2], json!({ "bytes": MIB }), "{open}");
            for index in 3..8 {
                let said = other(&had[index]);
                assert!(said.contains("over the limit of"), "{open}: {said}");
            }
            assert_eq!(had[8], json!({ "bytes": MIB }), "{open}");
        }
        let most = json!(["get-filled", "a", "n", 16]);
        let too_many = json!(["get-filled", "a", "n", 17]);
        let steps = json!([
            ["open-wasi", "a", "default"],
            ["fill", "a", "n", 17, MIB],
            most,
            too_many,
            most,
            ["get-filled", "a", "n", 65_537],
            ["fill", "a", "n", 65_537, 0],
            most,
        ]);
        let had = given(at, &steps).await;
        for index in [2, 4, 7] {
            assert_eq!(had[index], json!(16 * MIB), "the step {index}");
        }
        for index in [3, 5, 6] {
            let said = other(&had[index]);
            assert!(said.contains("over the limit of"), "{said}");
        }
    }
}

async fn all_of_many_keys_are_listed(host: &dyn Host) {
    for place in places() {
        let scene = Scene::start(host, place).await;
        let steps = [
            (json!(["fill", "a", "n", 30_000, 0]), json!(null)),
            (json!(["keys", "a"]), json!({ "keys": 30_000 })),
        ];
        scene.gives("open-wasi", &steps).await;
        for open in ["open-3", "open-2"] {
            scene.gives(open, &steps[1..]).await;
        }
    }
}

async fn as_many_are_open_as_may_be(host: &dyn Host) {
    for place in places() {
        let scene = Scene::start(host, place).await;
        for (open, full) in [
            ("open-3", "error: store-table-full"),
            ("open-2", "error: store-table-full"),
            ("open-wasi", "error: other: too many stores are open"),
        ] {
            let name = |number: usize| format!("n{number}");
            let steps: Vec<Value> = (0..257)
                .map(|n| json!([open, name(n), "default"]))
                .collect();
            let had = given(scene.running.address, &Value::from(steps)).await;
            let refused: Vec<&Value> = had
                .as_array()
                .unwrap()
                .iter()
                .filter(|had| !had.is_null())
                .collect();
            assert_eq!(refused, [&json!(full)], "{open}");
        }
    }
}
