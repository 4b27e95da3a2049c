//! A policy that was read and found sound.

use core::cmp::Ordering;
use std::sync::Arc;

use doorward_syntax::url::Wire;
use doorward_token::freshness::FreshnessPolicy;
use doorward_token::introspection::MissingAudience;
use doorward_token::{AlgorithmSet, Expectations, tenant_of};
use doorward_traffic::rate::RateLimit;
use doorward_traffic::upstream::Upstream;

use crate::api_keys::{ApiKeys, KeyPlace};
use crate::claim::RequiredClaim;
use crate::credential::kind::Kinds;
use crate::csrf;
use crate::finding::Findings;
#[cfg(feature = "health")]
use crate::health::HealthRule;
use crate::identity::{IdentityHeader, ReservedNames};
use crate::log::LogRule;
use crate::matcher::Matcher;
use crate::open::Open;
#[cfg(feature = "access-log")]
use crate::recorded::Recorded;
#[cfg(feature = "report")]
use crate::report::{ReportUntil, RouteMode};
use crate::store::{RevocationRule, StoreRule};
#[cfg(feature = "telemetry")]
use crate::telemetry::TelemetryRule;
use crate::token_from::{SourceSet, TokenFrom, TokenSources};
use crate::traffic::{Named, ProxyRule, TrafficRule};

/// The position of an issuer in [`Policy::issuers`]. Only this crate counts issuers; what leaves it is the issuer.
pub(crate) type IssuerId = usize;

/// Who may do what: the issuers, the rules and the identity headers of one policy file.
///
/// It never changes after it was read, and holds no secret.
#[derive(Debug)]
pub struct Policy {
    pub(crate) issuers: Vec<Arc<Issuer>>,
    pub(crate) issuer_names: IssuerNames,
    pub(crate) store: StoreRule,
    pub(crate) log: Option<LogRule>,
    /// What lines of the log tell of decisions, where they do.
    #[cfg(feature = "access-log")]
    pub(crate) recorded: Option<Box<Recorded>>,
    #[cfg(feature = "health")]
    pub(crate) health: Option<HealthRule>,
    #[cfg(feature = "telemetry")]
    pub(crate) telemetry: Option<TelemetryRule>,
    pub(crate) revocation: Option<RevocationRule>,
    pub(crate) api_keys: Option<ApiKeys>,
    pub(crate) logout_paths: Vec<LogoutPath>,
    pub(crate) rules: Rules,
    pub(crate) matcher: Matcher,
    pub(crate) identity: Vec<IdentityHeader>,
    pub(crate) reserved: ReservedNames,
    pub(crate) sources: TokenSources,
    pub(crate) proxy: ProxyRule,
    pub(crate) named: Named,
    /// The file of a second policy that decides beside this one.
    #[cfg(feature = "report")]
    pub(crate) candidate: Option<String>,
    /// Until when all of it is only reported.
    #[cfg(feature = "report")]
    pub(crate) report: Option<ReportUntil>,
    /// Where that is so: what stands in for a rule where none lists a request.
    #[cfg(feature = "report")]
    pub(crate) unlisted: Option<Box<Unlisted>>,
    pub(crate) warnings: Findings,
}

impl Policy {
    /// What is probably not meant, but keeps nobody from using the policy.
    #[must_use]
    pub fn warnings(&self) -> &Findings {
        &self.warnings
    }

    /// The issuers, in the order of their names. Each tenant that is listed of an issuer is one, with
    /// the name `issuer/tenant`, in the order in which the policy lists them.
    #[must_use]
    pub fn issuers(&self) -> &[Arc<Issuer>] {
        &self.issuers
    }

    /// The issuer that is meant by this `iss`. No two have the same name, so there is one at most.
    #[must_use]
    pub fn issuer_by_url(&self, url: &str) -> Option<&Arc<Issuer>> {
        let IssuerNames { sorted, patterns } = &self.issuer_names;
        let issuer = |id: u32| self.issuers.get(id as usize);
        let expect = |id: u32| issuer(id).map(|issuer| issuer.expectations());
        let name = |(id, number): (u32, u32)| {
            let expect = expect(id)?;
            Some(match number.checked_sub(1) {
                None => expect.issuer.as_str(),
                Some(number) => expect.issuer_spellings.get(number as usize)?,
            })
        };
        if let Ok(place) = sorted.binary_search_by(|&place| name(place).cmp(&Some(url))) {
            let (id, _) = sorted.get(place)?;
            return issuer(*id);
        }
        let is_of = |id: &&u32| {
            let expect = expect(**id);
            expect.is_some_and(|expect| tenant_of(&expect.issuer, url).is_some())
        };
        patterns.iter().find(is_of).and_then(|id| issuer(*id))
    }

    /// The key-value store that instances share.
    #[must_use]
    pub fn store(&self) -> &StoreRule {
        &self.store
    }

    /// What revocation asks of tokens; `None` where nothing is revoked.
    #[must_use]
    pub fn revocation(&self) -> Option<&RevocationRule> {
        self.revocation.as_ref()
    }

    /// What the policy says of API keys; `None` where there are none.
    #[must_use]
    pub fn api_keys(&self) -> Option<&ApiKeys> {
        self.api_keys.as_ref()
    }

    /// The name of the header in which a request has its API key, in lower case. Its values go into
    /// [`RequestHead::api_key`](crate::RequestHead::api_key).
    #[must_use]
    pub fn api_key_header(&self) -> Option<&str> {
        self.api_keys.as_ref()?.header()
    }

    pub(crate) fn key_place(&self) -> Option<&KeyPlace> {
        self.api_keys.as_ref()?.place.as_ref()
    }

    /// Whose logout tokens are sent to this request target; `None` where it is no such address. A query
    /// changes nothing; any other spelling of the path is another path.
    #[must_use]
    pub fn logout_at(&self, target: &str) -> Option<LogoutAt<'_>> {
        // Without `[revocation]` no issuer has a path.
        let revocation = self.revocation.as_ref()?;
        let path = target.split('?').next().unwrap_or_default();
        let mut paths = self.logout_paths.iter();
        let found = paths.find(|logout| logout.path.as_str() == path)?;
        Some(LogoutAt {
            policy: self,
            issuers: self.issuers.get(found.issuers.clone())?,
            revocation,
        })
    }

    /// The upstreams, by name. [`UpstreamId`](doorward_traffic::upstream::UpstreamId) is a position here.
    #[must_use]
    pub fn upstreams(&self) -> &[Arc<Upstream>] {
        &self.named.upstreams
    }

    /// What stands between clients, the gate and upstreams.
    #[must_use]
    pub fn proxy(&self) -> &ProxyRule {
        &self.proxy
    }

    /// The rate limits, in the order of their names. [`RateLimitId`](crate::RateLimitId) is a position here.
    #[must_use]
    pub fn rate_limits(&self) -> &[RateLimit] {
        &self.named.rate_limits
    }

    /// How many rules there are.
    #[must_use]
    pub fn rules_count(&self) -> usize {
        self.rules.len()
    }

    /// The names of the identity headers, in lower case.
    pub fn identity_header_names(&self) -> impl Iterator<Item = &str> {
        self.identity.iter().map(|header| header.name.as_str())
    }

    /// Whether a header is to be removed from every request, because an upstream could take it for
    /// an identity header or for the API key's: letters count in either case, and whatever is neither
    /// letter nor digit counts as `-`. Does not allocate.
    ///
    /// Headers that tokens are in are among them. Which header a request that was let through keeps,
    /// [`Permit`](crate::Permit) says.
    #[must_use]
    pub fn is_reserved_header(&self, name: &str) -> bool {
        self.reserved.contains(name)
    }

    /// Whether a trailer is to be removed from every request: a reserved header, or one that could hold a
    /// credential. A trailer never is one.
    #[must_use]
    pub fn removes_trailer(&self, name: &str) -> bool {
        self.is_reserved_header(name)
            || name.eq_ignore_ascii_case("authorization")
            || self.sources.are_in(name)
    }

    /// Whether [`RequestHead::origin`](crate::RequestHead::origin) is of use for a request with this method.
    /// `has_referer` says whether it has a `Referer`, and is asked only where that makes a difference.
    #[must_use]
    pub fn reads_origin(&self, method: &str, has_referer: &dyn Fn() -> bool) -> bool {
        let may_change = !csrf::is_safe(method) || self.rules.override_methods;
        (self.sources.has_cookies() && may_change)
            || (self.sources.has_parameters() && has_referer())
    }

    /// The issuers that groups of them stand for, in that order.
    pub(crate) fn issuers_of<'p>(
        &'p self,
        groups: &'p [IssuerGroup],
    ) -> impl Iterator<Item = &'p Arc<Issuer>> {
        let members = |group: &IssuerGroup| self.issuers.get(group.ids()).unwrap_or_default();
        groups.iter().flat_map(members)
    }

    /// The issuer that opaque tokens are asked about, and how.
    pub(crate) fn asked(&self, demands: &Demands) -> Option<AskedIssuer<'_>> {
        let issuer = self.issuers.get(demands.introspects?)?;
        let how = issuer.introspection.as_ref()?;
        Some(AskedIssuer { issuer, how })
    }
}

/// An issuer that is asked about opaque tokens.
#[derive(Clone, Copy, Debug)]
pub struct AskedIssuer<'p> {
    /// The issuer.
    pub issuer: &'p Arc<Issuer>,
    /// How it is asked.
    pub how: &'p Introspection,
}

/// An address for logout tokens.
#[derive(Clone, Copy, Debug)]
pub struct LogoutAt<'p> {
    policy: &'p Policy,
    /// Several where they are tenants of one issuer.
    issuers: &'p [Arc<Issuer>],
    /// What the policy says of revocation, which a logout is.
    pub revocation: &'p RevocationRule,
}

impl<'p> LogoutAt<'p> {
    /// The issuer that a logout token is of, and how it logs out. `iss` is who the token says it is of, and is asked
    /// for only where that makes a difference: whether it is true, its signature says.
    pub fn issuer(
        &self,
        iss: impl FnOnce() -> Option<String>,
    ) -> Option<(&'p Arc<Issuer>, &'p Logout)> {
        let issuer = match self.issuers {
            [only] => only,
            several => {
                let named = self.policy.issuer_by_url(&iss()?)?;
                several.iter().find(|issuer| Arc::ptr_eq(issuer, named))?
            }
        };
        Some((issuer, issuer.logout.as_ref()?))
    }
}

/// What issuers are called in `iss`.
#[derive(Debug, Default)]
pub(crate) struct IssuerNames {
    /// In the order of the names, for each an issuer and which of its names it is: 0 is its URL, and the others follow.
    pub(crate) sorted: Vec<(u32, u32)>,
    /// The issuers that stand for all their tenants, whose URLs are patterns.
    pub(crate) patterns: Vec<u32>,
}

/// Somebody whose tokens are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The name that the policy gives to it.
    pub name: String,
    /// Its identifier, equal to `iss` (RFC 7519 section 4.1.1). It names the issuer wherever it is named, also
    /// where tokens have another one of its names. With [`Expectations::any_tenant`] it has `{tenant}` in
    /// it.
    pub url: String,
    /// The audiences of which a token must name one.
    pub audience: Vec<String>,
    /// The algorithms with which it may sign.
    pub algorithms: AlgorithmSet,
    /// By how many seconds its clock may differ.
    pub leeway_s: u64,
    /// Where its keys come from.
    pub keys: KeySource,
    /// What may be between here and there.
    pub wire: Wire,
    /// Whether its tokens follow RFC 9068.
    pub access_token_profile: bool,
    /// For how long its keys may be used.
    pub freshness: FreshnessPolicy,
    /// How it is asked about opaque tokens, if it is.
    pub introspection: Option<Introspection>,
    /// Where it says that somebody has logged out, if it does.
    pub logout: Option<Logout>,
    /// Its position in the policy.
    pub(crate) id: IssuerId,
    /// From which sources its tokens are believed.
    pub(crate) believed: SourceSet,
    /// Until when what its tokens lack is only reported.
    #[cfg(feature = "report")]
    pub(crate) report: Option<ReportUntil>,
    pub(crate) expectations: Expectations,
}

impl Issuer {
    /// What its keys, kept for other instances, are keys of: the issuer, found where this policy says, and nowhere else.
    #[must_use]
    pub fn keys_subject(&self) -> String {
        match &self.keys {
            KeySource::JwksUrl(url) => format!("{} {url}", self.url),
            KeySource::Discovery | KeySource::JwksFile(_) | KeySource::Secret { .. } => {
                self.url.clone()
            }
        }
    }

    /// The name of the issuer of a token with this `iss`, which is one of this issuer's: its URL, and where
    /// it stands for all its tenants, that of the tenant.
    #[must_use]
    pub fn name_of<'i>(&'i self, issuer: &'i str) -> &'i str {
        match self.expectations.any_tenant {
            true => issuer,
            false => &self.url,
        }
    }

    /// A number that no other issuer of the policy has.
    #[must_use]
    pub fn number(&self) -> usize {
        self.id
    }

    /// What a token of this issuer has to be.
    #[must_use]
    pub fn expectations(&self) -> &Expectations {
        &self.expectations
    }
}

/// Where the keys of an issuer come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The metadata that the issuer publishes says it.
    Discovery,
    /// A key set at this URL.
    JwksUrl(String),
    /// A key set in this file, mounted into the component.
    JwksFile(String),
    /// A secret, shared with the issuer.
    Secret {
        /// The name of the Spin variable that holds it.
        variable: String,
    },
}

/// How an issuer is asked about opaque tokens (RFC 7662).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introspection {
    /// Whom to ask; `None`: the metadata that the issuer publishes says it, as where its keys are, over a safe wire.
    pub endpoint: Option<String>,
    /// As whom.
    pub client_id: String,
    /// How that is shown.
    pub authentication: ClientAuthentication,
    /// For how many seconds an answer may be remembered at most.
    pub cache_s: u64,
    /// For how many seconds it may be remembered that a token is not active.
    pub negative_cache_s: u64,
    /// What becomes of a token of which the answer names no audience.
    pub missing_audience: MissingAudience,
}

/// How a client authenticates to an endpoint (OpenID Connect Core 1.0 section 9). The secret itself is
/// in a Spin variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// `client_secret_basic`: as `Basic`.
    SecretBasic {
        /// The name of the variable with the secret.
        variable: String,
    },
    /// `client_secret_post`: in the form that is posted.
    SecretPost {
        /// The name of the variable with the secret.
        variable: String,
    },
    /// `private_key_jwt`: by a signed assertion.
    PrivateKeyJwt {
        /// The name of the variable with the private JWK.
        variable: String,
    },
}

/// Where an issuer sends its logout tokens (OpenID Connect Back-Channel Logout 1.0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logout {
    /// The path, literal and canonical, that the gate itself answers.
    pub path: String,
    /// The clients of which a logout token must name one.
    pub client_ids: Vec<String>,
}

/// A path for logout tokens, and the issuers that may send theirs there.
#[derive(Clone, Debug)]
pub(crate) struct LogoutPath {
    pub(crate) path: String,
    pub(crate) issuers: core::ops::Range<IssuerId>,
}

/// All `[[route]]`s, those of one pattern in a row, as the matcher counts them.
///
/// Thousands of rules usually ask for a few different things, each of which is kept once: less memory to go through.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    kinds: Vec<Kind>,
    /// The positions in `kinds`, in the order of what is there.
    kinds_in_order: Vec<u32>,
    kind_of: Vec<u32>,
    patterns: Vec<RoutePath>,
    /// Whether one of them lets a client ask for another method in a field.
    override_methods: bool,
    /// Whether one of them takes paths as they come.
    pub(crate) forwards_escapes: bool,
}

/// One `[[route]]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule<'p> {
    /// Its position.
    pub(crate) number: u16,
    /// Whether no credential is looked at.
    pub(crate) public: bool,
    pub(crate) kind: &'p Kind,
    pub(crate) path: &'p RoutePath,
}

/// The `path` of a rule, for the log.
#[derive(Clone, Debug)]
pub(crate) struct RoutePath(pub(crate) Box<str>);

impl RoutePath {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// All of a rule but its path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    /// `None`: every method but those of [`METHODS_NEVER_LISTED`].
    pub(crate) methods: Option<Box<[String]>>,
    pub(crate) access: Access,
    /// What goes on without a credential and without an identity.
    pub(crate) open: Open,
    /// Where a token is looked for.
    pub(crate) token_from: TokenFrom,
    pub(crate) forwards_credential: bool,
    /// Whether the path goes on as it came, where it has more readings than one.
    pub(crate) forwards_escapes: bool,
    /// The fields in which a client may say that the method is another one; none where the rule lists methods.
    pub(crate) override_headers: Box<[String]>,
    pub(crate) traffic: TrafficRule,
    #[cfg(feature = "report")]
    pub(crate) mode: RouteMode,
}

/// A rule for what no rule lists. It admits nothing.
#[cfg(feature = "report")]
#[derive(Debug)]
pub(crate) struct Unlisted {
    pub(crate) kind: Kind,
    pub(crate) path: RoutePath,
}

impl Rules {
    pub(crate) fn push(&mut self, pattern: String, kind: Kind) {
        self.override_methods |= !kind.override_headers.is_empty();
        self.forwards_escapes |= kind.forwards_escapes;
        let Self {
            kinds,
            kinds_in_order,
            ..
        } = self;
        let known = kinds_in_order.binary_search_by(|&number| {
            let known = kinds.get(number as usize);
            known.map_or(Ordering::Less, |known| known.cmp(&kind))
        });
        let number = match known.map(|place| kinds_in_order.get(place).copied()) {
            Ok(number) => number.unwrap_or_default(),
            Err(place) => {
                let number = kinds.len() as u32;
                kinds.push(kind);
                kinds_in_order.insert(place, number);
                number
            }
        };
        self.kind_of.push(number);
        self.patterns.push(RoutePath(pattern.into()));
    }

    pub(crate) fn len(&self) -> usize {
        self.kind_of.len()
    }

    pub(crate) fn get(&self, index: usize) -> Option<Rule<'_>> {
        let kind = self.kind_of.get(index)?;
        let kind = self.kinds.get(*kind as usize)?;
        Some(Rule {
            number: u16::try_from(index).ok()?,
            public: matches!(kind.access, Access::Public),
            kind,
            path: self.patterns.get(index)?,
        })
    }
}

/// Methods that no rule can list, and that a rule which lists none does not mean either. `CONNECT` has no path (RFC 9110
/// section 9.3.6). `TRACE` answers with the request as the upstream received it, identity headers included, and has no
/// use for clients that send a credential (RFC 9110 section 9.3.8).
pub(crate) const METHODS_NEVER_LISTED: [&str; 2] = ["CONNECT", "TRACE"];

impl Kind {
    pub(crate) fn lists_method(&self, method: &str) -> bool {
        match &self.methods {
            Some(methods) => methods.iter().any(|listed| listed == method),
            None => !METHODS_NEVER_LISTED
                .iter()
                .any(|never| never.eq_ignore_ascii_case(method)),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    Public,
    Protected(Demands),
}

impl Access {
    /// The kinds of credential that are accepted: none where none is looked at.
    pub(crate) fn accept(&self) -> Kinds {
        match self {
            Self::Public => Kinds::default(),
            Self::Protected(demands) => demands.accept,
        }
    }
}

/// What a rule demands of a credential, besides that it be genuine and valid ([`mod@crate::demands`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Demands {
    /// The kinds of credential, never none.
    pub(crate) accept: Kinds,
    /// In the order in which the rule names them.
    pub(crate) issuers: Vec<IssuerGroup>,
    /// The one of them that is asked about opaque tokens.
    pub(crate) introspects: Option<IssuerId>,
    /// The longest signed token that any of those issuers has, in bytes.
    pub(crate) token_bytes_max: usize,
    pub(crate) scope: Vec<String>,
    pub(crate) claims: Vec<RequiredClaim>,
    /// The alternatives, each of them complete, of which a rule that has any demands one; all else here
    /// is then what they accept together. They have none themselves.
    pub(crate) allow: Vec<Demands>,
}

/// What one `[issuer.NAME]` stands for: itself, or its tenants, which follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct IssuerGroup {
    pub(crate) first: u32,
    pub(crate) count: u32,
}

impl IssuerGroup {
    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.first < other.first + other.count && other.first < self.first + self.count
    }

    /// Whether it stands for all that the other one does.
    pub(crate) fn covers(self, other: Self) -> bool {
        self.first <= other.first && other.first + other.count <= self.first + self.count
    }

    pub(crate) fn ids(self) -> core::ops::Range<IssuerId> {
        let first = self.first as IssuerId;
        first..first + self.count as IssuerId
    }
}
