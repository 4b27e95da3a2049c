//! `doorward init`: the first policy.
//!
//! ```text
//! ask         what it has to know and no flag says
//! providers   what is peculiar about the tokens of providers that are known by their address
//! discover    what the issuer publishes of itself, asked for as the gate asks
//! text        the policy, and the lines of spin.toml
//! ```
//!
//! Nothing is written before the whole policy has passed `check`.

mod ask;
mod discover;
mod providers;
mod text;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use doorward_host::document::Documents;
use doorward_policy::Policy;
use doorward_syntax::url::{UrlError, check_url};

use self::discover::Published;
use self::providers::{Demand, Provider};
use self::text::Wanted;
use crate::files::{self, Readers};
use crate::{check, roots, values};

/// The audience that is only an example in the question.
const AUDIENCE_EXAMPLE: &str = "https://api.acme.example";

#[derive(Args)]
pub(crate) struct Arguments {
    /// The issuer's URL, as its tokens have it in `iss`; asked for where it is left out and this is a terminal.
    #[arg(long, value_name = "URL", value_parser = values::not_empty)]
    issuer: Option<String>,
    /// What its tokens for your application have in `aud`; may be repeated. Asked for like the issuer.
    #[arg(long, value_name = "TEXT", value_parser = values::not_empty)]
    audience: Vec<String>,
    /// What the issuer is called in the policy and in the log [default: after its host]
    #[arg(long, value_name = "NAME", value_parser = values::not_empty)]
    name: Option<String>,
    /// A scope that every request needs; may be repeated.
    #[arg(long, value_name = "SCOPE", value_parser = values::not_empty)]
    scope: Vec<String>,
    /// A claim that every token needs, with its value, a string; may be repeated.
    #[arg(long, value_name = "CLAIM=VALUE", value_parser = values::key_value)]
    claim: Vec<(String, String)>,
    /// Its tokens are opaque: it is asked what they say (RFC 7662), as this client.
    #[arg(long, value_name = "ID", value_parser = values::not_empty)]
    client_id: Option<String>,
    /// Where to write the policy.
    #[arg(short, long, value_name = "FILE", default_value = "doorward.toml")]
    output: PathBuf,
    /// Write it where there is a file already.
    #[arg(long)]
    force: bool,
    /// A file of certificates (PEM) that vouch for the issuer, beside the machine's roots; may be repeated.
    #[arg(long, value_name = "FILE.pem")]
    ca_file: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    // Before anything is asked: not to have answered for nothing.
    refuse_to_overwrite(&arguments.output, arguments.force)?;
    let issuer = match &arguments.issuer {
        Some(issuer) => issuer.clone(),
        None => ask::line(
            "--issuer URL",
            "The issuer's URL, as its tokens have it in `iss` (https://login.acme.example): ",
        )?,
    };
    check_issuer(&issuer)?;
    let provider = Provider::of(&issuer);
    if let Some(provider) = provider {
        if let Some(instead) = provider.refused(&issuer) {
            bail!("{}: {instead}\n  help: {}", issuer, provider.page());
        }
        eprintln!("This is {}: {}", provider.name, provider.page());
    }
    let audience = match arguments.audience.is_empty() {
        false => arguments.audience.clone(),
        true => vec![ask::line(
            "--audience TEXT",
            &format!("What its tokens for your application have in `aud` ({AUDIENCE_EXAMPLE}): "),
        )?],
    };
    let mut claims = arguments.claim.clone();
    if let Some(demand) = provider.and_then(|provider| provider.demand)
        && !demand.is_met(&arguments.scope, &claims)
    {
        claims.push(demanded(provider, &demand)?);
    }
    let published = published(arguments, &issuer, provider)?;
    let wanted = Wanted {
        name: match &arguments.name {
            Some(name) => name.clone(),
            None => text::name_of(&issuer),
        },
        issuer,
        audience,
        scope: arguments.scope.clone(),
        claims,
        client_id: arguments.client_id.clone(),
    };
    let policy = text::policy(&wanted, provider);
    let parsed = Policy::parse(&policy);
    let findings = check::advised(&policy, &parsed);
    let name = arguments.output.to_string_lossy();
    ensure!(
        !findings.has_errors(),
        "nothing was written, for this is no policy\n  help: what is said of it here is about what you gave\n{}",
        findings.render(&name, Some(&policy))
    );
    write(&arguments.output, &policy, arguments.force)?;
    println!("{}", published.told());
    println!("{name} is written, and `doorward check {name}` has nothing against it.\n");
    print!("{}", text::next(&wanted, &published, &arguments.output));
    Ok(ExitCode::SUCCESS)
}

/// What the gate would not ask for keys.
fn check_issuer(issuer: &str) -> Result<()> {
    if let Err(error) = check_url(issuer) {
        let help = match error {
            UrlError::NotEncrypted => {
                "take its https address. Inside a cluster without TLS, write the policy by hand, with \
                 `insecure_http = true`: `doorward check` says what that means"
            }
            _ => "the address as its tokens have it in `iss`: https://login.acme.example",
        };
        bail!("the issuer's URL {issuer:?} {error}\n  help: {help}");
    }
    ensure!(
        !issuer.contains('?'),
        "the issuer's URL {issuer:?} has a query, which no issuer has (RFC 8414 section 2)"
    );
    Ok(())
}

/// A claim without which too many would pass.
fn demanded(provider: Option<&Provider>, demand: &Demand) -> Result<(String, String)> {
    let why = provider.map_or_else(String::new, |provider| {
        format!("{}: {}", provider.name, demand.why)
    });
    let flags = demand.flags();
    eprintln!("{why}.");
    let question = format!("Which `{}` passes: ", demand.claim);
    let value = ask::line(&flags, &question)
        .with_context(|| format!("{why}; say who passes with {flags}"))?;
    Ok((demand.claim.to_owned(), value))
}

/// What the issuer publishes, where it can be had.
fn published(
    arguments: &Arguments,
    issuer: &str,
    provider: Option<&Provider>,
) -> Result<Published> {
    let documents = Documents::new(&roots::sources(&arguments.ca_file))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let keys_at = provider.and_then(|provider| provider.keys_at(issuer));
    let published = runtime.block_on(async {
        match keys_at {
            Some(url) => discover::keys_only(&documents, &url).await,
            None => discover::discover(&documents, issuer).await,
        }
    })?;
    ensure!(
        arguments.client_id.is_none() || published.introspection_endpoint.is_some(),
        "--client-id is for asking {issuer} about opaque tokens, and its metadata name no `introspection_endpoint` \
         that may be asked\n  help: leave it out where its tokens are JWTs, or write `[issuer.NAME.introspection]` \
         with an `endpoint` by hand (docs/policy.md)"
    );
    Ok(published)
}

fn refuse_to_overwrite(output: &Path, force: bool) -> Result<()> {
    ensure!(
        force || !output.exists(),
        "{} is there already, and nothing was done\n  help: name another file with `--output FILE`, or let it be \
         overwritten with `--force`",
        output.display()
    );
    Ok(())
}

/// Writes the file whole or not at all.
fn write(output: &Path, policy: &str, force: bool) -> Result<()> {
    let bytes = policy.as_bytes();
    let written = match force {
        true => files::write(output, bytes, Readers::All),
        false => files::write_new(output, bytes, Readers::All),
    };
    written.with_context(|| {
        format!(
            "{} cannot be written\n  help: name another file with `--output FILE`\n  reason",
            output.display()
        )
    })
}
