//! `[log]`

#[cfg(feature = "access-log")]
use super::date;
#[cfg(feature = "access-log")]
use super::route::ReadRoute;
use super::values;
use crate::finding::Code;
#[cfg(feature = "access-log")]
use crate::identity::IdentityHeader;
#[cfg(feature = "access-log")]
use crate::inputs::{self, INPUT_CLAIMS_MAX};
use crate::log::{FieldNames, LogRule, ToldPrincipal};
use crate::policy::Policy;
#[cfg(feature = "access-log")]
use crate::recorded::Recorded;
#[cfg(feature = "access-log")]
use crate::report::ReportUntil;
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
        told: told(source, fields),
        #[cfg(feature = "access-log")]
        decision_inputs: decision_inputs(source, fields),
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

#[cfg(feature = "access-log")]
const INPUTS: &str = "decision_inputs";
#[cfg(feature = "access-log")]
const INPUTS_UNTIL: &str = "decision_inputs_until";

/// Until when lines say what decisions depended on.
#[cfg(feature = "access-log")]
fn decision_inputs(source: &mut Source<'_>, log: Fields<'_, '_>) -> Option<ReportUntil> {
    let wanted = source.flag(log, INPUTS, false);
    let until = date::read_or_day(source, log, INPUTS_UNTIL);
    match (wanted, log.key_offset(INPUTS_UNTIL)) {
        (true, None) => {
            let message = format_args!("`{INPUTS}` has no `{INPUTS_UNTIL}`");
            let help = "say when it ends, since it puts claims of people into the log: \
                        `decision_inputs_until = \"2027-01-31\"`";
            let offset = log.key_offset(INPUTS).unwrap_or(log.offset);
            source.find_with(Code::MissingKey, offset, &message, Some(&help), &[]);
        }
        (false, Some(offset)) => {
            let message = format_args!("`{INPUTS_UNTIL}` is there, and no `{INPUTS} = true`");
            source.find_with(Code::Conflict, offset, &message, None, &[]);
        }
        (true, Some(_)) | (false, None) => {}
    }
    until.filter(|_| wanted).map(ReportUntil)
}

/// What lines tell of decisions by these rules, where the policy wants it.
#[cfg(feature = "access-log")]
pub(super) fn recorded(
    source: &mut Source<'_>,
    root: Fields<'_, '_>,
    log: Option<&LogRule>,
    rules: &[ReadRoute],
    identity: &[IdentityHeader],
) -> Option<Box<Recorded>> {
    log?.decision_inputs?;
    let claims = inputs::named(rules.iter().filter_map(|rule| rule.access.as_ref()));
    if claims.len() > INPUT_CLAIMS_MAX {
        let message = format_args!(
            "rules name more than {INPUT_CLAIMS_MAX} claims, and `{INPUTS}` is for so many at most"
        );
        let table = root.get("log").and_then(|value| root.table(value));
        let offset = table.and_then(|log| log.key_offset(INPUTS));
        source.find(Code::TooLarge, offset.unwrap_or_default(), &message);
    }
    let identity = inputs::identity(identity);
    Some(Box::new(Recorded { claims, identity }))
}

fn told(source: &mut Source<'_>, log: Fields<'_, '_>) -> u16 {
    let Some(value) = log.get("fields") else {
        return LogRule::told_of(LogRule::FIELDS);
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
    LogRule::told_of(entries.iter().map(|entry| entry.value))
}
