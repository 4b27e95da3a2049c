//! How `doorward up` shows what components write: as it is, or for people.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;
use doorward_host::{LogLine, LogSink, LogStream};
use doorward_policy::field_names::{
    DURATION, EVENT, Field, LEVEL, LINKED_TRACE_ID, METHOD, PATH, REASON, REQUEST_ID, ROUTE,
    SPAN_ID, STATUS, TIME, TRACE_ID,
};
use doorward_syntax::date::rfc3339;
use serde_json::{Map, Value};

use crate::dates;
use crate::terminal::escaped;

/// How the lines of components are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people where standard error is a terminal, as they are elsewhere.
    Auto,
    /// As they are.
    Json,
    /// For people: a line of the gate as words, all others as they are.
    Text,
}

impl LogFormat {
    /// Where the lines go; `None`: as they are to standard output and standard error.
    pub(super) fn sink(self) -> Option<LogSink> {
        let is_text = match self {
            Self::Auto => io::stderr().is_terminal(),
            Self::Json => false,
            Self::Text => true,
        };
        // https://no-color.org: whatever its value is, if it has one.
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let has_color = io::stderr().is_terminal() && !no_color;
        is_text.then(|| LogSink::new(move |line| show(line, has_color)))
    }
}

fn show(line: LogLine<'_>, has_color: bool) {
    let shown = match line.stream {
        LogStream::Stdout => None,
        LogStream::Stderr => {
            // A clock that is before 1970 is no reason to show nothing.
            let now = dates::stamp().unwrap_or_else(|_| rfc3339(0));
            readable(line.component, line.text, &now, has_color)
        }
    };
    let shown = shown.unwrap_or_else(|| format!("[{}] {}\n", line.component, line.text));
    // A closed pipe is no reason to fail a request, so write errors are ignored.
    let _ = match line.stream {
        LogStream::Stdout => io::stdout().lock().write_all(shown.as_bytes()),
        LogStream::Stderr => io::stderr().lock().write_all(shown.as_bytes()),
    };
}

/// What is left out: who looks for it has the line itself.
const LEFT_OUT: [&Field; 3] = [TRACE_ID, SPAN_ID, LINKED_TRACE_ID];

/// A line of the gate as one line for people; `None`: it is none.
fn readable(component: &str, text: &str, now: &str, has_color: bool) -> Option<String> {
    let Ok(Value::Object(mut members)) = serde_json::from_str(text) else {
        return None;
    };
    let level = take(&mut members, LEVEL)?;
    let event = take(&mut members, EVENT)?;
    let time = take(&mut members, TIME);
    let time = time.as_deref().unwrap_or(now);
    // The day is on nobody's mind who looks at a terminal.
    let (_, of_day) = time.split_once('T').unwrap_or(("", time));
    let mut shown = format!("{of_day} ");
    level_into(&mut shown, &level, has_color);
    let _ = write!(shown, " [{}] {event}", escaped(component));
    let is_ecs_duration = members.contains_key("event.duration");
    let method = take(&mut members, METHOD);
    // Where both are there, the route is among the rest.
    let path = take(&mut members, PATH).or_else(|| take(&mut members, ROUTE));
    let words = [method, path, take(&mut members, STATUS)];
    for word in words.iter().flatten() {
        shown.push(' ');
        shown.push_str(word);
    }
    if let Some(duration) = take(&mut members, DURATION) {
        let nanoseconds = duration.parse::<u64>().ok().filter(|_| is_ecs_duration);
        match nanoseconds {
            Some(nanoseconds) => shown.push_str(&format!(" {} ms", nanoseconds / 1_000_000)),
            None => shown.push_str(&format!(" {duration} ms")),
        }
    }
    if let Some(reason) = take(&mut members, REASON) {
        shown.push_str(": ");
        shown.push_str(&reason);
    }
    let request_id = take(&mut members, REQUEST_ID);
    for (name, value) in &members {
        let is_it = |field: &&Field| field.names.contains(&name.as_str());
        if !LEFT_OUT.iter().any(is_it) {
            member_into(&mut shown, name, value);
        }
    }
    if let Some(id) = request_id {
        shown.push_str(" request_id=");
        shown.push_str(&id);
    }
    shown.push('\n');
    Some(shown)
}

/// Takes a member out, under whichever name it is there.
fn take(members: &mut Map<String, Value>, field: &Field) -> Option<String> {
    let value = field.names.iter().find_map(|name| members.remove(*name))?;
    Some(match value {
        Value::String(text) => escaped(&text),
        other => escaped(&other.to_string()),
    })
}

fn member_into(shown: &mut String, name: &str, value: &Value) {
    shown.push(' ');
    shown.push_str(&escaped(name));
    shown.push('=');
    match value {
        Value::String(text) if !text.is_empty() && !text.contains([' ', '"', '=']) => {
            shown.push_str(&escaped(text));
        }
        // In quotes.
        other => shown.push_str(&escaped(&other.to_string())),
    }
}

fn level_into(shown: &mut String, level: &str, has_color: bool) {
    let color = match level {
        "error" => Some(31),
        "warn" => Some(33),
        "info" => Some(32),
        _ => None,
    };
    let level = level.to_uppercase();
    match color.filter(|_| has_color) {
        Some(color) => shown.push_str(&format!("\u{1b}[{color}m{level:5}\u{1b}[0m")),
        None => shown.push_str(&format!("{level:5}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-01-01T12:34:56.789Z";

    fn shown(text: &str) -> String {
        readable("shop", text, NOW, false).unwrap_or_default()
    }

    #[test]
    fn a_line_of_the_gate_is_words_for_people() {
        let refused = r#"{"class":"no-credential","event":"refused","level":"warn","method":"GET","path":"/orders/7",
            "reason":"no credential","request_id":"0b1f","route":"/orders/{id}","status":"401","trace_id":"0b1f"}"#;
        assert_eq!(
            shown(refused),
            "12:34:56.789Z WARN  [shop] refused GET /orders/7 401: no credential class=no-credential \
             route=/orders/{id} request_id=0b1f\n"
        );
        let admitted = r#"{"time":"2027-05-06T07:08:09.010Z","level":"info","event":"request","request_id":"0b1f",
            "trace_id":"a","span_id":"b","method":"GET","route":"/orders/{id}","status":200,"decision":"admitted",
            "duration_ms":3,"issuer":"acme","subject":"al ice"}"#;
        assert_eq!(
            shown(admitted),
            "07:08:09.010Z INFO  [shop] request GET /orders/{id} 200 3 ms decision=admitted issuer=acme \
             subject=\"al ice\" request_id=0b1f\n"
        );
        let keys = r#"{"age_s":"0","event":"keys-loaded","issuer":"acme","level":"info"}"#;
        assert_eq!(
            shown(keys),
            "12:34:56.789Z INFO  [shop] keys-loaded age_s=0 issuer=acme\n"
        );
    }

    #[test]
    fn lines_with_names_of_ecs_and_opentelemetry_are_shown_alike() {
        let own = shown(
            r#"{"time":"2027-05-06T07:08:09.010Z","level":"error","event":"request","method":"GET","route":"/a",
                "status":500,"duration_ms":3,"request_id":"x"}"#,
        );
        let ecs = shown(
            r#"{"@timestamp":"2027-05-06T07:08:09.010Z","log.level":"error","event.action":"request",
                "http.request.method":"GET","labels.route":"/a","http.response.status_code":500,
                "event.duration":3999999,"http.request.id":"x","trace.id":"t","span.id":"s"}"#,
        );
        let otel = shown(
            r#"{"timestamp":"2027-05-06T07:08:09.010Z","severity_text":"error","event.name":"request",
                "http.request.method":"GET","http.route":"/a","http.response.status_code":500,
                "doorward.duration_ms":3,"doorward.request_id":"x"}"#,
        );
        assert_eq!(
            own,
            "07:08:09.010Z ERROR [shop] request GET /a 500 3 ms request_id=x\n"
        );
        assert_eq!((&own, &own), (&ecs, &otel));
    }

    #[test]
    fn what_is_no_line_of_the_gate_is_left_as_it_is() {
        for text in [
            "",
            "listening",
            "{",
            "[1]",
            "7",
            "{}",
            r#"{"level":"info"}"#,
            r#"{"event":"x"}"#,
            r#"{"level":"info","message":"of another component"}"#,
        ] {
            assert_eq!(readable("shop", text, NOW, true), None, "{text}");
        }
    }

    #[test]
    fn nothing_that_a_terminal_obeys_comes_from_a_line() {
        // Escape, CSI as one character, a bell, a line end, and marks that turn the text round.
        let hostile = [
            "\\u001b[2J",
            "\\u009b31m",
            "\\u0007",
            "\\r\\n",
            "\\u202e",
            "\\u2066",
            "\\u0000",
            "\\u007f",
            "\\u200b",
        ];
        for evil in hostile {
            let line = format!(
                r#"{{"time":"T{evil}","level":"{evil}","event":"{evil}","method":"{evil}","route":"{evil}",
                    "path":"{evil}","status":"{evil}","duration_ms":"{evil}","reason":"{evil}","request_id":"{evil}",
                    "na{evil}me":"{evil}","list":["{evil}"],"in":{{"{evil}":"{evil}"}},"quoted":"a {evil}"}}"#
            );
            for has_color in [false, true] {
                let shown = readable("sh\u{1b}op", &line, NOW, has_color).unwrap_or_default();
                let one = shown.strip_suffix('\n').unwrap_or_default();
                assert!(!one.is_empty());
                let obeyed = one.chars().find(|one| crate::terminal::is_obeyed(*one));
                assert_eq!(obeyed, None, "{evil}: {one:?}");
            }
        }
    }

    #[test]
    fn levels_have_colors_where_they_are_wanted() {
        let line = r#"{"level":"warn","event":"refused"}"#;
        let colored = readable("shop", line, NOW, true).unwrap_or_default();
        assert!(
            colored.contains("\u{1b}[33mWARN \u{1b}[0m [shop]"),
            "{colored:?}"
        );
        assert!(!shown(line).contains('\u{1b}'));
    }
}
