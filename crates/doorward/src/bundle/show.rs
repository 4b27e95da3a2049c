//! `doorward bundle show`.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use doorward_policy::{Mounted, Policy};
use doorward_token::bundle::{BUNDLE_BYTES_MAX, Bundle, BundleExpectations, BundleKeys};

use crate::{check, dates, policy_file};

#[derive(Args)]
pub(super) struct Arguments {
    /// The signed policy.
    #[arg(value_name = "FILE.jws")]
    file: PathBuf,
    /// The file with `[bundle]` that says whose signature it has to have, and for which application.
    #[arg(long, value_name = "FILE.toml", conflicts_with_all = ["key", "application"])]
    bootstrap: Option<PathBuf>,
    /// A public key, in place of `--bootstrap`; may be given twice.
    #[arg(
        long,
        value_name = "KEY",
        required_unless_present = "bootstrap",
        requires = "application"
    )]
    key: Vec<String>,
    /// The application, in place of `--bootstrap`.
    #[arg(long, value_name = "NAME", requires = "key")]
    application: Option<String>,
    /// Print the text of the policy, and nothing else.
    #[arg(long)]
    text: bool,
}

/// Whose signature a bundle has to have, and for what.
struct Expected {
    keys: BundleKeys,
    application: String,
    minimum: u64,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let expected = expected(arguments)?;
    let name = arguments.file.display();
    let mut bytes = Vec::new();
    // One more than are taken, so that more are seen to be too many; and a line end.
    let bytes_max = BUNDLE_BYTES_MAX as u64 + 3;
    fs::File::open(&arguments.file)
        .and_then(|file| file.take(bytes_max).read_to_end(&mut bytes))
        .with_context(|| format!("{name} cannot be read"))?;
    let expect = BundleExpectations {
        keys: &expected.keys,
        application: &expected.application,
        minimum: expected.minimum,
    };
    let bundle = match Bundle::genuine(&bytes, &expect) {
        Ok(bundle) => bundle,
        Err(error) => bail!("{name} would be refused ({}): {error}", error.name()),
    };
    if arguments.text {
        print!("{}", bundle.policy());
        return Ok(ExitCode::SUCCESS);
    }
    let now = dates::now()?;
    println!("application  {}", expected.application);
    println!("sequence     {}", bundle.identity().sequence);
    println!("signed       {}", dates::utc(bundle.issued_at()));
    println!("expires      {}", dates::utc(bundle.expires_at()));
    let parsed = Policy::parse(bundle.policy());
    if let Ok(policy) = &parsed {
        println!("policy       {}", check::summary(policy));
    }
    let mut is_good = true;
    if let Err(error) = bundle.is_for(now) {
        eprintln!("it would be refused ({}): {error}", error.name());
        is_good = false;
    }
    if let Err(findings) = &parsed {
        let rendered = findings.render("the policy in it", Some(bundle.policy()));
        eprintln!("it would be refused (policy):\n{rendered}");
        is_good = false;
    }
    Ok(match is_good {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn expected(arguments: &Arguments) -> Result<Expected> {
    if let Some(path) = &arguments.bootstrap {
        let name = path.display().to_string();
        let text = policy_file::read(path).with_context(|| format!("{name} cannot be read"))?;
        return match Mounted::parse(&text) {
            Ok(Mounted::Fetched(bootstrap)) => Ok(Expected {
                keys: bootstrap.keys,
                application: bootstrap.application,
                minimum: bootstrap.minimum,
            }),
            Ok(Mounted::Policy(_)) => {
                bail!("{name} is a policy; `--bootstrap` is the file with `[bundle]`")
            }
            Err(findings) => bail!(
                "{name} is not valid\n{}",
                findings.render(&name, Some(&text))
            ),
        };
    }
    let keys: Vec<&str> = arguments.key.iter().map(String::as_str).collect();
    let keys = BundleKeys::new(&keys).map_err(|(place, error)| {
        let number = place + 1;
        anyhow!("`--key` number {number} {error}; `doorward bundle key` prints it")
    })?;
    Ok(Expected {
        keys,
        application: arguments.application.clone().unwrap_or_default(),
        minimum: 1,
    })
}
