//! Lists as streams.

use crate::scene::Scene;
use doorward_runtime_tests::cases;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::Case;
use serde_json::{Value, json};

pub const CASES: &[Case] = cases![a_list_is_a_stream_of_all_that_is_asked_for];

/// How many users there are: twenty parts of a list and one user.
const MANY: usize = 2001;

async fn a_list_is_a_stream_of_all_that_is_asked_for(host: &dyn Host) {
    let scene = Scene::of(host).await;
    let admin = scene.admin();
    let told = scene
        .calls(json!([
            { "many": MANY, "metadata": admin },
            { "list": {}, "metadata": admin },
            { "list": { "order": "ORDER_NAME", "descending": true }, "metadata": admin },
            { "list": { "order": "ORDER_EMAIL", "limit": 250 }, "metadata": admin },
            { "list": { "limit": 100 }, "metadata": admin },
            { "list": { "limit": 7 }, "metadata": admin },
            { "list": { "name": "User 00042" }, "metadata": admin },
            { "list": { "email": "USER-7@EXAMPLE.COM" }, "metadata": admin },
            { "list": { "subject": "nobody" }, "metadata": admin },
        ]))
        .await;
    assert_eq!(told[0], json!({ "OK": MANY }));
    for (at, length) in [
        (1, MANY),
        (2, MANY),
        (3, 250),
        (4, 100),
        (5, 7),
        (6, 1),
        (7, 1),
        (8, 0),
    ] {
        assert_eq!(told[at]["code"], "OK", "list {at}");
        let answers = told[at]["answers"].as_array().unwrap();
        assert_eq!(answers.len(), length, "list {at}");
    }
    let column = |at: usize, name: &str| -> Vec<String> {
        let answers = told[at]["answers"].as_array().unwrap().iter();
        let text = |user: &Value| user[name].as_str().unwrap().to_owned();
        answers.map(text).collect()
    };
    assert!(column(1, "id").is_sorted(), "as they were created");
    assert!(
        column(2, "name").iter().rev().is_sorted(),
        "names, the last one first"
    );
    assert!(column(3, "email").is_sorted(), "addresses");
    assert_eq!(column(5, "id"), column(1, "id")[..7]);
    assert_eq!(column(6, "email"), ["user-42@example.com"]);
    assert_eq!(column(7, "name"), ["User 00007"]);
}
