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
use doorward_token::{KeySet, UnixTime};
use doorward_traffic::field_list::FieldList;

/// The host that is asked.
const HOST: &str = client::HOST;
/// So many requests are decided and explained at least.
const COMPARED_MIN: usize = 2000;
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
        let policy = Policy::parse(&suite.policy).expect("the policy is valid");
        let keys = policy.issuers().iter().map(|issuer| match &issuer.keys {
            KeySource::JwksFile(path) => {
                let set = suite.key_files.get(path)?;
                Some(KeySet::parse(set.as_bytes()).expect("a key set"))
            }
            KeySource::Secret { variable } => {
                let secret = suite.variables.get(variable)?.as_bytes();
                Some(KeySet::from_secret(secret, issuer.algorithms).expect("a secret"))
            }
            KeySource::Discovery | KeySource::JwksUrl(_) => None,
        });
        let keys = Keys(keys.collect());
        let world = World::new(1, false);
        world.stand_still();
        let mut component = Component::new(&suite.policy);
        for (path, text) in &suite.key_files {
            component = component.file(path, text.as_bytes());
        }
        for (name, value) in &suite.variables {
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
        let sent = suite.sent(case, now_s, &format!("https://{HOST}"));
        let at = suite.sent(target_of, now_s, &format!("https://{HOST}"));
        let explanation = self.explained(&sent, &target_of.method, &at.target, now_s);
        let what = format!(
            "{}: {} ({} {})",
            suite.name, case.name, target_of.method, at.target
        );
        coherent(&explanation).map_err(|why| format!("{what}: {why}"))?;
        secret(&explanation, &sent).map_err(|why| format!("{what}: {why}"))?;
        let due = match &explanation.verdict {
            Verdict::Undecided(_) => return Ok(false),
            Verdict::Admitted => (200, None),
            Verdict::Answered(_) => return Ok(false),
            Verdict::Refused(refusal) => (refusal.status(), Some(refusal.class().name())),
        };
        let Some((status, class)) = self.decided(&sent, &target_of.method, &at.target) else {
            return Ok(false);
        };
        // The answer to a HEAD request has no body.
        let is_silent = class.is_none() && target_of.method == "HEAD";
        if status != due.0 || !is_silent && class.as_deref() != due.1 {
            return Err(format!(
                "{what}: decided {status} {class:?}, explained {due:?}: {:?}",
                explanation.first_failed()
            ));
        }
        Ok(true)
    }

    fn decided(&self, sent: &Sent, method: &str, target: &str) -> Option<(u16, Option<String>)> {
        let mut request = client::Sent::new(method, target);
        for (name, value) in fields(sent) {
            request = request.field(&name, value);
        }
        let gate = Rc::clone(&self.gate);
        let executor = &self.world.executor;
        let answer = executor.run(async move { gate.send(request).await }).ok()?;
        let class = answer.json()["type"].as_str().map(str::to_owned);
        let class = class.and_then(|class| Some(class.rsplit_once(':')?.1.to_owned()));
        // What is no HTTP reaches no gate.
        if class.is_none() && answer.status == 400 {
            return None;
        }
        Some((answer.status, class))
    }

    fn explained(&self, sent: &Sent, method: &str, target: &str, now_s: u64) -> Explanation {
        let fields: FieldList = fields(sent).into_iter().collect();
        let authorization = fields.values("authorization");
        let header = self.policy.api_key_header();
        let api_key = header.map_or_else(Vec::new, |header| fields.values(header));
        let canonical = canonical_form(target);
        let origin = format!("https://{HOST}");
        let asked = Asked {
            head: RequestHead {
                method,
                target,
                canonical: canonical.as_deref(),
                authorization: &authorization,
                api_key: &api_key,
                fields: &fields,
                origin: &origin,
            },
            authority: Some(HOST),
            peer: None,
            now: UnixTime(now_s),
            written: |time| time.to_string(),
            keys: &self.keys,
        };
        self.policy.explain("", &asked)
    }
}

/// All fields, those of the credential first, the cookies in one.
fn fields(sent: &Sent) -> Vec<(String, Vec<u8>)> {
    let credential = sent.authorization.iter();
    let credential = credential.map(|value| ("authorization".to_owned(), value.clone()));
    let mut fields: FieldList = credential
        .chain(sent.headers.iter().cloned())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.into_bytes()))
        .collect();
    fields.join("cookie", b"; ");
    fields.as_slice().to_vec()
}

/// Whether the steps say what the verdict does.
fn coherent(explanation: &Explanation) -> Result<(), String> {
    let failed = explanation.first_failed().map(|step| step.name.as_str());
    let Verdict::Refused(refusal) = &explanation.verdict else {
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
        Reason::Credential(_) => failed == "credential",
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
        Reason::Limit(_) => failed == "limits",
        Reason::Token(_) => {
            let of_token = [
                "token",
                "length",
                "alg",
                "typ",
                "signature",
                "use",
                "claims",
                "iss",
                "kind",
                "aud",
                "RFC 9068",
                "exp",
                "nbf",
                "iat",
            ];
            of_token.contains(&failed)
        }
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
        let now_s = both.world.wall_s();
        suite.cases.iter().filter_map(move |case| {
            let sent = suite.sent(case, now_s, &format!("https://{HOST}"));
            let explanation = both.explained(&sent, &case.method, &case.target, now_s);
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
