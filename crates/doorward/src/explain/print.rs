//! An explanation, for people and for programs.

use doorward_policy::explain::{Explanation, Outcome, Step, Verdict};
use doorward_token::UnixTime;
use serde_json::{Value, json};

use crate::dates;

/// The width of the column of outcomes, and that of names at most, in characters.
const OUTCOME_CHARS: usize = 6;
const NAME_CHARS_MAX: usize = 32;

/// What the explanation is of.
pub(super) struct About<'a> {
    pub(super) file: String,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) now: UnixTime,
}

/// Steps one below the other, and then the verdict.
pub(super) fn text(about: &About<'_>, explanation: &Explanation) -> String {
    let mut text = format!(
        "{} {} by {}, at {}\n\n",
        about.method,
        one_line(about.path),
        about.file,
        dates::utc(about.now)
    );
    let names = explanation
        .steps
        .iter()
        .map(|step| step.name.chars().count());
    let name_chars = names.max().unwrap_or_default().min(NAME_CHARS_MAX) + 2;
    for step in &explanation.steps {
        push_step(&mut text, about, step, name_chars);
    }
    text.push('\n');
    let place = |step: Option<&Step>| match step.and_then(|step| step.line) {
        Some(line) => format!(" ({}:{line})", about.file),
        None => String::new(),
    };
    match &explanation.verdict {
        Verdict::Admitted => text.push_str("ADMITTED\n"),
        Verdict::Answered(what) => {
            text += &format!("ANSWERED by the gate itself: it is a {what}\n");
        }
        Verdict::Refused(refusal) => {
            text += &format!(
                "REFUSED with {} {}: {}{}\n",
                refusal.status(),
                refusal.class(),
                refusal.reason(),
                place(explanation.first_failed())
            );
        }
        Verdict::WouldRefuse { refusal, until } => {
            text += &format!(
                "WOULD BE REFUSED with {} {}: {}{}, but passes: report mode until {}\n",
                refusal.status(),
                refusal.class(),
                refusal.reason(),
                place(explanation.first_failed()),
                dates::utc(*until)
            );
        }
        Verdict::Undecided(why) => text += &format!("UNDECIDED here: {why}\n"),
    }
    for unless in &explanation.unless {
        text += &format!("  unless {unless}\n");
    }
    for credential in &explanation.credential {
        text += &format!("  {credential}\n");
    }
    text
}

fn push_step(text: &mut String, about: &About<'_>, step: &Step, name_chars: usize) {
    let outcome = match step.outcome {
        Outcome::Passed => "ok",
        Outcome::Failed => "FAIL",
        Outcome::NotReached | Outcome::Told => "-",
        Outcome::NotChecked => "?",
    };
    let found = match (step.outcome, step.found.as_deref()) {
        (Outcome::NotReached, _) => "not reached",
        (_, found) => found.unwrap_or_default(),
    };
    let place = match step.line {
        Some(line) => format!("({}:{line})", about.file),
        None => String::new(),
    };
    let line = format!(
        "{outcome:OUTCOME_CHARS$}{:name_chars$}{found}  {place}",
        step.name
    );
    text.push_str(line.trim_end());
    text.push('\n');
    let below = " ".repeat(OUTCOME_CHARS + name_chars);
    let expected = step.expected.as_deref();
    if let Some(expected) = expected {
        *text += &format!("{below}expected: {expected}\n");
    }
    for note in &step.notes {
        *text += &format!("{below}{note}\n");
    }
}

/// The same for programs.
pub(super) fn json(about: &About<'_>, explanation: &Explanation) -> Value {
    let refusal = match &explanation.verdict {
        Verdict::Refused(refusal) | Verdict::WouldRefuse { refusal, .. } => Some(refusal),
        _ => None,
    };
    let reason = match &explanation.verdict {
        Verdict::Refused(refusal) | Verdict::WouldRefuse { refusal, .. } => {
            Some(refusal.reason().to_string())
        }
        Verdict::Undecided(why) => Some(why.clone()),
        Verdict::Answered(what) => Some((*what).to_owned()),
        Verdict::Admitted => None,
    };
    let until = match &explanation.verdict {
        Verdict::WouldRefuse { until, .. } => Some(dates::utc(*until)),
        _ => None,
    };
    let steps = explanation.steps.iter().map(|step| {
        json!({
            "step": step.name,
            "outcome": step.outcome.name(),
            "expected": step.expected,
            "found": step.found,
            "notes": step.notes,
            "line": step.line,
        })
    });
    json!({
        "file": about.file,
        "method": about.method,
        "path": about.path,
        "at": dates::utc(about.now),
        "verdict": explanation.verdict.name(),
        "class": refusal.map(|refusal| refusal.class().name()),
        "status": refusal.map(|refusal| refusal.status()),
        "reason": reason,
        "report_until": until,
        "first_failed": explanation.first_failed().map(|step| step.name.as_str()),
        "unless": explanation.unless,
        "credential": explanation.credential,
        "steps": steps.collect::<Vec<_>>(),
    })
}

/// What was typed, fit for one line.
fn one_line(text: &str) -> String {
    text.chars()
        .flat_map(|character| match character.is_control() {
            true => character.escape_default().collect::<Vec<_>>(),
            false => vec![character],
        })
        .collect()
}
