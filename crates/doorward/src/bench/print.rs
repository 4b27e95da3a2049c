//! The figures for people.

use std::fmt::Write as _;

use super::application::EVENTS_A_REQUEST;
use super::cases::BARE;
use super::compare::{Compared, Comparison};
use super::figures::{Figure, Key, Outcome, Spread, same_of};
use super::report::Report;
use super::targets::Judged;
use crate::table;

/// The whole report.
pub(super) fn report(report: &Report, judged: &[Judged]) -> String {
    let mut text = head(report);
    text.push('\n');
    text.push_str(&figures(&report.outcomes));
    for outcome in &report.outcomes {
        if outcome.failed > 0 {
            let Outcome { key, failed, .. } = outcome;
            let failure = outcome.failure.as_deref().unwrap_or_default();
            let _ = writeln!(
                text,
                "{key}: {failed} requests failed, the first one by: {failure}"
            );
        }
    }
    for skipped in &report.skipped {
        let _ = writeln!(text, "Not measured: {}: {}", skipped.case, skipped.reason);
    }
    if !judged.is_empty() {
        text.push('\n');
        text.push_str(&targets(judged));
    }
    text
}

/// On what and how it was measured.
fn head(report: &Report) -> String {
    let Report {
        machine, settings, ..
    } = report;
    let known = |value: Option<f64>| match value {
        Some(value) => format!("{value:.2}"),
        None => "not known".to_owned(),
    };
    let build = if cfg!(debug_assertions) {
        "a build for tests, slow on both sides: for figures, `cargo run --profile serve -- bench`"
    } else {
        "a build to serve"
    };
    let on = |is_on| if is_on { "on" } else { "off" };
    let others = match report.others.percent() {
        Some(percent) => format!("{percent:.0} % of the processors were busy with something else"),
        None => "what else ran is not known".to_owned(),
    };
    let mut text = format!(
        "doorward {} ({build}), {}\n{}, {}, {} cores shared by server and clients; load average {} before and {} after, {others}\n",
        env!("CARGO_PKG_VERSION"),
        machine.date,
        machine.system,
        machine.processor.as_deref().unwrap_or("a processor"),
        machine.cores,
        known(machine.load_before),
        known(machine.load_after),
    );
    let _ = writeln!(
        text,
        "{} connections, {} s a load, {}",
        settings.connections,
        settings.seconds,
        match settings.rounds {
            1 => "one round".to_owned(),
            rounds =>
                format!("medians of {rounds} rounds in turns (lowest and highest beside them)"),
        }
    );
    match &settings.url {
        Some(url) => {
            let _ = writeln!(
                text,
                "{url}: processor time and memory are those of the processes that were named"
            );
        }
        None => {
            let _ = writeln!(
                text,
                "access log {}, metrics {}; {} tokens in turn where none was seen before; events: {EVENTS_A_REQUEST} a request",
                on(settings.has_log),
                on(settings.has_metrics),
                settings.tokens
            );
        }
    }
    text
}

fn figures(outcomes: &[Outcome]) -> String {
    let rows: Vec<_> = outcomes
        .iter()
        .map(|outcome| row(outcome, same_of(outcomes, BARE, &outcome.key)))
        .collect();
    let headings = [
        "case",
        "an instance",
        "load",
        "requests/s",
        "p50 ms",
        "p90",
        "p99",
        "p99.9",
        "processor µs",
        "of it system",
        "memory MB",
        "first answer ms",
        "over bare: requests/s",
        "processor",
        "p99",
    ];
    table::render(headings, &rows)
}

fn row(outcome: &Outcome, bare: Option<&Outcome>) -> [String; 15] {
    let Key { case, reuse, load } = &outcome.key;
    let median = |figure, scale: f64, digits: usize| match outcome.spread(figure) {
        Some(spread) => format!("{:.digits$}", spread.median / scale),
        None => "–".to_owned(),
    };
    let with_spread = |figure, scale: f64| match outcome.spread(figure) {
        Some(Spread {
            median,
            lowest,
            highest,
        }) if outcome.rounds.len() > 1 => {
            let [median, lowest, highest] = [median, lowest, highest].map(|value| value / scale);
            format!("{median:.0} ({lowest:.0}–{highest:.0})")
        }
        Some(spread) => format!("{:.0}", spread.median / scale),
        None => "–".to_owned(),
    };
    let over = |figure| match bare.and_then(|bare| outcome.over(bare, figure)) {
        Some(ratio) => format!("{:.2}", ratio.median),
        None => "–".to_owned(),
    };
    [
        case.clone(),
        reuse.map_or_else(|| "–".to_owned(), |reuse| reuse.to_string()),
        load.clone(),
        with_spread(Figure::PerSecond, 1.0),
        median(Figure::P50, 1e3, 2),
        median(Figure::P90, 1e3, 2),
        median(Figure::P99, 1e3, 2),
        median(Figure::P999, 1e3, 2),
        with_spread(Figure::Processor, 1.0),
        median(Figure::System, 1.0, 0),
        median(Figure::Memory, 1e6, 0),
        median(Figure::FirstAnswer, 1.0, 0),
        over(Figure::PerSecond),
        over(Figure::Processor),
        over(Figure::P99),
    ]
}

fn targets(judged: &[Judged]) -> String {
    let value = |value: f64| match value {
        1000.0.. => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    };
    let rows: Vec<_> = judged
        .iter()
        .map(|one| {
            let met = if one.is_met { "met" } else { "not met" };
            [
                one.what.to_owned(),
                value(one.value),
                one.bound.to_string(),
                met.to_owned(),
            ]
        })
        .collect();
    table::render(["target", "measured", "bound", ""], &rows)
}

/// What became better and worse.
pub(super) fn comparison(comparison: &Comparison) -> String {
    let rows: Vec<_> = comparison
        .compared
        .iter()
        .map(|one| {
            let Compared {
                key,
                figure,
                old,
                new,
                is_worse,
            } = one;
            let worse = if *is_worse { "worse" } else { "" };
            [
                key.to_string(),
                figure.key().to_owned(),
                format!("{old:.0}"),
                format!("{new:.0}"),
                format!("{:.2}", new / old),
                worse.to_owned(),
            ]
        })
        .collect();
    let headings = ["measured", "figure", "before", "now", "ratio", ""];
    let mut text = table::render(headings, &rows);
    for key in &comparison.only_old {
        let _ = writeln!(text, "Measured only before: {key}");
    }
    for key in &comparison.only_new {
        let _ = writeln!(text, "Measured only now: {key}");
    }
    text
}
