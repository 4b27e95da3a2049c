//! The credential: where it was, what it is, and whether it is genuine.

use doorward_token::api_key::{ApiKey, ApiKeyError, KeyRecord};

use crate::api_keys::{ApiKeys, KeyPlace};
use crate::credential::Credential;
use crate::credential::kind::CredentialKind;
use crate::decision::Screened;
use crate::explain::lines::Place;
use crate::explain::step::{Outcome, Step};
use crate::explain::telling::{Genuine, Judged, Telling};
use crate::explain::token;
use crate::explain::words::shown;
use crate::open::Open;
use crate::policy::{AskedIssuer, Introspection, Policy};
use crate::refusal::{Reason, Refusal};
use crate::route::Route;
use crate::token_from::TokenSource;

/// What was found of a credential.
pub(super) fn found(
    telling: &mut Telling<'_>,
    route: &Route<'_, '_>,
    screened: &Result<Screened<'_, '_>, Refusal>,
    place: Option<Place<'_>>,
) {
    const NAME: &str = "credential";
    let line = place.and_then(Place::line);
    let key_line = |key| place.and_then(|place| place.line_of(key));
    let accepted = accepted(telling.policy, route);
    let step = match screened {
        Ok(Screened::Public(_)) if route.is_public() => {
            let why = match route.kind().open {
                Open::Options if telling.asked.head.method == "OPTIONS" => {
                    key_line("public_options").or(line)
                }
                _ => key_line("public"),
            };
            Step::told(NAME).found("none is looked at").line(why)
        }
        Ok(Screened::Public(_)) => Step::told(NAME)
            .expected(format!("none, or {accepted}"))
            .found("none")
            .note("The request goes on without an identity.")
            .line(key_line("auth")),
        Ok(Screened::Protected(pending)) => Step::passed(NAME)
            .expected(accepted)
            .found(format!(
                "{}, in the {}",
                kind(pending.credential().kind()),
                pending.place()
            ))
            .line(line),
        Err(refusal) => return refused(telling, refusal, accepted, line),
    };
    telling.steps.push(step);
}

fn refused(telling: &mut Telling<'_>, refusal: &Refusal, accepted: String, line: Option<usize>) {
    let step = Step::failed("credential").expected(accepted).line(line);
    let steps = match refusal.reason() {
        Reason::TokenTooLong {
            bytes, bytes_max, ..
        } => vec![
            Step {
                outcome: Outcome::Passed,
                ..step
            }
            .found("a bearer token"),
            Step::failed("length")
                .expected(format!("at most {bytes_max} bytes"))
                .found(format!("{bytes} bytes"))
                .note("That is `token_bytes_max`."),
        ],
        Reason::CrossSite => vec![
            Step {
                outcome: Outcome::Passed,
                ..step
            }
            .found("a token in a cookie"),
            Step::failed("page")
                .expected(
                    "of a request that may change something: `Sec-Fetch-Site: same-origin` or `none`, an `Origin` of \
                     our own, or one that the route's CORS allows with credentials",
                )
                .found(pages(telling)),
        ],
        Reason::OtherIssuer | Reason::OtherSource(_) => vec![
            Step {
                outcome: Outcome::Passed,
                ..step
            }
            .found("an opaque token"),
            Step::failed("issuer").found(refusal.reason().to_string()),
        ],
        reason => vec![step.found(reason.to_string())],
    };
    telling.steps.extend(steps);
}

/// What a request says of the page that it comes from.
fn pages(telling: &Telling<'_>) -> String {
    let fields = telling.asked.head.fields;
    let said = ["Origin", "Sec-Fetch-Site"].map(|name| match fields.joined(name) {
        Some(value) if fields.has(name) => format!("{name}: {}", shown(&value)),
        _ => format!("no {name}"),
    });
    said.join(", ")
}

/// Which kinds a rule accepts, and where they are looked for.
fn accepted(policy: &Policy, route: &Route<'_, '_>) -> String {
    let accept = route.kind().access.accept();
    let kinds: Vec<&str> = accept.iter().map(kind).collect();
    let mut places: Vec<String> = Vec::new();
    if accept.iter().any(CredentialKind::is_bearer) {
        let sources = route.kind().token_from.iter();
        places.extend(sources.map(|id| match policy.sources.get(id) {
            TokenSource::Authorization => "`Authorization: Bearer`".to_owned(),
            TokenSource::Header(name) => format!("the field {}", shown(name)),
            TokenSource::Cookie(name) => format!("the cookie {}", shown(name)),
            TokenSource::Query(name) => format!("the parameter {}", shown(name)),
        }));
    }
    if accept.contains(CredentialKind::Basic) {
        places.push("`Authorization: Basic`".to_owned());
    }
    if accept.contains(CredentialKind::ApiKey) {
        places.extend(policy.key_place().map(|place| match place {
            KeyPlace::Header(name) => format!("the field {}", shown(name)),
            KeyPlace::Query(name) => format!("the parameter {}", shown(name)),
        }));
    }
    format!("{}, in {}", kinds.join(" or "), places.join(" or "))
}

fn kind(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Jwt => "a signed token",
        CredentialKind::Opaque => "an opaque token",
        CredentialKind::ApiKey => "an API key",
        CredentialKind::Basic => "a name and an API key",
    }
}

/// Whether the credential is genuine, as far as that can be found out here.
pub(super) fn genuine(
    telling: &mut Telling<'_>,
    policy: &Policy,
    judged: &Judged<'_, '_>,
) -> Result<Genuine, Refusal> {
    match judged.pending.credential() {
        Credential::Jwt(text) => token::genuine(telling, judged, text),
        Credential::Opaque { asked, .. } => Ok(opaque(telling, asked)),
        Credential::ApiKey { key, among } => api_key(telling, policy, judged, among, None, key),
        Credential::Basic { name, key, among } => {
            api_key(telling, policy, judged, among, Some(name), key)
        }
    }
}

/// Its issuer would be asked.
fn opaque(telling: &mut Telling<'_>, asked: AskedIssuer<'_>) -> Genuine {
    let AskedIssuer { issuer, how } = asked;
    let Introspection {
        endpoint,
        client_id,
        cache_s,
        negative_cache_s,
        ..
    } = how;
    let endpoint = match endpoint {
        Some(url) => shown(url),
        None => "the endpoint in its metadata".to_owned(),
    };
    let place = telling.issuer(issuer);
    let place = place.and_then(|place| place.table("introspection").or(Some(place)));
    let step = Step::new("introspection", Outcome::NotChecked)
        .expected(format!("active, and for {}", crate::explain::words::one_of(&issuer.audience)))
        .found("only the issuer can say")
        .note(format!(
            "The gate asks `{}` at {endpoint} as the client {}.",
            shown(&issuer.name),
            shown(client_id)
        ))
        .note(format!(
            "The answer is remembered for {cache_s} s at most, that it is not active for {negative_cache_s} s."
        ))
        .line(place.and_then(Place::line));
    telling.steps.push(step);
    Genuine::Unknown(format!(
        "only the issuer `{}` can say whether the opaque token is good",
        shown(&issuer.name)
    ))
}

fn api_key(
    telling: &mut Telling<'_>,
    policy: &Policy,
    judged: &Judged<'_, '_>,
    among: &ApiKeys,
    name: Option<&str>,
    text: &str,
) -> Result<Genuine, Refusal> {
    const NAME: &str = "API key";
    let line = telling.lines.table("api_keys").and_then(Place::line);
    let step = |outcome| {
        let store = &policy.store().name;
        let expected = match among.store {
            true => format!("listed in the policy, or in the store `{}`", shown(store)),
            false => "listed in the policy".to_owned(),
        };
        Step::new(NAME, outcome).expected(expected).line(line)
    };
    let refused = |telling: &mut Telling<'_>, error: ApiKeyError| {
        let failed = step(Outcome::Failed).found(error.to_string());
        telling.steps.push(failed);
        Refusal::invalid_key(judged.pending, error)
    };
    let key = match ApiKey::parse(text.as_bytes()) {
        Ok(key) => key,
        Err(error) => return Err(refused(telling, error)),
    };
    let listed = among.find(key.id());
    if listed.is_none() && among.store {
        let found = format!("the id {} is not listed in the policy", key.id());
        let not_checked = step(Outcome::NotChecked).found(found);
        telling.steps.push(
            not_checked.note(
                "The gate looks it up in the store: `doorward key list` shows what is there.",
            ),
        );
        return Ok(Genuine::Unknown(
            "whether the store has the API key is not known here".to_owned(),
        ));
    }
    match KeyRecord::verify(listed, &key, name, telling.asked.now) {
        Ok(verified) => {
            let subject = verified.claims().subject().unwrap_or_default();
            let found = format!("the key {} of {}", key.id(), shown(subject));
            telling.steps.push(step(Outcome::Passed).found(found));
            Ok(Genuine::Key(verified))
        }
        Err(error) => Err(refused(telling, error)),
    }
}
