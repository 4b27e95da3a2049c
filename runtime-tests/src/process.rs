//! What a process has used, as Linux tells it (`proc(5)`).

/// Ticks of the processor time that Linux tells, per second (`sysconf(3)`: `_SC_CLK_TCK`).
const TICKS_PER_S: f64 = 100.0;

/// What a process has used so far. Nothing of it is known of a process that is gone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Its resident memory, in bytes (`VmRSS`).
    pub memory_bytes: u64,
    /// The most that this has been (`VmHWM`).
    pub memory_bytes_max: u64,
    /// Its processor time, of its own and of the system for it, in seconds (`utime` and `stime`).
    pub cpu_s: f64,
}

impl Usage {
    /// Of the process with this id.
    pub fn of(id: u32) -> Option<Self> {
        Self::read(&id.to_string())
    }

    /// Of this and of another process together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            memory_bytes: self.memory_bytes + other.memory_bytes,
            memory_bytes_max: self.memory_bytes_max + other.memory_bytes_max,
            cpu_s: self.cpu_s + other.cpu_s,
        }
    }

    /// Of this process.
    pub fn own() -> Self {
        Self::read("self").expect("this process is there")
    }

    fn read(process: &str) -> Option<Self> {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
            Some(kibibytes * 1024)
        };
        let stat = stat(process)?;
        let ticks = stat.split_whitespace().skip(11).take(2);
        let ticks: f64 = ticks.filter_map(|field| field.parse::<f64>().ok()).sum();
        Some(Self {
            memory_bytes: bytes("VmRSS:")?,
            memory_bytes_max: bytes("VmHWM:")?,
            cpu_s: ticks / TICKS_PER_S,
        })
    }
}

/// The processes of this process group that have not ended, in no order.
pub fn of_group(group: u32) -> Vec<u32> {
    let mut ids = Vec::new();
    each(|one| ids.extend((one.group == group).then_some(one.id)));
    ids
}

/// The processes of this process group that have not ended, and those that descend from them, whatever group they are
/// in by now. In no order.
pub fn family_of(group: u32) -> Vec<u32> {
    let mut all = Vec::new();
    each(|one| all.push(one));
    let (mut family, mut others): (Vec<One>, Vec<One>) =
        all.into_iter().partition(|one| one.group == group);
    loop {
        let ids: Vec<u32> = family.iter().map(|one| one.id).collect();
        let (children, rest) = others
            .into_iter()
            .partition(|one| ids.contains(&one.parent));
        let children: Vec<One> = children;
        if children.is_empty() {
            return ids;
        }
        family.extend(children);
        others = rest;
    }
}

/// Whether this process is there and has not ended.
pub fn runs(id: u32) -> bool {
    One::read(id).is_some()
}

/// A process that has not ended.
struct One {
    id: u32,
    parent: u32,
    group: u32,
}

impl One {
    fn read(id: u32) -> Option<Self> {
        let stat = stat(&id.to_string())?;
        let fields: Vec<&str> = stat.split_whitespace().collect();
        let (state, threads) = (*fields.first()?, *fields.get(17)?);
        // One that has ended is there until somebody has waited for it. Where only its first thread has
        // ended, others may still hold what it had open.
        let has_ended = matches!(state, "Z" | "X") && matches!(threads, "0" | "1");
        let number = |index: usize| fields.get(index)?.parse().ok();
        let (parent, group) = (number(1)?, number(2)?);
        (!has_ended).then_some(Self { id, parent, group })
    }
}

fn each(mut take: impl FnMut(One)) {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let ids = names.filter_map(|name| name.parse().ok());
    for one in ids.filter_map(One::read) {
        take(one);
    }
}

/// What `/proc/<process>/stat` has after the process's name, in which there may be anything.
fn stat(process: &str) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')').map(|(_, rest)| rest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_processor_time_of_a_process_are_told() {
        let before = Usage::own();
        let taken = std::hint::black_box(vec![1_u8; 256 << 20]);
        let mut after = Usage::own();
        // Other tests in this process free what they took meanwhile.
        let grown = after.memory_bytes_max.saturating_sub(before.memory_bytes);
        assert!(grown > 128 << 20, "256 MiB were taken, and seen {grown}");
        assert!(after.memory_bytes_max >= after.memory_bytes, "{after:?}");
        drop(taken);
        while after.cpu_s <= before.cpu_s {
            after = Usage::of(std::process::id()).expect("this process is there");
        }
    }

    #[test]
    fn of_a_process_that_is_not_there_nothing_is_told() {
        assert_eq!(Usage::of(u32::MAX), None);
    }
}
