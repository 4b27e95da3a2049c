//! Limits: of size, which are checked, and of rate, which depend on what was before.

use doorward_token::UnixTime;
use doorward_traffic::rate::{Counts, RateKey, RateLimit};

use crate::explain::lines::Place;
use crate::explain::step::Step;
use crate::explain::telling::Telling;
use crate::explain::words::shown;
use crate::refusal::Refusal;
use crate::route::Route;

/// Whether the head of the request is within its limits.
pub(super) fn size(
    telling: &mut Telling<'_>,
    route: &Route<'_, '_>,
    place: Option<Place<'_>>,
) -> Result<(), Refusal> {
    let head = &telling.asked.head;
    let Some(limits) = route.traffic().limits() else {
        return Ok(());
    };
    let checked = limits.check_head(head.method, head.target, head.fields);
    let mut expected = Vec::new();
    let mut most = |what: &str, max: Option<String>| {
        expected.extend(max.map(|max| format!("{what} at most {max}")));
    };
    most(
        "path and query",
        limits.target_bytes_max.map(|max| format!("{max} bytes")),
    );
    most("fields", limits.header_count_max.map(|max| max.to_string()));
    most(
        "all fields",
        limits.header_bytes_max.map(|max| format!("{max} bytes")),
    );
    most(
        "body",
        limits.body_bytes_max.map(|max| format!("{max} bytes")),
    );
    if !limits.content_types.is_empty() {
        expected.push(format!("body of {}", limits.content_types.join(", ")));
    }
    let found = match &checked {
        Ok(()) => format!(
            "path and query {} bytes, fields {} with {} bytes",
            head.target.len(),
            head.fields.len(),
            head.fields.bytes()
        ),
        Err(exceeded) => exceeded.to_string(),
    };
    let name = place.and_then(|place| place.text("limits"));
    let name = name.or_else(|| telling.lines.table("defaults")?.text("limits"));
    let there = name.and_then(|name| telling.lines.named("limits", name));
    let step = Step::of("limits", checked.is_ok())
        .found(found)
        .line(there.and_then(Place::line))
        .note("A host adds fields of its own, and a body is counted while it comes.");
    telling.steps.push(match expected.as_slice() {
        [] => step,
        expected => step.expected(expected.join(", ")),
    });
    checked.map_err(Refusal::limit)
}

/// The rate limits, of which only the figures are known.
pub(super) fn rates(telling: &mut Telling<'_>, route: &Route<'_, '_>) {
    let head = &telling.asked.head;
    let trusted = &telling.policy.proxy().trusted;
    let forwarded_for = head.fields.values("x-forwarded-for");
    let client = trusted.client(telling.asked.peer, &forwarded_for).address;
    for (id, limit) in route.traffic().rate_limits() {
        #[cfg(not(feature = "report"))]
        let _ = id;
        let fails_only = limit.counts == Counts::FailedAuthentication;
        if fails_only && route.is_public() {
            continue;
        }
        let there = telling.lines.named("rate_limit", &limit.name);
        let step = Step::told(format!("rate limit {}", shown(&limit.name)))
            .expected(figures(limit))
            .found("what was counted before is not known here")
            .line(there.and_then(Place::line));
        telling.steps.push(match (&limit.key, client) {
            (RateKey::Client, Some(address)) => step.note(format!("Counted under {address}.")),
            (RateKey::Client, None) => {
                step.note("Counted under the client's address; `--client ADDR` says which.")
            }
            _ => step,
        });
        #[cfg(feature = "report")]
        if route.reports_limit(id, telling.asked.now) {
            if let Some(step) = telling.steps.last_mut() {
                step.notes
                    .push("It is in report mode, and refuses nobody.".to_owned());
            }
            continue;
        }
        telling.unless.push(match fails_only {
            true => format!(
                "so many credentials proved false that the rate limit `{}` is used up",
                shown(&limit.name)
            ),
            false => format!("the rate limit `{}` is used up", shown(&limit.name)),
        });
    }
}

fn figures(limit: &RateLimit) -> String {
    let what = match limit.counts {
        Counts::Requests => "requests",
        Counts::FailedAuthentication => "credentials that prove false",
    };
    let by = match &limit.key {
        RateKey::Client => "client address".to_owned(),
        RateKey::Subject => "subject".to_owned(),
        RateKey::ApiKey => "API key".to_owned(),
        RateKey::Header(name) => format!("the field {}", shown(name)),
        RateKey::Claim(name) => format!("the claim `{}`", shown(name)),
    };
    format!(
        "{} {what} in {} s, {} at once, by {by}, {}",
        limit.requests,
        limit.per_s,
        limit.burst,
        match limit.shared {
            true => "counted by all instances together",
            false => "counted by each instance",
        }
    )
}

/// How long, for people.
pub(super) fn between(earlier: UnixTime, later: UnixTime) -> String {
    let seconds = later.seconds_since(earlier);
    match seconds {
        0..600 => format!("{seconds} s"),
        600..36_000 => format!("{} min", seconds / 60),
        36_000..864_000 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}
