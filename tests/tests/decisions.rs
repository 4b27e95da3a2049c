//! The decision cases of `data/decisions`, run against the core: policy and token, no gate.

#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};

use doorward_policy::{Authenticated, Class, Credential, IssuerId, KeySource, Pending, Permit};
use doorward_policy::{Policy, Refusal, RequestHead, Screened};
use doorward_tests::decisions::{Case, Expected, ExpectedPermit, ExpectedRefusal, Fault, Suite};
use doorward_token::{KeySet, UnixTime, UnverifiedToken, VerifiedToken};

const NOW_S: u64 = 1_800_000_000;
const CASES_MIN: usize = 80;

#[test]
fn every_case_is_decided_as_it_says() {
    let mut wrong = Vec::new();
    let mut cases = 0;
    for suite in Suite::all() {
        let gate = CoreGate::new(&suite);
        for case in &suite.cases {
            cases += 1;
            if let Err(difference) = gate.run(&suite, case) {
                wrong.push(format!("{}: {}: {difference}", suite.name, case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "wrong decisions:\n{}", wrong.join("\n"));
    assert!(cases >= CASES_MIN, "only {cases} cases were found");
}

#[test]
fn every_class_of_refusal_has_a_case() {
    let suites = Suite::all();
    let tried: BTreeSet<&str> = suites
        .iter()
        .flat_map(|suite| &suite.cases)
        .filter_map(|case| match &case.expect {
            Expected::Refusal(refusal) => Some(refusal.class.as_str()),
            Expected::Permit(_) => None,
        })
        .collect();
    let later = [
        Class::InvalidCredential,
        Class::IssuerUnavailable,
        Class::StoreUnavailable,
    ];
    for class in Class::ALL {
        if later.contains(&class) {
            continue;
        }
        assert!(
            tried.contains(class.name()),
            "no case is refused as {class}"
        );
    }
}

#[test]
fn every_suite_admits_something() {
    for suite in Suite::all() {
        let admits = suite
            .cases
            .iter()
            .any(|case| matches!(case.expect, Expected::Permit(_)));
        assert!(admits, "{}: a gate that refuses all would pass", suite.name);
    }
}

/// What the gate does, without anything around it.
struct CoreGate {
    policy: Policy,
    keys: Vec<KeySet>,
}

impl CoreGate {
    fn new(suite: &Suite) -> Self {
        let policy = Policy::parse(&suite.policy)
            .unwrap_or_else(|findings| panic!("{}: {findings}", suite.name));
        assert!(
            policy.warnings().is_empty(),
            "{}: {}",
            suite.name,
            policy.warnings()
        );
        let keys = policy
            .issuers()
            .iter()
            .map(|issuer| match &issuer.keys {
                KeySource::JwksFile(path) => KeySet::parse(suite.key_files[path].as_bytes())
                    .unwrap_or_else(|error| panic!("{}: {path}: {error}", suite.name)),
                KeySource::Secret { variable } => {
                    let secret = suite.variables[variable].as_bytes();
                    KeySet::from_secret(secret, issuer.algorithms).expect("the secret is usable")
                }
                other => panic!("{}: {other:?} would need a network", suite.name),
            })
            .collect();
        Self { policy, keys }
    }

    fn run(&self, suite: &Suite, case: &Case) -> Result<(), String> {
        let authorization: Vec<Vec<u8>> = suite
            .authorization(case, NOW_S)
            .into_iter()
            .map(String::into_bytes)
            .collect();
        let head = RequestHead {
            method: &case.method,
            target: &case.target,
            authorization: &authorization,
            api_key: &[],
        };
        match (&case.expect, self.decide(&head, case.fault)) {
            (Expected::Permit(expected), Ok(permit)) => check_permit(expected, &permit, case),
            (Expected::Refusal(expected), Err(refusal)) => check_refusal(expected, &refusal),
            (Expected::Permit(_), Err(refusal)) => Err(format!(
                "refused as {refusal}, because: {}",
                refusal.reason()
            )),
            (Expected::Refusal(expected), Ok(permit)) => Err(format!(
                "let through by {} instead of refused as {}",
                permit.route(),
                expected.class
            )),
        }?;
        self.check_headers(case)
    }

    fn decide(&self, head: &RequestHead<'_>, fault: Option<Fault>) -> Result<Permit<'_>, Refusal> {
        if fault == Some(Fault::Misconfigured) {
            return Err(Refusal::misconfigured("the policy could not be read"));
        }
        let pending = match self.policy.screen(head)? {
            Screened::Public(permit) => return Ok(permit),
            Screened::Protected(pending) => pending,
        };
        if fault == Some(Fault::KeysUnavailable) {
            return Err(Refusal::keys_unavailable(30));
        }
        let (issuer, token) = self.authenticate(&pending)?;
        let token = Authenticated::Token {
            issuer,
            token: &token,
        };
        pending.authorise(token, None, UnixTime(NOW_S))
    }

    fn authenticate(
        &self,
        pending: &Pending<'_, '_>,
    ) -> Result<(IssuerId, VerifiedToken), Refusal> {
        let refused = |error| Refusal::invalid_token(pending, error);
        let Credential::Jwt(token) = pending.credential() else {
            panic!("no key and no opaque token is accepted here");
        };
        let token = UnverifiedToken::parse(token.as_bytes()).map_err(refused)?;
        let issuer = token
            .issuer_hint()
            .and_then(|url| pending.issuer_by_url(&url))
            .ok_or_else(|| Refusal::unknown_issuer(pending))?;
        let expect = self.policy.issuers()[issuer].expectations();
        let verified = token
            .verify(&self.keys[issuer], expect, UnixTime(NOW_S))
            .map_err(refused)?;
        Ok((issuer, verified))
    }

    /// What a case sends under the name of an identity header has to be removed.
    fn check_headers(&self, case: &Case) -> Result<(), String> {
        for (name, _) in &case.headers {
            if name.to_ascii_lowercase().contains("auth") && !self.policy.is_reserved_header(name) {
                return Err(format!("the header {name} would reach the upstream"));
            }
        }
        Ok(())
    }
}

fn check_permit(expected: &ExpectedPermit, permit: &Permit<'_>, case: &Case) -> Result<(), String> {
    let identity: BTreeMap<String, String> = permit
        .identity_headers()
        .map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned()))
        .collect();
    let found = ExpectedPermit {
        route: permit.route().to_owned(),
        identity,
        credential_forwarded: !permit.strips_credential(),
    };
    if found != *expected {
        return Err(format!("let through as {found:?} instead of {expected:?}"));
    }
    if permit.target() != case.target {
        return Err(format!("the target became {:?}", permit.target()));
    }
    Ok(())
}

fn check_refusal(expected: &ExpectedRefusal, refusal: &Refusal) -> Result<(), String> {
    let found = ExpectedRefusal {
        class: refusal.class().name().to_owned(),
        status: refusal.status(),
        www_authenticate: refusal.www_authenticate(),
        retry_after: refusal.retry_after_s().is_some(),
    };
    if found != *expected {
        let reason = refusal.reason();
        return Err(format!(
            "refused as {found:?} instead of {expected:?}: {reason}"
        ));
    }
    let problem: serde_json::Value =
        serde_json::from_slice(&refusal.problem_json()).map_err(|error| error.to_string())?;
    let names = [
        problem["status"] == expected.status,
        problem["type"] != "about:blank",
    ];
    if names != [true, true] {
        return Err(format!("the problem document says {problem}"));
    }
    Ok(())
}
