//! `doorward check`: what is wrong with a policy.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use doorward_host::manifest;
use doorward_host::{Bypass, past_middlewares};
use doorward_policy::{Findings, Policy, advise, advise_of_modes};

use crate::dates;

/// The largest file that is read, in bytes. A policy has a lower bound of its own, which its
/// reader reports.
const FILE_BYTES_MAX: u64 = 64 << 20;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The policy.
    #[arg(default_value = "doorward.toml")]
    file: PathBuf,
    /// How to print what was found.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs: `{"file", "findings": [{"code", "severity", "message", "line", …}]}`.
    Json,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let text = read(&arguments.file).with_context(|| {
        format!(
            "the policy {} cannot be read; name another one with `doorward check FILE`",
            arguments.file.display()
        )
    })?;
    if is_manifest(&text) {
        return check_manifest(arguments);
    }
    let parsed = Policy::parse(&text);
    let findings = advised(&text, &parsed);
    let findings = advise_of_modes(&text, &findings, dates::now()?, dates::utc);
    let valid = !findings.has_errors();
    let name = arguments.file.to_string_lossy();
    match arguments.format {
        Format::Json => print_json(&name, &findings),
        Format::Text => {
            if !findings.is_empty() {
                println!("{}", findings.render(&name, Some(&text)));
            }
            if let Ok(policy) = &parsed
                && valid
            {
                println!("{name} is valid: {}", summary(policy));
            }
        }
    }
    Ok(if valid {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What is wrong with a `spin.toml`, and what is in it that is good.
fn check_manifest(arguments: &Arguments) -> Result<ExitCode> {
    let name = arguments.file.display();
    let hint = "the policy that it mounts is checked by itself: `doorward check doorward.toml`";
    if matches!(arguments.format, Format::Json) {
        bail!("{name} is a Spin manifest, and `--format json` is for policies; {hint}");
    }
    let application = manifest::load(&arguments.file)
        .with_context(|| format!("{name} is a Spin manifest, and wrong; {hint}"))?;
    for notice in &application.notices {
        eprintln!("{name}: {notice}");
    }
    for Bypass { from, to, may_be } in past_middlewares(&application) {
        let reaches = match may_be {
            true => "may reach, as a variable says,",
            false => "reaches",
        };
        println!(
            "note: `{from}` {reaches} `{to}` past its middlewares, by http://{to}.spin.internal: what it sends there is \
             judged by nobody, identity headers included. Where that is not meant, narrow its `allowed_outbound_hosts`"
        );
    }
    let components = application.components.values();
    let timers = components.map(|component| component.timers.len()).sum();
    println!(
        "{name} is valid: {}, {}, {}; {hint}",
        count(application.triggers.len(), "HTTP trigger"),
        count(application.components.len(), "component"),
        count(timers, "timer"),
    );
    Ok(ExitCode::SUCCESS)
}

/// Whether a text is a `spin.toml`. No policy has that key.
fn is_manifest(text: &str) -> bool {
    text.lines().any(|line| {
        let after = line.trim_start().strip_prefix("spin_manifest_version");
        after.is_some_and(|after| after.trim_start().starts_with('='))
    })
}

/// Everything that is to be said of a policy: what was found, and what is advised.
pub(crate) fn advised(text: &str, parsed: &Result<Policy, Findings>) -> Findings {
    match parsed {
        Ok(policy) => advise(text, policy.warnings()),
        Err(findings) => advise(text, findings),
    }
}

/// What is in a valid policy, so that what somebody believes to have written can be seen to be there.
fn summary(policy: &Policy) -> String {
    let mut parts = vec![
        count(policy.rules_count(), "rule"),
        count(policy.issuers().len(), "issuer"),
    ];
    if let Some(keys) = policy.api_keys() {
        parts.push(count(keys.listed().len(), "API key"));
        if keys.store {
            parts.push(format!("API keys in the store `{}`", policy.store().name));
        }
    }
    if let Some(rule) = policy.revocation() {
        parts.push(format!(
            "revocation of tokens that live {} at most",
            dates::about(rule.token_lifetime_max_s)
        ));
    }
    parts.join(", ")
}

fn count(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn print_json(name: &str, findings: &Findings) {
    let mut document = findings.to_json();
    if let Some(object) = document.as_object_mut() {
        object.insert("file".to_owned(), name.into());
    }
    println!("{document:#}");
}

/// The text of a policy.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?
        .take(FILE_BYTES_MAX)
        .read_to_string(&mut text)?;
    Ok(text)
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
