//! The `doorward` command: runs an application, issues development tokens, checks a policy, and reads
//! and writes what gates share: API keys, revocations, the age of issuers' keys.
//!
//! Each subcommand is a file. What they have in common: an error says what failed, where, and what
//! to do; the exit status is 0 when all is well, 1 when it is not, 2 when the command line is wrong, and 3 where
//! `replay` finds that something would be decided otherwise, and `bench` that something is slower.

mod api_key;
mod audit;
mod bench;
mod bundle;
mod check;
mod compose;
mod dates;
mod explain;
mod files;
mod hangup;
mod image;
mod init;
mod issuer;
mod issuers;
mod keys;
mod policy_file;
mod replay;
mod replicas;
mod revoke;
mod roots;
mod say;
mod schema;
mod schemas;
mod setup;
mod shutdown;
mod sign;
mod state;
mod store;
mod table;
mod terminal;
mod token;
mod up;
mod values;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Doorward checks every HTTP request at the edge before it costs anything.
///
/// Without a subcommand: sets up what is missing, builds the components, serves the application of
/// spin.toml with a development issuer beside it, and prints requests to try.
#[derive(Parser)]
#[command(version, about, long_about, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Subcommands>,
    #[command(flatten)]
    up: up::Arguments,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Serve the application of a spin.toml; the flags are named as `spin up` names them.
    Up(Box<up::Arguments>),
    /// Run an OpenID issuer for development, on a loopback address.
    Issuer(issuer::Arguments),
    /// Print a token signed with the development issuer's keys.
    Token(token::Arguments),
    /// Write a first policy: ask for an issuer, find its keys, and say what to paste where.
    ///
    /// Nobody is asked where standard input is no terminal: then the flags have to say it.
    Init(Box<init::Arguments>),
    /// Check a policy and print what is wrong with it.
    Check(check::Arguments),
    /// Make one component of the gate and an application, with the policy in it, also for hosts without Spin's interfaces.
    ///
    /// One of a file, or of a component of spin.toml; or a folder with the whole application, for a host that knows no
    /// middlewares. The policy is checked first.
    Compose(Box<compose::Arguments>),
    /// Show how a policy decides a request, step by step, or find a request in a log.
    ///
    /// It is decided by the functions of the gate, and nothing is fetched or asked: what depends on rate limits,
    /// revocations, the store or an issuer is told and not guessed. The exit status is 0 when the request is
    /// admitted, 1 when it is refused or that cannot be found out here.
    Explain(Box<explain::Arguments>),
    /// List what another policy would have decided otherwise of the requests in a log.
    ///
    /// The log is that of a gate whose policy has `decision_inputs = true` in `[log]`. It is decided by the functions of
    /// the gate, at the time of each line; what a line does not say is told and not guessed. The exit status is 0 when
    /// nothing would be decided otherwise, 3 when something would, 1 when that cannot be found out.
    Replay(replay::Arguments),
    /// Make keys for policies that gates fetch, sign such policies, and check them.
    ///
    /// Where files cannot change, a gate with `[bundle]` fetches its policy: docs/bundles.md.
    Bundle(bundle::Arguments),
    /// Make, show and revoke the API keys of machines.
    Key(api_key::Arguments),
    /// Take back tokens before they expire.
    Revoke(Box<revoke::Arguments>),
    /// Show the age of every issuer's keys, and how fetching them went.
    ///
    /// It is what the instances of the gate have told each other through the store. The exit status is 1
    /// when an issuer fails and no keys of it can be used.
    Issuers(issuers::Arguments),
    /// Print the JSON Schema of the policy, for editors.
    ///
    /// A policy whose first line is `#:schema ./doorward.schema.json` is completed and checked by taplo and tombi while it
    /// is written, where that file has what is printed. What contradicts, `doorward check` finds.
    Schema(schema::Arguments),
    /// Compile JSON Schemas to the file from which a component checks events.
    Schemas(schemas::Arguments),
    /// Write an OCI image of the application: this program, what it needs, and components compiled ahead.
    ///
    /// The folder is an image layout, for skopeo, umoci, crane or podman. Nothing else is needed to make it, and it is
    /// the same for the same files. docs/deployment/image.md has what is in it, and how it is run.
    Image(Box<image::Arguments>),
    /// Measure what the components cost: requests per second, latencies, processor time, memory, first answer.
    ///
    /// Each is served by `doorward up` as a process of its own, in turns. Components that are not built are left out.
    Bench(Box<bench::Arguments>),
    /// Set up what building the components needs: the wasm32-wasip2 target.
    Setup,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        None => up::run(arguments.up.for_a_first_look()),
        Some(Subcommands::Up(arguments)) => up::run(*arguments),
        Some(Subcommands::Issuer(arguments)) => issuer::run(&arguments),
        Some(Subcommands::Token(arguments)) => token::run(&arguments),
        Some(Subcommands::Init(arguments)) => init::run(&arguments),
        Some(Subcommands::Check(arguments)) => check::run(&arguments),
        Some(Subcommands::Compose(arguments)) => compose::run(&arguments),
        Some(Subcommands::Explain(arguments)) => explain::run(&arguments),
        Some(Subcommands::Replay(arguments)) => replay::run(&arguments),
        Some(Subcommands::Bundle(arguments)) => bundle::run(&arguments),
        Some(Subcommands::Key(arguments)) => api_key::run(arguments),
        Some(Subcommands::Revoke(arguments)) => revoke::run(*arguments),
        Some(Subcommands::Issuers(arguments)) => issuers::run(&arguments),
        Some(Subcommands::Schema(arguments)) => schema::run(&arguments),
        Some(Subcommands::Schemas(arguments)) => schemas::run(&arguments),
        Some(Subcommands::Image(arguments)) => image::run(&arguments),
        Some(Subcommands::Bench(arguments)) => bench::run(&arguments),
        Some(Subcommands::Setup) => setup::run(),
    };
    match result {
        Ok(status) => status,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
