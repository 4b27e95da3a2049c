//! What became of a request, wherever it ran, and whether it is what a case says.

use super::Places;
use super::words::{Gets, Message as Said, Sees};
use crate::sim::message::Manner;
use serde_json::{Value, json};
use std::fmt::{Display, Formatter, Write as _};

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What the origin saw.
    pub seen: Vec<Message>,
    /// What the client got; `None`: no response.
    pub got: Option<Message>,
}

/// A message as it was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The method and the target, or the status.
    pub first: String,
    /// The fields, in the order of their names.
    pub fields: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// Its trailers.
    pub trailers: Vec<(String, String)>,
    /// Whether it is whole.
    pub is_whole: bool,
}

/// Fields that only real hosts have.
const OF_HOSTS: [&str; 2] = ["date", "user-agent"];

/// A body as text, and whether a component says in it what fields it sees: those are put in the order of their names.
fn echoed(body: &[u8]) -> (String, bool) {
    let text = || (String::from_utf8_lossy(body).into_owned(), false);
    let Ok(mut told) = serde_json::from_slice::<Value>(body) else {
        return text();
    };
    let Some(fields) = told.get_mut("headers").and_then(Value::as_array_mut) else {
        return text();
    };
    for field in fields.iter_mut() {
        let value = field.get(1).and_then(Value::as_str).unwrap_or_default();
        if field.get(0).is_some_and(|name| name == "spin-client-addr") {
            *field = json!(["spin-client-addr", host_of(value)]);
        }
    }
    fields.sort_by_key(|field| field.get(0).map(ToString::to_string));
    (told.to_string(), true)
}

/// The port of a client is anybody's.
fn host_of(address: &str) -> &str {
    address.split(':').next().unwrap_or_default()
}

impl Message {
    /// A message, with names in place of what differs from run to run.
    #[must_use]
    pub fn of(
        first: &str,
        fields: &[(String, String)],
        body: &[u8],
        trailers: &[(String, String)],
        places: &Places,
    ) -> Self {
        let (told, is_echo) = echoed(body);
        let named = |fields: &[(String, String)]| {
            let fields = fields.iter().map(|(name, value)| {
                let name = name.to_ascii_lowercase();
                let value = match &*name {
                    "spin-client-addr" => host_of(value).to_owned(),
                    // Addresses are in such a body, and theirs differs from run to run.
                    "content-length" if is_echo && *value == body.len().to_string() => {
                        "{length}".to_owned()
                    }
                    _ => places.named(value),
                };
                (name, value)
            });
            let mut fields: Vec<_> = fields
                .filter(|(name, _)| !OF_HOSTS.contains(&name.as_str()))
                .collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            fields
        };
        Self {
            first: first.to_owned(),
            fields: named(fields),
            body: places.named(&told),
            trailers: named(trailers),
            is_whole: true,
        }
    }

    /// The same, where it is not whole.
    #[must_use]
    pub fn whole(self, is_whole: bool) -> Self {
        Self { is_whole, ..self }
    }

    fn values(&self, name: &str) -> Vec<&str> {
        let named = self.fields.iter().filter(|(there, _)| there == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// What is not as it was said.
    fn differs(&self, said: &Said, manner: Manner, who: &str, told: &mut String) {
        let by = |removes, shows| match manner {
            Manner::Removes => removes,
            Manner::Shows => shows,
        };
        let mut tell = |what: &str, is: String, should: String| {
            if is != should {
                let _ = writeln!(told, "{who}: {what} is {is}, not {should}");
            }
        };
        if let Some(method) = said.method {
            let is = self.first.split(' ').next().unwrap_or_default();
            tell("the method", is.to_owned(), method.to_owned());
        }
        for field in &said.fields {
            let should = match manner {
                Manner::Removes => &field.removes,
                Manner::Shows => &field.shows,
            };
            let is = self.values(field.name);
            tell(field.name, format!("{is:?}"), format!("{should:?}"));
        }
        if let Some((removes, shows)) = said.body {
            let should = by(removes, shows);
            tell(
                "the body",
                format!("{:?}", self.body),
                format!("{should:?}"),
            );
        }
        if let Some((removes, shows)) = &said.trailers {
            let should = match manner {
                Manner::Removes => removes,
                Manner::Shows => shows,
            };
            let is = format!("{:?}", self.trailers);
            tell("the trailers", is, format!("{should:?}"));
        }
        tell(
            "whether it is whole",
            self.is_whole.to_string(),
            (!said.is_cut).to_string(),
        );
    }
}

impl Display for Message {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        let whole = if self.is_whole { "whole" } else { "not whole" };
        writeln!(formatter, "{}, {whole}", self.first)?;
        // What a host says in its own words is its own business.
        let is_problem = self.values("content-type") == ["application/problem+json"];
        if !is_problem && matches!(self.first.as_bytes(), [b'4' | b'5', ..]) {
            return Ok(());
        }
        for (name, value) in &self.fields {
            writeln!(formatter, "    {name}: {value}")?;
        }
        writeln!(formatter, "    body {:?}", self.body)?;
        for (name, value) in &self.trailers {
            writeln!(formatter, "    trailer {name}: {value}")?;
        }
        Ok(())
    }
}

/// A text with names in place of this one of a request, of its trace, and of the span of it that is ours.
fn with_names(text: &str, id: &str) -> String {
    const OF_OURS: &str = "00-{trace}-";
    let text = text.replace(id, "{request}");
    let text = text.replace(&id.replace('-', ""), "{trace}");
    let mut pieces = text.split(OF_OURS);
    let mut named = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(|digit: char| digit.is_ascii_hexdigit());
        let span = match piece.len() - rest.len() {
            16 => "{span}",
            _ => "{no span}",
        };
        named.extend([OF_OURS, span, rest]);
    }
    named
}

impl Outcome {
    /// What is not as a case says; empty where it is.
    #[must_use]
    pub fn differs(&self, sees: &Sees, gets: &Gets, manner: Manner) -> String {
        let mut told = String::new();
        match (sees, &self.seen[..]) {
            (Sees::Nobody, []) => {}
            (Sees::NotWhole, seen) if seen.iter().all(|seen| !seen.is_whole) => {}
            (Sees::Request(said), [seen]) => seen.differs(said, manner, "origin", &mut told),
            (_, seen) => {
                let _ = writeln!(told, "origin: it saw {} requests, not {sees:?}", seen.len());
            }
        }
        match (gets, &self.got) {
            (Gets::Whatever, _) => {}
            (Gets::Response(status, said), Some(got)) => {
                if got.first != status.to_string() {
                    let _ = writeln!(told, "client: the status is {}, not {status}", got.first);
                }
                got.differs(said, manner, "client", &mut told);
            }
            (gets, None) => {
                let _ = writeln!(told, "client: no response, not {gets:?}");
            }
        }
        match told.is_empty() {
            true => told,
            false => format!("{told}{}", self.text()),
        }
    }

    /// Everything about it in lines, to be compared. What the request is called and its trace have names: they are
    /// the same wherever they are, and other ones in each run.
    #[must_use]
    pub fn text(&self) -> String {
        let seen = self.seen.iter().map(|seen| format!("origin: {seen}"));
        let got = self.got.iter().map(|got| format!("client: {got}"));
        let text: String = seen.chain(got).collect();
        let messages = self.got.iter().chain(&self.seen);
        match messages.flat_map(|one| one.values("x-request-id")).next() {
            Some(id) => with_names(&text, id),
            None => text,
        }
    }
}
