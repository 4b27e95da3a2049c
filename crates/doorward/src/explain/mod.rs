//! `doorward explain`: how the policy decides a request, step by step.
//!
//! What decides is the policy's own engine ([`doorward_policy::explain`]). Here is what it is told: the request, the
//! keys, the time; and how the steps are printed.

mod keys;
mod log;
mod print;
mod request;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use doorward_policy::explain::{Asked, Verdict};
use doorward_token::UnixTime;

use crate::up::VariableSource;
use crate::{dates, policy_file};
use keys::Keys;
use request::Request;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The method, such as GET.
    #[arg(required_unless_present = "reference")]
    method: Option<String>,
    /// The URL, as a client has it (`https://api.example/users/7`), or the path alone.
    #[arg(required_unless_present = "reference")]
    url: Option<String>,
    /// A file with the token, or `-` for standard input. It is sent as `Authorization: Bearer`.
    ///
    /// Without this and without a header `Authorization`, a token is read from standard input where that is no
    /// terminal. An empty input is no token.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A header field of the request; may be repeated.
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// The address from which the request comes.
    #[arg(long, value_name = "ADDRESS")]
    client: Option<IpAddr>,
    /// When the request comes: 2030-01-31T12:00:00Z, or seconds since 1970 [default: now]
    #[arg(long, value_name = "TIME", value_parser = dates::point, allow_hyphen_values = true)]
    at: Option<UnixTime>,
    /// A key set (JWKS) in place of the one that the gate would fetch from the token's issuer. Nothing is fetched here.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// A value for a variable that holds an issuer's secret; may be repeated. Values may also be in the environment or
    /// in a file .env here, as SPIN_VARIABLE_NAME.
    #[arg(long, value_name = "KEY=VALUE | KEY=@FILE | @FILE.json | @FILE.toml")]
    variable: Vec<VariableSource>,
    /// The policy.
    #[arg(long, value_name = "FILE", default_value = "doorward.toml")]
    policy: PathBuf,
    /// Find the lines of a log instead, by the id of the request or of its trace, as in the answer's `X-Request-Id`.
    #[arg(
        long = "ref",
        value_name = "ID",
        requires = "log",
        conflicts_with_all = ["method", "token_file", "header", "client", "at", "keys", "variable", "policy"],
        value_parser = crate::values::not_empty
    )]
    reference: Option<String>,
    /// The log for --ref, or `-` for standard input.
    #[arg(long, value_name = "FILE", requires = "reference")]
    log: Option<PathBuf>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs: `{"verdict", "class", "status", "reason", "report_until", "first_failed", "credential", "unless", "steps":
    /// [{"step", "outcome", "expected", "found", "notes", "line"}], …}`, with --ref `{"lines": […]}`.
    Json,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let (Some(id), Some(log)) = (&arguments.reference, &arguments.log) {
        return log::find(id, log, arguments.format == Format::Json);
    }
    // Clap leaves out a requirement that conflicts with what is there.
    if arguments.log.is_some() {
        bail!("--log is for --ref: `doorward explain --ref ID --log FILE`");
    }
    let (Some(method), Some(url)) = (&arguments.method, &arguments.url) else {
        bail!("a method and a URL are needed: `doorward explain GET https://api.example/users/7`");
    };
    let (text, policy) = policy_file::policy(&arguments.policy)?;
    let mut request = Request::parse(method, url, &arguments.header)?;
    if let Some(token) = request.token(arguments.token_file.as_deref())? {
        request.bear(&token);
    }
    let now = match arguments.at {
        Some(at) => at,
        None => dates::now()?,
    };
    let keys = Keys::of(
        &policy,
        &arguments.policy,
        arguments.keys.as_deref(),
        &arguments.variable,
    )?;
    let parts = request.parts(&policy);
    let explanation = policy.explain(
        &text,
        &Asked {
            head: request.head(&parts),
            authority: request.authority.as_deref(),
            peer: arguments.client,
            now,
            written: dates::utc,
            keys: &keys,
        },
    );
    let about = print::About {
        file: name(&arguments.policy),
        method: &request.method,
        path: request.path(),
        now,
    };
    match arguments.format {
        Format::Text => print!("{}", print::text(&about, &explanation)),
        Format::Json => println!("{:#}", print::json(&about, &explanation)),
    }
    Ok(match explanation.verdict {
        Verdict::Admitted | Verdict::Answered(_) | Verdict::WouldRefuse { .. } => ExitCode::SUCCESS,
        Verdict::Refused(_) | Verdict::Undecided(_) => ExitCode::FAILURE,
    })
}

fn name(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
