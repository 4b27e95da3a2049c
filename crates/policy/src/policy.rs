//! A policy that was read and found sound.

use core::cmp::Ordering;

use doorward_token::{AlgorithmSet, Expectations};

use crate::claim::RequiredClaim;
use crate::finding::Findings;
use crate::identity::{IdentityHeader, ReservedNames};
use crate::load;
use crate::matcher::Matcher;

/// The position of an issuer in [`Policy::issuers`].
pub type IssuerId = usize;

/// Who may do what: the issuers, the rules and the identity headers of one policy file.
///
/// It never changes after it was read, and holds no secret.
#[derive(Debug)]
pub struct Policy {
    pub(crate) issuers: Vec<Issuer>,
    pub(crate) rules: Rules,
    pub(crate) matcher: Matcher,
    pub(crate) identity: Vec<IdentityHeader>,
    pub(crate) reserved: ReservedNames,
    pub(crate) warnings: Findings,
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    ///
    /// Everything that was found, in the order of the file, when one of the findings is an error.
    pub fn parse(text: &str) -> Result<Self, Findings> {
        load::policy(text)
    }

    /// What is probably not meant, but keeps nobody from using the policy.
    #[must_use]
    pub fn warnings(&self) -> &Findings {
        &self.warnings
    }

    /// The issuers, in the order of their names.
    #[must_use]
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
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
    /// an identity header: letters count in either case, and whatever is neither letter nor digit
    /// counts as `-`. Does not allocate.
    #[must_use]
    pub fn is_reserved_header(&self, name: &str) -> bool {
        self.reserved.contains(name)
    }
}

/// Somebody whose tokens are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The name that the policy gives to it.
    pub name: String,
    /// Its identifier, equal to `iss` (RFC 7519 section 4.1.1).
    pub url: String,
    /// The audiences of which a token must name one.
    pub audience: Vec<String>,
    /// The algorithms with which it may sign.
    pub algorithms: AlgorithmSet,
    /// By how many seconds its clock may differ.
    pub leeway_s: u64,
    /// Where its keys come from.
    pub keys: KeySource,
    /// Whether its tokens follow RFC 9068.
    pub access_token_profile: bool,
    pub(crate) expectations: Expectations,
}

impl Issuer {
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

/// All `[[route]]`s, those of one pattern in a row, as the matcher counts them.
///
/// Thousands of rules usually ask for a few different things. Each of those is kept once, so that
/// going from rule to rule does not go through all of the memory.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    kinds: Vec<Kind>,
    /// The positions in `kinds`, in the order of what is there.
    kinds_in_order: Vec<u32>,
    kind_of: Vec<u32>,
    patterns: Vec<RoutePath>,
}

/// One `[[route]]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule<'p> {
    pub(crate) kind: &'p Kind,
    pub(crate) path: &'p RoutePath,
}

/// The `path` of a rule, for the log.
#[derive(Clone, Debug)]
pub(crate) struct RoutePath(Box<str>);

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
    pub(crate) forwards_credential: bool,
}

impl Rules {
    pub(crate) fn push(&mut self, pattern: String, kind: Kind) {
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
        Some(Rule {
            kind: self.kinds.get(*kind as usize)?,
            path: self.patterns.get(index)?,
        })
    }
}

/// Methods that no rule can list, and that a rule which lists none does not mean either. `CONNECT`
/// has no path (RFC 9110 section 9.3.6). `TRACE` answers with the request as the upstream received
/// it, identity headers included, and has no use for clients that send a credential (RFC 9110
/// section 9.3.8).
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

/// What a rule demands of a token, besides that it be genuine and valid.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Demands {
    pub(crate) issuers: Vec<IssuerId>,
    pub(crate) scope: Vec<String>,
    pub(crate) claims: Vec<RequiredClaim>,
}
