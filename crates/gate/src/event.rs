//! What is worth telling: refusals, and changes of what the gate rests on.
//!
//! A line of the log is a view of an event: one JSON object. A request that is let through has none: a line
//! costs a request 11 µs on Spin.
//!
//! No value in an event may be a token or a secret. The errors of `token` and `policy` hold none, and nothing
//! else from a request is in one but its method, its route and a bounded piece of its path.

#[cfg(feature = "bundle")]
mod bundle;
mod line;

#[cfg(feature = "report")]
use doorward_policy::Policy;
use doorward_policy::{Findings, Refusal};
use doorward_token::SkippedKey;
#[cfg(feature = "report")]
use doorward_token::UnixTime;
use doorward_token::freshness::KeySetState;
use doorward_token::revocation::REVOCATIONS_MAX;
use doorward_traffic::cors::PreflightRefusal;
use doorward_traffic::spoofing::{Says, Spoofing};
use doorward_traffic::trace::Trace;
use doorward_traffic::upstream::UpstreamFailure;
use serde_json::Value;
use std::fmt::Display;

#[cfg(feature = "bundle")]
pub use self::bundle::BundleEvent;
use self::line::Line;
#[cfg(feature = "report")]
use crate::differs::CandidateDiffers;
use crate::fault::{StoreError, Unreadable};
pub use crate::levels::Level;
#[cfg(feature = "access-log")]
use crate::levels::LevelsError;
use crate::record::Record;
#[cfg(feature = "report")]
use crate::record::path_of;

/// What to do where there is no policy.
const MOUNT: &str = "mount it: files = [{ source = \"doorward.toml\", destination = \"/doorward.toml\" }] on the \
                     component behind the gate, and \"files\" in inherit_configuration";
/// What to do where there are too many revocations.
const REVOKE_ISSUER: &str = "`doorward revoke issuer` revokes all that was issued until now";
/// What becomes of shared limits that have too many callers.
const MANY_CALLERS: &str =
    "shared limits have too many callers for the store: each instance counts new ones alone";

/// Something worth telling.
pub enum Event<'a> {
    /// A request was refused.
    Refused {
        /// What is known of it.
        record: &'a Record<'a>,
        /// Why, and as what.
        refusal: &'a Refusal,
    },
    /// A request would have been refused, and goes on: report mode.
    #[cfg(feature = "report")]
    WouldRefuse {
        /// What is known of it.
        record: &'a Record<'a>,
        /// Its path and query, of which the first is told.
        target: &'a str,
        /// Why, and as what.
        refusal: &'a Refusal,
    },
    /// A second policy says something else of a request.
    #[cfg(feature = "report")]
    CandidateDiffers(&'a CandidateDiffers<'a>),
    /// Something is in report mode.
    #[cfg(feature = "report")]
    ReportMode {
        /// What of it.
        policy: &'a Policy,
        /// When this is said.
        now: UnixTime,
    },
    /// A preflight was refused.
    PreflightRefused {
        /// Of which request.
        trace: &'a Trace,
        /// Of the request, without its query.
        path: &'a str,
        /// Why.
        why: PreflightWhy<'a>,
    },
    /// A field was removed with which a client could pass for somebody else, for the first time.
    FieldRemoved(&'a Spoofing),
    /// There is no policy.
    PolicyUnreadable {
        /// Where it should be.
        path: &'a str,
        /// What the host says.
        reason: &'a Unreadable,
    },
    /// The policy has errors.
    PolicyInvalid {
        /// Where it is.
        path: &'a str,
        /// What is wrong with it.
        findings: &'a Findings,
    },
    /// Something became of a policy that is fetched.
    #[cfg(feature = "bundle")]
    Bundle {
        /// Of which application.
        application: &'a str,
        /// What.
        event: BundleEvent<'a>,
    },
    /// What an operator has written of levels means nothing.
    #[cfg(feature = "access-log")]
    LevelsInvalid {
        /// In which variable.
        variable: &'a str,
        /// Why.
        error: &'a LevelsError,
    },
    /// The keys of an issuer are others, or older, or cannot be had.
    Keys(KeysEvent<'a>),
    /// The private half of a key was seen.
    KeyExposed {
        /// Whose key.
        issuer: &'a str,
        /// Which key.
        key: &'a SkippedKey,
    },
    /// An issuer could not be asked about a token, or did not answer as it should.
    IntrospectionFailed {
        /// Which issuer.
        issuer: &'a str,
        /// What came of it.
        reason: &'a dyn Display,
    },
    /// A collector did not take what was sent to it.
    #[cfg(feature = "otlp")]
    TelemetryFailed {
        /// Where that was.
        url: &'a str,
        /// What came of it.
        reason: &'a dyn Display,
    },
    /// A logout could not be done.
    LogoutFailed {
        /// Of which request.
        trace: &'a Trace,
        /// What the issuer is told.
        refusal: &'a Refusal,
    },
    /// A logout was not valid.
    LogoutRefused {
        /// Of which request.
        trace: &'a Trace,
        /// Where it was sent.
        path: &'a str,
        /// What is wrong with it.
        reason: &'a dyn Display,
    },
    /// A session has ended.
    LoggedOut {
        /// Of which request.
        trace: &'a Trace,
        /// Who said so.
        issuer: &'a str,
        /// How many names were written.
        entries: usize,
    },
    /// There is no room for another revocation.
    RevocationsFull {
        /// How many names there are.
        entries: usize,
    },
    /// There will soon be no room for another revocation.
    RevocationsMany {
        /// How many names there are.
        entries: usize,
    },
    /// There are so many numbers of shared limits in the store that no new ones are made.
    CountersMany {
        /// How many there are.
        counters: usize,
    },
    /// There are revocations that cannot be read.
    RevocationsIgnored {
        /// How many.
        names: usize,
    },
    /// Requests cannot be decided any more.
    #[cfg(feature = "health")]
    NotReady {
        /// What is lacking.
        without: &'a str,
    },
    /// They can again.
    #[cfg(feature = "health")]
    Ready,
    /// A store cannot be opened.
    StoreNotGranted {
        /// Which one.
        store: &'a str,
        /// What the host says.
        error: &'a StoreError,
    },
    /// A call to a store failed.
    StoreUnavailable {
        /// Which one.
        store: &'a str,
        /// What the host says.
        error: &'a StoreError,
    },
    /// What is in the store cannot be read.
    RecordIgnored {
        /// In which store, where that is told.
        store: Option<&'a str>,
        /// Under which name.
        name: &'a str,
        /// What is wrong with it.
        reason: &'a dyn Display,
    },
    /// A credential for an upstream cannot be had.
    VariableUnreadable {
        /// Why.
        reason: &'a Unreadable,
    },
    /// A target did not answer.
    UpstreamFailed {
        /// Of which request.
        trace: &'a Trace,
        /// Of which upstream.
        upstream: &'a str,
        /// Host and port.
        target: &'a str,
        /// What came of it.
        failure: UpstreamFailure,
    },
    /// A mirror did not answer.
    MirrorFailed {
        /// Which upstream.
        upstream: &'a str,
        /// What came of it.
        failure: UpstreamFailure,
    },
    /// A request was not mirrored, since too many are under way.
    NotMirrored {
        /// Which upstream.
        upstream: &'a str,
    },
}

/// Why a preflight was refused.
pub enum PreflightWhy<'a> {
    /// By what the rule says.
    Rule(&'a PreflightRefusal),
    /// No rule with CORS lists the method.
    NotListed,
}

/// The state of an issuer's keys, at a change of it.
pub struct KeysEvent<'a> {
    /// What has changed.
    pub change: KeysChange,
    /// Whose keys.
    pub issuer: &'a str,
    /// How many can be used.
    pub keys: usize,
    /// How many cannot.
    pub skipped: usize,
    /// How usable they are.
    pub state: KeySetState,
    /// How old they are, in seconds.
    pub age_s: Option<u64>,
    /// When they are to be asked for again, in seconds from now.
    pub next_refresh_s: u64,
    /// Where they came from; empty: nowhere.
    pub source: &'a str,
    /// Why they cannot be had or used.
    pub reason: Option<&'a str>,
}

/// What has changed of an issuer's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeysChange {
    /// They are others.
    Loaded,
    /// They are the same, and fresh again.
    Refreshed,
    /// They are the same, and can be had again.
    Recovered,
    /// None of them can be used.
    Unusable,
    /// They could not be had.
    Failed,
}

impl KeysChange {
    fn told(self) -> (Level, &'static str) {
        match self {
            Self::Loaded => (Level::Info, "keys-loaded"),
            Self::Refreshed => (Level::Info, "keys-refreshed"),
            Self::Recovered => (Level::Info, "keys-recovered"),
            Self::Unusable => (Level::Error, "keys-unavailable"),
            Self::Failed => (Level::Warn, "keys-unavailable"),
        }
    }
}

impl Event<'_> {
    /// How much it matters.
    pub(crate) fn level(&self) -> Level {
        self.as_line().level
    }

    /// The event as one line of JSON, line feed included: the level, the event's name and its fields.
    #[must_use]
    pub fn line(&self) -> String {
        let line = match self.trace() {
            Some(trace) => self.as_line().of_request(trace),
            None => self.as_line(),
        };
        let mut text = Value::Object(line.fields).to_string();
        text.push('\n');
        text
    }

    /// Its level and name, where it is not what was decided of a request.
    #[cfg(feature = "metrics")]
    pub(crate) fn told_by_itself(&self) -> Option<(Level, String)> {
        let line = self.as_line();
        let name = line.fields.get("event").and_then(Value::as_str)?;
        let is_decision = matches!(name, "refused" | "would-refuse" | "candidate-differs");
        (!is_decision).then(|| (line.level, name.to_owned()))
    }

    /// Of the request that it is about.
    fn trace(&self) -> Option<&Trace> {
        match self {
            Self::Refused { record, .. } => Some(&record.trace),
            #[cfg(feature = "report")]
            Self::WouldRefuse { record, .. } => Some(&record.trace),
            #[cfg(feature = "report")]
            Self::CandidateDiffers(differs) => Some(&differs.record.trace),
            Self::PreflightRefused { trace, .. }
            | Self::LogoutFailed { trace, .. }
            | Self::LogoutRefused { trace, .. }
            | Self::LoggedOut { trace, .. }
            | Self::UpstreamFailed { trace, .. } => Some(trace),
            _ => None,
        }
    }

    fn as_line(&self) -> Line {
        use Level::{Error, Info, Warn};
        match self {
            Self::Refused { record, refusal } => {
                Line::of(Warn, "refused").of_refusal(record, record.path(), refusal)
            }
            #[cfg(feature = "report")]
            Self::WouldRefuse {
                record,
                target,
                refusal,
            } => Line::of(Warn, "would-refuse").of_refusal(record, path_of(target), refusal),
            #[cfg(feature = "report")]
            Self::CandidateDiffers(differs) => {
                let members = differs.members().into_iter();
                let line = Line::of(Info, "candidate-differs");
                members.fold(line, |line, (name, value)| line.with(name, &value))
            }
            #[cfg(feature = "report")]
            Self::ReportMode { policy, now } => {
                Line::of(Warn, "report-mode").of_modes(policy, *now)
            }
            Self::PreflightRefused { path, why, .. } => {
                let line = Line::of(Info, "preflight-refused").with("path", path);
                match why {
                    PreflightWhy::Rule(why) => line.with("reason", why),
                    PreflightWhy::NotListed => {
                        line.with("reason", &"no rule with CORS lists the method")
                    }
                }
            }
            Self::FieldRemoved(found) => {
                let family = if found.is_family { "*" } else { "" };
                Line::of(Warn, "field-removed")
                    .with("field", &format_args!("{}{family}", found.entry))
                    .with("help", &about_removed(found.says))
            }
            Self::PolicyUnreadable { path, reason } => Line::of(Error, "policy-unreadable")
                .with("path", path)
                .with("reason", reason)
                .with("help", &reason.help().unwrap_or(MOUNT)),
            Self::PolicyInvalid { path, findings } => Line::of(Error, "policy-invalid")
                .with("path", path)
                .with("reason", findings)
                .with("help", &"`doorward check` says what to do about it"),
            #[cfg(feature = "bundle")]
            Self::Bundle { application, event } => event.as_line(application),
            #[cfg(feature = "access-log")]
            Self::LevelsInvalid { variable, error } => Line::of(Error, "levels-invalid")
                .with("variable", variable)
                .with("reason", error)
                .with("help", &error.help()),
            Self::Keys(event) => event.as_line(),
            Self::KeyExposed { issuer, key } => Line::of(Error, "key-exposed")
                .with("issuer", issuer)
                .with("reason", key)
                .with(
                    "effect",
                    &"the key is not used any more, in whichever set it is listed",
                )
                .with(
                    "help",
                    &"have the issuer replace it: whoever saw it can sign",
                ),
            Self::IntrospectionFailed { issuer, reason } => Line::of(Warn, "introspection-failed")
                .with("issuer", issuer)
                .with("reason", reason),
            #[cfg(feature = "otlp")]
            Self::TelemetryFailed { url, reason } => Line::of(Warn, "telemetry-failed")
                .with("url", url)
                .with("reason", reason),
            Self::LogoutFailed { refusal, .. } => {
                Line::of(Warn, "logout-failed").with("reason", &refusal.reason())
            }
            Self::LogoutRefused { path, reason, .. } => Line::of(Warn, "logout-refused")
                .with("path", path)
                .with("reason", reason),
            Self::LoggedOut {
                issuer, entries, ..
            } => Line::of(Info, "logged-out")
                .with("issuer", issuer)
                .with("entries", entries),
            Self::RevocationsFull { entries } => Line::of(Error, "revocations-full")
                .with("entries", entries)
                .with("help", &REVOKE_ISSUER),
            Self::RevocationsMany { entries } => Line::of(Warn, "revocations-many")
                .with("entries", entries)
                .with("entries_max", &REVOCATIONS_MAX)
                .with("help", &REVOKE_ISSUER),
            Self::CountersMany { counters } => Line::of(Warn, "counters-many")
                .with("counters", counters)
                .with("reason", &MANY_CALLERS),
            Self::RevocationsIgnored { names } => Line::of(Warn, "revocations-ignored")
                .with("names", names)
                .with(
                    "reason",
                    &"their names cannot be read: they were written by a newer version, or by hand",
                ),
            Self::StoreNotGranted { store, error } => Line::of(Warn, "store-not-granted")
                .with("store", store)
                .with("reason", error)
                .with(
                    "effect",
                    &"each instance fetches keys for itself; what needs the store is refused",
                )
                .with(
                    "help",
                    &"list it in key_value_stores of the component behind the gate, and \
                      \"key_value_stores\" in inherit_configuration",
                ),
            Self::StoreUnavailable { store, error } => Line::of(Warn, "store-unavailable")
                .with("store", store)
                .with("reason", error),
            Self::RecordIgnored {
                store,
                name,
                reason,
            } => {
                let mut line = Line::of(Warn, "record-ignored");
                if let Some(store) = store {
                    line = line.with("store", store);
                }
                line.with("name", name).with("reason", reason)
            }
            #[cfg(feature = "health")]
            Self::NotReady { without } => Line::of(Warn, "not-ready").with("without", without),
            #[cfg(feature = "health")]
            Self::Ready => Line::of(Info, "ready"),
            Self::VariableUnreadable { reason } => {
                Line::of(Error, "variable-unreadable").with("reason", reason)
            }
            Self::UpstreamFailed {
                upstream,
                target,
                failure,
                ..
            } => Line::of(Warn, "upstream-failed")
                .with("upstream", upstream)
                .with("target", target)
                .with("reason", failure),
            Self::MirrorFailed { upstream, failure } => Line::of(Warn, "mirror-failed")
                .with("upstream", upstream)
                .with("reason", failure),
            Self::NotMirrored { upstream } => Line::of(Warn, "not-mirrored")
                .with("upstream", upstream)
                .with("reason", &"too many are under way"),
        }
    }
}

impl KeysEvent<'_> {
    fn as_line(&self) -> Line {
        let (level, event) = self.change.told();
        let age_s = self.age_s.map_or_else(String::new, |age| age.to_string());
        let mut line = Line::of(level, event)
            .with("issuer", &self.issuer)
            .with("keys", &self.keys)
            .with("keys_skipped", &self.skipped)
            .with("state", &self.state)
            .with("age_s", &age_s)
            .with("next_refresh_s", &self.next_refresh_s);
        if !self.source.is_empty() {
            line = line.with("source", &self.source);
        }
        if let Some(reason) = self.reason {
            line = line.with("reason", &reason);
        }
        line
    }
}

/// Why a field was removed, and what to do about it.
fn about_removed(says: Says) -> &'static str {
    match says {
        Says::Method => {
            "a client asks for another method with it: a route without `methods` can let it through \
             with `override_headers`"
        }
        Says::Path => "a client asks for another path with it: no route could decide on that",
        Says::Prefix => {
            "it says what was taken off the path: only trusted proxies are believed, see \
             `trusted_hops` of `[proxy]`"
        }
        Says::Identity => {
            "it says who the caller is: `identity_headers` of `[proxy]` keeps it where it comes from \
             `trusted_networks`, and `[identity]` sets it"
        }
    }
}
