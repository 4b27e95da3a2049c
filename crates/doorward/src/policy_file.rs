//! The file of a policy: where a gate has it, and reading one.

use std::io;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use doorward_policy::Policy;

use crate::files;

/// Where a gate has its policy.
pub(crate) const POLICY: &str = "/doorward.toml";
/// The largest file that is read, in bytes. A policy has a lower bound of its own, which its
/// reader reports.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The text of a policy.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    files::read_text(path, FILE_BYTES_MAX)
}

/// A valid policy and its text, for a command whose flag `--policy` names it.
pub(crate) fn policy(path: &Path) -> Result<(String, Policy)> {
    let name = path.display();
    let text = read(path).with_context(|| {
        format!("the policy {name} cannot be read; name another one with `--policy FILE`")
    })?;
    if is_manifest(&text) {
        bail!(
            "{name} is a Spin manifest, not a policy\n  help: name the policy that it mounts with `--policy FILE`"
        );
    }
    match Policy::parse(&text) {
        Ok(policy) => Ok((text, policy)),
        Err(findings) => bail!(
            "the policy {name} is not valid\n  help: `doorward check {name}` says why\n{}",
            findings.render(&name.to_string(), Some(&text))
        ),
    }
}

/// Whether a text is a `spin.toml`. No policy has that key.
pub(crate) fn is_manifest(text: &str) -> bool {
    text.lines().any(|line| {
        let after = line.trim_start().strip_prefix("spin_manifest_version");
        after.is_some_and(|after| after.trim_start().starts_with('='))
    })
}
