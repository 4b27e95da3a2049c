//! `doorward key`: the keys of machines.

use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, bail};
use aws_lc_rs::rand;
use clap::{Args, Subcommand, ValueEnum};
use doorward_policy::Policy;
use doorward_token::UnixTime;
use doorward_token::api_key::{self, ApiKey, KEY_RANDOM_BYTES, KEY_RECORD_PREFIX, KeyRecord};
use serde_json::json;

use crate::audit::{self, Act};
use crate::dates::{self, When};
use crate::store::{self, Store};
use crate::table;

/// Keys with which one more is written to a store. A gate lists all of them every few seconds.
const KEYS_MAX: usize = 50_000;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a key, and print it once.
    ///
    /// The key alone goes to stdout. The store keeps its hash, as does the policy.
    New(New),
    /// Show which keys the policy and the store have. The keys themselves are nowhere.
    List(List),
    /// Delete a key from the store. Gates refuse it within the `refresh_s` of their policy.
    Revoke(Revoke),
}

#[derive(Args)]
struct New {
    /// Who uses the key: visible characters other than `:`. The subject that the service is told.
    #[arg(long, value_parser = name)]
    name: String,
    /// What the key allows; may be repeated, or several separated by spaces.
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// When it ends: `90d`, or a time such as 2030-01-31T12:00:00Z [default: never]
    #[arg(long, value_name = "WHEN", value_parser = dates::when)]
    expires: Option<When>,
    /// Where its hash is kept.
    #[arg(long, value_enum, default_value_t = Destination::Store, conflicts_with = "print")]
    to: Destination,
    /// Write nothing: print the entry for a store elsewhere to stderr, as NAME=VALUE.
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    audit: audit::Arguments,
    #[command(flatten)]
    store: store::Arguments,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Destination {
    /// The key-value store, which gates read while they run.
    Store,
    /// The policy: its table is printed to stderr, to be pasted.
    Policy,
}

#[derive(Args)]
struct List {
    /// For programs: `{"keys": [{"id", "name", "scopes", "created_at", "expires_at", "in"}]}`.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: store::Arguments,
}

#[derive(Args)]
struct Revoke {
    /// The id of the key, or its name where only one key has it.
    key: String,
    /// Delete nothing: print the name of the entry to delete from a store elsewhere. Needs the id.
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    audit: audit::Arguments,
    #[command(flatten)]
    store: store::Arguments,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    match arguments.command {
        Command::New(arguments) => new(&arguments),
        Command::List(arguments) => list(&arguments),
        Command::Revoke(arguments) => revoke(&arguments),
    }
}

fn name(text: &str) -> Result<String, String> {
    if KeyRecord::is_name(text) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "it has to be 1 to {} visible ASCII characters other than `:`",
            api_key::KEY_NAME_BYTES_MAX
        ))
    }
}

fn new(arguments: &New) -> Result<ExitCode> {
    let now = dates::now()?;
    let scopes: Vec<String> = arguments
        .scope
        .iter()
        .flat_map(|scopes| scopes.split_whitespace())
        .map(str::to_owned)
        .collect();
    if let Some(scope) = scopes.iter().find(|scope| !KeyRecord::is_scope(scope)) {
        bail!(
            "--scope {scope:?}: a scope has 1 to {} visible ASCII characters other than `\"` and \
             `\\`",
            api_key::SCOPE_BYTES_MAX
        );
    }
    let expires_at = arguments.expires.map(|when| when.from(now));
    if let Some(at) = expires_at.filter(|&at| at <= now) {
        bail!("--expires: {} is in the past", dates::utc(at));
    }
    let policy = arguments.store.policy_if_any()?;
    let mut random = [0; KEY_RANDOM_BYTES];
    rand::fill(&mut random).map_err(|_| anyhow!("the system has no randomness"))?;
    let key = api_key::generate(&random);
    let record = KeyRecord {
        id: key.id,
        name: arguments.name.clone(),
        digest: key.digest,
        scopes,
        created_at: now,
        expires_at,
    };
    record.check()?;
    let kept = keep(arguments, policy.as_ref(), &record)?;
    eprintln!(
        "The key {} of {}, {}. It is shown this once:",
        record.id,
        record.name,
        match record.expires_at {
            Some(at) => format!("valid until {}", dates::utc(at)),
            None => "which never expires".to_owned(),
        }
    );
    println!("{}", key.text);
    eprintln!("{kept}");
    if arguments.to == Destination::Store {
        warn_unused(arguments, policy.as_ref());
    }
    Ok(ExitCode::SUCCESS)
}

/// Keeps the record where it is to be kept, and says where that is.
fn keep(arguments: &New, policy: Option<&Policy>, record: &KeyRecord) -> Result<String> {
    let name = KeyRecord::entry_name(&record.id);
    if arguments.to == Destination::Policy {
        begin(arguments, record, "policy", None)?.end(Ok(()))?;
        return Ok(format!(
            "For {}, which gates read when they start:\n\n{}",
            arguments.store.policy_path().display(),
            policy_table(record)
        ));
    }
    if arguments.print {
        begin(arguments, record, "print", None)?.end(Ok(()))?;
        return Ok(format!(
            "Nothing was written. The entry, as NAME=VALUE:\n\n{}\n",
            store::print_entry(&name, &record.to_bytes())
        ));
    }
    let store = arguments.store.open_or_create(policy)?;
    let ids = ids(&store)?;
    if ids.len() >= KEYS_MAX {
        bail!(
            "{store} has {} keys, and no more are written to it\n  help: delete some with \
             `doorward key revoke`",
            ids.len()
        );
    }
    let act = begin(arguments, record, "store", Some(&store))?;
    act.end(store.set(&name, &record.to_bytes()))?;
    Ok(format!("Its hash is in {store}."))
}

/// Records that a key is made.
fn begin(
    arguments: &New,
    record: &KeyRecord,
    to: &'static str,
    store: Option<&Store>,
) -> Result<Act> {
    arguments.audit.begin(
        "key-made",
        [
            ("id", json!(record.id)),
            ("name", json!(record.name)),
            ("scopes", json!(record.scopes.join(" "))),
            ("expires", json!(record.expires_at.map(dates::utc))),
            ("to", json!(to)),
            ("store", json!(store.map(ToString::to_string))),
        ],
    )
}

/// A key that no gate looks up is refused, which is hard to find out from its answers.
fn warn_unused(arguments: &New, policy: Option<&Policy>) {
    let path = arguments.store.policy_path().display();
    let reason = match policy {
        None => format!("there is no {path} here"),
        Some(policy) => match policy.api_keys() {
            None => format!("{path} has no [api_keys], so no gate accepts a key yet"),
            Some(keys) if !keys.store => {
                format!("{path} says `store = false` in [api_keys], so no gate looks there")
            }
            Some(_) => return,
        },
    };
    eprintln!("warning: {reason}");
}

/// The table that the policy has for a key.
fn policy_table(record: &KeyRecord) -> String {
    // What a name or a scope can hold is written the same in a JSON and in a TOML string.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut table = format!(
        "[[api_keys.key]]\nname = {}\nid = {}\nhash = {}\n",
        quoted(&record.name),
        quoted(&record.id),
        quoted(&record.digest.text()),
    );
    if !record.scopes.is_empty() {
        let scopes: Vec<String> = record.scopes.iter().map(|scope| quoted(scope)).collect();
        table.push_str(&format!("scope = [{}]\n", scopes.join(", ")));
    }
    if let Some(at) = record.expires_at {
        table.push_str(&format!("expires = {}\n", quoted(&dates::utc(at))));
    }
    table
}

fn ids(store: &Store) -> Result<Vec<String>> {
    let names = store.names()?;
    let ids = names.iter().filter_map(|name| KeyRecord::id_of_entry(name));
    Ok(ids.map(str::to_owned).collect())
}

/// What the store has under the id of a key.
fn read(store: &Store, id: &str) -> Result<Option<KeyRecord>> {
    let Some(bytes) = store.get(&KeyRecord::entry_name(id))? else {
        return Ok(None);
    };
    let record = KeyRecord::parse(&bytes, id);
    record.map(Some).with_context(|| {
        format!(
            "{KEY_RECORD_PREFIX}{id} is not a record of this version, and gates refuse the key; \
             delete it with `doorward key revoke {id}`"
        )
    })
}

fn list(arguments: &List) -> Result<ExitCode> {
    let now = dates::now()?;
    let policy = arguments.store.policy_if_any()?;
    let store = arguments.store.open(policy.as_ref());
    let mut keys = Vec::new();
    if let Some(listed) = policy.as_ref().and_then(Policy::api_keys) {
        keys.extend(listed.listed().iter().map(|key| (key.clone(), "policy")));
    }
    let mut complete = true;
    match store {
        Ok(store) => {
            for id in ids(&store)? {
                match read(&store, &id) {
                    Ok(record) => keys.extend(record.map(|record| (record, "store"))),
                    Err(error) => {
                        eprintln!("error: {error:#}");
                        complete = false;
                    }
                }
            }
        }
        // The keys of the policy are there without a store.
        Err(error) if !keys.is_empty() => eprintln!("warning: {error:#}"),
        Err(error) => return Err(error),
    }
    keys.sort_by(|(one, _), (other, _)| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    if arguments.json {
        let keys: Vec<_> = keys
            .iter()
            .map(|(key, place)| {
                json!({
                    "id": key.id,
                    "name": key.name,
                    "scopes": key.scopes,
                    "created_at": (*place == "store").then_some(key.created_at.0),
                    "expires_at": key.expires_at.map(|at| at.0),
                    "in": place,
                })
            })
            .collect();
        println!("{:#}", json!({ "keys": keys }));
    } else if keys.is_empty() {
        println!("There are no keys. `doorward key new --name … --scope …` makes one.");
    } else {
        let rows: Vec<_> = keys
            .iter()
            .map(|(key, place)| row(key, place, now))
            .collect();
        let headings = ["NAME", "ID", "IN", "CREATED", "EXPIRES", "SCOPES"];
        print!("{}", table::render(headings, &rows));
    }
    Ok(if complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn row(key: &KeyRecord, place: &str, now: UnixTime) -> [String; 6] {
    [
        key.name.clone(),
        key.id.clone(),
        place.to_owned(),
        // The policy does not say when.
        match place {
            "store" => dates::utc(key.created_at),
            _ => "-".to_owned(),
        },
        match key.expires_at {
            None => "never".to_owned(),
            Some(at) if at <= now => format!("{} (over)", dates::utc(at)),
            Some(at) => dates::utc(at),
        },
        key.scopes.join(" "),
    ]
}

fn revoke(arguments: &Revoke) -> Result<ExitCode> {
    let policy = arguments.store.policy_if_any()?;
    // Whoever has the whole key at hand, because it was found somewhere, need not take it apart.
    let whole = ApiKey::parse(arguments.key.as_bytes()).ok();
    let sought = whole.as_ref().map_or(arguments.key.as_str(), ApiKey::id);
    let is_id = KeyRecord::id_of_entry(&KeyRecord::entry_name(sought)).is_some();
    let listed = policy.as_ref().and_then(Policy::api_keys);
    let listed = listed.is_some_and(|keys| {
        let mut keys = keys.listed().iter();
        keys.any(|key| key.id == sought || key.name == sought)
    });
    if listed {
        eprintln!(
            "warning: {} lists a key with the id or name {sought}; it is in force until its \
             [[api_keys.key]] is taken out there",
            arguments.store.policy_path().display()
        );
    }
    if arguments.print {
        if !is_id {
            bail!("with --print the id of the key is needed; `doorward key list` shows it");
        }
        println!("{}", KeyRecord::entry_name(sought));
        eprintln!("Nothing was deleted. This is the entry to delete.");
        return Ok(ExitCode::SUCCESS);
    }
    let store = arguments.store.open(policy.as_ref())?;
    let id = if is_id && store.get(&KeyRecord::entry_name(sought))?.is_some() {
        sought.to_owned()
    } else {
        only_one_named(&store, sought)?
    };
    // What cannot be read has no name.
    let name = read(&store, &id).ok().flatten().map(|record| record.name);
    let act = arguments.audit.begin(
        "key-revoked",
        [
            ("id", json!(id)),
            ("name", json!(name)),
            ("store", json!(store.to_string())),
        ],
    )?;
    let deleted = store.delete(&KeyRecord::entry_name(&id));
    act.end(deleted.and_then(|deleted| match deleted {
        true => Ok(()),
        false => bail!("somebody else has just deleted the key {id} from {store}"),
    }))?;
    eprintln!(
        "The key {id} is deleted from {store}.\nGates refuse it within {} s.",
        policy
            .as_ref()
            .map_or(doorward_policy::STORE_REFRESH_S_DEFAULT, |policy| {
                policy.store().refresh_s
            })
    );
    Ok(if listed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn only_one_named(store: &Store, name: &str) -> Result<String> {
    let mut found = Vec::new();
    for id in ids(store)? {
        // What cannot be read has no name.
        if let Ok(Some(record)) = read(store, &id)
            && record.name == name
        {
            found.push(id);
        }
    }
    match found.as_slice() {
        [id] => Ok(id.clone()),
        [] => bail!(
            "{store} has no key with this id or name\n  help: `doorward key list` shows what it \
             has"
        ),
        several => bail!(
            "{store} has {} keys of this name\n  help: name one by its id: {}",
            several.len(),
            several.join(", ")
        ),
    }
}
