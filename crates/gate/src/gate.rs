//! What the requests of an instance share while one policy is in force: keys, what is revoked, verified tokens and what
//! is known of upstreams. Nothing of a request is in it but tokens, and those only to recognise the very same token
//! again.

use doorward_policy::{Issuer, Policy};
use doorward_token::cache::TokenCache;
use doorward_traffic::shares::Shares;
#[cfg(any(feature = "access-log", feature = "health"))]
use std::cell::Cell;
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

#[cfg(feature = "otlp")]
use crate::collector::Collector;
#[cfg(feature = "access-log")]
use crate::event::Event;
use crate::ground::Ground;
use crate::introspect::Introspector;
use crate::issuers::{Issuers, KnownIssuer};
#[cfg(feature = "ops")]
use crate::left;
#[cfg(feature = "access-log")]
use crate::levels::Levels;
use crate::limiter::Limiter;
#[cfg(feature = "metrics")]
use crate::metrics::Instrument;
#[cfg(feature = "report")]
use crate::mounted;
use crate::platform::Platform;
#[cfg(feature = "health")]
use crate::proxy::UpstreamHealth;
use crate::proxy::Upstreams;
#[cfg(any(feature = "access-log", feature = "metrics"))]
use crate::recording::Recording as _;
#[cfg(feature = "report")]
use crate::report;
#[cfg(feature = "bundle")]
use crate::standing::Standing;
use crate::store::SharedStore;
#[cfg(feature = "report")]
use crate::thinned::Thinned;

/// What logout tokens that prove false are counted under, for the log.
const LOGOUTS_NAME: &str = "of logout tokens";
/// How many of them a client may send at once, more than an instance has requests at a time: those that are valid
/// count until that is known.
const LOGOUTS_AT_ONCE: u32 = 30;
/// How many of them come back to a client each second.
const LOGOUTS_PER_S: u32 = 2;

/// Sees to it that what an instance measures is told where its policy says so.
pub(crate) fn telling<P: Platform>(platform: &P, policy: &Policy) {
    #[cfg(feature = "ops")]
    left::begin(platform, policy);
    #[cfg(feature = "otlp")]
    if let Some(metrics) = platform.metrics() {
        let otlp = policy.telemetry();
        let otlp = otlp.and_then(|rule| {
            let id = [platform.random_name(), platform.random_name()];
            Collector::new(rule, id)
        });
        metrics.borrow_mut().otlp = otlp.map(Rc::new);
    }
    let _ = (platform, policy);
}

/// Measures that an instance has begun to serve, and since when that took.
#[cfg(feature = "metrics")]
pub(crate) fn has_started<P: Platform>(platform: &P, began_ns: u64) {
    platform.measured(|metrics| {
        metrics.begins(platform.now_millis());
        let took_ns = platform.monotonic_ns().saturating_sub(began_ns);
        metrics.add(Instrument::InstanceStarts, &[], 1);
        metrics.measure(Instrument::InstanceStartDuration, &[], took_ns);
    });
}

/// What the requests of an instance share.
pub(crate) struct Gate<P: Platform> {
    pub(crate) ground: Rc<Ground<P>>,
    /// A second policy, of which only differences are told; `None`: there is none, or it cannot be used.
    #[cfg(feature = "report")]
    pub(crate) candidate: Option<Policy>,
    /// What of it was undecidable, and told.
    #[cfg(feature = "report")]
    pub(crate) undecidable: RefCell<Thinned>,
    /// Whether anything of the policy can be in report mode: it has many rules to look through.
    #[cfg(feature = "report")]
    pub(crate) reports: bool,
    issuers: Issuers<P>,
    pub(crate) store: Rc<SharedStore<P>>,
    pub(crate) introspector: Introspector<P>,
    pub(crate) verified: RefCell<TokenCache<P::HashState, Arc<Issuer>>>,
    pub(crate) limiter: Limiter<P>,
    /// The key of hashes in the log; inside `None`: it cannot be had.
    #[cfg(feature = "access-log")]
    log_secret: OnceCell<Option<String>>,
    /// Whether it was looked which events the log is to have.
    #[cfg(feature = "access-log")]
    has_levels: Cell<bool>,
    /// What each client may send of logout tokens.
    pub(crate) logouts: RefCell<Shares>,
    /// What was told last of whether it has what it needs to decide.
    #[cfg(feature = "health")]
    pub(crate) was_ready: Cell<bool>,
    /// How the bundle is that the policy came in, where it did.
    #[cfg(feature = "bundle")]
    pub(crate) standing: Option<Rc<Standing>>,
    /// Made by the first request to one.
    upstreams: OnceCell<Upstreams<P>>,
}

impl<P: Platform> Gate<P> {
    pub(crate) fn new(platform: P, policy: Policy) -> Self {
        let store = SharedStore::new(platform.clone(), policy.store());
        #[cfg(feature = "report")]
        let reports = policy.reports();
        #[cfg(feature = "report")]
        if reports {
            report::begins(&platform, &policy);
        }
        #[cfg(feature = "report")]
        let candidate = {
            let path = policy.candidate();
            path.and_then(|path| mounted::policy(&platform, path))
        };
        Self {
            issuers: Issuers::new(&platform, &policy, &store),
            introspector: Introspector::new(platform.clone()),
            #[cfg(feature = "access-log")]
            log_secret: OnceCell::new(),
            #[cfg(feature = "access-log")]
            has_levels: Cell::new(false),
            logouts: RefCell::new(Shares::of(LOGOUTS_NAME, LOGOUTS_AT_ONCE, LOGOUTS_PER_S)),
            limiter: Limiter::new(platform.clone(), policy.rate_limits(), Rc::clone(&store)),
            verified: RefCell::new(TokenCache::new(platform.hash_state())),
            #[cfg(feature = "health")]
            was_ready: Cell::new(true),
            #[cfg(feature = "bundle")]
            standing: None,
            upstreams: OnceCell::new(),
            #[cfg(feature = "report")]
            candidate,
            #[cfg(feature = "report")]
            undecidable: RefCell::default(),
            #[cfg(feature = "report")]
            reports,
            store,
            ground: Rc::new(Ground::new(platform, policy)),
        }
    }

    /// The host.
    pub(crate) fn platform(&self) -> &P {
        &self.ground.platform
    }

    /// The policy.
    pub(crate) fn policy(&self) -> &Policy {
        &self.ground.policy
    }

    /// What is known of an issuer of the policy.
    pub(crate) fn issuer(&self, issuer: &Arc<Issuer>) -> Rc<KnownIssuer<P>> {
        self.issuers.of(issuer)
    }

    /// The issuers of which anything was asked, or that were.
    #[cfg(feature = "health")]
    pub(crate) fn known_issuers(&self) -> impl Iterator<Item = &Rc<KnownIssuer<P>>> {
        self.issuers.known()
    }

    /// How the upstreams are that were asked for.
    #[cfg(feature = "health")]
    pub(crate) fn upstreams_health(&self) -> Vec<UpstreamHealth> {
        self.upstreams
            .get()
            .map_or_else(Vec::new, Upstreams::health)
    }

    /// Sees which events the log is to have, the first time.
    #[cfg(feature = "access-log")]
    pub(crate) async fn read_levels(&self) {
        let rule = self.policy().log();
        let variable = rule.map_or("", |rule| rule.level_variable.as_str());
        if variable.is_empty() || self.has_levels.get() {
            return;
        }
        let platform = self.platform();
        let text = platform.secret(variable).await;
        // Others may have read it meanwhile; and a client that left has not.
        if self.has_levels.replace(true) {
            return;
        }
        let text = match text {
            Ok(text) => text,
            Err(reason) => {
                let reason = &reason;
                return platform.record(&Event::VariableUnreadable { reason });
            }
        };
        match Levels::parse(&text) {
            Ok(levels) => platform.set_levels(levels),
            Err(error) => {
                let error = &error;
                platform.record(&Event::LevelsInvalid { variable, error });
            }
        }
    }

    /// What the log says of a caller in place of the name: the same for all instances that have the key.
    #[cfg(feature = "access-log")]
    pub(crate) async fn hash_of(
        &self,
        rule: &doorward_policy::LogRule,
        caller: &doorward_policy::Principal<'_>,
    ) -> Option<String> {
        if self.log_secret.get().is_none() {
            let secret = self.platform().secret(&rule.secret).await;
            if let Err(reason) = &secret {
                self.platform()
                    .record(&Event::VariableUnreadable { reason });
            }
            let _ = self.log_secret.set(secret.ok());
        }
        let secret = self.log_secret.get()?.as_ref()?;
        let subject = caller.subject().unwrap_or_default();
        let parts = [caller.issuer().as_bytes(), b"\0", subject.as_bytes()];
        Some(doorward_token::keyed_hash(secret.as_bytes(), &parts))
    }

    /// What is known of upstreams.
    pub(crate) fn upstreams(&self) -> &Upstreams<P> {
        self.upstreams
            .get_or_init(|| Upstreams::new(self.platform()))
    }
}
