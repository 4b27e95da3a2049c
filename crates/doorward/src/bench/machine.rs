//! On what was measured, and what else ran there.

use std::fs;
use std::time::Duration;

use anyhow::Result;

use crate::dates;

/// The machine, as far as it can be known.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Machine {
    /// When it began, as RFC 3339 has it.
    pub(super) date: String,
    /// The operating system, with its version.
    pub(super) system: String,
    /// The processor's model.
    pub(super) processor: Option<String>,
    pub(super) cores: usize,
    /// Of the last minute, when it began.
    pub(super) load_before: Option<f64>,
    /// Of the last minute, when it ended.
    pub(super) load_after: Option<f64>,
}

impl Machine {
    pub(super) fn now() -> Result<Self> {
        let system = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Ok(Self {
            date: dates::stamp()?,
            system: format!("{} {}", std::env::consts::OS, system.trim())
                .trim()
                .to_owned(),
            processor: model(&cpuinfo),
            cores: cores(),
            load_before: load_average(),
            load_after: None,
        })
    }

    /// Says that it is over.
    pub(super) fn end(&mut self) {
        self.load_after = load_average();
    }
}

/// What others did with the processors while it was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Others {
    busy: Duration,
    possible: Duration,
}

impl Others {
    /// Adds a time in which the processors were busy for so long, and ours for so long of it.
    pub(super) fn add(&mut self, time: Duration, busy: Duration, ours: Duration) {
        let cores = u32::try_from(cores()).unwrap_or(u32::MAX);
        self.possible += time.saturating_mul(cores);
        self.busy += busy.saturating_sub(ours);
    }

    /// Of all that the processors could have done, in per cent; none where it is not known.
    pub(super) fn percent(&self) -> Option<f64> {
        let percent = self.busy.as_secs_f64() / self.possible.as_secs_f64() * 100.0;
        percent.is_finite().then_some(percent)
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn load_average() -> Option<f64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))?;
    let (_, model) = line.split_once(':')?;
    Some(model.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_read() {
        let cpuinfo = "processor\t: 0\nmodel name\t: EPYC: 7\nmodel name\t: other\n";
        assert_eq!(model(cpuinfo).as_deref(), Some("EPYC: 7"));
        assert_eq!(model(""), None);
    }

    #[test]
    fn what_is_not_ours_is_others() {
        let mut others = Others::default();
        assert_eq!(others.percent(), None);
        let second = Duration::from_secs(1);
        let cores = u32::try_from(cores()).unwrap_or(1);
        others.add(second, second * cores, second * cores / 4);
        assert_eq!(others.percent(), Some(75.0));
        others.add(second, Duration::ZERO, second);
        assert_eq!(others.percent(), Some(37.5), "ticks are rounded");
    }
}
