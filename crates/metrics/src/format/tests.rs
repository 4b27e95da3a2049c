use super::Format;
use crate::instrument::Instrument;
use crate::point::{Distribution, Point, Value};
use crate::totals::Totals;

fn totals() -> Totals {
    let mut totals = Totals::new(10_000);
    let mut times = Distribution::default();
    (times.counts[0], times.counts[11], times.counts[14]) = (1, 2, 3);
    times.sum = 41.5;
    for (instrument, labels, value) in [
        (
            Instrument::Requests,
            vec!["/a\\\"\n", "GET", "200", "admitted"],
            Value::Sum(3),
        ),
        (
            Instrument::KeySetFetched,
            vec!["acme"],
            Value::Last(1_800_000_000.0),
        ),
        (
            Instrument::InstanceStartDuration,
            vec![],
            Value::Distribution(Box::new(times)),
        ),
    ] {
        totals.add(Point {
            instrument,
            labels: labels.into_iter().map(str::to_owned).collect(),
            value,
        });
    }
    totals
}

#[test]
fn each_is_written_as_its_format_has_it() {
    let both = [
        r#"doorward_requests_total{route="/a\\\"\n",method="GET",status="200",decision="admitted"} 3"#,
        "# TYPE doorward_key_set_fetch_time_seconds gauge",
        r#"doorward_key_set_fetch_time_seconds{issuer="acme"} 1800000000"#,
        "# TYPE doorward_instance_start_duration_seconds histogram",
        r#"doorward_instance_start_duration_seconds_bucket{le="0.00005"} 1"#,
        r#"doorward_instance_start_duration_seconds_bucket{le="2.5"} 3"#,
        r#"doorward_instance_start_duration_seconds_bucket{le="+Inf"} 6"#,
        "doorward_instance_start_duration_seconds_sum 41.5",
        "doorward_instance_start_duration_seconds_count 6",
    ];
    let text = [
        "# TYPE doorward_requests_total counter",
        r#"doorward_instance_start_duration_seconds_bucket{le="1"} 3"#,
    ];
    let open = [
        "# TYPE doorward_requests counter",
        r#"doorward_instance_start_duration_seconds_bucket{le="1.0"} 3"#,
        "# EOF",
    ];
    for (format, own, other) in [
        (Format::Text, &text[..], &open[..]),
        (Format::OpenMetrics, &open, &text),
    ] {
        let said = format.of(&totals());
        let has = |line: &&&str| said.lines().any(|there| there == **line);
        let lacks = both.iter().chain(own).find(|line| !has(line));
        assert_eq!(lacks, None, "{said}");
        assert_eq!(other.iter().find(has), None, "{said}");
    }
}

#[test]
fn who_names_openmetrics_gets_it() {
    for (accept, format) in [
        ("", Format::Text),
        ("*/*", Format::Text),
        ("text/plain;version=0.0.4", Format::Text),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.3",
            Format::OpenMetrics,
        ),
        (
            "text/plain, Application/OpenMetrics-Text",
            Format::OpenMetrics,
        ),
    ] {
        assert_eq!(Format::accepted(accept), format, "{accept}");
    }
}

#[test]
fn what_has_fallen_is_told_as_it_was_and_what_has_grown_as_it_is() {
    let (mut now, mut before) = (totals(), totals());
    let more = |by| Point {
        instrument: Instrument::InstanceStarts,
        labels: vec![],
        value: Value::Sum(by),
    };
    now.add(more(7));
    before.add(more(5));
    for totals in [&mut before, &mut now] {
        let requests = Point {
            instrument: Instrument::Refusals,
            labels: vec!["/a".to_owned(), "forbidden".to_owned()],
            value: Value::Sum(1),
        };
        totals.add(requests);
    }
    let sum = Point {
        instrument: Instrument::InstanceStartDuration,
        labels: vec![],
        value: Value::Distribution(Box::new(Distribution {
            counts: [1; 15],
            sum: 1.0,
        })),
    };
    before.add(sum);
    now.at_least(before);
    let said = Format::Text.of(&now);
    for line in [
        "doorward_instance_starts_total 7",
        r#"doorward_refusals_total{route="/a",class="forbidden"} 1"#,
        "doorward_instance_start_duration_seconds_count 21",
        "doorward_instance_start_duration_seconds_sum 42.5",
    ] {
        assert!(said.lines().any(|there| there == line), "{line}\n{said}");
    }
}
