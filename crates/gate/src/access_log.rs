//! The line about a request, where the policy has `[log]`: a view of its record.
//!
//! Nothing of a request is in it but its method, what it is called, and whose it is as far as the policy says so. Which
//! fields there are, with their names of three kinds: `docs/operations.md`.

#[cfg(feature = "access-log")]
use doorward_policy::Inputs;
#[cfg(feature = "access-log")]
use doorward_policy::field_names::INPUTS;
use doorward_policy::field_names::{
    ATTEMPTS, BYTES_IN, BYTES_OUT, CACHE, CLASS, CREDENTIAL, DECISION, DURATION, EVENT, Field,
    INSTANCE_AGE_MS, ISSUER, LEVEL, LINKED_TRACE_ID, METHOD, PATH, PRINCIPAL_HASH, REASON,
    REQUEST_ID, ROUTE, RULE, SPAN_ID, STATUS, SUBJECT, TIME, TRACE_ID, UPSTREAM,
};
use doorward_policy::{FieldNames, LogRule, Refusal};
use doorward_syntax::date::rfc3339;
use doorward_traffic::Millis;
use std::fmt::Write as _;

use crate::event::Level;
use crate::levels::Levels;
use crate::record::{Outcome, Proof, Record};

/// Bytes of a line, line feed included: as many as WASI writes at once.
pub(crate) const LINE_BYTES_MAX: usize = 4096;
/// A text is cut after this many bytes, with its escapes.
const TEXT_BYTES_MAX: usize = 256;
/// The same, for the reason of a refusal.
const REASON_BYTES_MAX: usize = 512;

/// Whether there is a line about a request. Of one that was refused, or would have been, there always is.
pub(crate) fn is_told(
    rule: &LogRule,
    levels: Option<&Levels>,
    record: &Record<'_>,
    status: Option<u16>,
) -> bool {
    if matches!(record.outcome, Outcome::Refused(_)) || record.would_refuse().is_some() {
        return true;
    }
    let (level, _, _) = decided(record, status);
    if levels.is_some_and(|levels| !levels.admit("gate", level)) {
        return false;
    }
    if matches!(record.outcome, Outcome::Failed) || status.is_none_or(|status| status >= 500) {
        return true;
    }
    // All that belong to a trace alike. The first half of an id may be a time.
    let digits = record.trace.span.trace_id().get(18..).unwrap_or_default();
    let number = u64::from_str_radix(digits, 16).unwrap_or_default();
    number % 100 < rule.admitted_percent
}

/// The line about a request that was answered, line feed included.
pub(crate) fn line(
    rule: &LogRule,
    record: &Record<'_>,
    status: Option<u16>,
    now: Millis,
) -> String {
    let refusal = match &record.outcome {
        Outcome::Refused(refusal) => Some(refusal),
        _ => record.would_refuse(),
    };
    let (level, event, decision) = decided(record, status);
    let mut line = Line::new(rule);
    line.plain(TIME, &rfc3339(now.0));
    line.plain(LEVEL, level.name());
    line.plain(EVENT, event);
    // Well-formed, or our own: none needs an escape.
    line.plain(REQUEST_ID, &record.trace.request_id);
    line.plain(TRACE_ID, record.trace.span.trace_id());
    line.plain(SPAN_ID, record.trace.span.span_id());
    if let Some(link) = &record.trace.link {
        line.plain(LINKED_TRACE_ID, link.trace_id());
    }
    line.text(METHOD, &record.method);
    if let Some(route) = record.route.or(record.endpoint) {
        line.text(ROUTE, route);
    }
    line.number_if(RULE, record.rule);
    line.number_if(STATUS, status.map(u64::from));
    line.plain(DECISION, decision);
    if let Some(refusal) = refusal {
        line.refusal(refusal, record.path());
    }
    if let Some(times) = record.times {
        let answered = times.answered.unwrap_or(times.arrived);
        line.duration(answered.since(times.arrived));
        line.number_if(INSTANCE_AGE_MS, Some(times.arrived.since(times.instance)));
    }
    line.number_if(BYTES_IN, Some(record.body_bytes));
    line.number_if(BYTES_OUT, record.answer_bytes);
    line.caller(record);
    if let Some(asked) = record.upstreams.last() {
        let attempts = record.upstreams.iter().map(|asked| asked.attempts.len());
        line.text(UPSTREAM, &asked.upstream.name);
        line.number_if(ATTEMPTS, u64::try_from(attempts.sum::<usize>()).ok());
    }
    #[cfg(feature = "access-log")]
    if let Some(inputs) = &record.inputs {
        line.inputs(inputs);
    }
    line.ended()
}

/// What was decided of a request, in a word.
#[cfg(feature = "metrics")]
pub(crate) fn decision(record: &Record<'_>) -> &'static str {
    decided(record, None).2
}

/// How much a line matters, its event, and what was decided.
fn decided(record: &Record<'_>, status: Option<u16>) -> (Level, &'static str, &'static str) {
    let (event, decision) = match &record.outcome {
        Outcome::Refused(_) => ("refused", "refused"),
        // Whatever came of it behind: the status says that.
        _ if record.would_refuse().is_some() => ("would-refuse", "would_refuse"),
        Outcome::Answered(_) => ("request", "answered"),
        Outcome::Forwarded(_) => ("request", "admitted"),
        Outcome::Failed | Outcome::UnderWay => ("request", "failed"),
    };
    let level = match status {
        None | Some(500..) => Level::Error,
        _ if event != "request" => Level::Warn,
        _ => Level::Info,
    };
    (level, event, decision)
}

/// Whether each byte of a text stands for itself: printable ASCII, and neither a quotation mark nor a backslash. Eight
/// bytes at a time, because WebAssembly looks whether to pause in every turn of a loop.
fn is_plain(text: &str) -> bool {
    const EIGHT: u64 = 0x0101_0101_0101_0101;
    const HIGHEST: u64 = 0x80 * EIGHT;
    // Which byte is below the limit, up to 128, is told by the highest bit of each. Of two that are, those above the
    // first one may be told wrongly: here it only matters whether there is one.
    let below = |eight: u64, limit: u64| eight.wrapping_sub(limit * EIGHT) & !eight & HIGHEST;
    let other = |eight: u64| {
        let is = |byte: u8| below(eight ^ (u64::from(byte) * EIGHT), 1);
        eight & HIGHEST | below(eight, b' '.into()) | is(b'"') | is(b'\\') | is(0x7f)
    };
    let (eights, rest) = text.as_bytes().as_chunks();
    let mut last = [b' '; 8];
    for (place, byte) in last.iter_mut().zip(rest) {
        *place = *byte;
    }
    let all = eights.iter().chain([&last]);
    all.fold(0, |found, eight| found | other(u64::from_le_bytes(*eight))) == 0
}

/// A line under way.
struct Line<'r> {
    rule: &'r LogRule,
    text: String,
}

impl<'r> Line<'r> {
    fn new(rule: &'r LogRule) -> Self {
        let text = String::with_capacity(LINE_BYTES_MAX / 4);
        Self { rule, text }
    }

    /// Begins a field, where the line has it.
    fn begins(&mut self, field: &Field, is_text: bool) -> bool {
        let [own, ..] = field.names;
        if !self.rule.tells(own) {
            return false;
        }
        let mut opening = self.rule.names.of(field.openings);
        if self.text.is_empty() {
            self.text.push('{');
            opening = opening.strip_prefix(',').unwrap_or(opening);
        }
        if !is_text {
            opening = opening.strip_suffix('"').unwrap_or(opening);
        }
        self.text.push_str(opening);
        true
    }

    /// A text of which each byte stands for itself, and that is not long.
    fn plain(&mut self, field: &Field, value: &str) {
        if self.begins(field, true) {
            self.text.push_str(value);
            self.text.push('"');
        }
    }

    fn text(&mut self, field: &Field, value: &str) {
        self.text_up_to(field, value, TEXT_BYTES_MAX);
    }

    fn text_up_to(&mut self, field: &Field, value: &str, bytes_max: usize) {
        if value.len() <= bytes_max && is_plain(value) {
            return self.plain(field, value);
        }
        if !self.begins(field, true) {
            return;
        }
        let end = self.text.len() + bytes_max;
        for character in value.chars() {
            let length = self.text.len();
            match character {
                '"' | '\\' => self.text.extend(['\\', character]),
                // Those of C1 move the cursor of some terminals.
                _ if character.is_control() => {
                    let _ = write!(self.text, "\\u{:04x}", u32::from(character));
                }
                _ => self.text.push(character),
            }
            if self.text.len() > end {
                self.text.truncate(length);
                break;
            }
        }
        self.text.push('"');
    }

    fn number_if(&mut self, field: &Field, number: Option<u64>) {
        if let Some(number) = number
            && self.begins(field, false)
        {
            self.text.push_str(itoa::Buffer::new().format(number));
        }
    }

    /// Of milliseconds; the Elastic Common Schema counts in nanoseconds.
    fn duration(&mut self, ms: u64) {
        let number = match self.rule.names {
            FieldNames::Ecs => ms.saturating_mul(1_000_000),
            FieldNames::Own | FieldNames::Otel => ms,
        };
        self.number_if(DURATION, Some(number));
    }

    fn refusal(&mut self, refusal: &Refusal, path: &str) {
        self.plain(CLASS, refusal.class().name());
        let reason = refusal.reason().to_string();
        self.text_up_to(REASON, &reason, REASON_BYTES_MAX);
        self.text_up_to(PATH, path, REASON_BYTES_MAX);
    }

    fn caller(&mut self, record: &Record<'_>) {
        if let Some(credential) = record.credential {
            self.plain(CREDENTIAL, credential.name());
        }
        match record.proof {
            Some(Proof::Remembered) => self.plain(CACHE, "hit"),
            Some(Proof::Signature { .. }) => self.plain(CACHE, "miss"),
            Some(Proof::Introspection | Proof::Listed | Proof::Stored) | None => {}
        }
        if let Some(hash) = &record.principal_hash {
            self.text(PRINCIPAL_HASH, hash);
        } else if let Some(principal) = &record.principal {
            self.text(ISSUER, principal.issuer());
            if let Some(subject) = principal.subject() {
                self.text(SUBJECT, subject);
            }
        }
    }

    /// What the decision depended on, if there is room for it.
    #[cfg(feature = "access-log")]
    fn inputs(&mut self, inputs: &Inputs) {
        const AROUND_BYTES: usize = ",\"doorward.inputs\":}\n".len();
        // Where not even that it would be more has room, there is nothing.
        let room = LINE_BYTES_MAX.saturating_sub(self.text.len() + AROUND_BYTES);
        let text = inputs.text(room);
        if text.len() <= room && self.begins(INPUTS, false) {
            self.text.push_str(&text);
        }
    }

    fn ended(mut self) -> String {
        self.text.push_str("}\n");
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn a_text_is_plain_where_each_of_its_bytes_stands_for_itself() {
        assert!(is_plain(""));
        for length in 1..=25 {
            for at in 0..length {
                for character in (0..=0xff_u8)
                    .map(char::from)
                    .chain(['\u{7ff}', '\u{1f511}'])
                {
                    let around = |bytes| "~".repeat(bytes);
                    let text = around(at) + &character.to_string() + &around(length - at - 1);
                    let is_printable = (' '..='~').contains(&character);
                    let expected = is_printable && !['"', '\\'].contains(&character);
                    assert_eq!(is_plain(&text), expected, "{text:?}");
                }
            }
        }
        assert!(!is_plain("\u{1}\u{0}\u{1}\u{0}\u{1}\u{0}\u{1}\u{0}"));
    }
}
