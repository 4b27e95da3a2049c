//! `[log]`

use super::values;
use crate::finding::Code;
use crate::log::{FieldNames, LogRule, ToldPrincipal};
use crate::policy::Policy;
use crate::source::{Fields, Source, list, shown};

impl Policy {
    /// What the log says of each request; `None`: nothing but why it was refused.
    #[must_use]
    pub fn log(&self) -> Option<&LogRule> {
        // Where it is never read, all that would come of it is left out.
        self.log.as_ref().filter(|_| cfg!(feature = "access-log"))
    }
}

pub(super) fn read(source: &mut Source<'_>, root: Fields<'_, '_>) -> Option<LogRule> {
    if cfg!(not(feature = "access-log")) {
        return None;
    }
    let fields = source.table_of(root, "log")?;
    let principal = match source.choice(fields, "principal", &["plain", "hash", "none"]) {
        0 => ToldPrincipal::Plain,
        1 => ToldPrincipal::Hash,
        _ => ToldPrincipal::None,
    };
    let secret = values::variable(source, fields, "secret");
    if (principal == ToldPrincipal::Hash) == secret.is_empty() {
        let message = "`principal = \"hash\"` and `secret` belong together";
        let help = "name the Spin variable that has the key of the hash with `secret`";
        let offset = fields.key_offset("secret").unwrap_or(fields.offset);
        source.find_with(Code::Conflict, offset, &message, Some(&help), &[]);
    }
    let names = match source.choice(fields, "names", &["own", "ecs", "otel"]) {
        0 => FieldNames::Own,
        1 => FieldNames::Ecs,
        _ => FieldNames::Otel,
    };
    let rule = LogRule {
        admitted_percent: source.number(fields, "admitted_percent", 0..=100, 100),
        principal,
        secret,
        level_variable: level_variable(source, fields),
        names,
        fields: told(source, fields),
    };
    source.finish(fields, "`log`");
    Some(rule)
}

/// The variable that says which events there are.
fn level_variable(source: &mut Source<'_>, log: Fields<'_, '_>) -> String {
    const KEY: &str = "level_variable";
    let name = values::variable(source, log, KEY);
    // Also names, and nobody calls a variable so.
    if LogRule::LEVELS.contains(&name.as_str()) {
        let message = format_args!("`{KEY}` is the name of a variable, and `{name}` a level");
        let help = "name the Spin variable that has the level, such as `log_level`";
        let offset = log.key_offset(KEY).unwrap_or(log.offset);
        source.find_with(Code::BadValue, offset, &message, Some(&help), &[]);
    }
    name
}

fn told(source: &mut Source<'_>, log: Fields<'_, '_>) -> Vec<String> {
    let Some(value) = log.get("fields") else {
        return LogRule::FIELDS.map(str::to_owned).to_vec();
    };
    let entries = source.strings(value, "`fields`", LogRule::FIELDS.len());
    let entries = entries.unwrap_or_default();
    for entry in &entries {
        if !LogRule::FIELDS.contains(&entry.value) {
            let message = format_args!("`{}` cannot be left out of a line", shown(entry.value));
            let help = format_args!("there are {}", list(&LogRule::FIELDS));
            source.find_with(Code::BadValue, entry.offset, &message, Some(&help), &[]);
        }
    }
    let names = entries.iter().map(|entry| entry.value.to_owned());
    names.collect()
}
