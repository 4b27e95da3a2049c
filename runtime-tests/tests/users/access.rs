//! Who may do what.

use crate::scene::{
    ISSUER, Scene, USERS, admin, by, change, location, named, new_user, who_logs_in,
};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::Case;
use serde_json::json;

/// The cases, on whichever store.
pub const CASES: &[Case] = cases![who_may_do_what, nobody_becomes_somebody_else,];

const READ: &str = "read:users";
const WRITE: &str = "write:users";
const NONE: &str = "";

async fn who_may_do_what(host: &dyn Host) {
    let scene = Scene::of(host).await;
    let alice = location(&scene.created(who_logs_in("alice")).await);
    let me = format!("{USERS}/me");
    let nobody = format!("{USERS}/0197f6a0-0000-7000-8000-000000000001");
    let rename = json!({ "name": "Alice" });
    let move_away = json!({ "email": "other@example.com" });
    let become_bob = json!({ "identity": { "issuer": ISSUER, "subject": "bob" } });
    let get = |path: &str| Ask::get(path);
    let patch = |path: &str, patch| change(path, "*", patch);
    let delete = |path: &str| Ask::new("DELETE", path).header("If-Match", "\"0\"");
    for (what, subject, scope, ask, status) in [
        ("she reads herself", "alice", NONE, get(&alice), 200),
        ("she reads herself as me", "alice", NONE, get(&me), 200),
        ("another one reads her", "bob", NONE, get(&alice), 403),
        ("another one may read all", "bob", READ, get(&alice), 200),
        ("who may write may not read", "bob", WRITE, get(&alice), 403),
        (
            "who may not read does not learn who there is",
            "bob",
            NONE,
            get(&nobody),
            403,
        ),
        ("who may read does", "bob", READ, get(&nobody), 404),
        ("who is no user is nobody", "bob", NONE, get(&me), 404),
        ("she lists", "alice", NONE, get(USERS), 403),
        ("who may read lists", "bob", READ, get(USERS), 200),
        ("she creates", "alice", NONE, new_user(&named("x")), 403),
        (
            "who may read creates",
            "bob",
            READ,
            new_user(&named("x")),
            403,
        ),
        (
            "who may write creates",
            "bob",
            WRITE,
            new_user(&named("y")),
            201,
        ),
        (
            "she renames herself",
            "alice",
            NONE,
            patch(&alice, &rename),
            200,
        ),
        (
            "she renames herself as me",
            "alice",
            NONE,
            patch(&me, &rename),
            200,
        ),
        (
            "another one renames her",
            "bob",
            NONE,
            patch(&alice, &rename),
            403,
        ),
        (
            "who may read renames her",
            "bob",
            READ,
            patch(&alice, &rename),
            403,
        ),
        (
            "who may not write does not learn who there is",
            "bob",
            READ,
            patch(&nobody, &rename),
            403,
        ),
        (
            "she changes her address",
            "alice",
            NONE,
            patch(&alice, &move_away),
            403,
        ),
        (
            "she changes who she is",
            "alice",
            NONE,
            patch(&alice, &become_bob),
            403,
        ),
        (
            "she gives up who she is",
            "alice",
            NONE,
            patch(&me, &json!({ "identity": null })),
            403,
        ),
        (
            "who may write changes her address",
            "bob",
            WRITE,
            patch(&alice, &move_away),
            // Done, and not shown: who may only write reads nobody.
            204,
        ),
        ("she deletes herself", "alice", NONE, delete(&alice), 403),
        ("who may read deletes her", "bob", READ, delete(&alice), 403),
        (
            "who may write deletes her",
            "bob",
            WRITE,
            delete(&alice),
            412,
        ),
    ] {
        let answer = scene.send(by(subject, scope, ask)).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
    }
    let got = scene.send(admin(Ask::get(&alice))).await.json();
    assert_eq!(got["email"], "other@example.com");
    assert_eq!(
        got["identity"],
        json!({ "issuer": ISSUER, "subject": "alice" })
    );
}

async fn nobody_becomes_somebody_else(host: &dyn Host) {
    let scene = Scene::of(host).await;
    let alice = location(&scene.created(who_logs_in("alice")).await);
    let fields = |fields: &[(&str, &str)]| {
        let mut ask = Ask::get(&alice);
        for (name, value) in fields {
            ask = ask.header(name, value);
        }
        ask
    };
    let issuer = ("X-Auth-Issuer", ISSUER);
    let subject = ("X-Auth-Subject", "alice");
    for (what, ask, status) in [
        ("she herself", fields(&[issuer, subject]), 200),
        (
            "the same, with an escape",
            fields(&[issuer, ("x-auth-subject", "%61lice")]),
            200,
        ),
        ("no field", fields(&[]), 401),
        ("no issuer", fields(&[subject]), 401),
        ("no subject", fields(&[issuer]), 401),
        (
            "another issuer",
            fields(&[("x-auth-issuer", "https://evil.example"), subject]),
            403,
        ),
        (
            "two subjects",
            fields(&[issuer, ("x-auth-subject", "bob"), subject]),
            401,
        ),
        (
            "two in one",
            fields(&[issuer, ("x-auth-subject", "bob, alice")]),
            403,
        ),
        (
            "another case",
            fields(&[issuer, ("x-auth-subject", "Alice")]),
            403,
        ),
        (
            "a wrong escape",
            fields(&[issuer, ("x-auth-subject", "%6")]),
            401,
        ),
        (
            "what other proxies say",
            fields(&[("x-forwarded-user", "alice"), ("remote-user", "alice")]),
            401,
        ),
    ] {
        let answer = scene.send(ask).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
    }
}
