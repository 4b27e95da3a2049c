//! The decision cases of `data/decisions`, run against the core: policy and token, no gate.

#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};

use doorward_policy::target::canonical_form;
use doorward_policy::{
    AskedIssuer, Authenticated, Class, Credential, Issuer, KeySource, Pending, Permit,
};
use doorward_policy::{Policy, Refusal, RequestHead, Screened};
use doorward_tests::decisions::{Case, Expected, ExpectedPermit, ExpectedRefusal, Fault};
use doorward_tests::decisions::{Sent, Suite};
use doorward_token::api_key::{ApiKey, KeyRecord, VerifiedKey};
use doorward_token::introspection::{self, IntrospectionError, IntrospectionResponse};
use doorward_token::revocation::{RevocationEntry, RevocationSet};
use doorward_token::{KeySet, UnixTime, UnverifiedToken, VerifiedToken};
use doorward_traffic::field_list::FieldList;
use doorward_traffic::limits::LimitExceeded;
use doorward_traffic::spoofing::spoofing;
use doorward_traffic::upstream::UpstreamFailure;
use std::sync::Arc;

/// What the request is called.
const REQUEST_ID: &str = "0b9c54a0-3f0e-4b0e-9d2c-1f2e3d4c5b6a";

const NOW_S: u64 = 1_800_000_000;
const CASES_MIN: usize = 300;
/// Where requests arrive.
const ORIGIN: &str = "http://gate.example:3000";

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
    for class in Class::ALL {
        // Where there is no policy there is nothing that decides: tests/tests/bundle.
        if *class == Class::PolicyUnavailable {
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
    /// Those of each issuer; none where only a network has them.
    keys: Vec<Option<KeySet>>,
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
                KeySource::JwksFile(path) => {
                    let keys = KeySet::parse(suite.key_files[path].as_bytes());
                    Some(keys.unwrap_or_else(|error| panic!("{}: {path}: {error}", suite.name)))
                }
                KeySource::Secret { variable } => {
                    let secret = suite.variables[variable].as_bytes();
                    let keys = KeySet::from_secret(secret, issuer.algorithms);
                    Some(keys.expect("the secret is usable"))
                }
                KeySource::Discovery | KeySource::JwksUrl(_) => None,
            })
            .collect();
        Self { policy, keys }
    }

    fn run(&self, suite: &Suite, case: &Case) -> Result<(), String> {
        let sent = suite.sent(case, NOW_S, ORIGIN);
        let authorization: Vec<Vec<u8>> = sent
            .authorization
            .iter()
            .map(|value| value.clone().into_bytes())
            .collect();
        let fields: FieldList = sent
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
            .collect();
        let header = self.policy.api_key_header();
        let api_key = header.map_or_else(Vec::new, |header| fields.values(header));
        let canonical = canonical_form(&sent.target);
        let head = RequestHead {
            method: &case.method,
            target: &sent.target,
            canonical: canonical.as_deref(),
            authorization: &authorization,
            api_key: &api_key,
            fields: &fields,
            origin: ORIGIN,
        };
        if let Some(vary) = &case.vary {
            let route = self.policy.route(head.method, head.target());
            let found = route.map_err(|refusal| refusal.to_string())?.varies_by();
            if found.clone().unwrap_or_default() != *vary {
                return Err(format!("varies by {found:?}"));
            }
        }
        let decided = self.decide(&head, suite, case);
        let decided = decided.or_else(|refusal| self.only_reported(&head, refusal));
        match (&case.expect, decided) {
            (Expected::Permit(expected), Ok(permit)) => {
                check_permit(expected, &permit, &sent, &fields)
            }
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

    fn decide(
        &self,
        head: &RequestHead<'_>,
        suite: &Suite,
        case: &Case,
    ) -> Result<Permit<'_>, Refusal> {
        if let Some(refusal) = case.fault.and_then(stopped) {
            return Err(refusal);
        }
        let pending = match self.policy.screen(head)? {
            Screened::Public(permit) => return Ok(permit),
            Screened::Protected(pending) => pending,
        };
        let revocations = revocations(case);
        let by_token = |issuer: &Arc<Issuer>, token: VerifiedToken| {
            let token = &token;
            let who = Authenticated::Token { issuer, token };
            pending
                .clone()
                .authorise(who, revocations.as_ref(), UnixTime(NOW_S))
        };
        let by_key = |name: Option<&str>, text: &str| {
            let key = self.key(&pending, name, text)?;
            let who = Authenticated::Key(&key);
            pending
                .clone()
                .authorise(who, revocations.as_ref(), UnixTime(NOW_S))
        };
        match pending.credential() {
            Credential::Jwt(token) => {
                if case.fault == Some(Fault::KeysUnavailable) {
                    return Err(Refusal::keys_unavailable(30));
                }
                let (issuer, token) = self.signed(&pending, token)?;
                by_token(issuer, token)
            }
            Credential::Opaque { token, asked } => {
                if case.fault == Some(Fault::IssuerUnavailable) {
                    return Err(Refusal::issuer_unavailable(30));
                }
                let answer = suite.introspection(case, NOW_S);
                let answer = answer.expect("no case asks an issuer that says nothing");
                by_token(asked.issuer, introspected(&pending, asked, token, &answer)?)
            }
            Credential::ApiKey { key, .. } => by_key(None, key),
            Credential::Basic { name, key, .. } => by_key(Some(name), key),
        }
    }

    /// What is refused and in report mode passes.
    fn only_reported(
        &self,
        head: &RequestHead<'_>,
        refusal: Refusal,
    ) -> Result<Permit<'_>, Refusal> {
        let now = UnixTime(NOW_S);
        let route = self.policy.route(head.method, head.target());
        let unlisted = || self.policy.unlisted(head.target(), &refusal, now);
        match route.ok().or_else(unlisted) {
            Some(route) => route.reported(head, refusal, now),
            None => Err(refusal),
        }
    }

    fn signed<'p>(
        &self,
        pending: &Pending<'p, '_>,
        token: &str,
    ) -> Result<(&'p Arc<Issuer>, VerifiedToken), Refusal> {
        let refused = |error| Refusal::invalid_token(pending, error);
        let token = UnverifiedToken::parse(token.as_bytes()).map_err(refused)?;
        let issuer = token
            .issuer_hint()
            .and_then(|url| pending.issuer_by_url(&url))
            .ok_or_else(|| Refusal::unknown_issuer(pending))?;
        let expect = issuer.expectations();
        let keys = self.keys[issuer.number()].as_ref();
        let keys = keys.expect("keys of a network are not asked for");
        let verified = token
            .verify(keys, expect, UnixTime(NOW_S))
            .map_err(refused)?;
        Ok((issuer, verified))
    }

    fn key(
        &self,
        pending: &Pending<'_, '_>,
        name: Option<&str>,
        text: &str,
    ) -> Result<VerifiedKey, Refusal> {
        let refused = |error| Refusal::invalid_key(pending, error);
        let key = ApiKey::parse(text.as_bytes()).map_err(refused)?;
        let listed = self.policy.api_keys().expect("keys are accepted here");
        KeyRecord::verify(listed.find(key.id()), &key, name, UnixTime(NOW_S)).map_err(refused)
    }

    /// What a case sends under the name of an identity header has to be removed.
    fn check_headers(&self, case: &Case) -> Result<(), String> {
        for (name, _) in &case.headers {
            let is_identity = name.to_ascii_lowercase().contains("auth");
            if is_identity && !self.policy.is_reserved_header(name) && spoofing(name).is_none() {
                return Err(format!("the header {name} would reach the upstream"));
            }
        }
        Ok(())
    }
}

/// What stops a request whoever calls.
fn stopped(fault: Fault) -> Option<Refusal> {
    let of_upstream = |failure| Refusal::upstream("orders", failure);
    Some(match fault {
        // These depend on the credential.
        Fault::KeysUnavailable | Fault::IssuerUnavailable | Fault::StoreUnavailable => return None,
        Fault::Misconfigured => Refusal::misconfigured("the policy could not be read"),
        Fault::TargetTooLong => Refusal::limit(LimitExceeded::TargetBytes { bytes: 9 }),
        Fault::HeadersTooLarge => Refusal::limit(LimitExceeded::HeaderCount { count: 9 }),
        Fault::BodyTooLarge => Refusal::limit(LimitExceeded::BodyBytes),
        Fault::UnsupportedMediaType => Refusal::limit(LimitExceeded::ContentType),
        Fault::RequestTimeout => Refusal::slow_body(),
        Fault::RateLimited => Refusal::rate_limited("per_client", 30),
        Fault::LoopDetected => Refusal::looped(),
        Fault::NotImplemented => Refusal::websocket(),
        Fault::BadGateway => of_upstream(UpstreamFailure::Unreachable),
        Fault::UpstreamUnavailable => {
            of_upstream(UpstreamFailure::BreakerOpen { retry_after_s: 30 })
        }
        Fault::GatewayTimeout => of_upstream(UpstreamFailure::ConnectTimeout),
        Fault::UpstreamDenied => of_upstream(UpstreamFailure::Denied),
    })
}

/// What is known to be revoked; nothing is known while the store cannot be read.
fn revocations(case: &Case) -> Option<RevocationSet> {
    if case.fault == Some(Fault::StoreUnavailable) {
        return None;
    }
    let mut set = RevocationSet::default();
    for revoked in &case.revoked {
        let of = revoked.of.as_str();
        let until = UnixTime(NOW_S.saturating_add_signed(revoked.until));
        let end = UnixTime(NOW_S + 3600);
        let entry = match (&revoked.token, &revoked.subject, &revoked.session) {
            (Some(id), None, None) => RevocationEntry::token(of, id, end),
            (None, Some(subject), None) => RevocationEntry::subject(of, subject, until, end),
            (None, None, Some(session)) => RevocationEntry::session(of, session, end),
            (None, None, None) if revoked.everything => RevocationEntry::issuer(of, until, end),
            _ => panic!("{}: say what is revoked", case.name),
        };
        set.insert(&entry);
    }
    Some(set)
}

fn check_permit(
    expected: &ExpectedPermit,
    permit: &Permit<'_>,
    sent: &Sent,
    fields: &FieldList,
) -> Result<(), String> {
    for name in fields.names() {
        let goes_on = spoofing(name).is_some() && !permit.removes_header(name);
        let mut due = sent.forwarded_headers.iter();
        if goes_on && !due.any(|(due, values)| name.eq_ignore_ascii_case(due) && !values.is_empty())
        {
            return Err(format!("the header {name} would reach the upstream"));
        }
    }
    let identity: BTreeMap<String, String> = permit
        .identity_headers()
        .map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned()))
        .collect();
    let found = ExpectedPermit {
        route: permit.route().to_owned(),
        identity,
        credential_forwarded: !permit.strips_credential(),
        would_refuse: permit
            .would_refuse()
            .map(|refusal| refusal.class().name().to_owned()),
    };
    if found != *expected {
        return Err(format!("let through as {found:?} instead of {expected:?}"));
    }
    if permit.target() != sent.forwarded_target {
        return Err(format!("the target became {:?}", permit.target()));
    }
    for (due, values) in &sent.forwarded_headers {
        let left: Vec<String> = fields
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(due) && !permit.removes_header(name))
            .filter_map(|(name, value)| permit.left_of(name, value, ORIGIN))
            .map(|value| String::from_utf8_lossy(&value).into_owned())
            .collect();
        if left != *values {
            return Err(format!("{due} became {left:?} instead of {values:?}"));
        }
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
    let problem: serde_json::Value = serde_json::from_slice(&refusal.problem_json(REQUEST_ID))
        .map_err(|error| error.to_string())?;
    let names = [
        problem["status"] == expected.status,
        problem["type"] != "about:blank",
    ];
    if names != [true, true] {
        return Err(format!("the problem document says {problem}"));
    }
    Ok(())
}

fn introspected(
    pending: &Pending<'_, '_>,
    asked: AskedIssuer<'_>,
    token: &str,
    answer: &[u8],
) -> Result<VerifiedToken, Refusal> {
    let answer = introspection::parse(
        answer,
        token.as_bytes(),
        asked.issuer.expectations(),
        asked.how.missing_audience,
        UnixTime(NOW_S),
        asked.how.cache_s,
    );
    match answer {
        Ok(IntrospectionResponse::Active(token)) => Ok(token),
        Ok(IntrospectionResponse::Inactive) => Err(Refusal::inactive(pending)),
        Err(IntrospectionError::Token(error)) => Err(Refusal::invalid_token(pending, error)),
        Err(error) if error.is_verdict() => Err(Refusal::inactive(pending)),
        Err(_) => Err(Refusal::issuer_unavailable(30)),
    }
}
