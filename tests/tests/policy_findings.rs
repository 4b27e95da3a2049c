//! What is wrong with a policy is said with its place, its kind and what to do.
//!
//! In the policies here, `▸` stands before what the finding is about. It is taken out before the
//! policy is read.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use doorward_policy::advise_of_modes;
use doorward_policy::{Code, FINDINGS_MAX, Finding, Findings, Policy, Position, Severity};
use doorward_syntax::date::rfc3339;
use doorward_tests::findings::{Case, cases, check, marked};
use doorward_token::UnixTime;

const ISSUER: &str = r#"
[issuer.acme]
url = "https://acme.example"
audience = "api"
"#;

#[test]
fn an_issuer_that_is_wrong_is_named_with_its_place() {
    for Case { policy, code, says } in cases("issuers") {
        // What the case is not about is added, so that there is one finding only.
        let mut text = policy;
        for (key, line) in [
            ("url", "url = \"https://acme.example\""),
            ("audience", "audience = \"api\""),
        ] {
            if !text.contains(&format!("\n{key} = ")) {
                text.push('\n');
                text.push_str(line);
            }
        }
        text.push_str("\n[[route]]\npath = \"/\"\n");
        expect_only(&text, &code, &says);
    }
}

#[test]
fn a_route_that_is_wrong_is_named_with_its_place() {
    for Case {
        policy: text,
        code,
        says,
    } in cases("routes")
    {
        let mut text = format!("{ISSUER}[[route]]\npath = \"/other\"\n{text}\n");
        if code == Code::UnknownTomlKey.as_str() {
            text.push_str("path = \"/a\"\n");
        }
        expect_only(&text, &code, &says);
    }
}

#[test]
fn rules_that_do_not_go_together_are_named_both() {
    for Case {
        policy: text,
        code,
        says,
    } in cases("together")
    {
        let text = format!("{ISSUER}{text}\n");
        let finding = expect_only(&text, &code, &says);
        assert!(
            !finding.related.is_empty(),
            "the other rule is not named:\n{text}\n{finding}"
        );
        for related in &finding.related {
            assert_ne!(related.at, finding.at, "{finding}");
            assert!(related.message.contains('/'), "which path is it? {finding}");
        }
    }
}

#[test]
fn an_identity_header_that_is_wrong_is_named_with_its_place() {
    for Case {
        policy: text,
        code,
        says,
    } in cases("identity")
    {
        expect_only(
            &format!("{ISSUER}[[route]]\npath = \"/\"\n{text}\n"),
            &code,
            &says,
        );
    }
}

#[test]
fn a_credential_that_is_asked_for_wrongly_is_named_with_its_place() {
    for Case {
        policy: text,
        code,
        says,
    } in ["credentials", "token-from"].into_iter().flat_map(cases)
    {
        expect_only(&beside_acme(&text), &code, &says);
    }
}

#[test]
fn issuers_that_a_token_does_not_tell_apart_are_named_both() {
    for Case {
        policy: text,
        code,
        says,
    } in cases("issuer-names")
    {
        let finding = expect_only(&beside_acme(&text), &code, &says);
        let related = finding.related.len();
        let expected = usize::from(code != Code::UnknownIssuer.as_str());
        assert_eq!(related, expected, "where is the other one? {finding}");
    }
}

#[test]
fn names_and_claims_that_are_sound_have_no_findings() {
    for text in [
        // Keys are where the policy says, so the name need not be an address.
        "[issuer.a]\nurl = \"a\"\naudience = \"x\"\njwks_file = \"/a.json\"",
        "[issuer.a]\nurl = \"http://a.example/?x#y\"\naudience = \"x\"\njwks_url = \"https://a.example\"",
        "[issuer.a]\nurl = \"https://a.example\"\nissuer = \"a.example\"\naudience = \"x\"",
        // Patterns that no name fits both of.
        "[issuer.a]\nurl = \"https://sts.example/{tenant}/\"\naudience = \"x\"\njwks_file = \"/a.json\"\n\
         tenants = \"any\"\n[issuer.b]\nurl = \"https://sts.example/{tenant}/v2.0\"\naudience = \"x\"\n\
         jwks_file = \"/b.json\"\ntenants = \"any\"",
        "[issuer.a]\nurl = \"https://a.example/{tenant}\"\naudience = \"x\"\njwks_file = \"/a.json\"\n\
         tenants = \"any\"\n[issuer.b]\nurl = \"https://a.example/x/y\"\naudience = \"x\"",
        // A tenant of that name.
        "[issuer.a]\nurl = \"https://a.example/{tenant}\"\naudience = \"x\"\ntenants = [\"any\"]",
        "[issuer.a]\nurl = \"https://a.example\"\naudience = \"x\"\naudience_claim = \"azp\"\n\
         access_token_profile = true",
        "[issuer.a]\nurl = \"https://a.example\"\naudience = \"x\"\naudience_claim = \"azp\"\ntokens = \"id\"",
    ] {
        let issuers = match text.contains("[issuer.b]") {
            true => "\"a\", \"b\"",
            false => "\"a\"",
        };
        let text = format!("{text}\n[[route]]\npath = \"/a\"\nissuer = [{issuers}]\n");
        match Policy::parse(&beside_acme(&text)) {
            Ok(policy) => assert!(
                policy.warnings().is_empty(),
                "{text}\n{}",
                policy.warnings()
            ),
            Err(found) => panic!("{text}\n{found}"),
        }
    }
}

#[test]
fn what_is_said_wrongly_of_traffic_is_named_with_its_place() {
    for Case {
        policy: text,
        code,
        says,
    } in ["upstreams", "traffic", "traffic-of-routes"]
        .into_iter()
        .flat_map(cases)
    {
        expect_only(&beside_acme(&text), &code, &says);
    }
}

#[test]
fn what_is_said_wrongly_of_what_operators_see_is_named_with_its_place() {
    let files = ["log", "health", "telemetry"];
    for Case { policy, code, says } in files.into_iter().flat_map(cases) {
        expect_only(&format!("{policy}\n"), &code, &says);
    }
}

#[test]
fn a_demand_that_is_wrong_is_named_with_its_place() {
    for Case {
        policy: text,
        code,
        says,
    } in cases("claims").into_iter().chain(cases("allow"))
    {
        expect_only(&beside_acme(&text), &code, &says);
    }
}

#[test]
fn a_file_that_is_wrong_is_told_where() {
    for Case {
        policy: text,
        code,
        says,
    } in cases("file")
    {
        let found = findings(&text.replace('▸', ""));
        let finding = found
            .as_slice()
            .iter()
            .find(|finding| finding.code.as_str() == code)
            .unwrap_or_else(|| panic!("{code} was not found in:\n{text}\n{found}"));
        check(&text, finding, &code, &says);
    }
}

#[test]
fn what_is_in_report_mode_is_read_with_its_place() {
    for Case { policy, code, says } in cases("report") {
        expect_only(&policy, &code, &says);
    }
}

/// When `report-modes` is read: 2027-01-01.
const NOW: UnixTime = UnixTime(1_798_761_600);

fn written(time: UnixTime) -> String {
    let text = rfc3339(time.0 * 1000);
    text.replace(".000Z", "Z")
}

#[test]
fn what_is_in_report_mode_is_listed_by_what_the_time_is() {
    let both = ["report-modes", "decision-inputs"].into_iter();
    for Case { policy, code, says } in both.flat_map(cases) {
        let text = policy.replace('▸', "");
        let parsed = findings(&text);
        let found = advise_of_modes(&text, &parsed, NOW, written);
        let [finding] = found.as_slice() else {
            panic!("expected {code} and nothing else in:\n{policy}\nfound:\n{found}");
        };
        check(&policy, finding, &code, &says);
        assert!(
            parsed.is_empty(),
            "nothing that the gate would say: {parsed}"
        );
    }
    let all = "mode = \"report\"\nreport_until = \"2027-01-31\"\n";
    let text = format!(
        "{all}{ISSUER}{all}[rate_limit.each]\nrequests = 1\nper_s = 1\n{all}[[route]]\npath = \"/a\"\n\
         rate_limit = \"each\"\n{all}[[route]]\npath = \"/b\"\nmode = \"enforce\"\n"
    );
    let listed = |text: &str| advise_of_modes(text, &findings(text), NOW, written);
    let found = listed(&text);
    let codes: Vec<_> = found.as_slice().iter().map(|one| one.code).collect();
    assert_eq!(codes, [Code::ReportMode; 4], "{found}");
    // Of a policy that is wrong nothing is said but that.
    let wrong = text.replace("per_s", "per_m");
    assert_eq!(listed(&wrong), findings(&wrong));
}

#[test]
fn text_that_is_not_toml_is_told_where() {
    for text in [
        "[▸",
        "a▸",
        "[issuer.acme]\nurl = ▸https://acme.example",
        "[[route]]\npath = \"/\"\n▸path = \"/\"",
    ] {
        let plain = text.replace('▸', "");
        let found = findings(&plain);
        assert!(
            found
                .as_slice()
                .iter()
                .all(|finding| finding.code == Code::Syntax),
            "{text}\n{found}"
        );
        let line = marked(text).line;
        assert!(
            found
                .as_slice()
                .iter()
                .any(|finding| finding.at.line == line),
            "line {line} of\n{text}\n{found}"
        );
    }
}

#[test]
fn all_findings_are_made_at_once_and_in_order() {
    let text = r#"
[issuer.acme]
url = "http://acme.example"
audience = []
leeway_s = 500

[issuer.other]
colour = "blue"

[[route]]
path = "/a/"
methods = ["get"]
issuer = ["acne"]

[[route]]
path = "/b"
issuer = ["acme"]
public = 1

[identity]
Host = "sub"
"#;
    let found = findings(text);
    let lines: Vec<usize> = found
        .as_slice()
        .iter()
        .map(|finding| finding.at.line)
        .collect();
    let mut sorted = lines.clone();
    sorted.sort_unstable();
    assert_eq!(lines, sorted, "{found}");
    for line in [3, 4, 5, 7, 8, 11, 12, 13, 18, 21] {
        assert!(
            lines.contains(&line),
            "nothing was found on line {line}:\n{found}"
        );
    }
}

#[test]
fn a_secret_that_was_written_into_the_file_is_not_repeated() {
    let key = "[api_keys]\n[[api_keys.key]]\nname = \"ci\"\n";
    let hash = "sha256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
    for text in [
        format!("{ISSUER}secret = \"Correct-Horse-Battery\""),
        format!(
            "{ISSUER}introspection = {{ client_id = \"g\", secret = \"Correct-Horse-Battery\" }}"
        ),
        format!(
            "{ISSUER}introspection = {{ client_id = \"g\", authentication = \"private_key_jwt\", key \
             = \"Correct-Horse-Battery\" }}"
        ),
        format!("{ISSUER}{key}id = \"4YbV0cQm8XzK\"\nhash = \"dwk_Correct-Horse-Battery\""),
        format!("{ISSUER}{key}id = \"dwk_Correct-Horse-Battery\"\nhash = \"{hash}\""),
        format!(
            "{ISSUER}[upstream.a]\nurl = \"https://a.example\"\ncredential = {{ secret = \
             \"Correct-Horse-Battery\" }}"
        ),
        format!(
            "{ISSUER}[upstream.a]\nurl = \"https://a.example\"\nrequest = {{ set = {{ x-key = \
             \" Correct-Horse-Battery\" }} }}"
        ),
    ] {
        let text = format!("{text}\n[[route]]\npath = \"/\"\n");
        let found = findings(&text);
        assert!(found.has_errors(), "{text}");
        for shown in [
            found.to_string(),
            format!("{found:?}"),
            found.to_json().to_string(),
            found.render("p.toml", None).to_string(),
        ] {
            assert!(!shown.contains("Correct-Horse"), "{shown}");
        }
    }
}

#[test]
fn findings_are_bounded_and_errors_are_not_hidden_by_warnings() {
    let mut text = ISSUER.to_owned();
    for number in 0..2 * FINDINGS_MAX {
        text.push_str(&format!(
            "[[route]]\npath = \"/{number}\"\nmethods = [\"ODD\"]\n"
        ));
    }
    let policy = Policy::parse(&text).unwrap();
    assert_eq!(policy.warnings().as_slice().len(), FINDINGS_MAX);
    assert_eq!(policy.warnings().left_out(), FINDINGS_MAX);
    text.push_str("[[route]]\npath = \"nowhere\"\n");
    let found = findings(&text);
    assert!(found.has_errors(), "{found}");
    assert_eq!(found.as_slice().len(), FINDINGS_MAX);
}

#[test]
fn findings_can_be_shown_with_the_line_and_as_json() {
    let text = "[[route]]\npath = \"/\"\npubic = true\n";
    let found = findings(text);
    let shown = found.render("door.toml", Some(text)).to_string();
    assert!(
        shown.contains(
            "error[unknown-key]: a route has no key `pubic`\n  at door.toml:3:1\n  3 | pubic = true\n    | ^\n  help: did you mean `public`?\n"
        ),
        "{shown}"
    );
    let json = found.to_json();
    let first = json["findings"]
        .as_array()
        .and_then(|list| list.iter().find(|finding| finding["code"] == "unknown-key"))
        .unwrap();
    assert_eq!(first["severity"], "error");
    assert_eq!((&first["line"], &first["column"]), (&3.into(), &1.into()));
    assert_eq!(first["help"], "did you mean `public`?");
}

#[test]
fn the_columns_of_a_line_are_counted_in_characters() {
    let finding = expect_only(
        &format!(
            "{ISSUER}[[route]]\npath = \"/\"\nscope = [\"a\"] # é\nclaims = {{ \"é\" = \"日本\", \"b\" = ▸1.5 }}\n"
        ),
        "wrong-type",
        "not a float",
    );
    assert_eq!(finding.at.column, 30);
}

#[test]
fn only_errors_keep_a_policy_from_being_used() {
    let text = format!(
        "{ISSUER}[issuer.nobody]\nurl = \"https://nobody.example\"\naudience = \"x\"\n[[route]]\npath = \"/\"\nissuer = \"acme\"\n"
    );
    let policy = Policy::parse(&text).unwrap();
    let warnings = policy.warnings().as_slice();
    assert_eq!(warnings.len(), 1, "{}", policy.warnings());
    assert_eq!(warnings[0].code, Code::UnusedIssuer);
    assert_eq!(warnings[0].severity(), Severity::Warning);
    assert_eq!(warnings[0].at, Position { line: 5, column: 9 });
}

#[test]
fn a_route_without_an_issuer_needs_exactly_one_to_exist() {
    let second = "[issuer.other]\nurl = \"https://other.example\"\naudience = \"x\"\n";
    let text = format!(
        "{ISSUER}{second}[[route]]\npath = \"/\"\n[[route]]\npath = \"/o\"\nissuer = [\"other\", \"acme\"]\n"
    );
    let found = findings(&text);
    assert_eq!(found.as_slice().len(), 1, "{found}");
    let help = found.as_slice()[0].help.as_deref().unwrap_or_default();
    assert_eq!(help, "add `issuer`, with one or more of `acme` and `other`");
}

#[test]
fn two_issuers_cannot_have_the_same_url() {
    let second = "[issuer.other]\nurl = \"https://acme.example\"\naudience = \"x\"\n";
    let found = findings(&format!(
        "{ISSUER}{second}[[route]]\npath = \"/\"\nissuer = [\"acme\", \"other\"]\n"
    ));
    assert_eq!(found.as_slice().len(), 1, "{found}");
    assert_eq!(found.as_slice()[0].code, Code::Conflict);
    assert_eq!(found.as_slice()[0].related.len(), 1, "{found}");
}

#[test]
fn every_kind_of_finding_is_tried() {
    let tried: Vec<String> = [
        "issuers",
        "routes",
        "claims",
        "allow",
        "together",
        "identity",
        "credentials",
        "issuer-names",
        "upstreams",
        "traffic",
        "traffic-of-routes",
        "token-from",
        "file",
        "advice",
        "log",
        "health",
        "telemetry",
        "report",
        "report-modes",
        "decision-inputs",
    ]
    .into_iter()
    .flat_map(cases)
    .map(|case| case.code)
    .collect();
    // Those have tests of their own.
    let elsewhere = [
        Code::Syntax,
        Code::TooLarge,
        Code::Overlap,
        Code::UnusedIssuer,
    ];
    for code in Code::ALL {
        let name = code.as_str();
        assert!(
            elsewhere.contains(code) || tried.iter().any(|tried| tried == name),
            "{name} is never tried"
        );
    }
}

#[test]
fn the_policy_that_is_shipped_has_no_findings() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../doorward.toml");
    let text = std::fs::read_to_string(path).unwrap();
    match Policy::parse(&text) {
        Ok(policy) => assert!(policy.warnings().is_empty(), "{}", policy.warnings()),
        Err(found) => panic!("{}", found.render("doorward.toml", Some(&text))),
    }
}

#[test]
fn the_policy_that_is_documented_has_no_findings() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../crates/policy/src/load/mod.rs"
    );
    let source = std::fs::read_to_string(path).unwrap();
    let text: String = source
        .lines()
        .skip_while(|line| *line != "//! ```toml")
        .skip(1)
        .take_while(|line| *line != "//! ```")
        .map(|line| format!("{}\n", line.trim_start_matches("//!").trim_start()))
        .collect();
    match Policy::parse(&text) {
        Ok(policy) => assert!(policy.warnings().is_empty(), "{}", policy.warnings()),
        Err(found) => panic!("{}", found.render("the documentation", Some(&text))),
    }
    assert!(text.contains("[revocation]"), "it is all there: {text}");
}

/// A policy beside a sound issuer and a route that accepts its tokens. What begins without a header goes
/// before the first of them.
fn beside_acme(text: &str) -> String {
    let around = format!("{ISSUER}[[route]]\npath = \"/acme\"\nissuer = \"acme\"\n");
    if text.starts_with(['[', '▸']) {
        format!("{around}{text}\n")
    } else {
        format!("{text}\n{around}")
    }
}

/// Everything found in a policy, whether or not it can be used.
fn findings(text: &str) -> Findings {
    match Policy::parse(text) {
        Ok(policy) => policy.warnings().clone(),
        Err(findings) => findings,
    }
}

/// The only finding of a policy, at the mark.
fn expect_only(text: &str, code: &str, says: &str) -> Finding {
    let found = findings(&text.replace('▸', ""));
    let [finding] = found.as_slice() else {
        panic!("expected {code} and nothing else in:\n{text}\nfound:\n{found}");
    };
    check(text, finding, code, says);
    finding.clone()
}
