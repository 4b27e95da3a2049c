//! The second version of the interface, and what the first one says about its end.

use crate::scene::{Scene, Store, USERS, admin, by, create, location, named};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::host::{Host, How};
use doorward_runtime_tests::run::Case;
use serde_json::{Value, json};

/// The cases, on whichever store.
pub const CASES: &[Case] = cases![
    a_list_goes_on_where_it_ended_in_every_order,
    a_list_has_whom_it_was_asked_for,
    a_cursor_is_nobodys_but_the_services,
    both_versions_have_the_same_users_and_the_first_says_when_it_goes,
];

/// The users of the second version.
const USERS_V2: &str = "/api/v2/users";

/// The target of the next page, by `Link` and by the body, which say the same.
fn next(answer: &Answer) -> Option<String> {
    let body = answer.json()["next"].as_str().map(str::to_owned);
    let links = answer.header("link").unwrap_or_default().split(", ");
    let target = |link: &str| {
        let (target, relation) = link.split_once("; ")?;
        (relation == "rel=\"next\"").then(|| target.trim_matches(['<', '>']).to_owned())
    };
    assert_eq!(links.filter_map(target).next(), body, "{}", answer.text());
    body
}

fn names(answer: &Answer) -> Vec<String> {
    let users = answer.json()["users"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let name = |user: &Value| user["name"].as_str().unwrap_or_default().to_owned();
    users.iter().map(name).collect()
}

/// All pages from this one on.
async fn walk(scene: &Scene, target: String) -> Vec<Vec<String>> {
    let (mut pages, mut target) = (Vec::new(), Some(target));
    while let Some(at) = target {
        let answer = scene.send(admin(Ask::get(&at))).await;
        assert_eq!(answer.status, 200, "{at}: {}", answer.text());
        pages.push(names(&answer));
        target = next(&answer);
        assert!(pages.len() < 20, "{pages:?} and no end");
    }
    pages
}

async fn a_list_goes_on_where_it_ended_in_every_order(host: &dyn Host) {
    let scene = Scene::of(host).await;
    // Names are in the order of their letters' numbers, and some are the same.
    let made = ["eve", "Zoe", "ada", "eve", "\u{e9}va", "bob", "eve"];
    for (index, name) in made.iter().enumerate() {
        let email = format!("{}@example.com", 9 - index);
        scene.created(json!({ "name": name, "email": email })).await;
    }
    let mut by_name = made.map(str::to_owned).to_vec();
    by_name.sort();
    let by_creation = made.map(str::to_owned).to_vec();
    let reversed = |names: &[String]| names.iter().rev().cloned().collect::<Vec<_>>();
    for (sort, expected) in [
        ("created_at", by_creation.clone()),
        ("-created_at", reversed(&by_creation)),
        ("name", by_name.clone()),
        ("-name", reversed(&by_name)),
        ("email", reversed(&by_creation)),
        ("-email", by_creation.clone()),
    ] {
        for limit in [1, 3, 7, 100] {
            let target = format!("{USERS_V2}?sort={sort}&limit={limit}");
            let pages = walk(&scene, target).await;
            assert_eq!(pages.concat(), expected, "{sort}, {limit}");
            let full = pages.iter().rev().skip(1);
            assert!(full.clone().all(|page| page.len() == limit), "{pages:?}");
        }
    }
    // Who comes in between moves nobody from one page to another.
    let first = scene
        .send(admin(Ask::get(&format!("{USERS_V2}?sort=name&limit=2"))))
        .await;
    scene.created(named("aaron")).await;
    let rest = walk(&scene, next(&first).unwrap()).await.concat();
    assert_eq!([names(&first), rest].concat(), by_name);
}

async fn a_list_has_whom_it_was_asked_for(host: &dyn Host) {
    let scene = Scene::of(host).await;
    for (name, subject) in [("ada", "1"), ("bob", "2"), ("a&b=c%", "3")] {
        let email = format!("user{subject}@b\u{fc}cher.example");
        let identity = json!({ "issuer": "https://login.example", "subject": subject });
        scene
            .created(json!({ "name": name, "email": email, "identity": identity }))
            .await;
    }
    for (query, expected) in [
        ("name=ada", vec!["ada"]),
        ("name=Ada", vec![]),
        ("name=a%26b%3Dc%25", vec!["a&b=c%"]),
        ("name=%27+OR+1%3D1+--", vec![]),
        ("email=USER2%40b%C3%BCcher.example", vec!["bob"]),
        ("email=user2@xn--bcher-kva.example", vec!["bob"]),
        ("subject=3", vec!["a&b=c%"]),
        ("issuer=https://login.example&subject=1", vec!["ada"]),
        (
            "issuer=https://login.example&sort=-name",
            vec!["bob", "ada", "a&b=c%"],
        ),
        ("name=ada&subject=2", vec![]),
    ] {
        let pages = walk(&scene, format!("{USERS_V2}?limit=1&{query}")).await;
        assert_eq!(pages.concat(), expected, "{query}");
    }
}

async fn a_cursor_is_nobodys_but_the_services(host: &dyn Host) {
    let scene = Scene::of(host).await;
    for name in ["ada", "bob", "eve"] {
        scene.created(named(name)).await;
    }
    let first = scene
        .send(admin(Ask::get(&format!("{USERS_V2}?sort=name&limit=1"))))
        .await;
    let next = next(&first).unwrap();
    let (before, cursor) = next.split_once("cursor=").unwrap();
    let turned: String = cursor.chars().rev().collect();
    for target in [
        format!("{before}cursor={turned}"),
        format!("{before}cursor="),
        format!("{before}cursor=AAAA"),
        format!("{before}cursor={cursor}A"),
        format!("{before}cursor={cursor}&name=bob"),
        format!("{USERS_V2}?sort=-name&cursor={cursor}"),
        format!("{USERS_V2}?cursor={cursor}"),
    ] {
        let answer = scene.send(admin(Ask::get(&target))).await;
        assert_eq!(answer.status, 400, "{target}: {}", answer.text());
        assert_eq!(answer.json()["errors"][0]["parameter"], "cursor");
    }
    // It gives nobody what they may not see.
    let other = by("bob", "", Ask::get(&next));
    assert_eq!(scene.send(other).await.status, 403);
    let good = scene.send(admin(Ask::get(&next))).await;
    assert_eq!((good.status, names(&good)), (200, vec!["bob".to_owned()]));
}

async fn both_versions_have_the_same_users_and_the_first_says_when_it_goes(host: &dyn Host) {
    let store = Store::with(&[
        ("users_v1_deprecated_at", "2027-01-31T00:00:00Z"),
        ("users_v1_sunset_at", "2028-01-31T00:00:00Z"),
    ])
    .await;
    let running = host.serve(&store.app, How::default()).await;
    let scene = Scene { store, running };
    let created = scene.send(create(&named("ada"))).await;
    let path = location(&created);
    let path_v2 = path.replace(USERS, USERS_V2);
    let (v1, v2) = (admin(Ask::get(&path)), admin(Ask::get(&path_v2)));
    let (v1, v2) = (scene.send(v1).await, scene.send(v2).await);
    assert_eq!((v1.status, v1.json()), (200, v2.json()));
    let ask = Ask::new("POST", USERS_V2).header("Content-Type", "application/json");
    let ask = admin(ask.body(named("bob").to_string().as_bytes()));
    let created_v2 = scene.send(ask).await;
    assert!(
        location(&created_v2).starts_with(USERS_V2),
        "{}",
        created_v2.text()
    );
    let refused = scene.send(Ask::get(USERS)).await;
    for (answer, is_first) in [
        (created, true),
        (v1, true),
        (refused, true),
        (v2, false),
        (created_v2, false),
    ] {
        let deprecation = answer.header("deprecation");
        assert_eq!(deprecation, is_first.then_some("@1801353600"));
        let sunset = answer.header("sunset");
        assert_eq!(sunset, is_first.then_some("Mon, 31 Jan 2028 00:00:00 GMT"));
    }
}
