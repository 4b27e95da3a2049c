//! What a process and a machine have used, as Linux tells it (`proc(5)`). Elsewhere it is not known.

use std::fs;
use std::time::Duration;

/// Ticks of the processor time that Linux tells, per second (`sysconf(3)`: `_SC_CLK_TCK`).
const TICKS_PER_S: f64 = 100.0;

/// What a process has used so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usage {
    /// The most memory that it had, in bytes (`VmHWM`).
    pub(super) memory_bytes_max: u64,
    /// Its processor time, of its own and of the system for it.
    pub(super) processor: Duration,
    /// What of that is of the system.
    pub(super) system: Duration,
}

impl Usage {
    /// Of the process with this id; none where that cannot be known.
    pub(super) fn of(id: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let (user, system) = processor_of_process(&stat)?;
        Some(Self {
            memory_bytes_max: memory_bytes_max(&status)?,
            processor: user + system,
            system,
        })
    }

    /// Of several processes together; none where there are none, or where one of them cannot be known.
    pub(super) fn of_all(ids: &[u32]) -> Option<Self> {
        let each = ids.iter().map(|id| Self::of(*id));
        each.reduce(|one, other| {
            let (one, other) = (one?, other?);
            Some(Self {
                memory_bytes_max: one.memory_bytes_max + other.memory_bytes_max,
                processor: one.processor + other.processor,
                system: one.system + other.system,
            })
        })?
    }

    /// Of this process.
    pub(super) fn own() -> Option<Self> {
        Self::of(std::process::id())
    }
}

/// The time in which processors of this machine were busy, all together.
pub(super) fn busy() -> Option<Duration> {
    busy_in(&fs::read_to_string("/proc/stat").ok()?)
}

fn memory_bytes_max(status: &str) -> Option<u64> {
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The time of the process itself, and of the system for it.
fn processor_of_process(stat: &str) -> Option<(Duration, Duration)> {
    // The name, in which there may be anything, is in parentheses.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut ticks = || seconds(fields.next()?.parse().ok()?);
    Some((ticks()?, ticks()?))
}

fn busy_in(stat: &str) -> Option<Duration> {
    let all = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<f64> = all
        .split_whitespace()
        .filter_map(|field| field.parse().ok())
        .collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, steal, ..] = *ticks.as_slice() else {
        return None;
    };
    seconds(user + nice + system + irq + softirq + steal)
}

fn seconds(ticks: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(ticks / TICKS_PER_S).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\ta\nVmPeak:\t  9999 kB\nVmHWM:\t    1500 kB\nVmRSS:\t  1 kB\n";
        assert_eq!(memory_bytes_max(status), Some(1_536_000));
        assert_eq!(memory_bytes_max("Name:\ta\n"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn several_processes_are_added_up() {
        let own = std::process::id();
        let (one, two) = (Usage::of_all(&[own]), Usage::of_all(&[own, own]));
        let bytes = |usage: Option<Usage>| usage.map_or(0, |usage| usage.memory_bytes_max);
        assert!(bytes(one) > 0 && bytes(two) >= 2 * bytes(one));
        assert_eq!(Usage::of_all(&[]), None);
        assert_eq!(Usage::of_all(&[own, u32::MAX]), None, "one is not there");
    }

    #[test]
    fn processor_time_is_that_of_the_process_and_of_the_system_for_it() {
        let stat = "17 (a) b 1 (c)) S 1 17 17 0 -1 4194560 100 0 0 0 250 75 9 9 20 0 5 0 1000";
        let [user, system] = [2500, 750].map(Duration::from_millis);
        assert_eq!(processor_of_process(stat), Some((user, system)));
        assert_eq!(processor_of_process("17 (a"), None);
    }

    #[test]
    fn time_without_work_is_not_busy() {
        let stat = "cpu  100 10 20 5000 6000 1 2 3 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(busy_in(stat), Some(Duration::from_millis(1360)));
        assert_eq!(busy_in("intr 1"), None);
    }
}
