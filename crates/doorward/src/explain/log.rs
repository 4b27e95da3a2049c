//! The lines of a log that are about one request.

use std::fs;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::terminal::{escaped, is_obeyed};

/// The longest line that is looked at, in bytes.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// Most lines that are shown of one request.
const LINES_SHOWN_MAX: usize = 100;
/// How the names of members end that say which request, or which trace, a line is of. Those within others have dots
/// between: that is how the Elastic Common Schema writes them, one way or the other.
const MEMBERS: [&str; 5] = [
    "request_id",
    "trace_id",
    "request.id",
    "trace.id",
    "traceid",
];
/// How deep they may be.
const DEPTH_MAX: usize = 4;

/// Prints the lines of `log` that are about the request with this id.
pub(super) fn find(id: &str, log: &Path, for_programs: bool) -> Result<ExitCode> {
    let name = log.display();
    let wanted = Wanted::of(id);
    let found = if log == Path::new("-") {
        search(&mut io::stdin().lock(), &wanted)
    } else {
        let file = fs::File::open(log).with_context(|| format!("--log: {name} cannot be read"))?;
        search(&mut BufReader::new(file), &wanted)
    };
    let found = found.with_context(|| format!("--log: {name} cannot be read"))?;
    if found.lines.is_empty() {
        let help = match found.objects {
            0 => "no line of it is a JSON object: is it the log of a gate?",
            _ => "it may be in an older file, or the request was admitted and not sampled",
        };
        bail!("no line of {name} is about the request {id:?}\n  help: {help}");
    }
    if for_programs {
        let lines: Vec<&Value> = found.lines.iter().map(|(_, line)| line).collect();
        println!("{:#}", json!({ "file": name.to_string(), "lines": lines }));
    } else {
        for (number, line) in &found.lines {
            print!("{}", text(&format!("{name}:{number}"), line));
        }
    }
    if found.left_out > 0 {
        eprintln!("{} more lines are about it", found.left_out);
    }
    Ok(ExitCode::SUCCESS)
}

/// What is looked for.
struct Wanted(String);

impl Wanted {
    /// The id, whether it is written as it is, as in `instance` of a problem document, or as a `traceparent`.
    fn of(id: &str) -> Self {
        let id = id.trim();
        let id = id.strip_prefix("urn:uuid:").unwrap_or(id);
        let mut parts = id.split('-');
        // W3C Trace Context section 3.2: version, trace id, parent id, flags.
        let trace = match (
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
        ) {
            (Some(version), Some(trace), Some(parent), Some(_), None)
                if version.len() == 2 && trace.len() == 32 && parent.len() == 16 =>
            {
                trace
            }
            _ => id,
        };
        Self(trace.to_owned())
    }

    fn is_of(&self, line: &Value) -> bool {
        self.is_in(line, "", DEPTH_MAX)
    }

    fn is_in(&self, value: &Value, name: &str, depth: usize) -> bool {
        match value {
            Value::String(there) => {
                let is_id = MEMBERS.iter().any(|member| {
                    let rest = name.strip_suffix(member);
                    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                });
                let there = there.strip_prefix("urn:uuid:").unwrap_or(there);
                is_id && there.eq_ignore_ascii_case(&self.0)
            }
            Value::Object(members) if depth > 0 => members.iter().any(|(member, value)| {
                let member = member.to_ascii_lowercase();
                let name = match name {
                    "" => member,
                    name => format!("{name}.{member}"),
                };
                self.is_in(value, &name, depth - 1)
            }),
            _ => false,
        }
    }
}

#[derive(Default)]
struct Found {
    /// The lines, each with its number.
    lines: Vec<(usize, Value)>,
    left_out: usize,
    /// How many lines were JSON objects.
    objects: usize,
}

fn search(from: &mut dyn BufRead, wanted: &Wanted) -> io::Result<Found> {
    let mut found = Found::default();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if from.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let Some(object) = object(&line) else {
            continue;
        };
        found.objects += 1;
        if !wanted.is_of(&object) {
            continue;
        }
        if found.lines.len() == LINES_SHOWN_MAX {
            found.left_out += 1;
        } else {
            found.lines.push((number, object));
        }
    }
    Ok(found)
}

/// The object on a line: all of it, or what comes after the name that a host has put before it.
fn object(line: &[u8]) -> Option<Value> {
    let line = String::from_utf8_lossy(line);
    let start = line.find('{')?;
    let value: Value = serde_json::from_str(line.get(start..)?.trim_end()).ok()?;
    value.is_object().then_some(value)
}

/// The members of a line, one below the other.
fn text(place: &str, line: &Value) -> String {
    let mut text = format!("{place}\n");
    let members = line.as_object().into_iter().flatten();
    for (name, value) in members {
        let value = match value {
            Value::String(said) if !said.contains(is_obeyed) => said.clone(),
            value => escaped(&value.to_string()),
        };
        text += &format!("  {:16} {value}\n", escaped(name));
    }
    text
}
