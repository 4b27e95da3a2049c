//! How the gate is, for who asks at the paths of `[health]`: whether it runs, and whether it has what it needs to
//! decide.
//!
//! The first touches nothing. The second looks at what the instance knows, and has fetched or read what a request
//! would: an instance that has just begun is not unready because nobody has asked it anything yet. It does so as
//! requests do, so that however many ask, an issuer and the store are asked no more often. An upstream is never asked.

#[cfg(feature = "report")]
use doorward_policy::ReportScope;
use doorward_policy::{
    HealthDetails, HealthQuestion, HealthRule, PROBLEM_MEDIA_TYPE, Policy, problem_json,
};
#[cfg(feature = "report")]
use doorward_syntax::date::rfc3339;
#[cfg(feature = "bundle")]
use doorward_token::UnixTime;
use doorward_token::freshness::KeySetState;
use doorward_traffic::trace::Trace;
use doorward_traffic::upstream::Upstream;
use serde_json::{Map, Value};
use std::cmp::Reverse;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::event::Event;
use crate::gate::Gate;
use crate::issuers::KnownIssuer;
use crate::platform::{FieldList, Platform};
use crate::proxy::UpstreamHealth;
use crate::received::Received;
use crate::recording::Recording as _;
use crate::respond;
#[cfg(feature = "bundle")]
use crate::standing::Standing;
use crate::store::StoreHealth;

/// How long keys and the store are waited for. What asks here gives up soon, and has an answer a moment later.
const WAIT_TIME_MAX: Duration = Duration::from_secs(2);
/// When to ask again where nobody knows better, in seconds.
const RETRY_AFTER_S: u64 = 5;
/// Things that are told of at most; those that are wrong come first.
const CHECKS_MAX: usize = 256;

/// By which a proxy says that it asks for somebody else.
const ON_BEHALF: [&str; 3] = ["x-forwarded-for", "forwarded", "via"];

/// A question for the gate itself.
pub(crate) struct Health<'p> {
    rule: &'p HealthRule,
    question: HealthQuestion,
}

impl<'p> Health<'p> {
    /// The question that a request is, if it is one.
    pub(super) fn of(policy: &'p Policy, received: &Received) -> Option<Self> {
        let (rule, question) = policy.health_at(&received.target)?;
        Some(Self { rule, question })
    }

    /// What it is called.
    pub(super) fn name(&self) -> &'static str {
        match self.question {
            HealthQuestion::Ready => "ready",
            HealthQuestion::Live => "live",
        }
    }

    /// The answer.
    ///
    /// # Errors
    /// Where the host does not accept it.
    pub(super) async fn answer<P: Platform>(
        self,
        gate: &Gate<P>,
        received: &Received,
        trace: &Trace,
    ) -> Result<P::Response, P::Error> {
        let platform = gate.platform();
        let mut fields = FieldList::of([("cache-control", "no-store")]);
        if !matches!(&*received.method, "GET" | "HEAD") {
            fields.push("allow", "GET, HEAD");
            fields.push("content-type", PROBLEM_MEDIA_TYPE);
            let title = "Only GET and HEAD are allowed here";
            let body = problem_json("method-not-allowed", title, 405, &trace.request_id);
            return answered(platform, 405, fields, body);
        }
        let mut found = Found::default();
        if self.question == HealthQuestion::Ready {
            // Where it takes too long, what is known by then is told. The work goes on.
            let _ = clock::within(platform, WAIT_TIME_MAX, prepare(gate, self.rule)).await;
            found = Found::by(gate, self.rule, self.tells(gate, received));
            tell_of_change(gate, &found);
        }
        let (status, mut body) = match found.worst {
            Condition::Fail => {
                fields.push("retry-after", found.retry_after_s.max(1).to_string());
                fields.push("content-type", PROBLEM_MEDIA_TYPE);
                let title = "Requests cannot be decided at the moment";
                let body = problem_json("not-ready", title, 503, &trace.request_id);
                (503, body)
            }
            good => {
                fields.push("content-type", "application/json");
                (200, format!(r#"{{"status":"{}"}}"#, good.name()))
            }
        };
        if let Some(checks) = found.told() {
            add_member(&mut body, "checks", &checks);
            #[cfg(feature = "report")]
            if let Some(modes) = report_modes(gate) {
                add_member(&mut body, "report_mode", &modes);
            }
        }
        answered(platform, status, fields, body)
    }

    /// Whether who asks is told what is wrong. A proxy that asks for somebody else is not, wherever it is.
    fn tells<P: Platform>(&self, gate: &Gate<P>, received: &Received) -> bool {
        match self.rule.details {
            HealthDetails::None => false,
            HealthDetails::All => true,
            HealthDetails::Trusted => {
                gate.ground.client(received).peer_is_trusted
                    && !ON_BEHALF.iter().any(|field| received.has(field))
            }
        }
    }
}

/// Adds a member to an object that is written already.
fn add_member(body: &mut String, name: &str, value: &Value) {
    body.pop();
    body.extend([",\"", name, "\":", &value.to_string(), "}"]);
}

/// What is in report mode now, and until when; `None` where nothing is.
#[cfg(feature = "report")]
fn report_modes<P: Platform>(gate: &Gate<P>) -> Option<Value> {
    // Where nothing can be, nobody has to know the time.
    let now = gate.reports.then(|| gate.platform().now())?;
    let modes = gate.policy().report_modes();
    let modes = modes.filter(|(_, until)| until.is_on(now)).take(CHECKS_MAX);
    let modes: Vec<Value> = modes
        .map(|(scope, until)| {
            let (what, name) = match scope {
                ReportScope::Policy => ("policy", None),
                ReportScope::Route(path) => ("route", Some(path)),
                ReportScope::Issuer(name) => ("issuer", Some(name)),
                ReportScope::RateLimit(name) => ("rate_limit", Some(name)),
            };
            let mut told = Map::new();
            told.insert("what".to_owned(), what.into());
            if let Some(name) = name {
                told.insert("name".to_owned(), name.into());
            }
            let end_ms = until.end().0.saturating_mul(1000);
            told.insert("until".to_owned(), rfc3339(end_ms).into());
            Value::Object(told)
        })
        .collect();
    (!modes.is_empty()).then_some(Value::Array(modes))
}

/// The answer with this body, whose length is announced.
fn answered<P: Platform>(
    platform: &P,
    status: u16,
    mut fields: FieldList,
    body: String,
) -> Result<P::Response, P::Error> {
    fields.push("content-length", body.len().to_string());
    respond::response(platform, status, &fields, body.into_bytes())
}

/// How something is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Condition {
    /// As it should be.
    #[default]
    Pass,
    /// It is done without, or with what is old.
    Warn,
    /// Requests cannot be decided.
    Fail,
}

impl Condition {
    fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// Has fetched and read what a request would need.
async fn prepare<P: Platform>(gate: &Gate<P>, rule: &HealthRule) {
    let required = || required(gate, rule);
    // All begin before one is waited for.
    for known in required() {
        known.keys.prepare();
    }
    if looks_at_store(gate, rule) {
        let _ = gate.store.directory(gate.platform().now()).await;
    }
    for known in required() {
        let _ = known.keys.get().await;
    }
}

fn looks_at_store<P: Platform>(gate: &Gate<P>, rule: &HealthRule) -> bool {
    rule.requires_store || gate.policy().uses_store()
}

fn required<'g, P: Platform>(
    gate: &'g Gate<P>,
    rule: &'g HealthRule,
) -> impl Iterator<Item = Rc<KnownIssuer<P>>> + 'g {
    let issuers = gate.policy().issuers();
    let issuers = rule.issuers.iter().filter_map(|&id| issuers.get(id));
    issuers.map(|issuer| gate.issuer(issuer))
}

/// Says in the log that the instance is not ready any more, or is again: once for each change.
fn tell_of_change<P: Platform>(gate: &Gate<P>, found: &Found) {
    let is_ready = found.worst != Condition::Fail;
    if gate.was_ready.replace(is_ready) != is_ready {
        let event = match is_ready {
            true => Event::Ready,
            false => Event::NotReady {
                without: &found.without,
            },
        };
        gate.platform().record(&event);
    }
}

/// What is told of one thing: how it is, its name, and more.
type Check = (Condition, String, Map<String, Value>);

/// What was found.
#[derive(Default)]
struct Found {
    worst: Condition,
    /// Without what requests cannot be decided, for the log.
    without: String,
    retry_after_s: u64,
    /// What is told of each thing; `None`: nobody is told.
    checks: Option<Vec<Check>>,
}

impl Found {
    fn by<P: Platform>(gate: &Gate<P>, rule: &HealthRule, is_told: bool) -> Self {
        let mut found = Self {
            checks: is_told.then(Vec::new),
            ..Self::default()
        };
        let now = gate.platform().now();
        #[cfg(feature = "bundle")]
        if let Some(standing) = &gate.standing {
            found.bundle(standing, now);
        }
        for known in gate.known_issuers() {
            let keys = known.keys.health(now);
            let is_required = rule.issuers.contains(&known.issuer.number());
            let condition = match keys.state {
                KeySetState::Fresh | KeySetState::Stale => Condition::Pass,
                KeySetState::Failing => Condition::Warn,
                // Nobody has needed them yet.
                KeySetState::Missing if !keys.has_failed && !is_required => continue,
                KeySetState::Expired | KeySetState::Unusable | KeySetState::Missing => {
                    lacking(is_required)
                }
            };
            let name = ["issuer:", &known.issuer.name];
            found.add(condition, name, keys.next_refresh_s, |told| {
                told.insert("keys".to_owned(), keys.state.to_string().into());
                if let Some(age_s) = keys.age_s {
                    told.insert("age_s".to_owned(), age_s.into());
                }
            });
        }
        if looks_at_store(gate, rule) {
            let condition = match gate.store.health(now) {
                StoreHealth::Read => Condition::Pass,
                StoreHealth::Old => Condition::Warn,
                StoreHealth::Unavailable => lacking(rule.requires_store),
            };
            found.add(condition, ["store", ""], RETRY_AFTER_S, |_| {});
        }
        for known in gate.upstreams_health() {
            let mut required = rule.upstreams.iter();
            let all = gate.policy().upstreams();
            let is_it = |upstream: &Arc<Upstream>| Arc::ptr_eq(upstream, &known.upstream);
            let is_required = required.any(|&number| all.get(number).is_some_and(is_it));
            found.upstream(&known, is_required);
        }
        found
    }

    /// The bundle that the policy came in: which one it is, and what came of asking for a newer one.
    #[cfg(feature = "bundle")]
    fn bundle(&mut self, standing: &Standing, now: UnixTime) {
        let trouble = standing.trouble.get();
        let condition = match trouble {
            _ if standing.has_expired(now) => Condition::Fail,
            Some(_) => Condition::Warn,
            None => Condition::Pass,
        };
        self.add(condition, ["policy", ""], RETRY_AFTER_S, |told| {
            let left_s = standing.expires_at.seconds_since(now);
            told.insert("sequence".to_owned(), standing.sequence.into());
            let age_s = now.seconds_since(standing.issued_at);
            told.insert("age_s".to_owned(), age_s.into());
            told.insert("expires_in_s".to_owned(), left_s.into());
            if let Some(trouble) = trouble {
                told.insert("newer".to_owned(), trouble.into());
            }
        });
    }

    fn upstream(&mut self, known: &UpstreamHealth, is_required: bool) {
        let targets = known.upstream.targets.len();
        let condition = if known.is_shut || known.unreachable >= targets {
            lacking(is_required)
        } else if known.unreachable > 0 || known.routes_shut > 0 {
            Condition::Warn
        } else {
            Condition::Pass
        };
        let name = ["upstream:", &known.upstream.name];
        self.add(condition, name, RETRY_AFTER_S, |told| {
            told.insert("targets".to_owned(), targets.into());
            told.insert("unreachable".to_owned(), known.unreachable.into());
            told.insert("breaker_open".to_owned(), known.is_shut.into());
            told.insert("routes_open".to_owned(), known.routes_shut.into());
        });
    }

    fn add(
        &mut self,
        condition: Condition,
        name: [&str; 2],
        retry_after_s: u64,
        tell: impl FnOnce(&mut Map<String, Value>),
    ) {
        if condition == Condition::Fail {
            let before = if self.without.is_empty() { "" } else { ", " };
            self.without.push_str(before);
            self.without.extend(name);
            self.retry_after_s = self.retry_after_s.max(retry_after_s);
        }
        self.worst = self.worst.max(condition);
        if let Some(checks) = &mut self.checks {
            let mut told = Map::new();
            told.insert("status".to_owned(), condition.name().into());
            tell(&mut told);
            checks.push((condition, name.concat(), told));
        }
    }

    /// What is told of it, by name.
    fn told(self) -> Option<Value> {
        let mut checks = self.checks?;
        checks.sort_by_key(|(condition, ..)| Reverse(*condition));
        let checks = checks.into_iter().take(CHECKS_MAX);
        let checks = checks.map(|(_, name, told)| (name, Value::Object(told)));
        Some(Value::Object(checks.collect()))
    }
}

/// How something is that cannot be had.
fn lacking(is_required: bool) -> Condition {
    match is_required {
        true => Condition::Fail,
        false => Condition::Warn,
    }
}
