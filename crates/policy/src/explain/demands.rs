//! What is asked of a genuine credential: that it was not revoked, and what the rule demands.

use doorward_token::{Claims, Proof};

use crate::decision::Authenticated;
use crate::explain::lines::Place;
use crate::explain::step::{Outcome, Step};
use crate::explain::telling::{Judged, Telling};
use crate::explain::words::{self, list, shown};
use crate::policy::{Demands, IssuerId};
use crate::refusal::{Reason, Refusal};

/// What a rule demands of a credential that cannot be judged here.
pub(super) fn asked(telling: &mut Telling<'_>, judged: &Judged<'_, '_>) {
    let demands = judged.pending.demands;
    let mut steps = Vec::new();
    if demands.allow.is_empty() {
        steps.extend(of_one(judged, demands, judged.place, None));
    } else {
        for (number, one, place) in alternatives(judged) {
            let step = Step::passed(alternative(number));
            let step = step.line(place.and_then(Place::line));
            steps.push(step);
            steps.extend(of_one(judged, one, place, None));
        }
    }
    for mut step in steps {
        step.outcome = Outcome::NotReached;
        telling.steps.push(step);
    }
}

/// What was decided of a genuine credential. `refusal` says why not, if it was refused.
pub(super) fn judged(
    telling: &mut Telling<'_>,
    judged: &Judged<'_, '_>,
    who: Authenticated<'_>,
    refusal: Option<&Refusal>,
) {
    let reason = refusal.map(Refusal::reason);
    let (issuer, claims) = match who {
        Authenticated::Token { issuer, token } => (Some(issuer.id), token.claims()),
        Authenticated::Key(key) => (None, key.claims()),
    };
    revocation(telling, who, reason);
    let is_earlier = matches!(
        reason,
        Some(
            Reason::NotIssued
                | Reason::LivesTooLong { .. }
                | Reason::StoreUnavailable { .. }
                | Reason::Revoked(_)
                | Reason::Token(_)
                | Reason::Key(_)
                | Reason::OtherKey
                | Reason::OtherSource(_)
        )
    );
    if is_earlier {
        asked(telling, judged);
        return;
    }
    demanded(telling, judged, issuer, claims, reason);
    identity(telling, reason);
}

fn revocation(telling: &mut Telling<'_>, who: Authenticated<'_>, reason: Option<&Reason>) {
    let Authenticated::Token { token, .. } = who else {
        return;
    };
    let Some(rule) = telling.policy.revocation() else {
        return;
    };
    let place = telling.lines.table("revocation");
    let failed = matches!(
        reason,
        Some(Reason::NotIssued | Reason::LivesTooLong { .. })
    );
    let until = token.expires_at();
    let found = match (reason, token.issued_at()) {
        (Some(reason), _) if failed => reason.to_string(),
        (_, Some(issued_at)) if token.proof() == Proof::Signature => {
            format!("{} s", until.seconds_since(issued_at))
        }
        _ => "none".to_owned(),
    };
    let step = Step::of("lifetime", !failed)
        .expected(format!(
            "`iat`, and at most {} s from there to `exp`",
            rule.token_lifetime_max_s
        ))
        .found(found)
        .line(place.and_then(|place| place.line_of("token_lifetime_max_s")));
    telling.steps.push(step);
    let store = &telling.policy.store().name;
    let step = Step::new(
        "revocation",
        match failed {
            true => Outcome::NotReached,
            false => Outcome::NotChecked,
        },
    );
    telling.steps.push(
        step.expected("not revoked")
            .found("what was revoked is not known here")
            .line(place.and_then(Place::line))
            .note(format!(
                "The gate looks into the store `{}`: `doorward revoke list` shows what is there.",
                shown(store)
            )),
    );
    telling
        .unless
        .push("the token, its session or its subject was revoked".to_owned());
}

fn alternative(number: usize) -> String {
    format!("alternative {number}")
}

/// The alternatives of a rule, each with its number and its place.
fn alternatives<'j>(
    judged: &'j Judged<'_, '_>,
) -> impl Iterator<Item = (usize, &'j Demands, Option<Place<'j>>)> {
    let tables = judged.place.map(|place| place.tables("allow"));
    let mut tables = tables.into_iter().flatten();
    let all = judged.pending.demands.allow.iter().enumerate();
    all.map(move |(index, one)| (index + 1, one, tables.next()))
}

fn demanded(
    telling: &mut Telling<'_>,
    judged: &Judged<'_, '_>,
    issuer: Option<IssuerId>,
    claims: &Claims,
    reason: Option<&Reason>,
) {
    let pending = judged.pending;
    let demands = pending.demands;
    if demands.allow.is_empty() {
        let steps = of_one(judged, demands, judged.place, Some(claims));
        telling.steps.extend(steps);
        return;
    }
    let kind = pending.credential().kind();
    let holds = demands
        .lacking(kind, issuer, claims, &pending.target)
        .is_none();
    for (number, one, place) in alternatives(judged) {
        let step = Step::told(alternative(number)).line(place.and_then(Place::line));
        // Each is asked alone, in the words of the rule that has only this one.
        let alone = Demands {
            allow: vec![one.clone()],
            ..demands.clone()
        };
        let accepts = alone.accepts(kind, issuer);
        let lacks = alone
            .lacking(kind, issuer, claims, &pending.target)
            .is_some();
        let steps: Vec<Step> = of_one(judged, one, place, Some(claims)).collect();
        telling.steps.push(match (accepts, lacks) {
            (false, _) => step.found("is for other credentials"),
            (true, true) => step.found("is for this credential, and does not hold"),
            (true, false) => step.found("is for this credential, and holds"),
        });
        if accepts {
            for mut step in steps {
                // What one lacks counts only where no other one holds.
                if step.outcome == Outcome::Failed && holds {
                    step.outcome = Outcome::Told;
                }
                telling.steps.push(step);
            }
        }
    }
    let line = judged.place.and_then(|place| place.line_of("allow"));
    let step = Step::of("alternatives", holds).expected("one of them holds as a whole");
    let found = match (holds, reason) {
        (true, _) => "one does".to_owned(),
        (false, Some(reason)) => reason.to_string(),
        (false, None) => "none does".to_owned(),
    };
    telling.steps.push(step.found(found).line(line));
}

/// What one set of demands asks for: each of them as the rule's own check says.
fn of_one<'j>(
    judged: &'j Judged<'_, '_>,
    demands: &'j Demands,
    place: Option<Place<'j>>,
    claims: Option<&'j Claims>,
) -> impl Iterator<Item = Step> + 'j {
    let target = &judged.pending.target;
    let scope = (!demands.scope.is_empty()).then(|| {
        let line = place.and_then(|place| place.line_of("scope"));
        let step = Step::passed("scope").expected(format!(
            "{}{}",
            if demands.scope.len() > 1 {
                "all of "
            } else {
                ""
            },
            list(&demands.scope)
        ));
        let step = match claims {
            Some(claims) => {
                let scopes = claims.scopes();
                let lacking = demands.scope.iter().any(|one| !scopes.contains(one));
                let found = match scopes {
                    [] => "none".to_owned(),
                    scopes => list(scopes),
                };
                let of = Step::of("scope", !lacking);
                Step {
                    expected: step.expected,
                    ..of
                }
                .found(found)
            }
            None => step,
        };
        step.line(line)
    });
    let claims_of = demands.claims.iter().map(move |claim| {
        let table = place.and_then(|place| place.table("claims"));
        let line = table.and_then(|table| table.line_of(claim.path.as_str()));
        let segment = |index| target.segment(index).map(shown);
        let name = format!("claim {}", shown(claim.path.as_str()));
        let expected = words::required(claim, segment);
        let step = match claims {
            None => Step::passed(name),
            Some(claims) => {
                let found = match claims.at(&claim.path) {
                    Ok(value) => words::json(value),
                    Err(nothing) => nothing.to_string(),
                };
                match claim.check(claims, target) {
                    Ok(()) => Step::passed(name).found(found),
                    Err(problem) => Step::failed(name)
                        .found(found)
                        .note(format!("It {problem}.")),
                }
            }
        };
        step.expected(expected).line(line)
    });
    scope.into_iter().chain(claims_of)
}

/// Whether the identity headers can say what the claims do.
fn identity(telling: &mut Telling<'_>, reason: Option<&Reason>) {
    if telling.policy.identity.is_empty() {
        return;
    }
    let place = telling.lines.table("identity");
    let step = match reason {
        None => {
            let names: Vec<&str> = telling.policy.identity_header_names().collect();
            Step::passed("identity headers")
                .found(names.join(", "))
                .line(place.and_then(Place::line))
        }
        Some(Reason::IdentityHeader { name, problem }) => Step::failed("identity headers")
            .found(format!("{}: its claim {problem}", shown(name)))
            .line(place.and_then(|place| place.line_of(name))),
        Some(_) => {
            Step::new("identity headers", Outcome::NotReached).line(place.and_then(Place::line))
        }
    };
    telling.steps.push(step);
}
