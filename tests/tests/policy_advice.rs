//! What `doorward check` says of policies that can be used, and let in more or fewer than was meant.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use doorward_policy::{Code, Findings, Policy, Severity, advise};
use doorward_tests::findings::{Case, cases, check};
use doorward_tests::providers::blocks;

const GITHUB: &str = r#"
[issuer.github]
url = "https://token.actions.githubusercontent.com"
audience = "https://deploy.acme.example"
tokens = "id"
"#;

const ACME: &str = "[issuer.acme]\nurl = \"https://acme.example\"\naudience = \"api\"\n";

/// Everything that is said of a policy.
fn advised(text: &str) -> Findings {
    match Policy::parse(text) {
        Ok(policy) => advise(text, policy.warnings()),
        Err(found) => advise(text, &found),
    }
}

#[test]
fn what_is_probably_not_meant_is_told_with_its_place() {
    for Case { policy, code, says } in cases("advice") {
        let found = advised(&policy.replace('▸', ""));
        let mut warnings = found
            .as_slice()
            .iter()
            .filter(|one| one.severity() == Severity::Warning);
        let Some(finding) = warnings.next() else {
            panic!("nothing is said of:\n{policy}\n{found}");
        };
        assert!(
            warnings.next().is_none(),
            "more than one:\n{policy}\n{found}"
        );
        check(&policy, finding, &code, &says);
    }
}

#[test]
fn what_is_meant_is_not_talked_about() {
    for text in [
        // A claim that is called as a key of routes: in quotes, or in a table of its own.
        "[[route]]\npath = \"/a\"\n[route.claims]\nrepository_id = \"1\"\n\"public\" = true\n",
        "[[route]]\npath = \"/a\"\nclaims = { repository_id = \"1\", upstream = \"x\" }\n",
        // Any of the claims that tell, by any condition that something has to meet.
        "[[route]]\npath = \"/a\"\nclaims = { repository_owner_id = \"1\" }\n",
        "[[route]]\npath = \"/a\"\nclaims = { sub = { present = true } }\n",
        "[[route]]\npath = \"/{r}\"\nclaims = { repository_id = { equals = \"{r}\" } }\n",
        "[[route]]\npath = \"/a\"\nclaims = { repository = { any = [\"a/b\"], none = [\"c/d\"] } }\n",
        // Nobody needs a token of GitHub.
        "[[route]]\npath = \"/a\"\nclaims = { sub = \"x\" }\n[[route]]\npath = \"/b\"\npublic = true\n",
        "[[route]]\npath = \"/a\"\nclaims = { sub = \"x\" }\n[[route]]\npath = \"/b\"\naccept = [\"api-key\"]\n\
         [api_keys]\nheader = \"x-api-key\"\n",
        "[[route]]\npath = \"/a\"\nauth = \"optional\"\n",
        // Numbers of claims that have some.
        "[[route]]\npath = \"/a\"\nclaims = { sub = \"x\", level = 3 }\n",
    ] {
        let text = format!("{GITHUB}{text}");
        let found = advised(&text);
        assert!(found.is_empty(), "{text}\n{found}");
    }
    for text in [
        // Another issuer, whose audiences are given by it.
        "[issuer.a]\nurl = \"https://login.example\"\naudience = \"account\"\n[[route]]\npath = \"/a\"\n",
        // An enterprise at GitHub that has an issuer of its own, and tenants that are listed.
        "[issuer.a]\nurl = \"https://token.actions.githubusercontent.com/acme\"\naudience = \"a\"\n\
         [[route]]\npath = \"/a\"\n",
        "[issuer.a]\nurl = \"https://login.microsoftonline.com/{tenant}/v2.0\"\naudience = \"a\"\n\
         tenants = [\"11111111-1111-1111-1111-111111111111\"]\n[[route]]\npath = \"/a\"\n",
        "[issuer.a]\nurl = \"https://login.acme.example/{tenant}\"\naudience = \"a\"\ntenants = \"any\"\n\
         jwks_url = \"https://login.acme.example/keys\"\n[[route]]\npath = \"/a\"\n",
        "[issuer.a]\nurl = \"https://login.acme.example/realms/a\"\naudience = \"accounts\"\n[[route]]\n\
         path = \"/a\"\n",
    ] {
        let found = advised(text);
        assert!(found.is_empty(), "{text}\n{found}");
    }
}

#[test]
fn a_format_that_is_asked_for_no_less_is_not_talked_about() {
    for text in [
        // No rule takes it.
        "[[route]]\npath = \"/admin\"\nscope = [\"admin\"]\n[[route]]\npath = \"/other/**\"\npublic = true\n",
        // It has a rule of its own.
        "[[route]]\npath = \"/admin\"\nscope = [\"admin\"]\n[[route]]\npath = \"/admin.json\"\n\
         scope = [\"admin\"]\n[[route]]\npath = \"/{page}\"\npublic = true\n",
        // The general rule asks for as much, or for more.
        "[[route]]\npath = \"/admin\"\nscope = [\"a\"]\n[[route]]\npath = \"/{page}\"\nscope = [\"a\"]\n",
        "[[route]]\npath = \"/admin\"\nscope = [\"a\"]\n[[route]]\npath = \"/**\"\nscope = [\"a\", \"b\"]\n\
         claims = { c = 1 }\n",
        // What is public is so in every format, and the last segment is any.
        "[[route]]\npath = \"/page\"\npublic = true\n[[route]]\npath = \"/{page}\"\nscope = [\"a\"]\n",
        "[[route]]\npath = \"/a/{page}\"\nscope = [\"a\"]\n[[route]]\npath = \"/a/**\"\npublic = true\n",
        // No such method.
        "[[route]]\npath = \"/admin\"\nmethods = [\"PUT\"]\nscope = [\"a\"]\n[[route]]\npath = \"/{page}\"\n\
         methods = [\"GET\"]\npublic = true\n",
        // The rule for a path itself is another one.
        "[[route]]\npath = \"/a\"\npublic = true\n[[route]]\npath = \"/a/**\"\nscope = [\"a\"]\n[[route]]\n\
         path = \"/{page}\"\npublic = true\n",
        "[[route]]\npath = \"/**\"\nscope = [\"a\"]\n",
    ] {
        let text = format!("{ACME}{text}");
        let found = advised(&text);
        assert!(found.is_empty(), "{text}\n{found}");
    }
}

#[test]
fn nothing_is_advised_about_what_this_repository_shows() {
    for block in blocks() {
        let found = advised(&block.policy);
        assert!(
            found.is_empty(),
            "{}, line {}:\n{found}",
            block.provider,
            block.line
        );
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../doorward.toml");
    let found = advised(&std::fs::read_to_string(path).unwrap());
    assert!(found.is_empty(), "{found}");
}

#[test]
fn what_cannot_be_read_is_left_at_that() {
    let huge = "x".repeat(doorward_policy::load::POLICY_BYTES_MAX + 1);
    for text in [
        "",
        "[",
        "route = 1",
        "[[route]]\nclaims = [1]",
        "issuer = 1",
        "▸",
        &huge,
    ] {
        let found = Policy::parse(text).unwrap_err();
        let codes = |findings: &Findings| -> Vec<Code> {
            findings.as_slice().iter().map(|one| one.code).collect()
        };
        assert_eq!(codes(&advise(text, &found)), codes(&found));
    }
    // Findings of another text have places that this one lacks.
    let found = Policy::parse("[[route]]\npath = \"/é\"\n").unwrap_err();
    assert_eq!(advise("", &found).as_slice().len(), found.as_slice().len());
}

#[test]
fn what_is_wrong_is_told_with_what_to_write() {
    for (line, code, help) in [
        // Keys that need quotes.
        (
            "[route.claims]\ncognito:groups = \"x\"",
            "syntax",
            "write `\"cognito:groups\" = …`",
        ),
        (
            "claims = { cognito:groups = \"x\" }",
            "syntax",
            "write `\"cognito:groups\" = …`",
        ),
        (
            "claims = { a = 1, urn:b = \"x\" }",
            "syntax",
            "write `\"urn:b\" = …`",
        ),
        (
            "[route.claims]\nhttps://acme.example/roles = \"x\"",
            "syntax",
            "write `\"https://acme.example/roles\" = …`",
        ),
        // Values of another type.
        ("scope = 5", "wrong-type", "write it in quotes: `\"5\"`"),
        (
            "token_from = [\"authorization\", 7]",
            "wrong-type",
            "write it in quotes: `\"7\"`",
        ),
        (
            "limits = 9 # bytes",
            "wrong-type",
            "write it in quotes: `\"9\"`",
        ),
        (
            "public = \"true\"",
            "wrong-type",
            "write it without quotes: `true`",
        ),
        (
            "[revocation]\ntoken_lifetime_max_s = \"7d\"",
            "wrong-type",
            "write the number alone, without quotes and unit",
        ),
        (
            "claims = \"admin\"",
            "wrong-type",
            "write a header of its own",
        ),
        // Nothing, where there are defaults.
        (
            "cors = \"none\"",
            "unknown-name",
            "`cors = false` leaves out what `[defaults]` says",
        ),
        (
            "limits = \"off\"",
            "unknown-name",
            "`limits = false` leaves out",
        ),
        ("cors = \"web\"", "unknown-name", "add `[cors.NAME]`"),
        ("upstream = \"x\"", "unknown-name", "add `[upstream.NAME]`"),
        (
            "[route.claims]\nresource_access.my.client.roles = \"x\"",
            "unknown-key",
            "in double quotes inside",
        ),
        // A path that says too little.
        (
            "claims = { sub = { equals = \"{id}\" } }",
            "bad-value",
            "write `{id}` as a segment of `path`",
        ),
        (
            "[[route]]\npath = \"b\"",
            "bad-pattern",
            "from the first `/` on",
        ),
        (
            "[[route]]\npath = \"/a\"",
            "contradiction",
            "give them other `methods`",
        ),
        (
            "accept = \"api-key\"",
            "missing-key",
            "add `[api_keys]` with `header` or `query`",
        ),
        (
            "accept = \"basic\"",
            "missing-key",
            "add `[api_keys]`, if only that line",
        ),
    ] {
        let text = format!("{ACME}[[route]]\npath = \"/a\"\n{line}\n");
        let found = advised(&text);
        let first = found
            .as_slice()
            .iter()
            .find(|one| one.code.as_str() == code);
        let first = first.unwrap_or_else(|| panic!("no {code}:\n{text}\n{found}"));
        let words = first.help.as_deref().unwrap_or_default();
        assert!(words.contains(help), "{help:?} of\n{text}\n{found}");
    }
}

#[test]
fn one_mistake_is_one_finding() {
    for text in [
        // What would be said of the issuer, or of missing routes, comes from it.
        format!("{ACME}[[routes]]\npath = \"/a\"\n"),
        format!("{ACME}[[route]]\npath = \"/a\"\npublic = \"true\"\n"),
        format!("{ACME}[[route]]\npath = \"/a\"\nissuer = \"acm\"\n"),
        format!("{ACME}[[route]]\npath = \"/a\"\naccept = \"api-kye\"\n"),
        format!("{ACME}[[route]]\npath = \"/a\"\naccept = \"jwtt\"\n[api_keys]\n"),
    ] {
        let found = advised(&text);
        assert_eq!(found.as_slice().len(), 1, "{text}\n{found}");
        assert!(found.has_errors(), "{text}\n{found}");
    }
}

#[test]
fn advice_stands_among_the_findings_in_the_order_of_the_file() {
    let text = format!(
        "{GITHUB}[[route]]\npath = \"/a\"\nmethods = [\"ODD\"]\n[[route]]\npath = \"/b\"\nclaims = {{ sub = 1 }}\n"
    );
    let codes: Vec<Code> = advised(&text)
        .as_slice()
        .iter()
        .map(|one| one.code)
        .collect();
    assert_eq!(
        codes,
        [Code::OpenToAll, Code::UnregisteredMethod, Code::NeverEqual]
    );
}

#[test]
fn a_header_that_divides_what_another_limit_bounds_is_not_talked_about() {
    let tenant = "[rate_limit.tenant]\nrequests = 1\nper_s = 1\nkey = \"header:x-tenant\"\n";
    let failing = tenant.to_owned() + "counts = \"failed-authentication\"\n";
    let other = |lines: &str| format!("[rate_limit.other]\nrequests = 1\nper_s = 1\n{lines}\n");
    let both = "[[route]]\npath = \"/a\"\nrate_limit = [\"tenant\", \"other\"]\n";
    let by_key = "accept = [\"jwt\", \"api-key\"]\n[api_keys]\nheader = \"x-api-key\"\n";
    for text in [
        format!("{tenant}{}{both}", other("")),
        format!("{tenant}{}{both}", other("key = \"client\"")),
        format!("{tenant}{}{both}", other("key = \"subject\"")),
        format!("{tenant}{}{both}", other("key = \"claim:tenant\"")),
        format!("{tenant}{}{both}{by_key}", other("key = \"api-key\"")),
        format!("{failing}{}{both}", other("")),
        format!(
            "{failing}{}{both}",
            other("counts = \"failed-authentication\"")
        ),
        // The proxies that are trusted say it, and nobody else may.
        "[rate_limit.user]\nrequests = 1\nper_s = 1\nkey = \"header:x-forwarded-user\"\n\
             [proxy]\ntrusted_hops = 1\ntrusted_networks = \"10.0.0.0/8\"\n\
             identity_headers = \"x-forwarded-user\"\n\
             [[route]]\npath = \"/a\"\nrate_limit = \"user\"\n"
            .to_owned(),
        // Nothing is counted where no credential is looked at.
        format!(
            "{failing}[defaults]\nrate_limit = \"tenant\"\n[[route]]\npath = \"/a\"\nrate_limit = false\n"
        ),
    ] {
        let found = advised(&format!("{ACME}{text}"));
        assert!(!found.has_errors(), "{text}\n{found}");
        let mut said = found.as_slice().iter();
        let said = said.find(|one| one.code == Code::ChosenByClient);
        assert_eq!(said, None, "{text}\n{found}");
    }
}

#[test]
fn who_says_who_answers_preflights_is_not_told_so() {
    let cors = "[cors.web]\norigins = \"https://app.example\"\n";
    let route = "[[route]]\npath = \"/a\"\npublic_options = true\n";
    let other = "[[route]]\npath = \"/b\"\ncors = \"web\"\n";
    for text in [
        format!("{cors}[defaults]\ncors = \"web\"\n{route}cors = false\n"),
        format!("{cors}[defaults]\ncors = \"web\"\n{route}cors = \"web\"\n"),
        format!("{cors}{other}{route}"),
        route.to_owned(),
    ] {
        let found = advised(&format!("{ACME}{text}"));
        assert!(!found.has_errors(), "{text}\n{found}");
        let said = found
            .as_slice()
            .iter()
            .find(|one| one.code == Code::NoEffect);
        assert_eq!(said, None, "{text}\n{found}");
    }
}
