//! A signed token: signature first, claims second.

use std::sync::Arc;

use doorward_token::{
    AlgorithmSet, Expectations, KeySet, LEEWAY_S_MAX, Part, TokenError, TokenKinds, UnixTime,
    UnverifiedToken,
};
use serde_json::{Map, Value};

use crate::explain::lines::Place;
use crate::explain::step::{Outcome, Step};
use crate::explain::telling::{Genuine, Judged, KeysAtHand, Telling};
use crate::explain::traffic::between;
use crate::explain::words;
use crate::explain::words::{json, one_of, shown};
use crate::policy::{Issuer, KeySource};
use crate::refusal::Refusal;

/// Most keys that are named.
const KEYS_SHOWN_MAX: usize = 8;

/// What is looked at of a token, in the order of [`UnverifiedToken::verify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Check {
    Length,
    Algorithm,
    Type,
    Signature,
    Use,
    Claims,
    Issuer,
    Kind,
    Audience,
    Profile,
    Expiry,
    NotBefore,
    IssuedAt,
}

impl Check {
    /// Those before the signature.
    const OF_HEADER: [Self; 3] = [Self::Length, Self::Algorithm, Self::Type];
    /// Those after it.
    const OF_CLAIMS: [Self; 9] = [
        Self::Use,
        Self::Claims,
        Self::Issuer,
        Self::Kind,
        Self::Audience,
        Self::Profile,
        Self::Expiry,
        Self::NotBefore,
        Self::IssuedAt,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Algorithm => "alg",
            Self::Type => "typ",
            Self::Signature => "signature",
            Self::Use => "use",
            Self::Claims => "claims",
            Self::Issuer => "iss",
            Self::Kind => "kind",
            Self::Audience => "aud",
            Self::Profile => "RFC 9068",
            Self::Expiry => "exp",
            Self::NotBefore => "nbf",
            Self::IssuedAt => "iat",
        }
    }

    /// Which one an error is of. `is_genuine`: whether the signature was good.
    pub(super) fn of(error: &TokenError, is_genuine: bool, expect: &Expectations) -> Self {
        let profile = is_genuine && expect.access_token_profile;
        match error {
            TokenError::TooLong { .. } => Self::Length,
            TokenError::NotThreeParts
            | TokenError::Encoding { .. }
            | TokenError::Json { .. }
            | TokenError::MissingParameter { .. }
            | TokenError::ParameterType { .. }
            | TokenError::UnsupportedParameter { .. }
            | TokenError::KeyIdTooLong { .. }
            | TokenError::UnknownKey { .. }
            | TokenError::KeyNotForAlgorithm { .. }
            | TokenError::Signature { .. }
            | TokenError::KeyOfOtherIssuer => Self::Signature,
            TokenError::Unsecured
            | TokenError::UnsupportedAlgorithm
            | TokenError::AlgorithmNotAccepted { .. } => Self::Algorithm,
            TokenError::MediaType { .. } | TokenError::NotLogoutToken => Self::Type,
            TokenError::Bound | TokenError::OtherUse { .. } | TokenError::SecurityEvent => {
                Self::Use
            }
            TokenError::Kind { .. } => match is_genuine {
                true => Self::Kind,
                false => Self::Type,
            },
            TokenError::ClaimType {
                name: "token_use" | "typ" | "token_type",
                ..
            } => Self::Use,
            TokenError::MissingClaim {
                name: "sub" | "client_id" | "iat" | "jti",
            }
            | TokenError::ClaimType {
                name: "client_id", ..
            } if profile => Self::Profile,
            TokenError::MissingClaim { .. }
            | TokenError::ClaimType { .. }
            | TokenError::DateOutOfRange { .. }
            | TokenError::TooManyValues { .. }
            | TokenError::UnexpectedClaim { .. }
            | TokenError::LifetimeTooLong { .. } => Self::Claims,
            TokenError::Issuer => Self::Issuer,
            TokenError::Audience => Self::Audience,
            TokenError::Expired { .. } => Self::Expiry,
            TokenError::NotYetValid { .. } => Self::NotBefore,
            TokenError::IssuedInFuture { .. } => Self::IssuedAt,
        }
    }
}

/// Whether a signed token is genuine.
pub(super) fn genuine(
    telling: &mut Telling<'_>,
    judged: &Judged<'_, '_>,
    text: &str,
) -> Result<Genuine, Refusal> {
    let pending = judged.pending;
    let refused = |error| Refusal::invalid_token(pending, error);
    let token = match UnverifiedToken::parse(text.as_bytes()) {
        Ok(token) => token,
        Err(error) => {
            let step =
                Step::failed("token").expected("a compact JWS with a header that is understood");
            telling.steps.push(step.found(error.to_string()));
            return Err(refused(error));
        }
    };
    let header = format!(
        "alg {}, {}, typ {}",
        token.algorithm(),
        match token.key_id() {
            Some(id) => format!("kid {}", words::quoted(id)),
            None => "no kid".to_owned(),
        },
        token.typ()
    );
    telling.steps.push(Step::passed("token").found(header));
    let Some(issuer) = pending.issuer_of(&token) else {
        telling.steps.push(no_issuer(judged, &token));
        return Err(Refusal::unknown_issuer(pending));
    };
    let place = telling.issuer(issuer);
    let accepted: Vec<&str> = pending.issuers().map(|one| one.name.as_str()).collect();
    let only = "The route accepts tokens of no other issuer, so its keys are tried whatever the token says.";
    let step = Step::passed("issuer")
        .expected(one_of(&accepted))
        .found(format!("{} ({})", shown(&issuer.name), shown(&issuer.url)))
        .line(place.and_then(Place::line));
    telling.steps.push(match accepted.len() {
        1 => step.note(only),
        _ => step,
    });
    let checks = Checks {
        token: &token,
        issuer,
        place,
        now: telling.asked.now,
        written: telling.asked.written,
    };
    checks.header(telling).map_err(refused)?;
    let (keys, from) = match telling.asked.keys.of(issuer) {
        KeysAtHand::Given { keys, from } => (keys, from),
        KeysAtHand::NotGiven(why) => {
            let step = Step::new(Check::Signature.name(), Outcome::NotChecked);
            let why = format!("not checked: {why}");
            telling.steps.push(step.found(why.as_str()));
            checks.not_reached(telling);
            return Ok(Genuine::Unknown(format!(
                "the signature of the token was {why}"
            )));
        }
    };
    let verified = token.verify(keys, issuer.expectations(), checks.now);
    // The same function that `verify` has its claims from.
    let claims = token.genuine_claims(keys, issuer.expectations());
    let error = verified.as_ref().err();
    telling
        .steps
        .push(checks.signature(keys, from, claims.as_ref().err()));
    match &claims {
        Ok(claims) => checks.claims(telling, claims, error),
        Err(_) => checks.not_reached(telling),
    }
    match verified {
        Ok(token) => Ok(Genuine::Token(Arc::clone(issuer), Box::new(token))),
        Err(error) => Err(refused(error)),
    }
}

fn no_issuer(judged: &Judged<'_, '_>, token: &UnverifiedToken<'_>) -> Step {
    let urls: Vec<&str> = judged
        .pending
        .issuers()
        .map(|one| one.url.as_str())
        .collect();
    let said = match token.issuer_hint() {
        Some(iss) => format!(
            "the token says that it is of {}",
            words::quoted(&shown(&iss))
        ),
        None => "the token does not say whose it is".to_owned(),
    };
    Step::failed("issuer")
        .expected(one_of(&urls))
        .found(format!("{said}: {}", judged.pending.other_issuer()))
        .line(judged.place.and_then(|place| place.line_of("issuer")))
        .note("Nothing that the token says was verified.")
}

/// The checks of one token.
struct Checks<'t> {
    token: &'t UnverifiedToken<'t>,
    issuer: &'t Arc<Issuer>,
    place: Option<Place<'t>>,
    now: UnixTime,
    written: fn(UnixTime) -> String,
}

impl Checks<'_> {
    fn line(&self, key: &str) -> Option<usize> {
        self.place.and_then(|place| place.line_of(key))
    }

    /// What needs no key.
    fn header(&self, telling: &mut Telling<'_>) -> Result<(), TokenError> {
        let expect = self.issuer.expectations();
        let checked = self.token.check_header(expect);
        let failed = checked.as_ref().err();
        let failed = failed.map(|error| (Check::of(error, false, expect), error));
        for check in Check::OF_HEADER {
            let step = match check {
                Check::Length => self
                    .step(check, "token_bytes_max")
                    .expected(format!("at most {} bytes", expect.token_bytes_max)),
                Check::Algorithm => {
                    let names: Vec<&str> = expect.algorithms.iter().map(|one| one.name()).collect();
                    let any = expect.algorithms == AlgorithmSet::asymmetric();
                    let step = self.step(check, "algorithms").expected(match any {
                        true => "any algorithm with a public key".to_owned(),
                        false => one_of(&names),
                    });
                    step.found(self.token.algorithm().name())
                }
                _ => {
                    let expected = match (expect.access_token_profile, expect.tokens) {
                        (true, _) => "at+jwt",
                        (false, TokenKinds::Access) => "JWT, at+jwt or none",
                        (false, TokenKinds::Id) => "JWT, id_token+jwt or none",
                        (false, TokenKinds::Any) => "JWT, at+jwt, id_token+jwt or none",
                    };
                    let step = self.step(check, "tokens").expected(expected);
                    step.found(self.token.typ())
                }
            };
            let step = concluded(step, check, failed);
            if check != Check::Length || step.outcome == Outcome::Failed {
                telling.steps.push(step);
            }
        }
        if failed.is_some() {
            telling
                .steps
                .push(Step::new(Check::Signature.name(), Outcome::NotReached));
            self.not_reached(telling);
        }
        checked
    }

    fn step(&self, check: Check, key: &str) -> Step {
        Step::passed(check.name()).line(self.line(key))
    }

    /// With which keys the signature was checked.
    fn signature(&self, keys: &KeySet, from: String, error: Option<&TokenError>) -> Step {
        // What was signed cannot be read.
        let is_good = matches!(
            error,
            None | Some(
                TokenError::Json {
                    part: Part::Payload,
                    ..
                } | TokenError::Encoding {
                    part: Part::Payload
                }
            )
        );
        let line = match self.issuer.keys {
            KeySource::Discovery => self.line("url"),
            KeySource::JwksUrl(_) => self.line("jwks_url"),
            KeySource::JwksFile(_) => self.line("jwks_file"),
            KeySource::Secret { .. } => self.line("secret"),
        };
        let step = Step::of(Check::Signature.name(), is_good).line(line);
        let kid = match self.token.key_id() {
            Some(id) => format!("the token names the key {}", words::quoted(id)),
            None => "the token names no key".to_owned(),
        };
        let found = match error {
            None => format!("good; {kid}"),
            Some(error) => format!("{error}; {kid}"),
        };
        let step = step
            .expected("by a key of the issuer")
            .found(found)
            .note(match is_good {
                true => format!("Keys are from {from}."),
                false => format!("Keys are from {from}: {}.", named(keys)),
            });
        let step = match keys.skipped() {
            [first, ..] if !is_good => step.note(format!(
                "{} of them cannot be used, the first: {first}.",
                keys.skipped().len()
            )),
            _ => step,
        };
        let fetched = matches!(
            self.issuer.keys,
            KeySource::Discovery | KeySource::JwksUrl(_)
        );
        match error {
            Some(error) if fetched && error.may_have_newer_key() => step.note(
                "The gate would ask the issuer for newer keys before it refuses, and answer 503 where it cannot ask.",
            ),
            _ => step,
        }
    }

    /// None of the claims is looked at.
    fn not_reached(&self, telling: &mut Telling<'_>) {
        let expect = self.issuer.expectations();
        for check in Check::OF_CLAIMS {
            let is_quiet = matches!(check, Check::Use | Check::Claims | Check::Kind);
            if is_quiet || check == Check::Profile && !expect.access_token_profile {
                continue;
            }
            let step = self.claim(check, None);
            let outcome = Outcome::NotReached;
            telling.steps.push(Step { outcome, ..step });
        }
    }

    /// What a genuine token says.
    fn claims(
        &self,
        telling: &mut Telling<'_>,
        claims: &Map<String, Value>,
        error: Option<&TokenError>,
    ) {
        let expect = self.issuer.expectations();
        let failed = error.map(|error| (Check::of(error, true, expect), error));
        for check in Check::OF_CLAIMS {
            let quiet = match check {
                Check::Profile => !expect.access_token_profile,
                // These say something only where they fail.
                Check::Use | Check::Claims | Check::Kind => true,
                // So do these where there is none.
                Check::NotBefore => !claims.contains_key("nbf"),
                Check::IssuedAt => !claims.contains_key("iat"),
                _ => false,
            };
            let is_failed = failed.is_some_and(|(failed, _)| failed == check);
            if quiet && !is_failed {
                continue;
            }
            let step = self.claim(check, Some(claims));
            let mut step = concluded(step, check, failed);
            // What names the audience may be no list before it is known whose token it is.
            if check == Check::Issuer
                && failed.is_some_and(|(failed, _)| failed == Check::Audience)
                && expect.audience_claim.is_some()
            {
                step.outcome = Outcome::Told;
            }
            telling.steps.push(step);
        }
    }

    /// What a check expects, and what it finds where that may be shown.
    fn claim(&self, check: Check, claims: Option<&Map<String, Value>>) -> Step {
        let expect = self.issuer.expectations();
        let step = |key: &str, expected: String| self.step(check, key).expected(expected);
        let with = |step: Step, name: &str| match claims {
            Some(claims) => step.found(claims.get(name).map_or("none".to_owned(), json)),
            None => step,
        };
        let leeway_s = expect.leeway_s.min(LEEWAY_S_MAX);
        let after = (self.written)(self.now.saturating_sub(leeway_s));
        let not_after = (self.written)(self.now.saturating_add(leeway_s));
        let after = format!("later than {after} (now less {leeway_s} s of leeway)");
        let not_after = format!("not later than {not_after} (now and {leeway_s} s of leeway)");
        match check {
            Check::Issuer => {
                let mut names = vec![expect.issuer.as_str()];
                names.extend(expect.issuer_spellings.iter().map(String::as_str));
                with(step("url", one_of(&names)), "iss")
            }
            Check::Audience => {
                let step = step("audience", one_of(&expect.audience));
                let step = with(step, "aud");
                match &expect.audience_claim {
                    Some(path) => step.note(format!(
                        "Where `aud` is absent or empty, `{}` counts.",
                        shown(path.as_str())
                    )),
                    None => step,
                }
            }
            Check::Expiry => {
                let step = step("leeway_s", after);
                self.date(step, claims, "exp")
            }
            Check::NotBefore => {
                let step = step("leeway_s", not_after);
                self.date(step, claims, "nbf")
            }
            Check::IssuedAt => {
                let step = step("leeway_s", not_after);
                self.date(step, claims, "iat")
            }
            Check::Profile => step(
                "access_token_profile",
                "`sub`, `client_id`, `iat` and `jti`".to_owned(),
            ),
            Check::Kind => step("tokens", kinds(expect.tokens).to_owned()),
            _ => self.step(check, "url"),
        }
    }

    fn date(&self, step: Step, claims: Option<&Map<String, Value>>, name: &str) -> Step {
        let Some(claims) = claims else {
            return step;
        };
        let seconds = claims.get(name).and_then(|value| {
            let fraction = || value.as_f64().filter(|seconds| *seconds >= 0.0);
            value
                .as_u64()
                .or_else(|| fraction().map(|seconds| seconds as u64))
        });
        let Some(seconds) = seconds else {
            return step.found(claims.get(name).map_or("none".to_owned(), json));
        };
        let then = UnixTime(seconds);
        let how_long = match then <= self.now {
            true => format!("{} ago", between(then, self.now)),
            false => format!("in {}", between(self.now, then)),
        };
        step.found(format!("{} ({how_long})", (self.written)(then)))
    }
}

/// The names of keys, and what each is for.
fn named(keys: &KeySet) -> String {
    let mut names: Vec<String> = keys
        .names()
        .take(KEYS_SHOWN_MAX)
        .map(|(id, algorithms)| {
            let algorithms: Vec<&str> = algorithms.iter().map(|one| one.name()).collect();
            let id = id.map_or_else(|| "one without a kid".to_owned(), words::quoted);
            format!("{id} for {}", algorithms.join(", "))
        })
        .collect();
    if names.is_empty() {
        return "none of them can be used".to_owned();
    }
    if keys.len() > names.len() {
        names.push("…".to_owned());
    }
    names.join("; ")
}

fn kinds(kinds: TokenKinds) -> &'static str {
    match kinds {
        TokenKinds::Access => "no ID token",
        TokenKinds::Id => "no access token",
        TokenKinds::Any => "an access token or an ID token",
    }
}

/// The step of a check, where this one failed or none.
fn concluded(step: Step, check: Check, failed: Option<(Check, &TokenError)>) -> Step {
    let (outcome, found) = match failed {
        Some((failed, error)) if failed == check => {
            let is_date = matches!(check, Check::Expiry | Check::NotBefore | Check::IssuedAt);
            let found = match step.found.as_deref() {
                Some(found) if is_date => found.to_owned(),
                Some(found) => format!("{found}: {error}"),
                None => error.to_string(),
            };
            (Outcome::Failed, Some(found))
        }
        Some((failed, _)) if failed < check => (Outcome::NotReached, None),
        _ => (Outcome::Passed, step.found.clone()),
    };
    Step {
        outcome,
        found,
        ..step
    }
}
