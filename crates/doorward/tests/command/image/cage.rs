//! A limit of memory, as a container has it: a group of processes (cgroup) of its own, where root may make one.

use std::fs;
use std::path::{Path, PathBuf};

/// Where groups are, and the file with the limit, of version 2 and of version 1.
const VERSIONS: [(&str, &str); 2] = [
    ("/sys/fs/cgroup", "memory.max"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
];

/// A group whose processes have so much memory together; removed with the test.
pub struct Cage {
    folder: PathBuf,
}

impl Cage {
    /// None where this machine lets nobody make one.
    pub fn new(bytes: u64) -> Option<Self> {
        VERSIONS.into_iter().find_map(|(root, limit)| {
            let name = format!("doorward-test-{}", std::process::id());
            let folder = Path::new(root).join(name);
            fs::create_dir(&folder).ok()?;
            let cage = Self { folder };
            let limit = cage.folder.join(limit);
            // A file that is not there already is no limit.
            (limit.exists() && fs::write(limit, bytes.to_string()).is_ok()).then_some(cage)
        })
    }

    /// Takes in a process that has just begun; what it starts is taken in with it.
    pub fn take(&self, process: u32) {
        fs::write(self.folder.join("cgroup.procs"), process.to_string()).unwrap();
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        // Its processes have ended.
        let _ = fs::remove_dir(&self.folder);
    }
}
