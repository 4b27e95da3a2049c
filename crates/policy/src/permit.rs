//! The permit.

use core::fmt;
use std::borrow::Cow;

use doorward_traffic::shared_cache::SharedCache;
use doorward_traffic::spoofing::{Says, spoofing};

use crate::credential::place::CredentialPlace;
use crate::identity::AbsentHeader;
use crate::policy::{Policy, Rule};
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::target;
use crate::traffic::{CallerKeys, RateLimitId, Traffic};

const AUTHORIZATION: &str = "authorization";

/// The decision to let a request through.
///
/// Only [`Policy::screen`] and [`Pending::authorise`] make one, and in report mode `Route::reported`; whoever forwards a
/// request asks for one. It cannot be made anywhere else:
///
/// ```compile_fail,E0451
/// # use doorward_policy::{Permit, Policy, RequestHead, Screened};
/// # let policy = Policy::parse("[[route]]\npath = \"/\"\npublic = true").unwrap();
/// # let head = RequestHead { method: "GET", target: "/", ..RequestHead::default() };
/// # let Screened::Public(permit) = policy.screen(&head).unwrap() else { return };
/// let forged = Permit { target: "/admin".to_owned(), ..permit };
/// ```
///
/// ```compile_fail,E0624
/// # use doorward_policy::Permit;
/// let forged = Permit::new();
/// ```
///
/// ```compile_fail,E0277
/// # use doorward_policy::Permit;
/// let forged: Permit<'static> = Default::default();
/// ```
///
/// It cannot be used for a second request either, for it is no `Clone`:
///
/// ```compile_fail,E0277
/// # use doorward_policy::Permit;
/// fn twice<T: Clone>() {}
/// twice::<Permit<'static>>();
/// ```
///
/// [`Pending::authorise`]: crate::Pending::authorise
pub struct Permit<'p> {
    policy: &'p Policy,
    rule: Rule<'p>,
    target: String,
    identity: Identity<'p>,
    principal: Option<Principal<'p>>,
    keys: CallerKeys,
    /// Where the credential was, if one was looked at.
    place: Option<CredentialPlace>,
    #[cfg(feature = "report")]
    reported: Reported,
}

/// What would have been refused, where that is only reported.
#[cfg(feature = "report")]
#[derive(Default)]
struct Reported {
    /// As what.
    refusal: Option<Box<Refusal>>,
    /// Whether the request goes on although nobody was let through.
    of_nobody: bool,
}

/// For each identity header its value, or why it has none.
pub(crate) type Identity<'p> = Vec<(&'p str, Result<Vec<u8>, AbsentHeader>)>;

impl<'p> Permit<'p> {
    pub(crate) fn new(
        policy: &'p Policy,
        rule: Rule<'p>,
        target: String,
        identity: Identity<'p>,
        principal: Option<Principal<'p>>,
        keys: CallerKeys,
        place: Option<CredentialPlace>,
    ) -> Self {
        Self {
            policy,
            rule,
            target,
            identity,
            principal,
            keys,
            place,
            #[cfg(feature = "report")]
            reported: Reported::default(),
        }
    }

    /// In the place of a refusal that is only reported: nobody was let through, and the request goes on.
    #[cfg(feature = "report")]
    pub(crate) fn instead_of(mut self, refusal: Refusal) -> Self {
        self.reported = Reported {
            refusal: Some(Box::new(refusal)),
            of_nobody: true,
        };
        self
    }

    /// The same, and a rate limit that is only reported was used up. Whoever was let through still is: how often
    /// somebody asks says nothing of who that is.
    #[cfg(feature = "report")]
    #[must_use]
    pub fn over_reported_limit(mut self, refusal: Refusal) -> Self {
        self.reported.refusal = Some(Box::new(refusal));
        self
    }

    /// What the request would have been refused as: it is in report mode. `None` where it was let through.
    #[must_use]
    pub fn would_refuse(&self) -> Option<&Refusal> {
        #[cfg(feature = "report")]
        let refusal = self.reported.refusal.as_deref();
        #[cfg(not(feature = "report"))]
        let refusal = None;
        refusal
    }

    /// Whether the request goes on although nobody was let through: without an identity, without a credential of the
    /// client's, and without one of ours in its place.
    #[must_use]
    pub fn is_of_nobody(&self) -> bool {
        #[cfg(feature = "report")]
        let of_nobody = self.reported.of_nobody;
        #[cfg(not(feature = "report"))]
        let of_nobody = false;
        of_nobody
    }

    /// Whether the credential goes on. What could not be verified never does: whoever is behind takes what arrives
    /// with it for verified.
    fn forwards_credential(&self) -> bool {
        self.rule.kind.forwards_credential && !self.is_of_nobody()
    }

    /// The target to forward: byte for byte the one that was received and decided on, save for a
    /// credential in its query that is not to be handed on.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The headers to set, after every reserved header has been removed from the request. Names are
    /// in lower case; values are printable ASCII, each in a vector, because whoever sets it needs one.
    pub fn identity_headers(&self) -> impl Iterator<Item = (&'p str, &Vec<u8>)> {
        self.identity
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_ref().ok()?)))
    }

    /// The identity headers that are not set, and why. There are none where nobody was authenticated.
    pub fn absent_headers(&self) -> impl Iterator<Item = (&'p str, AbsentHeader)> {
        self.identity
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_ref().err().copied()?)))
    }

    /// Whether a header of the request is to be removed before it is forwarded: in any spelling every
    /// reserved one, and one with which the client would pass for another request or somebody else
    /// ([`spoofing`]), but for those that the rule lets through; and the credential unless the rule hands
    /// it on. A trailer is never the credential, and no rule lets one through: of those, what
    /// [`Policy::removes_trailer`] says and [`spoofing`] are to be removed. Does not allocate.
    #[must_use]
    pub fn removes_header(&self, name: &str) -> bool {
        let forwards = self.forwards_credential();
        // Most names are not, and of those most are told by their length.
        if name.len() == AUTHORIZATION.len()
            && (name == AUTHORIZATION || name.eq_ignore_ascii_case(AUTHORIZATION))
        {
            return !forwards;
        }
        let same = |header: &str| header.eq_ignore_ascii_case(name);
        if self.policy.is_reserved_header(name) {
            let tokens = self.policy.sources.headers();
            let mut credentials = self.policy.api_key_header().into_iter().chain(tokens);
            return !(forwards && credentials.any(same));
        }
        spoofing(name).is_some()
            && !self
                .rule
                .kind
                .override_headers
                .iter()
                .any(|header| same(header))
    }

    /// Whether one of these headers goes on and may say that the method is another one: then what the request's
    /// own method says of it need not be so. Does not allocate.
    pub fn may_have_another_method<'n>(&self, mut names: impl Iterator<Item = &'n str>) -> bool {
        let overrides = &self.rule.kind.override_headers;
        let is_override = |name: &str| {
            let mut overrides = overrides.iter();
            overrides.any(|header| header.eq_ignore_ascii_case(name))
        };
        !overrides.is_empty() && names.any(is_override)
    }

    /// Whether a header that is [to be removed](Self::removes_header) stays all the same where who is
    /// connected is a [trusted](doorward_traffic::address::Client::peer_is_trusted) proxy. Does not
    /// allocate.
    #[must_use]
    pub fn stays_from_trusted(&self, name: &str) -> bool {
        match spoofing(name).map(|found| found.says) {
            Some(Says::Prefix) => true,
            Some(Says::Identity) => {
                let mut kept = self.policy.proxy.identity_headers.iter();
                kept.any(|header| header.eq_ignore_ascii_case(name))
            }
            _ => false,
        }
    }

    /// Whether a header of the request that goes on has to lose a part of its value: then
    /// [`Permit::left_of`] says what is left. Does not allocate.
    #[must_use]
    pub fn rewrites_header(&self, name: &str) -> bool {
        !self.forwards_credential() && self.policy.sources.are_in(name)
    }

    /// What is left of a header's value without credentials: of `Cookie` the other cookies, of a `Referer` of
    /// this `origin` ([`RequestHead::origin`]) all but the parameters that hold one. `None` where
    /// nothing is left, and the field goes.
    ///
    /// [`RequestHead::origin`]: crate::RequestHead::origin
    #[must_use]
    pub fn left_of<'v>(&self, name: &str, value: &'v [u8], origin: &str) -> Option<Cow<'v, [u8]>> {
        if !self.rewrites_header(name) {
            return Some(Cow::Borrowed(value));
        }
        self.policy.sources.left_of(name, value, origin)
    }

    /// Whether the credential is removed from the request, wherever it is.
    #[must_use]
    pub fn strips_credential(&self) -> bool {
        !self.forwards_credential()
    }

    /// Who says whether caches that several callers share may keep the answer. `None` where those see by themselves
    /// whose it is, by `Authorization` (RFC 9111 section 3.5), or no credential was looked at.
    #[must_use]
    pub fn shared_cache(&self) -> Option<SharedCache> {
        if self.is_of_nobody() {
            // Who is let through asks for the same, and gets something else.
            return Some(SharedCache::Never);
        }
        let is_told = matches!(self.place, None | Some(CredentialPlace::Authorization));
        (!is_told).then_some(self.rule.kind.traffic.shared_cache)
    }

    /// The rule's path pattern, for the log.
    #[must_use]
    pub fn route(&self) -> &'p str {
        self.rule.path.as_str()
    }

    /// A number that no other `[[route]]` of the policy has.
    #[must_use]
    pub fn route_number(&self) -> usize {
        self.rule.number.into()
    }

    /// Whose request it is, for the log; `None` where nobody has shown a credential.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal<'p>> {
        self.principal.as_ref()
    }

    /// What the rule says of traffic.
    #[must_use]
    pub fn traffic(&self) -> Traffic<'p> {
        Traffic::new(&self.policy.named, &self.rule.kind.traffic)
    }

    /// For each rate limit of the rule that is by subject, API key or claim: the bytes that tell this
    /// caller apart from others. There are none for a limit whose subject, key or claim the credential
    /// does not have: that counts by the client's address.
    ///
    /// They may name a person and are not for the log. They are no longer than the credential, or than
    /// what was answered about it.
    pub fn rate_keys(&self) -> impl Iterator<Item = (RateLimitId, &[u8])> {
        self.keys
            .rates
            .iter()
            .map(|(limit, key)| (*limit, key.as_slice()))
    }

    /// The bytes that tell this caller apart from others where the rule's split is by subject: issuer and
    /// subject. `None` where the credential has no subject, or there is no such split.
    #[must_use]
    pub fn split_key(&self) -> Option<&[u8]> {
        self.keys.split.as_deref()
    }
}

/// Names the principal only as far as the log does, and no identity header's value.
impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("route", &self.rule.path.as_str())
            .field("path", &target::path_of(&self.target))
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}
