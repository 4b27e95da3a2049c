//! How a request is decided, step by step.
//!
//! This is no second way to decide. The functions of a decision are called in the order in which the gate calls them,
//! what they answer *is* the verdict, and the steps are written down beside them: what was expected, what was found,
//! and which line of the policy says so. Where an answer is a refusal, its reason says at which step.
//!
//! What depends on more than policy, request, keys and time is told and not guessed: what rate limits have counted,
//! what was revoked, which API keys the store has, what an issuer says of an opaque token.
//!
//! A claim is shown only after the signature was found to be good, and only where a check is about it. No step says
//! anything of the signature itself, of a key, or of a secret.

mod advice;
mod credential;
mod demands;
mod lines;
mod path;
mod step;
mod telling;
mod token;
mod traffic;
mod words;

use doorward_token::revocation::RevocationSet;
use doorward_traffic::cors::is_preflight;
pub use doorward_traffic::field_list::FieldList;
use doorward_traffic::fields::asks_for_websocket;
use doorward_traffic::forwarded::loops;
use doorward_traffic::host;

use self::lines::Lines;
pub use self::step::{Outcome, Step};
pub use self::telling::{Asked, KeysAtHand, KeysOf, Verdict};
use self::telling::{Genuine, Judged, Telling};
use crate::decision::{Authenticated, Screened};
#[cfg(feature = "health")]
use crate::health::HealthQuestion;
use crate::permit::Permit;
use crate::policy::Policy;
use crate::refusal::Refusal;

/// How a request is decided.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What becomes of it.
    pub verdict: Verdict,
    /// How that comes, in the order of the gate.
    pub steps: Vec<Step>,
    /// What depends on what was before, and would make another verdict of it.
    pub unless: Vec<String>,
    /// What about the credential would have to be otherwise.
    pub credential: Vec<String>,
}

impl Explanation {
    /// The first step that failed.
    #[must_use]
    pub fn first_failed(&self) -> Option<&Step> {
        let mut steps = self.steps.iter();
        steps.find(|step| step.outcome == Outcome::Failed)
    }
}

impl Policy {
    /// How a request is decided by this policy, which was read from `text`.
    #[must_use]
    pub fn explain(&self, text: &str, asked: &Asked<'_>) -> Explanation {
        let lines = Lines::of(text);
        let mut telling = Telling {
            policy: self,
            asked,
            lines: &lines,
            steps: Vec::new(),
            unless: Vec::new(),
            credential: Vec::new(),
        };
        let verdict = match telling.decide() {
            Ok(verdict) => verdict,
            Err(refusal) => {
                advice::add(&mut telling, &refusal);
                telling.only_reported(refusal)
            }
        };
        if verdict != Verdict::Admitted {
            telling.unless.clear();
        }
        Explanation {
            verdict,
            steps: telling.steps,
            unless: telling.unless,
            credential: telling.credential,
        }
    }
}

impl<'e> Telling<'e> {
    /// The phases of the gate, one after the other.
    fn decide(&mut self) -> Result<Verdict, Refusal> {
        let (policy, head) = (self.policy, &self.asked.head);
        self.arrive()?;
        if let Some(answered) = self.endpoint() {
            return Ok(answered);
        }
        let route = path::route(self)?;
        let place = self.lines.route(route.pattern(), head.method);
        traffic::size(self, &route, place)?;
        traffic::rates(self, &route);
        let screened = route.screen(head);
        credential::found(self, &route, &screened, place);
        match screened? {
            Screened::Public(_) => Ok(Verdict::Admitted),
            Screened::Protected(pending) => {
                let pending = &pending;
                self.authenticate(policy, &Judged { pending, place })
            }
        }
    }

    /// Whom it is for, and for what.
    fn arrive(&mut self) -> Result<(), Refusal> {
        let head = &self.asked.head;
        let hosts = head.fields.values("host");
        if let Some(authority) = self.asked.authority
            && let Err(error) = host::check(&hosts, Some(authority))
        {
            self.steps
                .push(Step::failed("host").found(error.to_string()));
            return Err(Refusal::host(error));
        }
        if asks_for_websocket(head.fields) {
            let step = Step::failed("websocket").found("the request asks for a WebSocket");
            self.steps.push(step.note("No component can have one."));
            return Err(Refusal::websocket());
        }
        if loops(&self.policy.proxy().name, &head.fields.values("cdn-loop")) {
            let step =
                Step::told("loop").found("`CDN-Loop` says that the request has been here before");
            self.steps
                .push(step.note("The gateway refuses it with 508, the gate does not."));
            self.unless
                .push("it is the gateway: the request has been here before".to_owned());
        }
        Ok(())
    }

    /// What answers by itself.
    fn endpoint(&mut self) -> Option<Verdict> {
        let (policy, head) = (self.policy, &self.asked.head);
        if head.method == "POST" && policy.logout_at(head.target).is_some() {
            let step = Step::told("endpoint").found("a logout path of an issuer");
            self.steps
                .push(step.note("The gate itself answers; no rule is asked."));
            return Some(Verdict::Answered("logout"));
        }
        #[cfg(feature = "health")]
        if let Some((_, question)) = policy.health_at(head.target) {
            let (key, name) = match question {
                HealthQuestion::Ready => ("`ready` of `[health]`", "ready"),
                HealthQuestion::Live => ("`live` of `[health]`", "live"),
            };
            let step = Step::told("endpoint").found(key);
            self.steps
                .push(step.note("The gate itself answers; no rule is asked."));
            return Some(Verdict::Answered(name));
        }
        let requested = head.fields.values("access-control-request-method");
        let origins = head.fields.values("origin").len();
        if !is_preflight(head.method, origins, !requested.is_empty()) {
            return None;
        }
        let method = match requested.as_slice() {
            [one] => core::str::from_utf8(one).unwrap_or_default(),
            _ => "",
        };
        let preflight = policy.preflight(head.target(), method)?;
        let methods = words::list(&preflight.methods);
        let step = Step::told("endpoint").found("a preflight");
        let step = step.note("The gate itself answers; no credential is asked for.");
        let step = step.note(match preflight.listed {
            true => {
                format!("A rule with CORS lists the method that is asked for; it allows {methods}.")
            }
            false => format!(
                "No rule with CORS lists the method that is asked for; it allows {methods}."
            ),
        });
        self.steps.push(step);
        Some(Verdict::Answered("preflight"))
    }

    /// Whether the credential is genuine, and then whether the caller may do this.
    fn authenticate(
        &mut self,
        policy: &'e Policy,
        judged: &Judged<'_, '_>,
    ) -> Result<Verdict, Refusal> {
        let genuine = credential::genuine(self, policy, judged);
        if genuine.is_err() {
            demands::asked(self, judged);
        }
        match genuine? {
            Genuine::Token(issuer, token) => {
                let (issuer, token) = (&issuer, &*token);
                self.authorise(judged, Authenticated::Token { issuer, token })
            }
            Genuine::Key(key) => self.authorise(judged, Authenticated::Key(&key)),
            Genuine::Unknown(why) => {
                // What else the rule asks for.
                demands::asked(self, judged);
                Ok(Verdict::Undecided(why))
            }
        }
    }

    /// What becomes of a request that is refused: in report mode it passes.
    #[cfg(feature = "report")]
    fn only_reported(&mut self, refusal: Refusal) -> Verdict {
        let (policy, head, now) = (self.policy, &self.asked.head, self.asked.now);
        let route = match policy.route(head.method, head.target()) {
            Ok(route) => route,
            Err(_) => {
                let Some(route) = policy.unlisted(head.target(), &refusal, now) else {
                    return Verdict::Refused(refusal);
                };
                // What passes there is within the bounds of `[defaults]`.
                if let Err(exceeded) = traffic::size(self, &route, None) {
                    return Verdict::Refused(exceeded);
                }
                route
            }
        };
        let until = route.mode_of(head, &refusal, now);
        match (until, route.reported(head, refusal.clone(), now)) {
            (Some(until), Ok(_)) => {
                let until = until.end();
                let step = Step::told("report mode").note(format!(
                    "What is refused passes until {}.",
                    (self.asked.written)(until)
                ));
                self.steps.push(step.note(
                    "It goes on as nobody's: without identity headers and without its credential.",
                ));
                Verdict::WouldRefuse { refusal, until }
            }
            (_, Err(also)) => {
                if also != refusal {
                    let step = Step::failed("credential").found(also.reason().to_string());
                    self.steps
                        .push(step.note("A public route refuses that, and so does report mode."));
                }
                Verdict::Refused(also)
            }
            (None, Ok(_)) => Verdict::Refused(refusal),
        }
    }

    #[cfg(not(feature = "report"))]
    fn only_reported(&mut self, refusal: Refusal) -> Verdict {
        Verdict::Refused(refusal)
    }

    fn authorise(
        &mut self,
        judged: &Judged<'_, '_>,
        who: Authenticated<'_>,
    ) -> Result<Verdict, Refusal> {
        // What was revoked, the store knows.
        let none = RevocationSet::default();
        let now = self.asked.now;
        let pending = judged.pending.clone();
        let authorised = pending.authorise(who, Some(&none), now);
        demands::judged(self, judged, who, authorised.as_ref().err());
        authorised.map(|_: Permit<'_>| Verdict::Admitted)
    }
}
