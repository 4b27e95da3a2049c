//! The figures as a drawing: for each number of requests an instance, and each load, how latencies are distributed,
//! and throughput over time.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::figures::Outcome;
use super::load::STEP;

/// Of a pair of panels, in pixels.
const WIDTH: u32 = 1280;
const HEIGHT: u32 = 420;
/// The share of latencies at the right end: 1 − 1/10,000.
const RAREST: f64 = 10_000.0;
/// Points of a distribution's line.
const POINTS: u32 = 200;
/// Of different lines.
const COLOURS: [RGBColor; 15] = [
    RGBColor(0x00, 0x00, 0x00),
    RGBColor(0x7f, 0x7f, 0x7f),
    RGBColor(0x1f, 0x77, 0xb4),
    RGBColor(0xd6, 0x27, 0x28),
    RGBColor(0x2c, 0xa0, 0x2c),
    RGBColor(0x17, 0xbe, 0xcf),
    RGBColor(0xff, 0x7f, 0x0e),
    RGBColor(0x9a, 0xcd, 0x32),
    RGBColor(0x00, 0x00, 0xcd),
    RGBColor(0x94, 0x67, 0xbd),
    RGBColor(0x8b, 0x00, 0x00),
    RGBColor(0x00, 0x64, 0x00),
    RGBColor(0xe3, 0x77, 0xc2),
    RGBColor(0x8c, 0x56, 0x4b),
    RGBColor(0xda, 0xa5, 0x20),
];

/// A line of a panel: its name, and its points.
type Line = (String, Vec<(f64, f64)>);

/// Writes the drawing.
pub(super) fn write(path: &Path, outcomes: &[Outcome]) -> Result<()> {
    let failed =
        |error: &dyn std::fmt::Display| anyhow!("{} cannot be drawn: {error}", path.display());
    let groups = groups(outcomes);
    let rows = u32::try_from(groups.len().max(1)).unwrap_or(1);
    let area = SVGBackend::new(path, (WIDTH, HEIGHT.saturating_mul(rows))).into_drawing_area();
    area.fill(&WHITE).map_err(|error| failed(&error))?;
    let panels = area.split_evenly((groups.len().max(1), 2));
    for (group, panels) in groups.iter().zip(panels.chunks(2)) {
        if let [left, right] = panels {
            distribution(left, group).map_err(|error| failed(&error))?;
            over_time(right, group).map_err(|error| failed(&error))?;
        }
    }
    area.present().map_err(|error| failed(&error))
}

/// What is drawn together: the same number of requests an instance, and the same load.
fn groups(outcomes: &[Outcome]) -> Vec<Vec<&Outcome>> {
    let mut groups: Vec<Vec<&Outcome>> = Vec::new();
    for outcome in outcomes {
        let is_same = |group: &&mut Vec<&Outcome>| {
            group.first().is_some_and(|first| {
                first.key.reuse == outcome.key.reuse && first.key.load == outcome.key.load
            })
        };
        match groups.iter_mut().find(is_same) {
            Some(group) => group.push(outcome),
            None => groups.push(vec![outcome]),
        }
    }
    groups
}

fn title(group: &[&Outcome], what: &str) -> String {
    let Some(key) = group.first().map(|first| &first.key) else {
        return what.to_owned();
    };
    match key.reuse {
        Some(reuse) => format!("{what}: {reuse} requests an instance, {}", key.load),
        None => format!("{what}: {}", key.load),
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

/// Latency by the share of requests that took no longer; the rarer, the more to the right.
fn distribution<'a>(area: &Area<'a>, group: &[&Outcome]) -> Drawn<'a> {
    let lines: Vec<Line> = group
        .iter()
        .map(|outcome| (outcome.key.case.clone(), percentiles(outcome)))
        .collect();
    let (lowest, highest) = bounds(&lines).unwrap_or((0.1, 1.0));
    let mut chart = ChartBuilder::on(area)
        .caption(title(group, "Latency, ms"), ("sans-serif", 16))
        .margin(12)
        .x_label_area_size(30)
        .y_label_area_size(60)
        .build_cartesian_2d(
            (1.0..RAREST).log_scale(),
            (lowest.max(0.001)..highest.max(lowest * 2.0)).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_label_formatter(&|rareness| percent(*rareness))
        .y_label_formatter(&|latency| format!("{latency}"))
        .draw()?;
    for ((name, points), colour) in lines.into_iter().zip(COLOURS.iter().cycle()) {
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()
}

/// Answers per second over time.
fn over_time<'a>(area: &Area<'a>, group: &[&Outcome]) -> Drawn<'a> {
    let step_s = STEP.as_secs_f64();
    let lines: Vec<Line> = group
        .iter()
        .map(|outcome| {
            let points = outcome.per_second_over_time(step_s);
            (outcome.key.case.clone(), points)
        })
        .collect();
    let end = lines
        .iter()
        .filter_map(|(_, points)| Some(points.last()?.0))
        .fold(step_s * 2.0, f64::max);
    let highest = bounds(&lines).map_or(1.0, |(_, highest)| highest);
    let mut chart = ChartBuilder::on(area)
        .caption(title(group, "Answers per second"), ("sans-serif", 16))
        .margin(12)
        .x_label_area_size(30)
        .y_label_area_size(60)
        .build_cartesian_2d(step_s..end, 0.0..highest * 1.05)?;
    chart
        .configure_mesh()
        .x_desc("seconds")
        .y_label_formatter(&|count| format!("{count:.0}"))
        .draw()?;
    for ((_, points), colour) in lines.into_iter().zip(COLOURS.iter().cycle()) {
        chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
    }
    Ok(())
}

/// Points of the distribution: how rare what takes longer is (10 for one in ten), and the latency in milliseconds.
fn percentiles(outcome: &Outcome) -> Vec<(f64, f64)> {
    if outcome.latencies.is_empty() {
        return Vec::new();
    }
    (0..=POINTS)
        .map(|point| {
            let rareness = RAREST.powf(f64::from(point) / f64::from(POINTS));
            let latency_us = outcome.latencies.value_at_quantile(1.0 - 1.0 / rareness);
            (rareness, latency_us as f64 / 1e3)
        })
        .collect()
}

/// The least and the most of all lines.
fn bounds(lines: &[Line]) -> Option<(f64, f64)> {
    let values = lines.iter().flat_map(|(_, points)| points);
    let values = values.map(|(_, value)| *value);
    let outer = values.fold(None, |outer, value| match outer {
        None => Some((value, value)),
        Some((lowest, highest)) => Some((value.min(lowest), value.max(highest))),
    });
    outer.filter(|(_, highest)| *highest > 0.0)
}

/// What share is no rarer: 10 is p90.
fn percent(rareness: f64) -> String {
    match rareness {
        ..2.0 => "p0".to_owned(),
        _ => {
            let share = format!("{:.2}", 100.0 - 100.0 / rareness);
            format!("p{}", share.trim_end_matches('0').trim_end_matches('.'))
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::figures::{CLOSED, Key, Round};
    use super::super::load;
    use super::*;

    fn outcome(case: &str, reuse: usize, answers: Vec<u64>) -> Outcome {
        let mut latencies = load::histogram().unwrap();
        for count in &answers {
            latencies.record(*count * 100).unwrap();
        }
        Outcome {
            key: Key {
                case: case.to_owned(),
                reuse: Some(reuse),
                load: CLOSED.to_owned(),
            },
            rounds: vec![Round::default()],
            failed: 0,
            failure: None,
            latencies,
            over_time: vec![answers],
        }
    }

    fn drawn(outcomes: &[Outcome]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.svg");
        write(&path, outcomes).unwrap();
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn every_case_and_every_number_of_requests_is_in_the_drawing() {
        let svg = drawn(&[
            outcome("bare", 1, vec![5, 6, 7]),
            outcome("gate-rs256", 1, vec![3, 4, 3]),
            outcome("bare", 128, vec![9, 9, 9]),
        ]);
        for said in [
            "<svg",
            "bare",
            "gate-rs256",
            "1 requests an instance",
            "128 requests",
        ] {
            assert!(svg.contains(said), "{said}");
        }
        let lines = svg.matches("<polyline").count();
        assert!(lines >= 6, "two lines of each of three: {lines}");
    }

    #[test]
    fn what_has_no_answers_can_be_drawn() {
        let svg = drawn(&[
            outcome("bare", 1, vec![]),
            outcome("rebuild", 1, vec![0, 0]),
        ]);
        assert!(svg.contains("rebuild"));
        assert!(drawn(&[]).contains("<svg"));
    }

    #[test]
    fn a_share_is_named_as_people_name_it() {
        let names = [1.0, 2.0, 10.0, 100.0, 1000.0, 10_000.0].map(percent);
        assert_eq!(names, ["p0", "p50", "p90", "p99", "p99.9", "p99.99"]);
    }
}
