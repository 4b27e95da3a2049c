//! The store of a runtime configuration: where the command finds it, and what it says where it cannot.

use doorward_host::kv::StoreFile;

use crate::redis::{Redis, testdata};
use crate::run::{fails, succeeds};

const CONFIG: &str = "runtime-config.toml";
const PASSWORD: &str = "a-secret";

fn on_redis(url: &str) -> String {
    format!("[key_value_store.default]\ntype = \"redis\"\nurl = \"{url}\"\n")
}

#[test]
fn what_is_in_the_way_of_a_configured_store_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = on_redis("redis://:hidden@127.0.0.1:1");
    for (config, parts) in [
        (
            nobody.as_str(),
            &[
                "the store `default` in Redis at 127.0.0.1:1 cannot be used",
                "no connection",
                "refused",
            ][..],
        ),
        (
            &on_redis("http://:hidden@db"),
            &[
                "runtime-config.toml:3:7:",
                "`url` is no address of a Redis",
                "write redis://",
            ],
        ),
        (
            "[key_value_store.default]\ntype = \"azure_cosmos\"\n",
            &[
                "runtime-config.toml:2:8:",
                "not served by this host",
                "type = \"redis\"",
            ],
        ),
        (
            "[key_value_store.default]\ntype = \"valkey\"\n",
            &[":2:8:", "no `type = \"valkey\"`", "type = \"spin\""],
        ),
        (
            "[key_value_store.default]\ntype = \"spin\"\n",
            &[
                "the store `default` in the memory of the host",
                "give it a `path`",
            ],
        ),
        (
            "[key_value_store.default]\ntype = \"spin\"\npath = \"data/a.db\"\n",
            &[
                "no key-value store in",
                "data/a.db",
                "with this runtime configuration",
            ],
        ),
    ] {
        std::fs::write(folder.path().join(CONFIG), config).unwrap();
        let command = ["key", "list", "--runtime-config-file", CONFIG];
        let ran = fails(folder.path(), &command, 1, parts);
        assert!(!ran.stderr.contains("hidden"), "{}", ran.stderr);
    }
    std::fs::write(folder.path().join(CONFIG), nobody).unwrap();
    let command = ["key", "list", "--runtime-config-file", CONFIG];
    let unknown = [&command[..], &["--store", "other"]].concat();
    fails(
        folder.path(),
        &unknown,
        1,
        &["no store `other`", "it has default"],
    );
    let missing = ["key", "list", "--runtime-config-file", "none.toml"];
    fails(folder.path(), &missing, 1, &["none.toml", "cannot be read"]);
    assert!(
        !folder.path().join(".doorward").exists(),
        "a store was made"
    );
}

#[test]
fn a_store_in_a_file_of_its_own_is_made_and_found_there() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[key_value_store.default]\ntype = \"spin\"\npath = \"data/keys.db\"\n";
    std::fs::create_dir(folder.path().join("conf")).unwrap();
    std::fs::write(folder.path().join("conf").join(CONFIG), config).unwrap();
    let flags = ["--runtime-config-file", "conf/runtime-config.toml"];
    let new = [&["key", "new", "--name", "ci"], &flags[..]].concat();
    let made = succeeds(folder.path(), &new);
    assert!(made.stderr.contains("now there is one"), "{}", made.stderr);
    let file = folder.path().join("conf/data/keys.db");
    let names = StoreFile::open_at(&file).unwrap().keys("default").unwrap();
    assert_eq!(names.len(), 1, "{names:?}");
    let listed = succeeds(folder.path(), &[&["key", "list"], &flags[..]].concat());
    assert!(listed.stdout.contains("ci"), "{}", listed.stdout);
}

#[test]
fn on_a_redis_each_entry_is_a_key_and_a_wrong_password_is_said_to_be_wrong() {
    let Some(redis) = Redis::start(PASSWORD) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join(CONFIG);
    std::fs::write(&config, on_redis(&redis.url(PASSWORD))).unwrap();
    let command = |verb: &[&'static str]| {
        let flags = ["--runtime-config-file", CONFIG];
        [&["key"], verb, &flags[..]].concat()
    };
    let made = succeeds(folder.path(), &command(&["new", "--name", "ci"]));
    let there = made
        .stderr
        .contains("the store `default` in Redis at 127.0.0.1:");
    assert!(there && !made.stderr.contains(PASSWORD), "{}", made.stderr);
    let keys = redis.asked(PASSWORD, "KEYS *");
    assert!(keys.contains("\r\ndoorward/"), "{keys:?}");
    let listed = succeeds(folder.path(), &command(&["list"]));
    assert!(listed.stdout.contains("ci"), "{}", listed.stdout);
    succeeds(folder.path(), &command(&["revoke", "ci"]));
    let keys = redis.asked(PASSWORD, "KEYS *");
    assert!(keys.contains("*0\r\n"), "{keys:?}");

    std::fs::write(&config, on_redis(&redis.tls_url(PASSWORD))).unwrap();
    let authority = testdata().join("authority.pem");
    let over_tls = [
        &command(&["new", "--name", "tls"])[..],
        &["--ca-file", authority.to_str().unwrap()],
    ];
    succeeds(folder.path(), &over_tls.concat());
    fails(folder.path(), &command(&["list"]), 1, &["certificate"]);

    std::fs::write(&config, on_redis(&redis.url("hidden"))).unwrap();
    let refused = fails(
        folder.path(),
        &command(&["list"]),
        1,
        &["Password authentication failed"],
    );
    assert!(!refused.stderr.contains("hidden"), "{}", refused.stderr);
}
