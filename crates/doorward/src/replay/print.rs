//! What differs, for people and for programs.

use serde_json::{Value, json};

use super::differences::{Decided, Differences, Kind};
use crate::terminal::escaped;

/// What is never judged again, and so is not among the differences.
const TAKEN_AS_IT_WAS: &str = "not judged again: signatures and hashes of keys, what issuers said of opaque tokens, limits of size and rate, \
     and what the gate answers by itself; what is in report mode counts as what it would have been";

pub(super) fn text(differences: &Differences) -> String {
    let mut text = format!(
        "{} requests: {} decided as before, {} otherwise, {} undecidable, {} bad lines; {} lines of something else\n",
        differences.requests(),
        differences.same,
        differences.differing(),
        differences.undecidable(),
        differences.bad,
        differences.other,
    );
    text += &format!("{TAKEN_AS_IT_WAS}\n");
    if differences.differing() > 0 {
        text += "\nDECIDED OTHERWISE\n";
    }
    let mut kinds: Vec<_> = differences.kinds.iter().collect();
    kinds.sort_by_key(|(_, kind)| core::cmp::Reverse(kind.count));
    for ((old, new), kind) in kinds {
        text += &format!("{:>8}  {} -> {}\n", kind.count, shown(old), shown(new));
        push_example(&mut text, kind);
    }
    if differences.more.count > 0 {
        text += &format!("{:>8}  of other kinds\n", differences.more.count);
        push_example(&mut text, &differences.more);
    }
    if differences.undecidable() > 0 {
        text += "\nUNDECIDABLE\n";
    }
    let mut undecidable: Vec<_> = differences.undecidable.iter().collect();
    undecidable.sort_by_key(|(_, kind)| core::cmp::Reverse(kind.count));
    for ((route, why), kind) in undecidable {
        text += &format!("{:>8}  {}: {why}\n", kind.count, route_name(route.as_ref()));
        push_example(&mut text, kind);
    }
    if differences.more_undecidable.count > 0 {
        let count = differences.more_undecidable.count;
        text += &format!("{count:>8}  of other routes\n");
    }
    if differences.bad > 0 {
        let named: Vec<String> = differences.bad_named.iter().map(u64::to_string).collect();
        let more = match differences.bad > named.len() as u64 {
            true => ", …",
            false => "",
        };
        text += &format!("\nBAD LINES: {}{more}\n", named.join(", "));
    }
    text
}

fn push_example(text: &mut String, kind: &Kind) {
    if let Some(example) = &kind.example {
        *text += &format!("          such as {}\n", escaped(example));
    }
}

fn route_name(route: Option<&String>) -> String {
    route.map_or_else(|| "(no route)".to_owned(), |route| escaped(route))
}

fn shown(decided: &Decided) -> String {
    let mut shown = match (&decided.status, decided.verdict.as_str()) {
        (_, "admitted") => "admitted".to_owned(),
        (Some(status), verdict) => format!("refused {status} {verdict}"),
        (None, verdict) => format!("refused {}", escaped(verdict)),
    };
    shown += &format!(" by {}", route_name(decided.route.as_ref()));
    if let Some(reason) = &decided.reason {
        shown += &format!(" ({})", escaped(reason));
    }
    shown
}

/// The same for programs.
pub(super) fn json(differences: &Differences) -> Value {
    let decided = |decided: &Decided| {
        json!({
            "route": decided.route,
            "verdict": decided.verdict,
            "status": decided.status,
            "reason": decided.reason,
        })
    };
    let kinds = differences.kinds.iter().map(|((old, new), kind)| {
        json!({
            "count": kind.count,
            "from": decided(old),
            "to": decided(new),
            "example": kind.example,
        })
    });
    let undecidable = differences.undecidable.iter().map(|((route, why), kind)| {
        json!({
            "count": kind.count,
            "route": route,
            "why": why,
            "example": kind.example,
        })
    });
    json!({
        "requests": differences.requests(),
        "same": differences.same,
        "differing": differences.differing(),
        "differences": kinds.collect::<Vec<_>>(),
        "differences_left_out": differences.more.count,
        "undecidable_count": differences.undecidable(),
        "undecidable": undecidable.collect::<Vec<_>>(),
        "undecidable_left_out": differences.more_undecidable.count,
        "bad": differences.bad,
        "bad_lines": differences.bad_named,
        "other": differences.other,
        "not_judged": TAKEN_AS_IT_WAS,
    })
}
