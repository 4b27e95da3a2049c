//! What a decision about a request depended on, for the log (`decision_inputs` of `[log]`): enough to decide again by
//! another policy, and of a credential no more than that.
//!
//! ```text
//! {"method": "GET", "path": "/items/7", "at": 1798761600,
//!  "presented": {"place": "authorization", "form": "bearer", "bytes": 812, "dots": 2},
//!  "token": {"iss": …, "aud": …, "alg": …, "typ": …, "exp": …, "iat": …, "scopes": […],
//!            "claims": {"tier": "gold", "org.id": 7}, "keys": {"roles": ["a"]}, "through": [], "identity": "…"},
//!  "verdict": "admitted"}
//! ```
//!
//! Of claims there are exactly those that rules of the policy name, and of these what a rule can compare: an object is
//! told as `{}`, and where a rule is about its keys, they are. A claim that is absent is `null`. Nothing of a credential
//! itself is here, and nothing of a query.

use core::fmt;

use doorward_token::revocation::RevocationSet;
use doorward_token::{ClaimPath, Claims, Nothing, UnixTime, VerifiedToken};
use serde_json::{Map, Value, json};

use crate::credential::find;
use crate::credential_form::{self as form, Form};
use crate::decision::{Authenticated, Pending};
use crate::head::RequestHead;
use crate::identity::IdentityHeader;
use crate::policy::{Access, Demands, Issuer, Policy};
use crate::refusal::{Reason, Refusal};
use crate::route::Route;
use crate::target::CanonicalTarget;
use crate::token_from::TokenFrom;

/// Most claims that rules may name in a policy with `decision_inputs`. Each line has all of them.
pub const INPUT_CLAIMS_MAX: usize = 32;
/// Most bytes of the inputs in a line. Inputs that are longer are left out, and the line says so.
pub const INPUTS_BYTES_MAX: usize = 2048;
/// Bytes of what stands for `[identity]`: nobody forges one, so that it has to do by chance alone.
const IDENTITY_DIGEST_BYTES: usize = 8;

/// Names of members.
pub(crate) const METHOD: &str = "method";
pub(crate) const PATH: &str = "path";
pub(crate) const ESCAPED: &str = "escaped";
pub(crate) const AT: &str = "at";
pub(crate) const LOOKED: &str = "looked";
pub(crate) const PRESENTED: &str = "presented";
pub(crate) const AMBIGUOUS: &str = "ambiguous";
pub(crate) const PLACE: &str = "place";
pub(crate) const FORM: &str = "form";
pub(crate) const BYTES: &str = "bytes";
pub(crate) const DOTS: &str = "dots";
pub(crate) const TOKEN: &str = "token";
pub(crate) const KEY: &str = "key";
pub(crate) const VERDICT: &str = "verdict";
pub(crate) const ADMITTED: &str = "admitted";
pub(crate) const OF_LIMIT: &str = "limit";
pub(crate) const TRUNCATED: &str = "truncated";
/// Of a token.
pub(crate) const SCOPES: &str = "scopes";
pub(crate) const SCOPES_FROM: &str = "scopes_from";
pub(crate) const AUDIENCE_FROM: &str = "audience_from";
pub(crate) const CLAIMS: &str = "claims";
pub(crate) const KEYS: &str = "keys";
pub(crate) const THROUGH: &str = "through";
pub(crate) const IDENTITY: &str = "identity";
pub(crate) const REVOKED: &str = "revoked";
/// Of an API key.
pub(crate) const ID: &str = "id";
pub(crate) const NAME: &str = "name";
pub(crate) const STORED: &str = "stored";

/// The claims that rules name, each once; where there are more than [`INPUT_CLAIMS_MAX`], that many and one more.
pub(crate) fn named<'a>(rules: impl Iterator<Item = &'a Access>) -> Vec<(ClaimPath, bool)> {
    let mut named: Vec<(ClaimPath, bool)> = Vec::new();
    for access in rules {
        let Access::Protected(demands) = access else {
            continue;
        };
        for claim in demands.named() {
            if named.len() > INPUT_CLAIMS_MAX {
                return named;
            }
            let is_it =
                |(path, keys): &(ClaimPath, bool)| *path == claim.path && *keys == claim.keys;
            if !named.iter().any(is_it) {
                named.push((claim.path.clone(), claim.keys));
            }
        }
    }
    named
}

/// What stands for this `[identity]`: two policies with the same one have the same here.
pub(crate) fn identity(headers: &[IdentityHeader]) -> String {
    let mut text = String::new();
    for header in headers {
        let keys = if header.keys { "keys" } else { "" };
        let parts = [
            header.name.as_str(),
            header.claim.as_str(),
            header.format.name(),
            keys,
        ];
        for part in parts {
            text.push_str(part);
            text.push('\n');
        }
    }
    let digest = doorward_token::digest(text.as_bytes());
    let digest = digest.iter().take(IDENTITY_DIGEST_BYTES);
    digest.map(|byte| format!("{byte:02x}")).collect()
}

impl Demands {
    /// Each claim of it and of its alternatives.
    pub(crate) fn named(&self) -> impl Iterator<Item = &crate::claim::RequiredClaim> {
        let all = self.allow.iter().flat_map(|one| &one.claims);
        self.claims.iter().chain(all)
    }
}

/// What a decision depended on. `Debug` prints nothing of it: values of claims are for the log alone.
#[derive(Clone)]
pub struct Inputs(Map<String, Value>);

impl fmt::Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inputs").finish_non_exhaustive()
    }
}

impl Inputs {
    fn add(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// The credential of the request was genuine. `revocations` is what is known to be revoked.
    pub fn genuine(
        &mut self,
        pending: &Pending<'_, '_>,
        who: Authenticated<'_>,
        revocations: Option<&RevocationSet>,
        now: UnixTime,
    ) {
        self.add(AT, now.0);
        let Some(recorded) = &pending.policy.recorded else {
            return;
        };
        match who {
            Authenticated::Token { issuer, token } => {
                let mut members = of_token(issuer, token, &recorded.claims);
                if pending.identity(token.claims()).is_ok() {
                    members.insert(IDENTITY.to_owned(), recorded.identity.as_str().into());
                }
                if let Some(revocations) = revocations {
                    let revoked = revocations.revokes(token).is_some();
                    members.insert(REVOKED.to_owned(), revoked.into());
                }
                self.add(TOKEN, members);
            }
            Authenticated::Key(key) => {
                let listed = pending.policy.api_keys().and_then(|all| all.find(key.id()));
                self.add(
                    KEY,
                    json!({
                        ID: key.id(),
                        NAME: key.claims().subject(),
                        SCOPES: key.claims().scopes(),
                        STORED: listed.is_none(),
                    }),
                );
            }
        }
    }

    /// What was decided, whether it was enforced or only reported.
    pub fn decided(&mut self, refusal: Option<&Refusal>) {
        match refusal {
            None => self.add(VERDICT, ADMITTED),
            Some(refusal) => {
                self.add(VERDICT, refusal.class().name());
                let reason = refusal.reason();
                if matches!(reason, Reason::Limit(_) | Reason::RateLimited { .. }) {
                    self.add(OF_LIMIT, true);
                }
            }
        }
    }

    /// All of it as JSON in at most so many bytes, and in at most [`INPUTS_BYTES_MAX`]; or that there would be more.
    #[must_use]
    pub fn text(&self, bytes_max: usize) -> String {
        let text = serde_json::to_string(&self.0).unwrap_or_default();
        let mut printable = String::with_capacity(text.len());
        for character in text.chars() {
            // Those of C1 move the cursor of some terminals. They can only stand in strings.
            if character.is_control() {
                let code = u32::from(character);
                printable.push_str(&format!("\\u{code:04x}"));
            } else {
                printable.push(character);
            }
        }
        if printable.len() > bytes_max.min(INPUTS_BYTES_MAX) || printable.is_empty() {
            return json!({ TRUNCATED: true }).to_string();
        }
        printable
    }
}

impl Policy {
    /// What of a request a decision depends on, before its credential is looked at; `None` where the policy does not
    /// want that told at this time.
    #[must_use]
    pub fn inputs(
        &self,
        head: &RequestHead<'_>,
        route: Option<&Route<'_, '_>>,
        now: UnixTime,
    ) -> Option<Inputs> {
        self.recorded.as_ref()?;
        if !self.log()?.decision_inputs?.is_on(now) {
            return None;
        }
        let mut inputs = Inputs(Map::new());
        inputs.add(METHOD, head.method);
        inputs.add(AT, now.0);
        let asked = head.target();
        let canonical = CanonicalTarget::parse(asked.canonical);
        if let Ok(target) = &canonical {
            inputs.add(PATH, target.path());
        }
        if head.canonical.is_some() || canonical.is_err() {
            inputs.add(ESCAPED, true);
        }
        let from = route.map_or(TokenFrom::AUTHORIZATION, |route| route.kind().token_from);
        inputs.presented(self, head, from);
        Some(inputs)
    }
}

impl Inputs {
    /// Where there is a credential, and what it looks like, and where there is none.
    fn presented(&mut self, policy: &Policy, head: &RequestHead<'_>, from: TokenFrom) {
        let Ok(found) = find(head, head.target().canonical, policy, from) else {
            self.add(PRESENTED, AMBIGUOUS);
            return;
        };
        let form = form::of(&found);
        let mut looked = Vec::new();
        looked.extend(policy.key_place().map(form::key_place_name));
        let mut place = None;
        for source in from.iter() {
            let name = form::source_name(policy.sources.get(source));
            looked.push(name.clone());
            if form.as_ref().is_some_and(Form::is_token) && source == found.source {
                place = Some(name);
                break;
            }
        }
        if !matches!(looked.as_slice(), [only] if only == form::AUTHORIZATION) {
            self.add(LOOKED, looked);
        }
        let Some(form) = form else {
            return;
        };
        let place = match form.is_token() {
            true => place,
            false => policy.key_place().map(form::key_place_name),
        };
        let mut members = Map::new();
        let mut add = |name: &str, value: Value| members.insert(name.to_owned(), value);
        add(PLACE, place.unwrap_or_default().into());
        add(FORM, form.name.into());
        if let Some((bytes, dots)) = form.token {
            add(BYTES, bytes.into());
            add(DOTS, dots.into());
        }
        self.add(PRESENTED, members);
    }
}

/// What is checked again of a token, its scopes, and the claims that rules name.
fn of_token(
    issuer: &Issuer,
    token: &VerifiedToken,
    named: &[(ClaimPath, bool)],
) -> Map<String, Value> {
    let mut members = token.record();
    let mut add = |name: &str, value: Value| members.insert(name.to_owned(), value);
    add(SCOPES, token.scopes().into());
    let expect = issuer.expectations();
    if !expect.scope_claims.is_empty() {
        let from = expect.scope_claims.iter().map(ClaimPath::as_str);
        add(SCOPES_FROM, from.collect());
    }
    if let Some(from) = &expect.audience_claim {
        add(AUDIENCE_FROM, from.as_str().into());
    }
    let (mut claims, mut keys, mut through) = (Map::new(), Map::new(), Vec::new());
    for (path, of_keys) in named {
        let name = path.as_str();
        match told(token.claims(), path, *of_keys) {
            Told::Through => through.push(Value::from(name)),
            Told::Value(value) if *of_keys => {
                keys.insert(name.to_owned(), value);
            }
            Told::Value(value) => {
                claims.insert(name.to_owned(), value);
            }
        }
    }
    add(CLAIMS, claims.into());
    if !keys.is_empty() {
        add(KEYS, keys.into());
    }
    if !through.is_empty() {
        add(THROUGH, through.into());
    }
    members
}

/// What a rule can compare of a claim.
#[derive(PartialEq)]
pub(crate) enum Told {
    /// `null` where it is absent.
    Value(Value),
    /// The path leads through something that is no object.
    Through,
}

pub(crate) fn told(claims: &Claims, path: &ClaimPath, keys: bool) -> Told {
    match claims.at(path) {
        Err(Nothing::Absent | Nothing::Null) => Told::Value(Value::Null),
        Err(Nothing::ThroughList | Nothing::ThroughValue) => Told::Through,
        Ok(Value::Object(members)) if keys => Told::Value(members.keys().cloned().collect()),
        // It has no keys, whatever it is.
        Ok(_) if keys => Told::Value(false.into()),
        Ok(Value::Array(elements)) => Told::Value(elements.iter().map(comparable).collect()),
        Ok(value) => Told::Value(comparable(value)),
    }
}

fn comparable(value: &Value) -> Value {
    match value {
        Value::Object(_) | Value::Array(_) => Value::Object(Map::new()),
        value => value.clone(),
    }
}
