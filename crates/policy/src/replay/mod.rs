//! A line of the log decided again, for `doorward replay`. A feature that no component has.
//!
//! What decides is what decides in the gate: [`Policy::route`], [`Route::screen`](crate::Route::screen) and what
//! [`Pending::authorise`] asks. In the place of a credential stands one of the same form, and in the place of its proof
//! what the line says of it. Nothing here makes a [`Permit`](crate::Permit).
//!
//! What a line does not say is not guessed: [`Replayed::Undecidable`] says what it is. Never judged again are signatures
//! (a token that was genuine still is), limits, what issuers said of opaque tokens, and what stores had.

mod line;
mod stand_in;

use doorward_token::api_key::{ApiKeyError, KeyRecord};
use doorward_token::introspection::MissingAudience;
use doorward_token::{ClaimPath, Claims, Proof, RecordedToken, TokenError};
use serde_json::{Map, Value};

use self::line::Recording;
pub use self::line::{BadLine, ReplayedLine};
use self::stand_in::{Presented, StandIn};
use crate::claim::RequiredClaim;
use crate::credential::Credential;
use crate::credential_form as form;
use crate::csrf;
use crate::decision::{Pending, Screened};
use crate::identity::IdentityHeader;
use crate::inputs;
use crate::policy::{Access, Issuer, Policy};
use crate::refusal::{Reason, Refusal};
use crate::route::Route;

/// What a policy says of a request that a line is about.
#[derive(Debug)]
pub enum Replayed<'p> {
    /// It would go on, by the rule with this path.
    Admitted(&'p str),
    /// It would not.
    Refused {
        /// The path of its rule; `None`: no rule lists it.
        route: Option<&'p str>,
        /// Why.
        refusal: Refusal,
    },
    /// As it was decided: that does not depend on the policy.
    AsBefore,
    /// The line does not say enough, and what is lacking.
    Undecidable(&'static str),
}

/// What is lacking.
struct Unknown(&'static str);

impl Policy {
    /// Decides the request again that a line is about, at its time. What is in report mode is judged as if it were
    /// enforced.
    #[must_use]
    pub fn replay(&self, line: &ReplayedLine) -> Replayed<'_> {
        let recording = match &line.recording {
            Ok(recording) => recording,
            Err(why) => return Replayed::Undecidable(why),
        };
        self.replayed(recording)
            .unwrap_or_else(|Unknown(why)| Replayed::Undecidable(why))
    }

    fn replayed(&self, line: &Recording) -> Result<Replayed<'_>, Unknown> {
        if line.escaped && self.rules.forwards_escapes {
            return Err(Unknown(
                "the path came with escapes, as the new policy takes some, and only its canonical form is in the line",
            ));
        }
        let Some(path) = &line.path else {
            return match line.is_malformed() {
                true => Ok(Replayed::AsBefore),
                false => Err(Unknown(
                    "the path went on with escapes, and is not in the line",
                )),
            };
        };
        let route = match self.route(&line.method, path.as_str()) {
            Ok(route) => route,
            Err(refusal) => {
                let route = None;
                return Ok(Replayed::Refused { route, refusal });
            }
        };
        if line.of_limit {
            return Err(Unknown(
                "a limit refused it before anything else was looked at, and limits are not judged again",
            ));
        }
        let decided = self.screened(line, path, route)?;
        Ok(match decided {
            Ok(()) => Replayed::Admitted(route.pattern()),
            Err(refusal) => Replayed::Refused {
                route: Some(route.pattern()),
                refusal,
            },
        })
    }

    fn screened(
        &self,
        line: &Recording,
        path: &str,
        route: Route<'_, '_>,
    ) -> Result<Result<(), Refusal>, Unknown> {
        let presented = match &line.presented {
            Presented::Ambiguous => {
                return Err(Unknown("it had credentials that can be read in two ways"));
            }
            Presented::Nothing => None,
            Presented::One(one) => Some(one),
        };
        self.are_places_known(line, route)?;
        let stand_in = StandIn::of(presented, path, self.api_key_header());
        let head = stand_in.head(&line.method);
        let overrides = &route.kind().override_headers;
        // The rule was found by the path alone; what follows reads the target as well.
        let route = match self.route(&line.method, head.target()) {
            Ok(route) => route,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let is_protected =
            matches!(route.kind().access, Access::Protected(_)) && !route.is_public();
        if is_protected
            && presented.is_some_and(|one| one.place.starts_with("cookie:"))
            && (!csrf::is_safe(&line.method) || !overrides.is_empty())
        {
            return Err(Unknown(
                "the token was in a cookie, and which page asked is not in the line",
            ));
        }
        match route.screen(&head) {
            Err(refusal) => Ok(Err(refusal)),
            Ok(Screened::Public(_)) => Ok(Ok(())),
            Ok(Screened::Protected(pending)) => self.judged(line, &pending),
        }
    }

    /// Whether the line says of each place where this policy looks for a credential whether there was one.
    fn are_places_known(&self, line: &Recording, route: Route<'_, '_>) -> Result<(), Unknown> {
        let looked = |name: &String| line.looked.contains(name);
        let unknown = Unknown(
            "the new policy looks for credentials where the line does not say whether there were any",
        );
        if let Some(place) = self.key_place()
            && !looked(&form::key_place_name(place))
        {
            return Err(unknown);
        }
        let found = match &line.presented {
            Presented::One(one) => Some(&one.place),
            Presented::Nothing | Presented::Ambiguous => None,
        };
        for source in route.kind().token_from.iter() {
            let name = form::source_name(self.sources.get(source));
            if Some(&name) == found {
                return Ok(());
            }
            if !looked(&name) {
                return Err(unknown);
            }
        }
        Ok(())
    }

    fn judged(
        &self,
        line: &Recording,
        pending: &Pending<'_, '_>,
    ) -> Result<Result<(), Refusal>, Unknown> {
        match pending.credential() {
            Credential::ApiKey { among, .. } => {
                let key = key_of(line, pending, among.find(&line.key_id()?), among.store)?;
                Ok(key.and_then(|key| self.key_judged(line, pending, &key, None)))
            }
            Credential::Basic { among, .. } => {
                let key = key_of(line, pending, among.find(&line.key_id()?), among.store)?;
                let name = line.key_name()?;
                Ok(key.and_then(|key| self.key_judged(line, pending, &key, Some(name))))
            }
            Credential::Opaque { asked, .. } => {
                let token = token_of(line, Proof::Introspection)?;
                if asked.issuer.name_of(token.issuer()) != token.issuer() {
                    return Err(Unknown("another issuer was asked about the opaque token"));
                }
                if token.is_without_audience()
                    && asked.how.missing_audience != MissingAudience::Accept
                {
                    return Err(Unknown(
                        "the issuer named no audience of the opaque token, which the new policy refuses",
                    ));
                }
                self.token_judged(line, pending, asked.issuer, token)
            }
            Credential::Jwt(_) => {
                let token = token_of(line, Proof::Signature)?;
                let named = pending.issuer_hinted(|| Some(token.issuer().to_owned()));
                let Some(issuer) = named else {
                    return Ok(Err(Refusal::unknown_issuer(pending)));
                };
                self.token_judged(line, pending, issuer, token)
            }
        }
    }

    fn token_judged(
        &self,
        line: &Recording,
        pending: &Pending<'_, '_>,
        issuer: &std::sync::Arc<Issuer>,
        token: &RecordedToken,
    ) -> Result<Result<(), Refusal>, Unknown> {
        let refused = |reason| Ok(Err(Refusal::of(pending.accept(), reason)));
        let Some(issuer) = pending.accepted(issuer) else {
            return refused(pending.other_issuer());
        };
        let expect = issuer.expectations();
        let scopes_from = expect.scope_claims.iter().map(ClaimPath::as_str);
        let audience_from = expect.audience_claim.as_ref().map(ClaimPath::as_str);
        if !scopes_from.eq(line.scopes_from.iter().map(String::as_str))
            || audience_from != line.audience_from.as_deref()
        {
            return Err(Unknown(
                "the new policy takes scopes or audience from other claims",
            ));
        }
        match token.recheck(expect, line.at) {
            Ok(()) => {}
            // The line has the issuer's name as the policy of then had it, and its tenant only where that took any.
            Err(TokenError::Issuer) => {
                return Err(Unknown("the new policy names the issuer in another way"));
            }
            Err(error) => return refused(Reason::Token(error)),
        }
        if let Some(rule) = self.revocation() {
            let lives = rule.check_lifetime(
                token.proof(),
                token.issued_at(),
                token.expires_at(),
                line.at,
            );
            if let Err(reason) = lives {
                return refused(reason);
            }
            match line.revoked {
                Some(false) => {}
                Some(true) => {
                    let by = doorward_token::revocation::RevocationKind::Token;
                    return refused(Reason::Revoked(by));
                }
                None => return Err(Unknown("whether the token was revoked is not in the line")),
            }
        }
        let claims = line.claims(token.issuer())?;
        if !pending.demands.named().all(|claim| line.knows(claim)) {
            return Err(Unknown(
                "the new policy names a claim that was not recorded",
            ));
        }
        if let Err(reason) = pending.check_demands(Some(issuer.id), &claims) {
            return refused(reason);
        }
        self.identified(line, pending, &claims)
    }

    fn key_judged(
        &self,
        line: &Recording,
        pending: &Pending<'_, '_>,
        key: &KeyRecord,
        name: Option<&str>,
    ) -> Result<(), Refusal> {
        let refused = |error| Refusal::invalid_key(pending, error);
        if name.is_some_and(|name| name != key.name) {
            return Err(refused(ApiKeyError::Name));
        }
        if let Some(expires_at) = key.expires_at.filter(|expires_at| line.at >= *expires_at) {
            let now = line.at;
            return Err(refused(ApiKeyError::Expired { now, expires_at }));
        }
        let claims = key.recorded_claims();
        let judged = pending.check_demands(None, &claims);
        let judged = judged.and_then(|()| pending.identity(&claims).map(drop));
        judged.map_err(|reason| Refusal::of(pending.accept(), reason))
    }

    /// Whether the headers of `[identity]` can be set.
    fn identified(
        &self,
        line: &Recording,
        pending: &Pending<'_, '_>,
        claims: &Claims,
    ) -> Result<Result<(), Refusal>, Unknown> {
        if line.identity.as_deref() == Some(inputs::identity(&self.identity).as_str()) {
            return Ok(Ok(()));
        }
        if !self.identity.iter().all(|header| line.expresses(header)) {
            return Err(Unknown(
                "a header of the new `[identity]` has a claim that was not recorded",
            ));
        }
        let identity = pending.identity(claims).map(drop);
        Ok(identity.map_err(|reason| Refusal::of(pending.accept(), reason)))
    }
}

/// What the line says of a token that was found genuine in this way.
fn token_of(line: &Recording, proof: Proof) -> Result<&RecordedToken, Unknown> {
    let Some(token) = &line.token else {
        return Err(Unknown(
            "the token was not found genuine, or not looked at, so that nothing of it is in the line",
        ));
    };
    match token.proof() == proof {
        true => Ok(token),
        false => Err(Unknown(
            "the new policy takes a signed token for an opaque one, or the other way round",
        )),
    }
}

/// The API key as the policy, or the store then, has it. Whether its hash is still the same cannot be known.
fn key_of(
    line: &Recording,
    pending: &Pending<'_, '_>,
    listed: Option<&KeyRecord>,
    store: bool,
) -> Result<Result<KeyRecord, Refusal>, Unknown> {
    match (listed, line.stored_key()) {
        (Some(key), _) => Ok(Ok(key.clone())),
        (None, Some(key)) if store => Ok(Ok(key)),
        (None, None) if store => Err(Unknown("the API key may be in the store")),
        (None, _) => Ok(Err(Refusal::invalid_key(pending, ApiKeyError::Unknown))),
    }
}

impl Recording {
    /// Whether it says what this claim was.
    fn knows(&self, claim: &RequiredClaim) -> bool {
        let named = self.named.iter();
        let mut named = named.map(|(path, keys, _)| (path, *keys));
        named.any(|named| named == (&claim.path, claim.keys))
    }

    /// Whether it says enough of the claim of this header.
    fn expresses(&self, header: &IdentityHeader) -> bool {
        let is_plain = |value: &inputs::Told| match value {
            inputs::Told::Value(Value::Array(values)) => !values.iter().any(Value::is_object),
            inputs::Told::Value(value) => !value.is_object(),
            inputs::Told::Through => true,
        };
        let mut named = self.named.iter();
        header.is_of_scopes()
            || header.claim.as_str() == "iss"
            || named.any(|(path, keys, value)| {
                path == &header.claim && *keys == header.keys && is_plain(value)
            })
    }

    /// The claims that the line tells, each where it was.
    fn claims(&self, issuer: &str) -> Result<Claims, Unknown> {
        let mut members = Map::new();
        members.insert("iss".to_owned(), issuer.into());
        // What is above comes first.
        let mut named: Vec<_> = self.named.iter().collect();
        named.sort_by_key(|(path, _, _)| path.segments().count());
        for (path, keys, value) in &named {
            let value = match value {
                inputs::Told::Value(Value::Null) => continue,
                inputs::Told::Value(Value::Array(names)) if *keys => {
                    let names = names.iter().filter_map(Value::as_str);
                    names
                        .map(|name| (name.to_owned(), Value::Bool(true)))
                        .collect()
                }
                inputs::Told::Value(value) => value.clone(),
                inputs::Told::Through => {
                    let first = members.entry(path.claim().to_owned());
                    first.or_insert(Value::Bool(true));
                    continue;
                }
            };
            put(&mut members, &mut path.segments(), value);
        }
        let claims = Claims::recorded(self.scopes.clone(), members);
        let mut named = self.named.iter();
        let same = named.all(|(path, keys, value)| inputs::told(&claims, path, *keys) == *value);
        same.then_some(claims)
            .ok_or(Unknown("the claims in the line do not fit together"))
    }

    fn key_id(&self) -> Result<String, Unknown> {
        let key = self.key.as_ref().ok_or(Unknown(
            "the API key was not found to be good, so that nothing of it is in the line",
        ))?;
        Ok(key.id.clone())
    }

    fn key_name(&self) -> Result<&str, Unknown> {
        let key = self.key.as_ref().ok_or(Unknown(""))?;
        Ok(&key.name)
    }

    /// The API key, if it was in the store.
    fn stored_key(&self) -> Option<KeyRecord> {
        let key = self.key.as_ref().filter(|key| key.stored)?;
        Some(KeyRecord::recorded(&key.id, &key.name, &key.scopes))
    }
}

/// Puts a value where a path leads, where there is room for it.
fn put(members: &mut Map<String, Value>, path: &mut dyn Iterator<Item = &str>, value: Value) {
    let Some(name) = path.next() else {
        return;
    };
    let mut rest = path.peekable();
    if rest.peek().is_none() {
        match (members.get_mut(name), value) {
            (None, value) => {
                members.insert(name.to_owned(), value);
            }
            (Some(Value::Object(there)), Value::Object(more)) => there.extend(more),
            // What is there is looked at again once all are.
            (Some(_), _) => {}
        }
        return;
    }
    let below = members
        .entry(name.to_owned())
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(below) = below {
        put(below, &mut rest, value);
    }
}
