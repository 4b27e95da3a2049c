//! A case as an application: its folder, and what is sent to it.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::json;

use super::cases::{Ask, Case};
use super::tokens::{AUDIENCE, ISSUER, Tokens};

/// Events in one request.
pub(super) const EVENTS_A_REQUEST: usize = 100;
/// The type of the events, whose data has a schema.
const EVENT_TYPE: &str = "dev.doorward.user.changed.v1";
/// The file with the compiled schemas of events, below the folder of the manifest.
const SCHEMAS: &str = "components/events/events.schemas";

/// Where things are that applications are made of.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// The folder of the built components.
    pub(super) components: PathBuf,
    /// The folder of the project.
    pub(super) project: PathBuf,
}

impl Places {
    /// The built file of a component.
    fn built(&self, component: &str) -> PathBuf {
        let file = format!("{}.wasm", component.replace('-', "_"));
        self.components.join(file)
    }

    fn schemas(&self) -> PathBuf {
        self.project.join(SCHEMAS)
    }

    /// What a case cannot do without and is not there.
    pub(super) fn missing(&self, case: &Case) -> Vec<PathBuf> {
        let built = case.components().map(|component| self.built(component));
        let schemas = (case.ask == Ask::Events).then(|| self.schemas());
        built
            .chain(schemas)
            .filter(|path| !path.is_file())
            .collect()
    }
}

/// What differs between runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings<'s> {
    /// Who stands for origins, and for who takes events.
    pub(super) origin: &'s str,
    /// Whether the gate writes a line for each request.
    pub(super) has_log: bool,
}

/// Writes the folder of the application.
pub(super) fn write(
    folder: &Path,
    case: &Case,
    places: &Places,
    tokens: &Tokens,
    around: Surroundings<'_>,
) -> Result<()> {
    let file = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))
    };
    file("spin.toml", manifest(case, places, around))?;
    file("doorward.toml", policy(case, around))?;
    if case.ask == Ask::Events {
        let (from, to) = (places.schemas(), folder.join("events.schemas"));
        fs::copy(&from, to).with_context(|| format!("{} cannot be copied", from.display()))?;
    }
    file("keys.json", tokens.key_set()?.to_string())
}

fn manifest(case: &Case, places: &Places, around: Surroundings<'_>) -> String {
    let Case {
        name,
        service,
        middleware,
        ..
    } = case;
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let source = |component: &str| quoted(&places.built(component).to_string_lossy());
    let mut files = vec!["doorward.toml", "keys.json"];
    if case.ask == Ask::Events {
        files.push("events.schemas");
    }
    let files: Vec<String> = files
        .iter()
        .map(|name| format!("{{ source = \"{name}\", destination = \"/{name}\" }}"))
        .collect();
    let mut text = format!(
        "spin_manifest_version = 2\n\n[application]\nname = \"bench-{name}\"\nversion = \"0.1.0\"\n\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"{service}\"\n"
    );
    if let Some(middleware) = middleware {
        let _ = writeln!(
            text,
            "dependencies.middleware = [{{ component = \"{middleware}\", inherit_configuration = \
             [\"allowed_outbound_hosts\", \"environment\", \"files\", \"key_value_stores\", \"variables\"] }}]"
        );
    }
    let _ = writeln!(
        text,
        "\n[component.{service}]\nsource = {}\nfiles = [{}]\nallowed_outbound_hosts = [{}]\n\
         key_value_stores = [\"default\"]",
        source(service),
        files.join(", "),
        quoted(around.origin)
    );
    if matches!(case.ask, Ask::User | Ask::Events) {
        text.push_str("sqlite_databases = [\"default\"]\n");
    }
    if case.ask == Ask::Events {
        let sink = quoted(&format!("{}/events", around.origin));
        let _ = writeln!(text, "variables = {{ events_sink = {sink} }}");
    }
    if let Some(middleware) = middleware {
        let _ = writeln!(
            text,
            "\n[component.{middleware}]\nsource = {}",
            source(middleware)
        );
    }
    text
}

fn policy(case: &Case, around: Surroundings<'_>) -> String {
    let mut text = format!(
        "[issuer.bench]\nurl = \"{ISSUER}\"\naudience = \"{AUDIENCE}\"\njwks_file = \"/keys.json\"\n\n\
         [identity]\nx-auth-issuer = \"iss\"\nx-auth-subject = \"sub\"\nx-auth-scope = \"scope\"\n\n"
    );
    if around.has_log {
        text.push_str("[log]\n\n");
    }
    text.push_str("[[route]]\npath = \"/**\"\nscope = [\"bench\"]\n");
    if case.ask == Ask::Proxied {
        let origin = around.origin;
        let _ = write!(
            text,
            "upstream = \"origin\"\n\n[upstream.origin]\nurl = \"{origin}\"\n"
        );
    }
    text
}

/// The requests of a case, which are sent in turn. `users` has the path of the user that is asked for.
pub(super) fn requests(case: &Case, tokens: &[String], user: Option<&str>) -> Result<Vec<Vec<u8>>> {
    let batch = match case.ask {
        Ask::Events => Some(events()?),
        _ => None,
    };
    let request = |token: &String| match (case.ask, &batch) {
        (Ask::Events, Some(batch)) => {
            let head = "Content-Type: application/x-ndjson\r\n";
            request("POST", "/events", token, head, batch)
        }
        (Ask::User, _) => request("GET", user.unwrap_or("/api/v1/users"), token, "", ""),
        _ => request("GET", "/api/v1/orders/17", token, "", ""),
    };
    Ok(tokens.iter().map(request).collect())
}

/// The request that makes a user; no two make the same.
pub(super) fn new_user(token: &str, number: u128) -> Vec<u8> {
    let user = json!({
        "name": "Ada Lovelace",
        "email": format!("ada{number}@example.com"),
    });
    let head = "Content-Type: application/json\r\n";
    request("POST", "/api/v1/users", token, head, &user.to_string())
}

fn request(method: &str, path: &str, token: &str, head: &str, body: &str) -> Vec<u8> {
    let length = match body.len() {
        0 => String::new(),
        length => format!("Content-Length: {length}\r\n"),
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: doorward-bench\r\nAccept: */*\r\n\
         Authorization: Bearer {token}\r\n{head}{length}\r\n{body}"
    )
    .into_bytes()
}

/// Opens a server's address for a request of its own: a plain GET with a token.
pub(super) fn plain_request(address: SocketAddr, path: &str, token: Option<&str>) -> Vec<u8> {
    let credential = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    let credential = credential.unwrap_or_default();
    format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: doorward-bench\r\nAccept: */*\r\n{credential}\r\n"
    )
    .into_bytes()
}

/// A batch of events, one a line.
fn events() -> Result<String> {
    let time = crate::dates::stamp()?;
    let mut lines = String::new();
    for number in 0..EVENTS_A_REQUEST {
        let event = json!({
            "id": format!("{number:012}"),
            "source": "urn:bench",
            "type": EVENT_TYPE,
            "time": time,
            "data": {
                "id": "0197f6a0-3c1e-7d52-a7f1-5b1e0c9d8a42",
                "name": "Ada Lovelace",
                "email": "ada@example.com",
                "created_at": "2026-01-31T12:00:00.123Z",
                "updated_at": "2026-01-31T12:00:00.123Z",
                "version": 3,
            },
        });
        let _ = writeln!(lines, "{event}");
    }
    Ok(lines)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::cases::CASES;
    use super::*;

    const AROUND: Surroundings<'static> = Surroundings {
        origin: "http://127.0.0.1:4000",
        has_log: false,
    };

    fn places() -> Places {
        Places {
            components: "/built \"here\"".into(),
            project: "/project".into(),
        }
    }

    #[test]
    fn every_case_is_an_application_with_all_of_its_components() {
        for case in CASES {
            let manifest: toml::Table = manifest(&case, &places(), AROUND).parse().unwrap();
            let components = manifest.get("component").unwrap().as_table().unwrap();
            for component in case.components() {
                let source = components.get(component).unwrap().get("source").unwrap();
                let file = component.replace('-', "_");
                let built = format!("/built \"here\"/{file}.wasm");
                assert_eq!(source.as_str(), Some(&*built), "{}", case.name);
            }
        }
    }

    #[test]
    fn the_policy_is_one_that_the_gate_takes() {
        for case in CASES {
            for has_log in [false, true] {
                let around = Surroundings { has_log, ..AROUND };
                let read = doorward_policy::Policy::parse(&policy(&case, around));
                assert!(read.is_ok(), "{}: {read:?}", case.name);
            }
        }
    }

    #[test]
    fn what_a_case_needs_and_has_not_is_named() {
        let events = CASES.iter().find(|case| case.name == "events").unwrap();
        let missing = places().missing(events);
        let missing: Vec<_> = missing.iter().map(|path| path.to_string_lossy()).collect();
        let expected = [
            "/built \"here\"/events.wasm",
            "/built \"here\"/gate.wasm",
            "/project/components/events/events.schemas",
        ];
        assert_eq!(missing, expected);
    }

    #[test]
    fn a_request_says_how_long_its_body_is() {
        let request = String::from_utf8(new_user("a.b.c", 7)).unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("Authorization: Bearer a.b.c\r\n"), "{head}");
        assert!(
            head.ends_with(&format!("Content-Length: {}", body.len())),
            "{head}"
        );
        assert!(body.contains("ada7@example.com"), "{body}");
    }
}
