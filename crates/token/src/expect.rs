//! What a token of one issuer has to be, and which names of it a token may have in `iss`.

use doorward_syntax::split::split_once;
use serde_json::{Map, Value};

use crate::algorithm::AlgorithmSet;
use crate::bounds::{LEEWAY_S_DEFAULT, TOKEN_BYTES_DEFAULT};
use crate::claim_path::ClaimPath;
use crate::claims::token_kinds::TokenKinds;
use crate::claims::values::{required, string};
use crate::error::TokenError;

/// What stands for the tenant in the name of an issuer that has tenants.
pub const TENANT_PLACE: &str = "{tenant}";

/// The longest name of a tenant, in bytes.
pub const TENANT_BYTES_MAX: usize = 128;

/// What a token of one issuer has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectations {
    /// The issuer's name: `iss`, compared byte for byte (RFC 7519 §4.1.1, RFC 8725 §3.8). A token that is
    /// accepted under another spelling counts as one of this name.
    pub issuer: String,
    /// What `iss` may be besides.
    pub issuer_spellings: Vec<String>,
    /// Whether the issuer stands for all its tenants: `issuer` has [`TENANT_PLACE`] where the name of the
    /// tenant goes, which the token says in `tid`.
    pub any_tenant: bool,
    /// The audiences of which `aud` has to name one, compared byte for byte (RFC 7519 §4.1.3). An
    /// empty list accepts no token.
    pub audience: Vec<String>,
    /// The claim that names the audience where `aud` is absent or empty.
    pub audience_claim: Option<ClaimPath>,
    /// The claims of which the first that is there has the scopes; where none is listed, `scope` and `scp`.
    pub scope_claims: Vec<ClaimPath>,
    /// The algorithms that the issuer signs with (RFC 8725 §3.1).
    pub algorithms: AlgorithmSet,
    /// By how many seconds the clocks may differ; more than [`LEEWAY_S_MAX`](crate::LEEWAY_S_MAX) counts as
    /// that.
    pub leeway_s: u64,
    /// Whether the tokens follow RFC 9068, which demands a `typ` and some claims more.
    pub access_token_profile: bool,
    /// Which kinds of tokens are accepted.
    pub tokens: TokenKinds,
    /// The longest token, in bytes; more than [`TOKEN_BYTES_MAX`](crate::TOKEN_BYTES_MAX) counts as that.
    pub token_bytes_max: usize,
}

/// Those of an issuer of which nothing is known. They accept no token.
impl Default for Expectations {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            issuer_spellings: Vec::new(),
            any_tenant: false,
            audience: Vec::new(),
            audience_claim: None,
            scope_claims: Vec::new(),
            algorithms: AlgorithmSet::EMPTY,
            leeway_s: LEEWAY_S_DEFAULT,
            access_token_profile: false,
            tokens: TokenKinds::Access,
            token_bytes_max: TOKEN_BYTES_DEFAULT,
        }
    }
}

impl Expectations {
    /// The name of the issuer that the token is of, and its tenant where the issuer stands for all of them.
    /// Where it is another issuer, that is what the token calls it.
    pub(crate) fn issuer_of(
        &self,
        claims: &Map<String, Value>,
    ) -> Result<(String, Option<Box<str>>), TokenError> {
        let issuer = required(string(claims, "iss")?, "iss")?;
        if self.names().contain(&issuer) {
            return Ok((self.issuer.clone(), None));
        }
        let mut tenant = None;
        if self.any_tenant
            && let Some(named) = tenant_of(&self.issuer, &issuer)
            && required(string(claims, "tid")?, "tid")? == named
        {
            tenant = Some(named.into());
        }
        Ok((issuer, tenant))
    }

    pub(crate) fn names(&self) -> IssuerSpellings<'_> {
        IssuerSpellings {
            issuer: &self.issuer,
            spellings: &self.issuer_spellings,
        }
    }
}

/// The names of one issuer.
#[derive(Clone, Copy)]
pub(crate) struct IssuerSpellings<'e> {
    pub(crate) issuer: &'e str,
    pub(crate) spellings: &'e [String],
}

impl IssuerSpellings<'_> {
    pub(crate) fn contain(self, issuer: &str) -> bool {
        issuer == self.issuer || self.spellings.iter().any(|spelling| spelling == issuer)
    }

    /// Whether a key that is for this issuer only (`issuer` of a JWK) is for the token's. `{tenantid}`
    /// stands for the token's `tid`.
    pub(crate) fn are_of_key(self, key_issuer: &str, claims: &Map<String, Value>) -> bool {
        let text = |name| claims.get(name).and_then(Value::as_str);
        let Some(issuer) = text("iss") else {
            return false;
        };
        let is_meant = |issuer: &str| match split_once(key_issuer, "{tenantid}") {
            None => key_issuer == issuer,
            Some((before, after)) => {
                let tenant = issuer.strip_prefix(before);
                let tenant = tenant.and_then(|rest| rest.strip_suffix(after));
                tenant.is_some_and(is_tenant) && tenant == text("tid")
            }
        };
        is_meant(issuer) || self.contain(issuer) && is_meant(self.issuer)
    }
}

/// The tenant whose name an issuer has where this pattern has [`TENANT_PLACE`].
#[must_use]
pub fn tenant_of<'i>(pattern: &str, issuer: &'i str) -> Option<&'i str> {
    let (before, after) = split_once(pattern, TENANT_PLACE)?;
    let tenant = issuer.strip_prefix(before)?.strip_suffix(after)?;
    is_tenant(tenant).then_some(tenant)
}

/// Whether this can be the name of a tenant: up to [`TENANT_BYTES_MAX`] letters, digits, `-`, `_` and `.`.
#[must_use]
pub fn is_tenant(name: &str) -> bool {
    name.len() <= TENANT_BYTES_MAX
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        // Two of these have a meaning of their own in a path.
        && name.bytes().any(|byte| byte != b'.')
}

#[cfg(test)]
mod tests;
