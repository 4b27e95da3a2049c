//! `doorward revoke`: takes back what an issuer has issued, before it expires.

mod list;
mod one_token;

use std::io::{self, IsTerminal as _, Read as _};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use doorward_policy::{Issuer, Policy, TOKEN_LIFETIME_MAX_S_DEFAULT};
use doorward_token::api_key::ApiKey;
use doorward_token::revocation::{
    Note, REVOCATIONS_READ_MAX, RevocationEntry, RevocationKind, RevocationSet,
};
use doorward_token::{LEEWAY_S_MAX, TENANT_PLACE, TOKEN_BYTES_MAX, UnixTime, is_tenant, tenant_of};
use serde_json::json;

use crate::store::{self, Store};
use crate::{audit, dates, values};

/// Issuers that an error names.
const NAMED_MAX: usize = 8;
/// The most that is read from stdin, in bytes: a token and what surrounds it.
const STDIN_BYTES_MAX: u64 = 2 * TOKEN_BYTES_MAX as u64;
/// The longest text of a token that is shown, in bytes.
const SHOWN_BYTES_MAX: usize = 200;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Take back one token. Reads the token from stdin, unless --id is given.
    Token(Token),
    /// Take back every token of a subject (`sub`) that was issued until now.
    Subject(Subject),
    /// Take back every token of a session (`sid`).
    Session(Session),
    /// Take back everything that an issuer has issued until now.
    Issuer(WholeIssuer),
    /// Show what is revoked.
    List(list::Arguments),
}

#[derive(Args)]
struct Common {
    /// Why: for whoever looks at the list. At most 512 bytes are kept.
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "TEXT"
    )]
    reason: String,
    /// For how long it is remembered, where tokens live longer than the policy says [default: the policy's token_lifetime_max_s]
    #[arg(long, value_name = "PERIOD", value_parser = dates::period_s)]
    keep: Option<u64>,
    /// Write nothing: print the entries for a store elsewhere, as NAME=VALUE.
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    audit: audit::Arguments,
    #[command(flatten)]
    store: store::Arguments,
}

#[derive(Args)]
struct Token {
    /// The token's id (`jti`).
    #[arg(
        long,
        value_name = "JTI",
        requires = "issuer",
        value_parser = values::not_empty,
        allow_hyphen_values = true
    )]
    id: Option<String>,
    /// Whose token it is, as the policy names the issuer [default: as the token says; of an opaque
    /// one, the issuer that has introspection]
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct Subject {
    /// The subject.
    #[arg(value_parser = values::not_empty, allow_hyphen_values = true)]
    subject: String,
    /// Whose subject it is, as the policy names the issuer; NAME/TENANT where it has tenants.
    #[arg(long, value_name = "NAME")]
    issuer: String,
    /// What was issued later stays valid; at most 5 minutes from now, for an issuer whose clock is
    /// ahead [default: now]
    #[arg(long, value_name = "TIME", value_parser = dates::time)]
    before: Option<UnixTime>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct Session {
    /// The session.
    #[arg(value_parser = values::not_empty, allow_hyphen_values = true)]
    session: String,
    /// Whose session it is, as the policy names the issuer; NAME/TENANT where it has tenants.
    #[arg(long, value_name = "NAME")]
    issuer: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct WholeIssuer {
    /// The issuer, as the policy names it; NAME/TENANT where it has tenants.
    issuer: String,
    /// What was issued later stays valid; at most 5 minutes from now, for an issuer whose clock is
    /// ahead [default: now]
    #[arg(long, value_name = "TIME", value_parser = dates::time)]
    before: Option<UnixTime>,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    match arguments.command {
        Command::Token(arguments) => token(&arguments),
        Command::Subject(arguments) => subject(&arguments),
        Command::Session(arguments) => session(&arguments),
        Command::Issuer(arguments) => issuer(&arguments),
        Command::List(arguments) => list::run(&arguments),
    }
}

fn token(arguments: &Token) -> Result<ExitCode> {
    let revoking = Revoking::begin(&arguments.common)?;
    let until = revoking.until(revoking.now);
    let named = arguments.issuer.as_deref();
    let named = named.map(|name| revoking.issuer(name)).transpose()?;
    if let (Some(id), Some(issuer)) = (&arguments.id, &named) {
        let entries = [RevocationEntry::token(&issuer.url, id, until)];
        return revoking.end(issuer, "the token with this id", None, &entries);
    }
    let text = read_token()?;
    if let Ok(key) = ApiKey::parse(text.as_bytes()) {
        bail!(
            "this is an API key\n  help: `doorward key revoke {}`",
            key.id()
        );
    }
    // Only an opaque token does not say whose it is.
    let asked = named.clone().or_else(|| revoking.introspecting());
    let asked_url = asked.as_ref().map(|issuer| issuer.url.as_str());
    let mut found = RevocationEntry::of_token(text.as_bytes(), asked_url, until)
        .context("the token cannot be revoked; `--issuer NAME` says whose an opaque one is")?;
    let Some(issuer) = revoking.policy.issuer_by_url(&found.issuer) else {
        bail!(
            "the token is of {}, which {} does not list, so gates refuse it as it is",
            shown(&found.issuer),
            arguments.common.store.policy_path().display()
        );
    };
    let issuer = Whose::of(issuer, &found.issuer);
    if issuer.url != found.issuer {
        found = RevocationEntry::of_token_of(text.as_bytes(), &issuer.url, until)?;
    }
    if let Some(named) = named.filter(|named| named.url != issuer.url) {
        bail!(
            "the token is of the issuer `{}`, not of `{}`",
            issuer.name,
            named.name
        );
    }
    if found
        .entries
        .iter()
        .all(|entry| entry.is_over(revoking.now))
    {
        eprintln!("The token has expired; there is nothing to take back.");
        return Ok(ExitCode::SUCCESS);
    }
    revoking.end(&issuer, "this token", None, &found.entries)
}

fn subject(arguments: &Subject) -> Result<ExitCode> {
    let revoking = Revoking::begin(&arguments.common)?;
    let issuer = revoking.issuer(&arguments.issuer)?;
    let before = revoking.before(arguments.before)?;
    let until = revoking.until(before);
    let entry = RevocationEntry::subject(&issuer.url, &arguments.subject, before, until);
    let what = format!(
        "the tokens of `{}` issued until {}",
        arguments.subject,
        dates::utc(before)
    );
    revoking.end(&issuer, &what, Some(&arguments.subject), &[entry])
}

fn session(arguments: &Session) -> Result<ExitCode> {
    let revoking = Revoking::begin(&arguments.common)?;
    let issuer = revoking.issuer(&arguments.issuer)?;
    let until = revoking.until(revoking.now);
    let entry = RevocationEntry::session(&issuer.url, &arguments.session, until);
    let what = format!("the tokens of the session `{}`", arguments.session);
    revoking.end(&issuer, &what, Some(&arguments.session), &[entry])
}

fn issuer(arguments: &WholeIssuer) -> Result<ExitCode> {
    let revoking = Revoking::begin(&arguments.common)?;
    let issuer = revoking.issuer(&arguments.issuer)?;
    let before = revoking.before(arguments.before)?;
    let entry = RevocationEntry::issuer(&issuer.url, before, revoking.until(before));
    let what = format!("everything issued until {}", dates::utc(before));
    revoking.end(&issuer, &what, None, &[entry])
}

/// An issuer, or one of its tenants where it stands for all of them.
#[derive(Clone)]
struct Whose {
    name: String,
    url: String,
}

impl Whose {
    /// What the gate takes a token with this `iss` to be of.
    fn of(issuer: &Issuer, iss: &str) -> Self {
        let url = issuer.name_of(iss);
        let name = match tenant_of(&issuer.url, url) {
            Some(tenant) => format!("{}/{tenant}", issuer.name),
            None => issuer.name.clone(),
        };
        let url = url.to_owned();
        Self { name, url }
    }
}

/// What every revocation has in common.
struct Revoking<'a> {
    common: &'a Common,
    policy: Policy,
    now: UnixTime,
    /// For how long it is remembered, in seconds.
    keep_s: u64,
}

impl<'a> Revoking<'a> {
    fn begin(common: &'a Common) -> Result<Self> {
        let policy = common.store.policy()?;
        let lifetime_s = match policy.revocation() {
            Some(rule) => rule.token_lifetime_max_s,
            None => {
                eprintln!(
                    "WARNING: {} has no [revocation]. Its gates do not look at revocations: NOTHING \
                     IS TAKEN BACK until it has one and they are started again.",
                    common.store.policy_path().display()
                );
                TOKEN_LIFETIME_MAX_S_DEFAULT
            }
        };
        let keep_s = common.keep.unwrap_or(lifetime_s);
        if keep_s < lifetime_s {
            bail!(
                "--keep: it can only be longer than the {} for which tokens live by the policy",
                dates::about(lifetime_s)
            );
        }
        Ok(Self {
            common,
            policy,
            now: dates::now()?,
            keep_s,
        })
    }

    /// The issuer with this name in the policy, or with this in `iss`; of an issuer that stands for all its
    /// tenants one of them.
    fn issuer(&self, name: &str) -> Result<Whose> {
        let issuers = self.policy.issuers();
        let by_url = self.policy.issuer_by_url(name);
        if let Some(issuer) = by_url {
            return Ok(Whose::of(issuer, name));
        }
        for issuer in issuers {
            let any_tenant = issuer.expectations().any_tenant;
            match name.strip_prefix(&issuer.name) {
                Some("") if any_tenant => bail!(
                    "{name}: this is all its tenants; name one of them: `{name}/TENANT`, with its `tid`"
                ),
                Some("") => return Ok(Whose::of(issuer, &issuer.url)),
                Some(rest) if any_tenant => {
                    let tenant = rest.strip_prefix('/').filter(|tenant| is_tenant(tenant));
                    if let Some(tenant) = tenant {
                        let url = issuer.url.replace(TENANT_PLACE, tenant);
                        return Ok(Whose::of(issuer, &url));
                    }
                }
                _ => {}
            }
        }
        let path = self.common.store.policy_path().display();
        let tenants: Vec<&str> = issuers
            .iter()
            .map(|issuer| issuer.name.as_str())
            .filter(|tenant| {
                tenant
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with('/'))
            })
            .collect();
        let (what, names) = if tenants.is_empty() {
            let names = issuers.iter().map(|issuer| issuer.name.as_str());
            ("lists no such issuer; it lists", names.collect())
        } else {
            ("lists tenants of this issuer; name one of", tenants)
        };
        let more = match names.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let shown: Vec<&str> = names.into_iter().take(NAMED_MAX).collect();
        bail!("{name}: {path} {what} {}{more}", shown.join(", "))
    }

    /// The only issuer that is asked about opaque tokens.
    fn introspecting(&self) -> Option<Whose> {
        let mut asked = self
            .policy
            .issuers()
            .iter()
            .filter(|issuer| issuer.introspection.is_some());
        let only = asked.next()?;
        let only = Whose::of(only, &only.url);
        asked.next().is_none().then_some(only)
    }

    /// What was issued up to then is taken back. The gates accept tokens that their issuer dates by so
    /// much ahead.
    fn before(&self, given: Option<UnixTime>) -> Result<UnixTime> {
        let before = given.unwrap_or(self.now);
        if before > self.now.saturating_add(LEEWAY_S_MAX) {
            bail!(
                "--before: {} is more than {LEEWAY_S_MAX} seconds from now",
                dates::utc(before)
            );
        }
        Ok(before)
    }

    /// When what was issued at a time has expired, whatever it is.
    fn until(&self, issued_at: UnixTime) -> UnixTime {
        issued_at.max(self.now).saturating_add(self.keep_s)
    }

    /// Writes or prints the entries. `what` says what is taken back.
    fn end(
        &self,
        issuer: &Whose,
        what: &str,
        value: Option<&str>,
        entries: &[RevocationEntry],
    ) -> Result<ExitCode> {
        let note = |entry: &RevocationEntry| Note {
            kind: entry.kind(),
            issuer: issuer.url.clone(),
            value: value.map(str::to_owned),
            reason: self.common.reason.clone(),
            created_at: self.now,
        };
        if self.common.print {
            for entry in entries {
                let note = one_token::note(&note(entry), entries);
                println!("{}", store::print_entry(&entry.name(), &note));
            }
            eprintln!("Nothing was written. The entries to write are on stdout, as NAME=VALUE.");
            return Ok(ExitCode::SUCCESS);
        }
        let store = self.common.store.open(Some(&self.policy))?;
        check_room(&store, entries, self.now)?;
        let names = entries.iter().map(RevocationEntry::name);
        let kind = entries.first().map(|entry| entry.kind().as_str());
        let act = self.common.audit.begin(
            "revoked",
            [
                ("kind", json!(kind)),
                ("issuer", json!(issuer.url)),
                ("value", json!(value)),
                ("what", json!(what)),
                ("reason", json!(self.common.reason)),
                ("entries", names.collect::<Vec<_>>().into()),
                ("store", json!(store.to_string())),
            ],
        )?;
        let mut written = entries
            .iter()
            .map(|entry| store.set(&entry.name(), &one_token::note(&note(entry), entries)));
        act.end(written.try_for_each(|written| written))?;
        eprintln!("Revoked: {what} of the issuer `{}`.", issuer.name);
        if let Some(until) = entries.iter().map(RevocationEntry::expires_at).max() {
            eprintln!("It is kept in {store} until {}.", dates::utc(until));
        }
        if self.policy.revocation().is_some() {
            eprintln!("Gates see it within {} s.", self.policy.store().refresh_s);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// More entries than gates read would keep them from deciding anything. Taking back everything of an
/// issuer is possible for longer than the rest: it is what helps then.
fn check_room(store: &Store, entries: &[RevocationEntry], now: UnixTime) -> Result<()> {
    let names = store.names()?;
    let set = RevocationSet::from_names(names.iter().map(String::as_str), now)?.set;
    let last_resort = entries
        .iter()
        .all(|entry| entry.kind() == RevocationKind::Issuer);
    if last_resort && set.names() + entries.len() <= REVOCATIONS_READ_MAX {
        return Ok(());
    }
    if set.is_full() {
        bail!(
            "{store} has {} revocations, and no more are written to it\n  help: `doorward revoke \
             issuer` takes back everything that an issuer has issued until now",
            set.names()
        );
    }
    Ok(())
}

/// The token on stdin, without what often surrounds one.
fn read_token() -> Result<String> {
    if io::stdin().is_terminal() {
        eprintln!("Paste the token, then press Enter and Ctrl-D.");
    }
    let mut text = String::new();
    io::stdin()
        .take(STDIN_BYTES_MAX)
        .read_to_string(&mut text)
        .context("the token cannot be read from stdin")?;
    let token = text.trim();
    let token = match token.split_once(char::is_whitespace) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim_start(),
        _ => token,
    };
    if token.is_empty() || token.len() > TOKEN_BYTES_MAX || token.contains(char::is_whitespace) {
        bail!(
            "what is on stdin is not one token\n  help: `doorward revoke token < FILE`, or `--id \
             JTI --issuer NAME`"
        );
    }
    Ok(token.to_owned())
}

/// What a token says of itself may hold anything.
fn shown(text: &str) -> String {
    let end = text.floor_char_boundary(SHOWN_BYTES_MAX);
    format!("{:?}", text.get(..end).unwrap_or_default())
}
