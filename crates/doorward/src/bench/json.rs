//! The figures for programs. docs/performance.md has the form, which changes only with [`FORMAT`].

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

use super::cases::BARE;
use super::figures::{Figure, Key, Medians, Outcome, Spread, medians, same_of};
use super::load::STEP;
use super::report::Report;
use super::targets::judge;

/// The number of the form.
const FORMAT: u64 = 1;

/// The shares of all latencies that are told, for a distribution.
const SHARES: [f64; 11] = [
    0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999, 1.0,
];

/// The report as JSON.
pub(super) fn json(report: &Report) -> Value {
    let Report {
        machine,
        settings,
        others,
        outcomes,
        skipped,
    } = report;
    let results: Vec<Value> = outcomes
        .iter()
        .map(|outcome| result(outcome, outcomes))
        .collect();
    let skipped: Vec<Value> = skipped
        .iter()
        .map(|skipped| json!({ "case": skipped.case, "reason": skipped.reason }))
        .collect();
    let targets: Vec<Value> = judge(&medians(outcomes))
        .iter()
        .map(|target| {
            json!({
                "what": target.what,
                "value": target.value,
                "target": target.bound.to_string(),
                "met": target.is_met,
            })
        })
        .collect();
    json!({
        "format": FORMAT,
        "version": env!("CARGO_PKG_VERSION"),
        "checked_build": cfg!(debug_assertions),
        "date": machine.date,
        "machine": {
            "system": machine.system,
            "processor": machine.processor,
            "cores": machine.cores,
            "load_average_before": machine.load_before,
            "load_average_after": machine.load_after,
            "others_percent": others.percent(),
        },
        "settings": {
            "url": settings.url,
            "connections": settings.connections,
            "seconds": settings.seconds,
            "rounds": settings.rounds,
            "tokens": settings.tokens,
            "log": settings.has_log,
            "metrics": settings.has_metrics,
        },
        "results": results,
        "skipped": skipped,
        "targets": targets,
    })
}

fn result(outcome: &Outcome, all: &[Outcome]) -> Value {
    let bare = same_of(all, BARE, &outcome.key);
    let bare = bare.filter(|bare| bare.key != outcome.key);
    let by_figure = |of: &dyn Fn(Figure) -> Option<Spread>| {
        let known = Figure::ALL.into_iter().filter_map(|figure| {
            let Spread {
                median,
                lowest,
                highest,
            } = of(figure)?;
            let value = json!({ "median": median, "lowest": lowest, "highest": highest });
            Some((figure.key().to_owned(), value))
        });
        Value::Object(known.collect::<Map<_, _>>())
    };
    let latencies: Vec<Value> = SHARES
        .iter()
        .filter(|_| !outcome.latencies.is_empty())
        .map(|share| json!([share, outcome.latencies.value_at_quantile(*share)]))
        .collect();
    let over_time: Vec<f64> = outcome
        .per_second_over_time(STEP.as_secs_f64())
        .iter()
        .map(|(_, per_second)| *per_second)
        .collect();
    json!({
        "case": outcome.key.case,
        "reuse": outcome.key.reuse,
        "load": outcome.key.load,
        "figures": by_figure(&|figure| outcome.spread(figure)),
        "over_bare": bare.map(|bare| by_figure(&|figure| outcome.over(bare, figure))),
        "failed": outcome.failed,
        "failure": outcome.failure,
        "latencies_us": latencies,
        "per_second_over_time": { "step_ms": STEP.as_millis() as u64, "values": over_time },
    })
}

/// The middle values in what [`json()`] made.
pub(super) fn read(text: &str) -> Result<Medians> {
    let report: Value = serde_json::from_str(text).context("it is not JSON")?;
    match report.get("format").and_then(Value::as_u64) {
        Some(FORMAT) => {}
        Some(other) => bail!("it has the form {other}, and this program reads {FORMAT}"),
        None => bail!("it is not what `doorward bench --format json` prints"),
    }
    let results = report.get("results").and_then(Value::as_array);
    let mut medians = Medians::new();
    for result in results.context("it has no results")? {
        let text = |name: &str| result.get(name).and_then(Value::as_str).map(str::to_owned);
        let reuse = result.get("reuse").and_then(Value::as_u64);
        let key = Key {
            case: text("case").context("a result has no case")?,
            reuse: reuse.and_then(|reuse| usize::try_from(reuse).ok()),
            load: text("load").context("a result has no load")?,
        };
        let figure = |figure: Figure| {
            let path = format!("/figures/{}/median", figure.key());
            Some((figure, result.pointer(&path)?.as_f64()?))
        };
        let figures: BTreeMap<_, _> = Figure::ALL.into_iter().filter_map(figure).collect();
        medians.insert(key, figures);
    }
    Ok(medians)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::figures::{CLOSED, Round};
    use super::super::load;
    use super::super::machine::{Machine, Others};
    use super::super::report::Settings;
    use super::*;

    fn outcome(case: &str, per_second: f64) -> Outcome {
        let mut round = Round::default();
        round.set(Figure::PerSecond, Some(per_second));
        let mut latencies = load::histogram().unwrap();
        latencies.record(120).unwrap();
        Outcome {
            key: Key {
                case: case.to_owned(),
                reuse: Some(128),
                load: CLOSED.to_owned(),
            },
            rounds: vec![round],
            failed: 0,
            failure: None,
            latencies,
            over_time: vec![vec![10, 12]],
        }
    }

    fn report() -> Report {
        Report {
            machine: Machine::now().unwrap(),
            settings: Settings {
                url: None,
                connections: 32,
                seconds: 1.0,
                rounds: 1,
                tokens: 3000,
                has_log: false,
                has_metrics: false,
            },
            others: Others::default(),
            outcomes: vec![outcome(BARE, 1000.0), outcome("gate-rs256", 400.0)],
            skipped: Vec::new(),
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let report = report();
        let text = json(&report).to_string();
        assert_eq!(read(&text).unwrap(), medians(&report.outcomes));
    }

    #[test]
    fn a_result_has_its_ratio_to_the_bare_one_beside_the_plain_figure() {
        let json = json(&report());
        let at = |pointer: &str| json.pointer(pointer).cloned().unwrap();
        assert_eq!(at("/results/1/figures/requests_per_second/median"), 400.0);
        assert_eq!(at("/results/1/over_bare/requests_per_second/median"), 0.4);
        assert_eq!(at("/results/0/over_bare"), Value::Null);
        assert_eq!(at("/results/0/latencies_us/2"), json!([0.5, 120]));
        assert_eq!(
            at("/results/0/per_second_over_time/values"),
            json!([100.0, 120.0])
        );
    }

    #[test]
    fn what_is_something_else_is_not_read() {
        for text in [
            "",
            "{}",
            "[]",
            r#"{"format": 2, "results": []}"#,
            r#"{"format": 1}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
