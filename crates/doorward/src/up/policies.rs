//! The policies of an application, read before it is served: what `doorward check` refuses is not served, and
//! what it says is said here, too.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context as _, Result, bail};
use doorward_host::manifest::{Application, Digest};
use doorward_host::{not_callable, sha256};
use doorward_policy::{Findings, Mounted, Policy};

use crate::say::say;
use crate::{check, policy_file};

/// What was found in policies that can be served.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// The paths at which gates are asked whether they are ready.
    pub(crate) ready_paths: BTreeSet<String>,
    /// The policies, as the manifest names them.
    digests: Vec<(String, Digest)>,
}

/// Which policies it is that are served, each with its digest, as `sha256sum` prints it.
impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, digest) in &self.digests {
            write!(f, "\n  {name}: {digest}")?;
        }
        Ok(())
    }
}

/// Checks every policy that is mounted into a component of `application`. What is found goes to standard error.
///
/// # Errors
///
/// A policy cannot be read, or one of its findings is an error, or an upstream is a component that is not there.
pub(crate) fn check(application: &Application) -> Result<Checked> {
    let mut files = BTreeSet::new();
    for component in application.components.values() {
        let mounts = component.file_mounts()?;
        let policies = mounts
            .into_iter()
            .filter(|mount| mount.destination == policy_file::POLICY);
        files.extend(policies.map(|mount| mount.source));
    }
    let mut refused = Vec::new();
    let mut checked = Checked::default();
    for file in files {
        // As the manifest names it.
        let name = file.strip_prefix(&application.dir).unwrap_or(&file);
        let name = name.display().to_string();
        let text = policy_file::read(&file).with_context(|| format!("{name} cannot be read"))?;
        let digest = sha256::of(text.as_bytes())?;
        let parsed = match Mounted::parse(&text) {
            Ok(Mounted::Policy(policy)) => Ok(*policy),
            // It is the gate that fetches the policy, and checks it.
            Ok(Mounted::Fetched(_)) => {
                checked.digests.push((name, digest));
                continue;
            }
            Err(findings) => Err(findings),
        };
        print(&check::advised(&text, &parsed), &name, &text);
        match parsed {
            Ok(policy) => {
                check_components(application, &policy, &name)?;
                let ready = policy.health().and_then(|rule| rule.ready.clone());
                checked.ready_paths.extend(ready);
                checked.digests.push((name, digest));
            }
            Err(_) => refused.push(name),
        }
    }
    if !refused.is_empty() {
        bail!(
            "nothing is served by a policy with errors: {}",
            refused.join(", ")
        );
    }
    Ok(checked)
}

/// Checks that the upstreams that are other components can be asked.
fn check_components(application: &Application, policy: &Policy, name: &str) -> Result<()> {
    for upstream in policy.upstreams() {
        for target in upstream
            .targets
            .iter()
            .filter(|target| target.is_component())
        {
            let component = target.authority.split('.').next().unwrap_or_default();
            if let Some(problem) = not_callable(application, component) {
                bail!(
                    "{name}: the upstream `{}` is http://{}\n  {problem}",
                    upstream.name,
                    target.authority
                );
            }
        }
    }
    Ok(())
}

fn print(findings: &Findings, name: &str, text: &str) {
    if !findings.is_empty() {
        say(findings.render(name, Some(text)));
    }
}
