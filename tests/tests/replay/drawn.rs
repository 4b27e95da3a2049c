//! Traffic that is drawn, under one policy that is drawn and, by what its log says, under another one: what the engine
//! itself decides there is what is due.

use crate::{RECORDING, Scene, key, replayed};
use doorward_policy::Policy;
use doorward_tests::numbers::Numbers;
use doorward_tests::sim::client::Sent;
use doorward_tests::sim::world::BEGIN_S;
use serde_json::json;
use std::collections::BTreeMap;

/// Pairs of policies.
const PAIRS: usize = 60;
/// Requests under each pair.
const REQUESTS: usize = 40;
/// Of how many lines in a hundred it may be said at most that they are undecidable.
const UNDECIDABLE_PERCENT_MAX: usize = 30;

fn one<'a>(numbers: &mut Numbers, of: &[&'a str]) -> &'a str {
    of[numbers.below(of.len())]
}

/// A policy that is drawn, without `[log]`.
fn policy(numbers: &mut Numbers) -> String {
    let audience = one(
        numbers,
        &[r#""api""#, r#""api""#, r#"["api", "web"]"#, r#""web""#],
    );
    let of_acme = one(
        numbers,
        &[
            "",
            "",
            "leeway_s = 0\n",
            "algorithms = [\"EdDSA\"]\n",
            "token_bytes_max = 512\n",
        ],
    );
    let mut text = format!(
        "[issuer.acme]\nurl = \"https://acme.example\"\naudience = {audience}\n\
         jwks_url = \"https://acme.example/keys\"\n{of_acme}\
         [issuer.new]\nurl = \"https://new.example\"\naudience = \"api\"\n\
         jwks_url = \"https://new.example/keys\"\n"
    );
    let key = key();
    let scope = one(numbers, &[r#""read""#, r#""read", "write""#, r#""other""#]);
    text += &format!(
        "[api_keys]\nheader = \"x-api-key\"\n[[api_keys.key]]\nname = \"ci\"\nid = \"{}\"\nhash = \"{}\"\n\
         scope = [{scope}]\n",
        key.id,
        key.digest.text()
    );
    text += one(
        numbers,
        &[
            "[identity]\nx-auth-subject = \"sub\"\n",
            "[identity]\nx-auth-subject = \"sub\"\n",
            "[identity]\nx-auth-tier = { claim = \"tier\", format = \"list\" }\n",
            "[identity]\nx-auth-level = \"level\"\n",
            "",
        ],
    );
    let places = one(
        numbers,
        &[
            "",
            "",
            "",
            "token_from = [\"authorization\", \"cookie:session\"]\n",
            "token_from = [\"header:x-token\", \"authorization\"]\n",
        ],
    );
    for path in ["/items/{id}", "/both/{id}", "/open/{id}", "/deep/{id}/more"] {
        if path.starts_with("/deep") && numbers.below(2) == 0 {
            continue;
        }
        text += &format!("[[route]]\npath = \"{path}\"\n");
        if path.starts_with("/open") && numbers.below(2) == 0 {
            text += "public = true\n";
            continue;
        }
        let issuers = one(
            numbers,
            &[r#""acme""#, r#""acme""#, r#"["acme", "new"]"#, r#""new""#],
        );
        let issuers = if path == "/both/{id}" {
            r#"["acme", "new"]"#
        } else {
            issuers
        };
        let accept = one(
            numbers,
            &[
                r#""jwt""#,
                r#"["jwt", "api-key"]"#,
                r#"["jwt", "api-key", "basic"]"#,
            ],
        );
        text += &format!("issuer = {issuers}\naccept = {accept}\n{places}");
        text += one(
            numbers,
            &[
                "",
                "",
                "methods = [\"GET\"]\n",
                "methods = [\"GET\", \"POST\"]\n",
            ],
        );
        text += one(numbers, &["", "", "", "auth = \"optional\"\n"]);
        text += one(
            numbers,
            &["", "scope = [\"read\"]\n", "scope = [\"write\"]\n"],
        );
        text += one(
            numbers,
            &[
                "",
                "[route.claims]\ntier = \"gold\"\n",
                "[route.claims]\ntier = [\"gold\", \"silver\"]\n",
                "[route.claims]\ntier = { none = [\"gold\"] }\nlevel = { present = true }\n",
                "[route.claims]\norg = { equals = \"{id}\" }\n",
                "[route.claims]\n\"realm.roles\" = \"chief\"\n",
                "[route.claims]\nplaces = { any = \"north\", keys = true }\n",
                "[route.claims]\nlevel = { absent = true }\n",
            ],
        );
    }
    text
}

/// One of which `check` finds nothing wrong: an issuer may be drawn that no route accepts.
fn sound_policy(numbers: &mut Numbers) -> String {
    loop {
        let text = policy(numbers);
        if Policy::parse(&text).is_ok() {
            return text;
        }
    }
}

/// The two of a pair: the same claims are named in both, but for one pair in four.
fn pair(numbers: &mut Numbers) -> [String; 2] {
    // A rule that nobody can reach, so that claims are recorded that only the other policy needs.
    const NAMES_ALL: &str = "[[route]]\npath = \"/names/{id}\"\nissuer = \"acme\"\n[route.claims]\ntier = \"no\"\nlevel = 0\n\
         org = \"no\"\n\"realm.roles\" = \"no\"\nplaces = { any = \"no\", keys = true }\n";
    let [old, new] = [(); 2].map(|()| sound_policy(numbers));
    match numbers.below(4) {
        0 => [old, new],
        _ => [old + NAMES_ALL, new],
    }
}

/// A request that is drawn, twice the same.
fn drawn(numbers: &mut Numbers, tokens: &[String]) -> impl Fn() -> Sent + use<> {
    let key = key().text;
    let target = one(
        numbers,
        &[
            "/items/7",
            "/items/7",
            "/items/7?q=hidden-1",
            "/both/7",
            "/both/8",
            "/open/7",
            "/deep/7/more",
            "/nowhere",
            "/items/7/more",
            "/items/%37",
            "/items/%2e%2e",
            "/ITEMS/7",
        ],
    )
    .to_owned();
    let method = one(numbers, &["GET", "GET", "GET", "POST", "DELETE"]).to_owned();
    let token = tokens[numbers.below(tokens.len())].clone();
    let basic = |name: &str| {
        use base64::Engine as _;
        let text = format!("{name}:{key}");
        format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(text))
    };
    let fields: Vec<(&str, String)> = match numbers.below(16) {
        0 => vec![],
        1 => vec![("x-api-key", key)],
        2 => vec![("x-api-key", format!("{key}x"))],
        3 => vec![("authorization", basic("ci"))],
        4 => vec![("authorization", basic("other"))],
        5 => vec![("authorization", "Bearer a b".to_owned())],
        6 => vec![("authorization", "Digest a".to_owned())],
        7 => vec![("cookie", format!("session={token}; other=1"))],
        8 => vec![("x-token", token)],
        9 => vec![
            ("authorization", format!("Bearer {token}")),
            ("x-api-key", key),
        ],
        _ => vec![("authorization", format!("Bearer {token}"))],
    };
    let fields: Vec<(String, String)> = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    move || {
        let mut sent = Sent::get(&target).with_method(&method);
        for (name, value) in &fields {
            sent = sent.field(name, value);
        }
        sent
    }
}

fn tokens(scene: &Scene) -> Vec<String> {
    let mut tokens = Vec::new();
    for claims in [
        json!({}),
        json!({ "tier": "gold", "level": 3, "org": "7", "realm": { "roles": ["chief"] } }),
        json!({ "tier": "gold", "scope": "read write", "org": "8", "places": { "north": {} } }),
        json!({ "tier": ["silver", { "name": "Alice in the list" }], "realm": ["chief"] }),
        json!({ "tier": { "gold": true }, "level": "three", "places": ["north"] }),
        json!({ "level": 2.5, "realm": { "roles": { "chief": true } }, "org": null }),
        json!({ "scope": "write", "level": 4, "tier": 7 }),
        json!({ "aud": "web", "tier": "silver" }),
        json!({ "aud": ["web", "api"], "org": "7" }),
        json!({ "email": "alice@mail.example", "tier": "gold", "filler": "f".repeat(300) }),
        // It ends within the leeway.
        json!({ "exp": BEGIN_S - 10, "tier": "gold" }),
    ] {
        tokens.push(scene.token(claims));
    }
    tokens.push(scene.token(json!({ "exp": BEGIN_S - 1000 })));
    let stranger = scene
        .acme
        .token_by("of a stranger", &scene.stage.world, json!({}));
    tokens.push(stranger);
    let new = json!({ "scope": "read write", "tier": "gold", "org": "7" });
    tokens.push(scene.new.token_by("second", &scene.stage.world, new));
    tokens
}

#[test]
fn what_is_decided_again_is_what_the_engine_decides_under_the_other_policy_or_told_undecidable() {
    let mut numbers = Numbers::new(65);
    let (mut lines, mut differing) = (0, BTreeMap::<(String, String), usize>::new());
    let mut undecidable = BTreeMap::<&str, usize>::new();
    for number in 0..PAIRS {
        let [old, new] = pair(&mut numbers);
        let before = Scene::new(&format!("{RECORDING}{old}"));
        let after = Scene::new(&new);
        let by_old = Policy::parse(&old).unwrap_or_else(|found| panic!("{old}\n{found}"));
        let by_new = Policy::parse(&new).unwrap_or_else(|found| panic!("{new}\n{found}"));
        let tokens = tokens(&before);
        for request in 0..REQUESTS {
            let sent = drawn(&mut numbers, &tokens);
            let (was, _) = before.verdict(sent());
            let (due, _) = after.verdict(sent());
            let line = before.line();
            let what = format!("{number}.{request}: {line:#?}\n{old}\n----\n{new}");
            lines += 1;
            match replayed(&by_old, line.clone()) {
                Ok(same) => assert_eq!(same, was, "by the policy itself: {what}"),
                Err(why) => assert_ne!(was, "admitted", "by the policy itself: {why}: {what}"),
            }
            match replayed(&by_new, line) {
                Ok(said) => {
                    assert_eq!(said, due, "{what}");
                    if said != was {
                        *differing.entry((was, said)).or_default() += 1;
                    }
                }
                Err(why) => *undecidable.entry(why).or_default() += 1,
            }
        }
    }
    let undecided: usize = undecidable.values().sum();
    assert!(
        undecided * 100 <= lines * UNDECIDABLE_PERCENT_MAX,
        "{undecided} of {lines}: {undecidable:#?}"
    );
    let differences: usize = differing.values().sum();
    assert!(
        differences > lines / 8,
        "{differences} of {lines}: {differing:#?}"
    );
    for (was, said) in [
        ("admitted", "insufficient-scope"),
        ("admitted", "forbidden"),
        ("admitted", "invalid-token"),
        ("insufficient-scope", "admitted"),
        ("forbidden", "admitted"),
        ("no-credential", "admitted"),
        ("admitted", "no-credential"),
    ] {
        let pair = (was.to_owned(), said.to_owned());
        assert!(differing.contains_key(&pair), "{pair:?}: {differing:#?}");
    }
}
