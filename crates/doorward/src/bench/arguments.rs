//! The flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::cases;
use crate::values;

/// The longest time that one load may take, in seconds.
const SECONDS_MAX: f64 = 3600.0;
/// The highest rate that can be asked for, per second.
const RATE_MAX: f64 = 10_000_000.0;

#[derive(Args)]
pub(crate) struct Arguments {
    /// What to measure: a case, or the cases whose names begin so; may be repeated [default: all that are built]
    #[arg(long, value_name = "NAME", value_parser = cases::name, value_delimiter = ',')]
    pub(super) case: Vec<String>,
    /// Requests that an instance serves; each case is measured with each of these.
    #[arg(long, value_name = "COUNT", value_parser = values::count, value_delimiter = ',', default_values_t = [1, 128, 1000])]
    pub(super) reuse: Vec<usize>,
    /// Connections of the client.
    #[arg(long, value_name = "COUNT", value_parser = values::count, default_value_t = 32)]
    pub(super) connections: usize,
    /// How long each load lasts.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "0.5")]
    pub(super) seconds: Duration,
    /// How often all cases are measured in turn. The middle one of the rounds is told.
    #[arg(long, value_name = "COUNT", value_parser = values::count, default_value_t = 3)]
    pub(super) rounds: usize,
    /// Besides the closed loop an open one of so many requests per second, or of a share of what the closed loop came to;
    /// may be repeated.
    ///
    /// Its requests are sent when they are meant to be, whatever became of those before. Latency is counted from then.
    #[arg(long, value_name = "COUNT | PERCENT%", value_parser = rate, value_delimiter = ',')]
    pub(super) rate: Vec<Rate>,
    /// Requests of an open loop that are sent at the same moment.
    #[arg(long, value_name = "COUNT", value_parser = values::count, default_value_t = 1)]
    pub(super) burst: usize,
    /// How many different tokens are sent in turn where none is to be one that an instance has seen.
    #[arg(long, value_name = "COUNT", value_parser = values::count, default_value_t = 3000)]
    pub(super) tokens: usize,
    /// The origin that the gateway asks [default: one that is started for it]
    #[arg(long, value_name = "URL", value_parser = values::not_empty)]
    pub(super) origin: Option<String>,
    /// Have the gate write a line for each request, where it is built with `access-log`.
    #[arg(long)]
    pub(super) log: bool,
    /// Have the host tell its numbers at an address.
    #[arg(long)]
    pub(super) metrics: bool,
    /// Build the components first.
    #[arg(long)]
    pub(super) build: bool,
    /// The folder of the project, or its manifest [default: that of the nearest spin.toml upwards]
    #[arg(short = 'f', long, value_name = "SPIN.TOML")]
    pub(super) from: Option<PathBuf>,
    /// The folder of the built components [default: target/wasm32-wasip2/release of the project]
    #[arg(long, value_name = "FOLDER")]
    pub(super) components: Option<PathBuf>,
    /// The folder of what outlives a run: compiled components, keys [default: .doorward/bench of the project]
    #[arg(long, value_name = "FOLDER")]
    pub(super) state_dir: Option<PathBuf>,
    /// Measure whatever serves this URL, and start nothing.
    #[arg(long, value_name = "http://HOST:PORT/PATH", conflicts_with_all = ["case", "reuse", "tokens", "origin", "log", "metrics", "build", "from", "components", "state_dir"])]
    pub(super) url: Option<http::Uri>,
    /// With --url: a file with a token on each line; they are sent in turn.
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(super) token_file: Option<PathBuf>,
    /// With --url: a process whose processor time and memory are the server's; those of several are added up.
    #[arg(long, value_name = "ID", requires = "url")]
    pub(super) process: Vec<u32>,
    /// Write the issuer's keys and its tokens into a folder, for whoever measures another server, and measure nothing.
    #[arg(long, value_name = "FOLDER", conflicts_with = "url")]
    pub(super) export: Option<PathBuf>,
    /// How to print the figures; docs/performance.md has the form of the JSON.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// Compare with what `--format json` printed before. The exit status is 3 where something is worse.
    #[arg(long, value_name = "OLD.json")]
    pub(super) compare: Option<PathBuf>,
    /// By how much a figure has to be worse to count as worse.
    #[arg(long, value_name = "PERCENT", value_parser = values::per_cent, default_value = "20")]
    pub(super) tolerance: usize,
    /// Draw latencies and throughput over time into a file.
    #[arg(long, value_name = "FILE.svg")]
    pub(super) plot: Option<PathBuf>,
    /// Be the origin.
    #[arg(long, hide = true)]
    pub(super) be_origin: bool,
}

/// How figures are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Tables for people.
    Text,
    /// For programs.
    Json,
}

/// How many requests an open loop sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rate {
    /// So many per second.
    PerSecond(f64),
    /// Such a share of what the closed loop came to, of 1.
    Share(f64),
}

impl Rate {
    /// Requests per second, where the closed loop came to so many.
    pub(super) fn per_second(self, closed: f64) -> f64 {
        match self {
            Self::PerSecond(rate) => rate,
            Self::Share(share) => closed * share,
        }
    }

    /// What the load is called.
    pub(super) fn name(self, burst: usize) -> String {
        let rate = match self {
            Self::PerSecond(rate) => format!("{rate}/s"),
            Self::Share(share) => format!("{:.0} %", share * 100.0),
        };
        match burst {
            1 => rate,
            burst => format!("{rate} in bursts of {burst}"),
        }
    }
}

fn rate(text: &str) -> Result<Rate, String> {
    let read = |text: &str| {
        let number = text.trim().parse::<f64>().ok();
        number.filter(|number| *number > 0.0 && *number <= RATE_MAX)
    };
    let found = match text.strip_suffix('%') {
        Some(share) => read(share).map(|share| Rate::Share(share / 100.0)),
        None => read(text).map(Rate::PerSecond),
    };
    found.ok_or_else(|| {
        "it has to be a number of requests per second, or a share such as 70%".to_owned()
    })
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.parse::<f64>().ok();
    let number = number.filter(|number| *number >= 0.1 && *number <= SECONDS_MAX);
    let time = number.and_then(|number| Duration::try_from_secs_f64(number).ok());
    time.ok_or_else(|| format!("it has to be a number from 0.1 to {SECONDS_MAX}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_or_a_share() {
        assert_eq!(rate("5000"), Ok(Rate::PerSecond(5000.0)));
        assert_eq!(rate("70%"), Ok(Rate::Share(0.7)));
        for text in ["", "%", "0", "-1", "inf", "NaN", "a%", "1e99"] {
            assert!(rate(text).is_err(), "{text}");
        }
        assert_eq!(Rate::Share(0.7).per_second(1000.0), 700.0);
        assert_eq!(Rate::PerSecond(5.0).per_second(1000.0), 5.0);
    }

    #[test]
    fn a_load_is_named_by_its_rate_and_its_bursts() {
        assert_eq!(Rate::Share(0.7).name(1), "70 %");
        assert_eq!(Rate::PerSecond(5000.0).name(50), "5000/s in bursts of 50");
    }

    #[test]
    fn a_load_lasts_for_some_time() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["0", "0.01", "-1", "NaN", "1e9", "a"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
