//! `doorward bundle`: policies that are signed, for gates that fetch them (`[bundle]`).

mod key;
mod show;
mod sign;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a key that policies are signed with.
    ///
    /// The private key goes to a file that only its owner can read, in PEM (PKCS #8), as `openssl genpkey -algorithm
    /// ed25519` writes them, too. The public key goes to stdout: it belongs into `keys` of `[bundle]`.
    Key(key::Arguments),
    /// Sign a policy for an application, and write what a gate fetches.
    ///
    /// A policy in which `doorward check` finds an error is not signed. The number has to be higher than that of the
    /// policy in force: also to go back, which is to sign the older policy with a new number.
    Sign(sign::Arguments),
    /// Check a signed policy as a gate does, and say what is in it.
    ///
    /// The exit status is 1 where a gate with these keys would not use it now. What a gate had before is not known here.
    Show(show::Arguments),
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.command {
        Command::Key(arguments) => key::run(arguments),
        Command::Sign(arguments) => sign::run(arguments),
        Command::Show(arguments) => show::run(arguments),
    }
}
