//! What is explained is what is decided: the cases of `data/decisions`, sent to the engine and explained, with the same
//! verdict; and each of their credentials with the targets of the others.

#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::rc::Rc;

use doorward_policy::explain::{Asked, Explanation, KeysAtHand, KeysOf, Outcome, Verdict};
use doorward_policy::target::canonical_form;
use doorward_policy::{Issuer, KeySource, Policy, Reason, RequestHead};
use doorward_tests::decisions::{Case, Sent, Suite};
use doorward_tests::sim::client;
use doorward_tests::sim::component::Component;
use doorward_tests::sim::gate::{Behind, Gate};
use doorward_tests::sim::origin::Origin;
use doorward_tests::sim::world::World;
use doorward_token::{KeySet, Part, TokenError, UnixTime};
use doorward_traffic::field_list::FieldList;

/// The host that is asked.
const HOST: &str = client::HOST;
/// So many requests are decided and explained at least.
const COMPARED_MIN: usize = 50_000;
/// So many of the cases as they are.
const CASES_MIN: usize = 250;

#[test]
fn every_case_is_explained_as_it_is_decided() {
    let (mut compared, mut wrong) = (0, Vec::new());
    for suite in Suite::all() {
        let both = Both::of(&suite);
        for case in &suite.cases {
            let found = both.compare(&suite, case, case);
            compared += usize::from(found != Ok(false));
            wrong.extend(found.err());
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(compared >= CASES_MIN, "only {compared} cases were compared");
}

#[test]
fn so_is_each_credential_at_the_targets_of_other_cases() {
    let (mut compared, mut wrong) = (0, Vec::new());
    for suite in Suite::all() {
        let both = Both::of(&suite);
        let mut targets: BTreeMap<(&str, &str), &Case> = BTreeMap::new();
        for case in &suite.cases {
            targets.entry((&case.method, &case.target)).or_insert(case);
        }
        for case in &suite.cases {
            for other in targets.values() {
                let found = both.compare(&suite, case, other);
                compared += usize::from(found != Ok(false));
                wrong.extend(found.err());
            }
        }
    }
    wrong.truncate(20);
    assert!(wrong.is_empty(), "they differ:\n{}", wrong.join("\n"));
    assert!(compared >= COMPARED_MIN, "only {compared} were compared");
}

/// What comes before a credential is looked at.
#[test]
fn so_is_what_no_credential_changes() {
    const POLICY: &str = r#"
[issuer.acme]
url = "https://acme.example"
audience = "api"
jwks_file = "/acme.json"

[issuer.acme.logout]
path = "/logout"
client_id = "shop"

[revocation]

[health]
ready = "/ready"
live = "/health"

[limits.small]
header_count_max = 20
header_bytes_max = 2000
target_bytes_max = 24
body_bytes_max = 10
content_types = ["application/json"]

[cors.web]
origins = ["https://app.example"]

[[route]]
path = "/small"
public = true
limits = "small"
cors = "web"

[[route]]
path = "/small/{id}"
issuer = "acme"
limits = "small"
methods = ["GET"]
"#;
    let keys = BTreeMap::from([("/acme.json".to_owned(), r#"{"keys":[]}"#.to_owned())]);
    let both = Both::with(POLICY, &keys, &BTreeMap::new());
    let many: Vec<(String, &str)> = (0..25).map(|n| (format!("x-{n}"), "1")).collect();
    let many: Vec<(&str, &str)> = many
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let long = "x".repeat(3000);
    let preflight = [
        ("origin", "https://app.example"),
        ("access-control-request-method", "GET"),
    ];
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);
    let requests: [Case; 23] = [
        ("GET", "/small", &[], "admitted"),
        (
            "GET",
            "/small?a=0123456789012345678",
            &[],
            "target-too-long",
        ),
        ("GET", "/small", &many, "headers-too-large"),
        ("GET", "/small", &[("x-long", &long)], "headers-too-large"),
        (
            "POST",
            "/small",
            &[
                ("content-length", "11"),
                ("content-type", "application/json"),
            ],
            "body-too-large",
        ),
        (
            "POST",
            "/small",
            &[("content-type", "text/plain")],
            "unsupported-media-type",
        ),
        (
            "GET",
            "/small",
            &[("content-type", "text/plain")],
            "admitted",
        ),
        ("GET", "/small/1", &[("x-long", &long)], "headers-too-large"),
        ("GET", "/small/1", &[], "no-credential"),
        ("POST", "/small/1", &[("x-long", &long)], "forbidden"),
        ("OPTIONS", "/small", &preflight, "answered"),
        ("OPTIONS", "/small", &preflight[..1], "admitted"),
        ("OPTIONS", "/small/1", &preflight, "forbidden"),
        ("OPTIONS", "/nowhere", &preflight, "forbidden"),
        ("POST", "/logout", &[], "answered"),
        ("POST", "/logout?x=1", &[], "answered"),
        ("GET", "/logout", &[], "forbidden"),
        ("GET", "/ready?x=1", &[], "answered"),
        ("POST", "/ready", &[], "answered"),
        ("OPTIONS", "/health", &preflight, "answered"),
        ("GET", "/health/", &[], "forbidden"),
        (
            "GET",
            "/small",
            &[("sec-websocket-key", "x")],
            "not-implemented",
        ),
        (
            "GET",
            "/small",
            &[("host", "other.example")],
            "malformed-request",
        ),
    ];
    for (method, target, sent, due) in requests {
        let mut fields = FieldList::new();
        for (name, value) in sent {
            fields.push(name, value.as_bytes());
        }
        let explanation = both.explained(method, target, &fields);
        let found = match &explanation.verdict {
            Verdict::Refused(refusal) => refusal.class().name(),
            verdict => verdict.name(),
        };
        assert_eq!(found, due, "{method} {target} {sent:?}");
        if let Err(why) = both.compare_with(&explanation, method, target, &fields) {
            panic!("{why}");
        }
    }
}

/// What no route lists passes within the bounds of `[defaults]`.
#[test]
fn so_is_what_no_route_lists_in_report_mode() {
    const POLICY: &str = r#"
mode = "report"
report_until = "2026-01-31"

[limits.small]
target_bytes_max = 24
body_bytes_max = 10

[defaults]
limits = "small"

[[route]]
path = "/free"
public = true
"#;
    let both = Both::with(POLICY, &BTreeMap::new(), &BTreeMap::new());
    for (method, target, length, due) in [
        ("GET", "/free", "0", "admitted"),
        ("GET", "/nowhere", "0", "would-refuse"),
        ("GET", "/nowhere?a=0123456789012345", "0", "target-too-long"),
        ("POST", "/nowhere", "11", "body-too-large"),
        ("GET", "/nowhere/../free", "0", "malformed-request"),
    ] {
        let mut fields = FieldList::new();
        if length != "0" {
            fields.push("content-length", length.as_bytes());
        }
        let explanation = both.explained(method, target, &fields);
        let found = match &explanation.verdict {
            Verdict::Refused(refusal) => refusal.class().name(),
            verdict => verdict.name(),
        };
        assert_eq!(found, due, "{method} {target}");
        if let Err(why) = both.compare_with(&explanation, method, target, &fields) {
            panic!("{why}");
        }
    }
}

/// The engine and what explains it.
struct Both {
    world: Rc<World>,
    gate: Rc<Gate>,
    policy: Policy,
    keys: Keys,
}

/// The keys of each issuer.
struct Keys(Vec<Option<KeySet>>);

impl KeysOf for Keys {
    fn of(&self, issuer: &Issuer) -> KeysAtHand<'_> {
        match self.0.get(issuer.number()).and_then(Option::as_ref) {
            Some(keys) => KeysAtHand::Given {
                keys,
                from: "the suite".to_owned(),
            },
            None => KeysAtHand::NotGiven("no keys".to_owned()),
        }
    }
}

impl Both {
    fn of(suite: &Suite) -> Self {
        Self::with(&suite.policy, &suite.key_files, &suite.variables)
    }

    fn with(
        policy_text: &str,
        key_files: &BTreeMap<String, String>,
        variables: &BTreeMap<String, String>,
    ) -> Self {
        let policy = Policy::parse(policy_text).expect("the policy is valid");
        let keys = policy.issuers().iter().map(|issuer| match &issuer.keys {
            KeySource::JwksFile(path) => {
                let set = key_files.get(path)?;
                Some(KeySet::parse(set.as_bytes()).expect("a key set"))
            }
            KeySource::Secret { variable } => {
                let secret = variables.get(variable)?.as_bytes();
                Some(KeySet::from_secret(secret, issuer.algorithms).expect("a secret"))
            }
            KeySource::Discovery | KeySource::JwksUrl(_) => None,
        });
        let keys = Keys(keys.collect());
        let world = World::new(1, false);
        world.stand_still();
        let mut component = Component::new(policy_text);
        for (path, text) in key_files {
            component = component.file(path, text.as_bytes());
        }
        for (name, value) in variables {
            component = component.secret(name, value);
        }
        let app = Origin::new(&world);
        let gate = Gate::new(&world, component, Behind::Next(app.peer()));
        Self {
            world,
            gate,
            policy,
            keys,
        }
    }

    /// Sends the credential of one case to the target of another, and explains that. `Ok(false)`: it depends on more
    /// than is explained, or it is no HTTP and reaches no gate.
    fn compare(&self, suite: &Suite, case: &Case, target_of: &Case) -> Result<bool, String> {
        if case.fault.is_some() || !case.revoked.is_empty() || target_of.fault.is_some() {
            return Ok(false);
        }
        let now_s = self.world.wall_s();
        let sent = suite.sent(case, now_s, &origin());
        let at = suite.sent(target_of, now_s, &origin());
        let explanation = self.explained(&target_of.method, &at.target, &fields(&sent));
        let what = format!("{}: {}", suite.name, case.name);
        secret(&explanation, &sent).map_err(|why| format!("{what}: {why}"))?;
        let compared =
            self.compare_with(&explanation, &target_of.method, &at.target, &fields(&sent));
        compared.map_err(|why| format!("{what}: {why}"))
    }

    /// Sends what is explained.
    fn compare_with(
        &self,
        explanation: &Explanation,
        method: &str,
        target: &str,
        fields: &FieldList,
    ) -> Result<bool, String> {
        let wrong = |why: String| format!("{method} {target}: {why}");
        coherent(explanation).map_err(wrong)?;
        if matches!(explanation.verdict, Verdict::Undecided(_)) {
            return Ok(false);
        }
        let Some((status, class)) = self.decided(method, target, fields) else {
            return Ok(false);
        };
        let endpoint = || self.world.last_observed()?.endpoint;
        let would_refuse = || self.world.last_observed()?.would_refuse;
        let due = match &explanation.verdict {
            Verdict::Refused(refusal) => {
                // The answer to a HEAD request has no body.
                let is_silent = class.is_none() && method == "HEAD";
                let is_class = is_silent || class.as_deref() == Some(refusal.class().name());
                status == refusal.status() && is_class
            }
            Verdict::Answered(name) => endpoint() == Some(name),
            Verdict::Admitted => status == 200 && would_refuse().is_none(),
            Verdict::WouldRefuse { refusal, .. } => {
                status == 200 && would_refuse().as_ref() == Some(refusal)
            }
            Verdict::Undecided(_) => true,
        };
        match due {
            true => Ok(true),
            false => Err(wrong(format!(
                "decided {status} {class:?}, explained {:?}: {:?}",
                explanation.verdict,
                explanation.first_failed()
            ))),
        }
    }

    fn decided(
        &self,
        method: &str,
        target: &str,
        fields: &FieldList,
    ) -> Option<(u16, Option<String>)> {
        let mut request = client::Sent::new(method, target);
        for (name, value) in fields.iter() {
            request = request.field(name, value);
        }
        let gate = Rc::clone(&self.gate);
        let executor = &self.world.executor;
        let answer = executor.run(async move { gate.send(request).await }).ok()?;
        let class = answer
            .json()
            .get("type")
            .and_then(|class| class.as_str().map(str::to_owned));
        let class = class.and_then(|class| Some(class.rsplit_once(':')?.1.to_owned()));
        // What is no HTTP reaches no gate.
        let endpoint = || self.world.last_observed()?.endpoint;
        if answer.status == 400 && class.is_none() && endpoint().is_none() {
            return None;
        }
        Some((answer.status, class))
    }

    fn explained(&self, method: &str, target: &str, fields: &FieldList) -> Explanation {
        let authorization = fields.values("authorization");
        let header = self.policy.api_key_header();
        let api_key = header.map_or_else(Vec::new, |header| fields.values(header));
        let canonical = canonical_form(target);
        let asked = Asked {
            head: RequestHead {
                method,
                target,
                canonical: canonical.as_deref(),
                authorization: &authorization,
                api_key: &api_key,
                fields,
                origin: &origin(),
            },
            authority: Some(HOST),
            peer: None,
            now: UnixTime(self.world.wall_s()),
            written: |time| time.to_string(),
            keys: &self.keys,
        };
        self.policy.explain("", &asked)
    }
}

fn origin() -> String {
    format!("https://{HOST}")
}

/// All fields, those of the credential first, the cookies in one.
fn fields(sent: &Sent) -> FieldList {
    let credential = sent.authorization.iter();
    let credential = credential.map(|value| ("authorization".to_owned(), value.clone()));
    let mut fields: FieldList = credential
        .chain(sent.headers.iter().cloned())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.into_bytes()))
        .collect();
    fields.join("cookie", b"; ");
    fields
}

/// Whether the steps say what the verdict does.
fn coherent(explanation: &Explanation) -> Result<(), String> {
    let failed = explanation.first_failed().map(|step| step.name.as_str());
    let (Verdict::Refused(refusal) | Verdict::WouldRefuse { refusal, .. }) = &explanation.verdict
    else {
        return match failed {
            None => Ok(()),
            Some(failed) => Err(format!("{failed} failed, and it is not refused")),
        };
    };
    let Some(failed) = failed else {
        return Err(format!("refused as {refusal}, and no step failed"));
    };
    let fits = match refusal.reason() {
        Reason::Target(_) => matches!(failed, "target" | "method"),
        Reason::NoRule | Reason::OtherCase | Reason::Method { .. } => failed == "route",
        // In report mode a request of two credentials passes what no route lists, and no further.
        Reason::Credential(_) => matches!(failed, "credential" | "route"),
        Reason::TokenTooLong { .. } => failed == "length",
        Reason::CrossSite => failed == "page",
        Reason::OtherIssuer | Reason::OtherSource(_) => {
            matches!(failed, "issuer" | "alternatives")
        }
        Reason::Key(_) => failed == "API key",
        Reason::NotIssued | Reason::LivesTooLong { .. } => failed == "lifetime",
        Reason::Scope { .. } => failed == "scope",
        Reason::Claim { name, .. } => failed == format!("claim {name}"),
        Reason::IdentityHeader { .. } => failed == "identity headers",
        // In report mode what no route lists has bounds all the same.
        Reason::Limit(_) => matches!(failed, "limits" | "route"),
        Reason::Token(error) => step_of(error).contains(&failed),
        _ => true,
    };
    let after_signature = explanation
        .steps
        .iter()
        .skip_while(|step| step.name != "signature" || step.outcome != Outcome::Failed)
        .skip(1);
    for step in after_signature {
        if step.found.is_some() {
            return Err(format!(
                "{} was shown of a token that is not genuine",
                step.name
            ));
        }
    }
    match fits {
        true => Ok(()),
        false => Err(format!("{failed} failed, because {}", refusal.reason())),
    }
}

/// At which steps an error of a token can be.
fn step_of(error: &TokenError) -> &'static [&'static str] {
    match error {
        TokenError::Audience => &["aud"],
        TokenError::Issuer => &["iss"],
        TokenError::Expired { .. } => &["exp"],
        TokenError::NotYetValid { .. } => &["nbf"],
        TokenError::IssuedInFuture { .. } => &["iat"],
        TokenError::Signature { .. }
        | TokenError::UnknownKey { .. }
        | TokenError::KeyNotForAlgorithm { .. }
        | TokenError::KeyOfOtherIssuer => &["signature"],
        TokenError::AlgorithmNotAccepted { .. } => &["alg"],
        TokenError::MediaType { .. } => &["typ"],
        TokenError::Bound | TokenError::OtherUse { .. } | TokenError::SecurityEvent => &["use"],
        TokenError::Kind { .. } => &["typ", "kind"],
        TokenError::Encoding {
            part: Part::Signature,
        } => &["signature"],
        TokenError::NotThreeParts
        | TokenError::Encoding { .. }
        | TokenError::Unsecured
        | TokenError::UnsupportedAlgorithm
        | TokenError::UnsupportedParameter { .. }
        | TokenError::MissingParameter { .. }
        | TokenError::ParameterType { .. }
        | TokenError::KeyIdTooLong { .. } => &["token"],
        TokenError::Json {
            part: Part::Header, ..
        } => &["token"],
        TokenError::MissingClaim {
            name: "sub" | "client_id" | "iat" | "jti",
        } => &["RFC 9068"],
        TokenError::ClaimType {
            name: "token_use" | "typ" | "token_type",
            ..
        } => &["use"],
        TokenError::ClaimType {
            name: "client_id", ..
        } => &["RFC 9068"],
        _ => &["claims"],
    }
}

/// Whether a part of a credential is told that must not be.
fn secret(explanation: &Explanation, sent: &Sent) -> Result<(), String> {
    let told = format!("{explanation:?}");
    for value in &sent.authorization {
        let credential = value.rsplit(' ').next().unwrap_or_default();
        let signature = credential.rsplit('.').next().unwrap_or_default();
        if signature.len() > 20 && told.contains(signature) {
            return Err("the signature or a key is told".to_owned());
        }
    }
    Ok(())
}

#[test]
fn a_signature_that_is_wrong_hides_what_the_token_says() {
    let suites = Suite::all();
    let tampered = suites.iter().flat_map(|suite| {
        let both = Both::of(suite);
        suite.cases.iter().filter_map(move |case| {
            let sent = suite.sent(case, both.world.wall_s(), &origin());
            let explanation = both.explained(&case.method, &case.target, &fields(&sent));
            (explanation.first_failed()?.name == "signature").then_some(explanation)
        })
    });
    let explanations: Vec<_> = tampered.collect();
    assert!(!explanations.is_empty(), "no case has a false signature");
    for explanation in explanations {
        if let Err(why) = coherent(&explanation) {
            panic!("{why}");
        }
    }
}
