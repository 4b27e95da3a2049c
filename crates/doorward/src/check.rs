//! `doorward check`: what is wrong with a policy.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use doorward_host::manifest;
use doorward_host::manifest::runtime_config::{self, RuntimeConfig};
use doorward_host::{Bypass, past_middlewares};
use doorward_policy::{Bootstrap, Findings, Mounted, Policy, advise, advise_of_modes};
use serde_json::json;

use crate::policy_file::{is_manifest, read};
use crate::replicas::{self, Finding};
use crate::{dates, values};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The policy.
    #[arg(default_value = "doorward.toml")]
    file: PathBuf,
    /// How to print what was found.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Say what does not hold with so many replicas of the host.
    ///
    /// Of a policy: which limits each counts alone. Of a spin.toml with the policies that it mounts: also which stores and
    /// databases are each replica's own. What the policy says and then does not hold is an error.
    #[arg(long, value_name = "COUNT", value_parser = values::count, default_value_t = 1)]
    replicas: usize,
    /// With --replicas, for a spin.toml: the runtime configuration, which says where stores are.
    #[arg(long, value_name = "FILE.toml", requires = "replicas")]
    runtime_config_file: Option<PathBuf>,
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
    let parsed = match Mounted::parse(&text) {
        Ok(Mounted::Policy(policy)) => Ok(*policy),
        Ok(Mounted::Fetched(bootstrap)) => {
            fetched(arguments, &bootstrap);
            return Ok(ExitCode::SUCCESS);
        }
        Err(findings) => Err(findings),
    };
    let findings = advised(&text, &parsed);
    let findings = advise_of_modes(&text, &findings, dates::now()?, dates::utc);
    let across = match &parsed {
        Ok(policy) => replicas::of_policy(policy, arguments.replicas),
        Err(_) => Vec::new(),
    };
    let valid = !findings.has_errors() && !across.iter().any(|finding| finding.is_error);
    let name = arguments.file.to_string_lossy();
    match arguments.format {
        Format::Json => print_json(&name, &findings, &across),
        Format::Text => {
            if !findings.is_empty() {
                println!("{}", findings.render(&name, Some(&text)));
            }
            print_across(&across);
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

/// Says of a file without a policy where that is.
fn fetched(arguments: &Arguments, bootstrap: &Bootstrap) {
    let name = arguments.file.to_string_lossy();
    if matches!(arguments.format, Format::Json) {
        return print_json(&name, &Findings::default(), &[]);
    }
    let minimum = match bootstrap.minimum {
        1 => String::new(),
        number => format!(" and a number of {number} or more"),
    };
    println!(
        "{name} is valid: it says where the policy of {} is fetched: {}, every {}, with {}{minimum}; it is kept in the \
         store `{}`\nwhat is fetched is checked by itself: `doorward bundle show FILE.jws --bootstrap {name}`",
        bootstrap.application,
        bootstrap.url,
        dates::about(bootstrap.refresh_s),
        match bootstrap.keys_count {
            1 => "the signature of its key".to_owned(),
            count => format!("the signature of one of its {count} keys"),
        },
        bootstrap.store,
    );
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
    let configured = match &arguments.runtime_config_file {
        Some(file) => runtime_config::load(file)?,
        None => RuntimeConfig::default(),
    };
    let across = replicas::of_application(&application, &configured, arguments.replicas)?;
    print_across(&across);
    if across.iter().any(|finding| finding.is_error) {
        return Ok(ExitCode::FAILURE);
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

/// Everything that is to be said of a policy: what was found, and what is advised.
pub(crate) fn advised(text: &str, parsed: &Result<Policy, Findings>) -> Findings {
    match parsed {
        Ok(policy) => advise(text, policy.warnings()),
        Err(findings) => advise(text, findings),
    }
}

/// What is in a valid policy, so that what somebody believes to have written can be seen to be there.
pub(crate) fn summary(policy: &Policy) -> String {
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

/// What does not hold across replicas, for people.
fn print_across(found: &[Finding]) {
    for finding in found {
        println!("{}: {}", finding.severity(), finding.message);
    }
}

fn print_json(name: &str, findings: &Findings, across: &[Finding]) {
    let mut document = findings.to_json();
    if let Some(object) = document.as_object_mut() {
        object.insert("file".to_owned(), name.into());
        let finding = |finding: &Finding| json!({ "severity": finding.severity(), "message": finding.message });
        if !across.is_empty() {
            object.insert("replicas".to_owned(), across.iter().map(finding).collect());
        }
    }
    println!("{document:#}");
}
