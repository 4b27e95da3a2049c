//! `doorward bundle sign`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use doorward_policy::{Policy, advise_of_modes};
use doorward_token::UnixTime;
use doorward_token::bundle::{
    BUNDLE_LIFETIME_S_MAX, Bundle, BundleExpectations, BundleKeys, SEQUENCE_MAX, is_application,
    signing_input,
};

use super::key;
use crate::check::advised;
use crate::dates::{self, When};
use crate::files::{self, Readers};
use crate::policy_file;

#[derive(Args)]
pub(super) struct Arguments {
    /// The private key.
    #[arg(long, value_name = "FILE.pem")]
    key: PathBuf,
    /// The application that it is for, as `application` of `[bundle]` has it.
    #[arg(long, value_name = "NAME", value_parser = application)]
    application: String,
    /// Its number, higher than that of the policy in force.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=SEQUENCE_MAX))]
    sequence: u64,
    /// When it ends, and every request is refused where no newer one has come: `7d`, or a time such as
    /// 2030-01-31T12:00:00Z; 400 days ahead at most.
    #[arg(long, value_name = "WHEN", value_parser = dates::when)]
    expires: When,
    /// Where it goes [default: stdout]
    #[arg(long, short, value_name = "FILE.jws")]
    output: Option<PathBuf>,
    /// The policy.
    #[arg(default_value = "doorward.toml")]
    policy: PathBuf,
}

fn application(text: &str) -> Result<String, String> {
    match is_application(text) {
        true => Ok(text.to_owned()),
        false => Err("use up to 64 letters, digits, `-`, `_` and `.`".to_owned()),
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let now = dates::now()?;
    let text = checked(&arguments.policy, now)?;
    let expires_at = arguments.expires.from(now);
    if expires_at <= now {
        bail!(
            "{} has passed; it has to be a time to come: `--expires 7d`",
            dates::utc(expires_at)
        );
    }
    if expires_at.seconds_since(now) > BUNDLE_LIFETIME_S_MAX {
        bail!(
            "a signed policy is valid for {} at most; sign it again before its end",
            dates::about(BUNDLE_LIFETIME_S_MAX)
        );
    }
    let key = key::read(&arguments.key)?;
    let public = key::public(&key);
    let (application, sequence) = (arguments.application.as_str(), arguments.sequence);
    let times = (now, expires_at);
    let input = signing_input(application, sequence, times, &text, None)?;
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()));
    let bundle = format!("{input}.{signature}");

    // What no gate would take is not written.
    let keys = BundleKeys::new(&[&public]).map_err(|(_, error)| error)?;
    let expect = BundleExpectations {
        keys: &keys,
        application,
        minimum: sequence,
    };
    Bundle::open(bundle.as_bytes(), &expect, now)?;
    write(arguments.output.as_deref(), &bundle)?;
    eprintln!(
        "signed for {application} with the number {sequence}, valid until {} ({}), by the key {public}",
        dates::utc(expires_at),
        dates::about(expires_at.seconds_since(now))
    );
    Ok(ExitCode::SUCCESS)
}

/// The text of a policy in which nothing is found that is an error.
fn checked(path: &Path, now: UnixTime) -> Result<String> {
    let name = path.display().to_string();
    let text = policy_file::read(path).with_context(|| {
        format!(
            "the policy {name} cannot be read; name another one: `doorward bundle sign … FILE.toml`"
        )
    })?;
    let parsed = Policy::parse(&text);
    let findings = advise_of_modes(&text, &advised(&text, &parsed), now, dates::utc);
    if findings.has_errors() {
        bail!(
            "the policy {name} is not signed: no gate would use it\n{}",
            findings.render(&name, Some(&text))
        );
    }
    if !findings.is_empty() {
        eprintln!("{}", findings.render(&name, Some(&text)));
    }
    Ok(text)
}

/// Writes it, whole or not at all: a server may have the file.
fn write(output: Option<&Path>, bundle: &str) -> Result<()> {
    let Some(path) = output else {
        let mut out = io::stdout().lock();
        return writeln!(out, "{bundle}").context("standard output cannot be written");
    };
    let line = format!("{bundle}\n");
    files::write(path, line.as_bytes(), Readers::All)
        .with_context(|| format!("{} cannot be written", path.display()))
}
