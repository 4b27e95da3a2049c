//! Claims: what the log says of them, why a header is absent, and that a plain reading of the rules agrees
//! with the one that decides.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use doorward_policy::{
    AbsentHeader, Authenticated, Issuer, Pending, Permit, Policy, Refusal, Screened,
};
use doorward_tests::head;
use doorward_tests::mint::SigningKey;
use doorward_tests::numbers::Numbers;
use doorward_token::{KeySet, Nothing, UnixTime, UnverifiedToken, VerifiedToken};
use serde_json::{Map, Value, json};
use std::sync::Arc;

const NOW: UnixTime = UnixTime(1_800_000_000);
const ISSUER: &str = "[issuer.acme]\nurl = \"https://acme.example\"\naudience = \"api\"\n";

#[test]
fn the_log_says_what_is_wrong_with_a_claim_and_not_what_it_is() {
    for (rule, claims, reason) in [
        ("'a.b' = 1", json!({}), "the claim a.b is absent"),
        (
            "'a.b' = 1",
            json!({ "a": { "b": null } }),
            "the claim a.b is null",
        ),
        (
            "'a.b' = 1",
            json!({ "a": ["secret"] }),
            "the claim a.b is looked for inside a list, where no path leads",
        ),
        (
            "'a.b' = 1",
            json!({ "a": "secret" }),
            "the claim a.b is looked for inside a value that is no object",
        ),
        (
            "a = 'x'",
            json!({ "a": "secret" }),
            "the claim a has none of the values that the rule lists",
        ),
        (
            "a = { all = ['x', 'y'] }",
            json!({ "a": ["x", "secret"] }),
            "the claim a has not all of the values that the rule lists",
        ),
        (
            "a = { none = ['secret'] }",
            json!({ "a": "secret" }),
            "the claim a has a value that the rule excludes",
        ),
        (
            "a = { none = ['x'] }",
            json!({ "a": { "secret": 1 } }),
            "the claim a is of a type that cannot be compared with what the rule excludes",
        ),
        (
            "a = { absent = true }",
            json!({ "a": "secret" }),
            "the claim a is there, and the rule asks that it be absent",
        ),
        (
            "a = { equals = '{id}' }",
            json!({ "a": "secret" }),
            "the claim a is not the text that the path has in its place",
        ),
        (
            "a = { any = 'x', keys = true }",
            json!({ "a": "secret" }),
            "the claim a is no object, so it has no keys",
        ),
    ] {
        let policy = policy(&format!("[route.claims]\n{rule}\n"));
        let token = token(&policy, &claims);
        let refusal = decide(&policy, &token).unwrap_err();
        assert_eq!(refusal.status(), 403, "{rule}");
        assert_eq!(refusal.reason().to_string(), reason, "{rule}");
    }
}

#[test]
fn the_log_names_what_the_first_alternative_that_fits_lacks() {
    let policy = policy(
        "[[route.allow]]\nclaims = { 'a.b' = 1 }\n[[route.allow]]\nscope = \"x\"\nclaims = { c = 1 }\n",
    );
    for (claims, reason) in [
        (json!({}), "the claim a.b is absent"),
        (json!({ "c": 1 }), "the claim a.b is absent"),
        (json!({ "scope": "x" }), "the claim a.b is absent"),
    ] {
        let refusal = decide(&policy, &token(&policy, &claims)).unwrap_err();
        assert_eq!(refusal.reason().to_string(), reason);
    }
    for claims in [json!({ "a": { "b": 1 } }), json!({ "scope": "x", "c": 1 })] {
        decide(&policy, &token(&policy, &claims)).unwrap();
    }
}

#[test]
fn only_issuers_whose_alternatives_are_for_the_kind_are_asked_for_keys() {
    let issuer = |name: &str| {
        format!("[issuer.{name}]\nurl = \"https://{name}.example\"\naudience = \"api\"\n")
    };
    let text = format!(
        "{}{}introspection = {{ client_id = \"gate\", secret = \"s\" }}\n{}[[route]]\npath = \
         \"/{{id}}\"\n[[route.allow]]\nissuer = \"a\"\naccept = \"jwt\"\n[[route.allow]]\nissuer = \
         \"b\"\naccept = \"opaque\"\n[[route.allow]]\nissuer = [\"c\", \"a\"]\naccept = \"jwt\"\n\
         scope = \"x\"\n",
        issuer("a"),
        issuer("b"),
        issuer("c")
    );
    let policy = Policy::parse(&text).unwrap_or_else(|found| panic!("{found}"));
    let of = |token: &str| {
        let fields = [format!("Bearer {token}").into_bytes()];
        match policy.screen(&head("/7", &fields, &[])) {
            Ok(Screened::Protected(pending)) => {
                let all = policy.issuers().iter();
                let accepted: Vec<_> = all.filter(|issuer| pending.accepts(issuer)).collect();
                let by_url = |name| pending.issuer_by_url(&format!("https://{name}.example"));
                let by_url: Vec<_> = ["a", "b", "c"].into_iter().filter_map(by_url).collect();
                assert_eq!(accepted, by_url, "{token}");
                let numbers = |of: Vec<&Arc<Issuer>>| {
                    of.into_iter()
                        .map(|issuer| issuer.number())
                        .collect::<Vec<_>>()
                };
                (numbers(pending.issuers().collect()), numbers(accepted))
            }
            other => panic!("the route is protected, not {other:?}"),
        }
    };
    assert_eq!(of("a.b.c"), (vec![0, 2], vec![0, 2]));
    assert_eq!(of("opaque"), (vec![1], vec![1]));
}

#[test]
fn conditions_that_some_claim_meets_are_no_findings() {
    for conditions in [
        "present = true }, 'a.b' = { present = true",
        "any = ['x'], keys = true }, 'a.x' = { any = ['y']",
        "absent = true }, 'a.b' = { absent = true",
        "none = ['x'] }, 'a.b' = { none = ['y']",
        "any = ['x'] }, '\"a.b\"' = { present = true",
        "any = ['x', 1], none = [2]",
        "any = ['x', 1], none = ['y', 2]",
        "all = ['x', 1], none = ['y', 2, true]",
        "any = ['x'], all = ['y'], none = ['z']",
        "any = ['x'], none = ['z'], keys = true",
        "none = [1], present = true",
        "equals = '{id}', any = ['x', 1]",
        "equals = '{id}', all = 'x'",
        "equals = '{id}', none = ['admin', 1], present = true",
    ] {
        let text = format!(
            "[issuer.acme]\nurl = \"https://acme.example\"\naudience = \"api\"\n[[route]]\npath = \
             \"/{{id}}\"\nclaims = {{ a = {{ {conditions} }} }}\n"
        );
        let policy = Policy::parse(&text).unwrap_or_else(|found| panic!("{conditions}: {found}"));
        assert!(policy.warnings().is_empty(), "{conditions}");
    }
}

#[test]
fn alternatives_that_add_something_are_no_findings() {
    let other = "[issuer.other]\nurl = \"https://other.example\"\naudience = \"api\"\n[api_keys]\n";
    for (first, second) in [
        ("scope = 'x'", "scope = 'y'"),
        ("scope = ['x', 'y']", "scope = ['y', 'z']"),
        ("scope = 'x'", "claims = { a = 1 }"),
        (
            "scope = 'x'\nclaims = { a = 1 }",
            "claims = { a = 1, b = 1 }",
        ),
        ("claims = { a = 1 }", "claims = { a = 2 }"),
        ("claims = { a = [1, 2] }", "claims = { a = [2, 3] }"),
        ("claims = { a = 1 }", "claims = { a = '1' }"),
        (
            "claims = { a = 1 }",
            "claims = { a = { any = [1, 2], none = [3] } }",
        ),
        (
            "claims = { a = { all = [1, 2] }, b = 2 }",
            "claims = { a = [1, 3], b = 1 }",
        ),
        (
            "claims = { a = { none = [1] } }",
            "claims = { a = { none = [2] } }",
        ),
        (
            "claims = { a = { none = [1, true] } }",
            "claims = { a = { none = ['1', 1] } }",
        ),
        (
            "claims = { a = { none = [1] } }",
            "claims = { a = { none = ['1', 1, 2] } }",
        ),
        ("claims = { a = { none = [1] } }", "claims = { a = 2 }"),
        (
            "claims = { a = { present = true } }",
            "claims = { a = { absent = true } }",
        ),
        (
            "claims = { a = { present = true } }",
            "claims = { a = { none = [1] } }",
        ),
        (
            "claims = { a = 'x' }",
            "claims = { a = { any = 'x', keys = true } }",
        ),
        (
            "claims = { a = { equals = '{id}' } }",
            "claims = { b = { equals = '{id}' } }",
        ),
        (
            "claims = { a = { equals = '{id}' } }",
            "claims = { a = { present = true, none = ['x'] } }",
        ),
        ("claims = { 'a.b' = 1 }", "claims = { '\"a.b\"' = 1 }"),
        ("accept = 'jwt'", "accept = 'basic'"),
        (
            "accept = 'basic'\nscope = 'x'",
            "accept = ['basic', 'jwt']\nscope = ['x', 'y']",
        ),
    ] {
        let issuer = |text: &str| {
            let by_token = !text.starts_with("accept = 'basic'");
            if by_token { "issuer = 'acme'\n" } else { "" }
        };
        let policy = format!(
            "{ISSUER}{other}[[route]]\npath = \"/\"\nissuer = \"other\"\naccept = [\"jwt\", \
             \"basic\"]\n[[route]]\npath = \"/{{id}}\"\n[[route.allow]]\n{}{first}\n\
             [[route.allow]]\n{}{second}\n",
            issuer(first),
            issuer(second)
        );
        match Policy::parse(&policy) {
            Ok(policy) => assert!(policy.warnings().is_empty(), "{}", policy.warnings()),
            Err(found) => panic!("{}", found.render("policy", Some(&policy))),
        }
    }
}

#[test]
fn a_permit_says_which_headers_are_absent_and_why() {
    let identity = "[identity]\nx-a = \"sub\"\nx-b = \"a.b\"\nx-c = { claim = \"c\", format = \"list\" }\n\
                    x-d = \"scope\"\nx-e = { claim = \"e\", format = \"json\", keys = true }\n";
    let policy = policy(identity);
    let absent = |claims: Value| {
        let token = token(&policy, &claims);
        let permit = decide(&policy, &token).unwrap();
        let absent: Vec<_> = permit.absent_headers().collect();
        assert_eq!(absent.len() + permit.identity_headers().count(), 5);
        absent
    };
    let nothing = |name, nothing| (name, AbsentHeader::Nothing(nothing));
    assert_eq!(
        absent(json!({})),
        [
            nothing("x-a", Nothing::Absent),
            nothing("x-b", Nothing::Absent),
            nothing("x-c", Nothing::Absent),
            ("x-d", AbsentHeader::NoScopes),
            nothing("x-e", Nothing::Absent),
        ]
    );
    assert_eq!(
        absent(json!({ "sub": "x", "a": [1], "c": [], "scope": "", "e": {} })),
        [
            nothing("x-b", Nothing::ThroughList),
            ("x-c", AbsentHeader::EmptyList),
            ("x-d", AbsentHeader::NoScopes),
            ("x-e", AbsentHeader::EmptyList),
        ]
    );
    assert_eq!(
        absent(json!({ "sub": "x", "a": "secret", "c": null, "scope": "r", "e": { "k": 1 } })),
        [
            nothing("x-b", Nothing::ThroughValue),
            nothing("x-c", Nothing::Null),
        ]
    );
    assert_eq!(
        absent(json!({ "sub": "x", "a": { "b": "" }, "c": ["r"], "scope": "r", "e": { "k": 1 } })),
        []
    );
    let said = AbsentHeader::Nothing(Nothing::Null).to_string();
    assert_eq!(said, "its claim is null");
}

/// What a rule asks for, read slowly and plainly.
struct Plain {
    lists: [(&'static str, Vec<Value>); 3],
    present: bool,
    absent: bool,
    keys: bool,
}

impl Plain {
    fn random(numbers: &mut Numbers) -> Self {
        let mut list = |name| {
            let count = numbers.below(4);
            let pool = [
                json!("a"),
                json!("b"),
                json!(1),
                json!(2),
                json!(true),
                json!(false),
            ];
            let values = (0..count).map(|_| pool[numbers.below(pool.len())].clone());
            (name, values.collect())
        };
        let lists = [list("any"), list("all"), list("none")];
        Self {
            lists,
            present: numbers.below(4) == 0,
            absent: numbers.below(8) == 0,
            keys: numbers.below(4) == 0,
        }
    }

    fn policy(&self) -> String {
        let mut text = String::from("[route.claims.\"p.q\"]\n");
        for (name, values) in &self.lists {
            if !values.is_empty() {
                text.push_str(&format!("{name} = {}\n", Value::from(values.clone())));
            }
        }
        for (name, wanted) in [
            ("present", self.present),
            ("absent", self.absent),
            ("keys", self.keys),
        ] {
            if wanted {
                text.push_str(&format!("{name} = true\n"));
            }
        }
        text
    }

    fn admits(&self, claims: &Value) -> bool {
        let [(_, any), (_, all), (_, none)] = &self.lists;
        let value = match claims.get("p") {
            None | Some(Value::Null) => None,
            Some(Value::Object(members)) => members.get("q").filter(|value| !value.is_null()),
            Some(_) => return false,
        };
        let Some(value) = value else {
            return any.is_empty() && all.is_empty() && !self.present;
        };
        let values: Vec<Value> = match value {
            Value::Object(members) if self.keys => {
                members.keys().cloned().map(Value::String).collect()
            }
            _ if self.keys => return false,
            Value::Array(elements) => elements.clone(),
            value => vec![value.clone()],
        };
        let kind = |value: &Value| match value {
            Value::String(_) => 1,
            Value::Bool(_) => 2,
            Value::Number(number) if !number.is_f64() => 3,
            _ => 0,
        };
        let comparable = values.iter().all(|value| {
            let same = |other: &Value| kind(value) != 0 && kind(value) == kind(other);
            none.iter().any(same)
        });
        !self.absent
            && (any.is_empty() || any.iter().any(|one| values.contains(one)))
            && all.iter().all(|one| values.contains(one))
            && (none.is_empty() || (comparable && !none.iter().any(|one| values.contains(one))))
    }
}

#[test]
fn a_plain_reading_of_a_rule_admits_the_same_claims() {
    const RULES: usize = 400;
    const CLAIMS: usize = 60;
    let mut numbers = Numbers::new(11);
    let (mut rules, mut admitted, mut refused) = (0, 0, 0);
    while rules < RULES {
        let plain = Plain::random(&mut numbers);
        let text = format!("{ISSUER}[[route]]\npath = \"/{{id}}\"\n{}", plain.policy());
        // Those that contradict themselves are findings.
        let Ok(policy) = Policy::parse(&text) else {
            continue;
        };
        rules += 1;
        for _ in 0..CLAIMS {
            let claims = random_claims(&mut numbers);
            let admits = decide(&policy, &token(&policy, &claims)).is_ok();
            assert_eq!(admits, plain.admits(&claims), "{text}\n{claims}");
            *(if admits { &mut admitted } else { &mut refused }) += 1;
        }
    }
    assert!(admitted > 1000 && refused > 1000, "{admitted} {refused}");
}

/// Claims with something at `p.q`, mostly.
fn random_claims(numbers: &mut Numbers) -> Value {
    match numbers.below(10) {
        0 => json!({}),
        1 => json!({ "p": random_value(numbers, 0) }),
        2 => json!({ "p.q": random_value(numbers, 0), "q": random_value(numbers, 0) }),
        _ => json!({ "p": { "q": random_value(numbers, 2) } }),
    }
}

fn random_value(numbers: &mut Numbers, depth: usize) -> Value {
    let simple = [
        json!("a"),
        json!("b"),
        json!("c"),
        json!(1),
        json!(2),
        json!(1.0),
        json!(true),
        json!(false),
        json!(null),
    ];
    let choice = numbers.below(if depth == 0 { 9 } else { 18 });
    if let Some(value) = simple.get(choice) {
        return value.clone();
    }
    let count = numbers.below(4);
    if choice < 15 {
        (0..count)
            .map(|_| random_value(numbers, depth - 1))
            .collect()
    } else {
        let names = ["a", "b", "c", "1"];
        let members = (0..count).map(|_| {
            let name = names[numbers.below(names.len())].to_owned();
            (name, random_value(numbers, depth - 1))
        });
        Value::Object(members.collect())
    }
}

/// A policy with one route, to which the text belongs.
fn policy(text: &str) -> Policy {
    let text = format!("{ISSUER}[[route]]\npath = \"/{{id}}\"\n{text}");
    Policy::parse(&text).unwrap_or_else(|found| panic!("{text}\n{found}"))
}

fn token(policy: &Policy, claims: &Value) -> VerifiedToken {
    let key = SigningKey::ed25519("acme-1");
    let mut all: Map<String, Value> = claims.as_object().unwrap().clone();
    all.insert("iss".to_owned(), json!("https://acme.example"));
    all.insert("aud".to_owned(), json!("api"));
    all.insert("exp".to_owned(), json!(NOW.0 + 300));
    let compact = key.sign(&Map::new(), &all);
    let keys = json!({ "keys": [key.jwk()] }).to_string();
    let keys = KeySet::parse(keys.as_bytes()).unwrap();
    let expectations = policy.issuers().first().unwrap().expectations();
    let token = UnverifiedToken::parse(compact.as_bytes()).unwrap();
    token.verify(&keys, expectations, NOW).unwrap()
}

fn decide<'p>(policy: &'p Policy, token: &VerifiedToken) -> Result<Permit<'p>, Refusal> {
    let fields = [b"Bearer a.b.c".to_vec()];
    let pending: Pending<'p, '_> = match policy.screen(&head("/7", &fields, &[])) {
        Ok(Screened::Protected(pending)) => pending,
        other => panic!("the route is protected, not {other:?}"),
    };
    let issuer = &policy.issuers()[0];
    let who = Authenticated::Token { issuer, token };
    pending.authorise(who, None, NOW)
}
