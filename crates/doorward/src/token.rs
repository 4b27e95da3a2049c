//! `doorward token`: a token signed with the development issuer's keys.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use crate::keys::{Algorithm, Keys};
use crate::sign::{self, Content};
use crate::{state, values};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Whom the token is about.
    #[arg(long, default_value = "developer")]
    sub: String,
    /// What the token allows; may be repeated, or several separated by spaces.
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// Whom the token is for; may be repeated.
    #[arg(long, value_name = "AUDIENCE", default_value = sign::AUDIENCE)]
    aud: Vec<String>,
    /// How long it is valid, such as 90, 15m or 2h; negative for a token that has expired.
    #[arg(long, allow_hyphen_values = true, default_value_t = sign::LIFETIME_S, value_parser = values::lifetime_s)]
    ttl: i64,
    /// What it is signed with.
    #[arg(long, value_enum, ignore_case = true, default_value_t = Algorithm::EdDsa)]
    alg: Algorithm,
    /// A further claim; the value is JSON, or else a string. Takes the place of a claim of its name.
    #[arg(long, value_name = "NAME=VALUE", value_parser = values::key_value)]
    claim: Vec<(String, String)>,
    /// The issuer that the token names.
    #[arg(long, value_name = "URL", default_value = sign::ISSUER)]
    iss: String,
    /// The folder that holds the keys [default: .doorward beside the nearest spin.toml]
    #[arg(long, value_name = "FOLDER")]
    state_dir: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let keys = Keys::load_or_create(&state::state_dir(arguments.state_dir.as_deref())?)?;
    let claims = arguments
        .claim
        .iter()
        .map(|(name, text)| {
            let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()));
            (name.clone(), value)
        })
        .collect();
    let token = sign::token(
        keys.get(arguments.alg)?,
        Content {
            issuer: &arguments.iss,
            subject: &arguments.sub,
            client: None,
            audience: &arguments.aud,
            scope: &arguments.scope.join(" "),
            lifetime_s: arguments.ttl,
            claims,
        },
    )?;
    println!("{token}");
    Ok(ExitCode::SUCCESS)
}
