//! One application of a case: it is asked one thing after the other, and all that comes of it is written down.

use crate::book::Book;
use crate::names::Names;
use crate::scene::Scene;
use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::client::{ANSWER_TIME_MAX, Ask};
use doorward_runtime_tests::clocked;
use doorward_runtime_tests::host::{How, Running};
use doorward_runtime_tests::origin::{Origin, Seen};
use doorward_runtime_tests::raw::{Broken, Fields, Raw, Response};
use serde_json::Value;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

/// What clients call the host.
pub const HOST: &str = "api.example";

/// Bodies that are longer are told by their length.
const BODY_BYTES_MAX: usize = 4096;

/// An application that runs.
pub struct Act<'b, 'h> {
    book: &'b mut Book<'h>,
    pub app: App,
    pub running: Running,
    pub names: Names,
    origins: Vec<(&'static str, Arc<Origin>)>,
    /// How many lines of the log are written down.
    logged: usize,
}

impl<'b, 'h> Act<'b, 'h> {
    /// Serves `spec` by the clock of the scene, with one instance that sees every request.
    pub async fn begin(
        book: &'b mut Book<'h>,
        title: &str,
        spec: &AppSpec,
        scene: &Scene<'_>,
    ) -> Self {
        Self::with(book, title, spec.write(), scene).await
    }

    /// The same, for an application whose folder is there already.
    pub async fn with(book: &'b mut Book<'h>, title: &str, app: App, scene: &Scene<'_>) -> Self {
        book.act(title);
        let running = clocked::serve(&app, &scene.clock, How::one()).await;
        let mut names = scene.names.clone();
        names.add(&running.address.to_string(), "host");
        Self {
            book,
            app,
            running,
            names,
            origins: Vec::new(),
            logged: 0,
        }
    }

    /// From now on writes down what this origin gets.
    pub fn tells_of(&mut self, name: &'static str, origin: &Arc<Origin>) {
        origin.forget();
        self.origins.push((name, Arc::clone(origin)));
    }

    /// Sends a request, and writes down what comes of it.
    pub async fn ask(&mut self, title: &str, ask: &Ask) {
        self.send(title, ask.bytes(HOST)).await;
    }

    /// Sends these bytes, and writes down what comes of them.
    pub async fn send(&mut self, title: &str, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        let outcome = self.outcome(bytes).await;
        self.tell(title, bytes, &outcome).await;
    }

    /// Sends a request, again until the log tells of the event: of what goes on after an answer. All answers
    /// have to have the status of the first one, and only that is written down.
    pub async fn ask_until(&mut self, title: &str, ask: &Ask, event: &str) {
        let (start, bytes) = (Instant::now(), ask.bytes(HOST));
        let due = clocked::events(&self.running, event).len() + 1;
        let first = self.outcome(&bytes).await;
        while clocked::events(&self.running, event).len() < due {
            let again = self.outcome(&bytes).await;
            let status = |outcome: &Result<Response, Broken>| outcome.as_ref().unwrap().status;
            assert_eq!(status(&again), status(&first), "{title}, asked again");
            assert!(
                start.elapsed() < ANSWER_TIME_MAX,
                "{title}: waiting in vain for {event}: {:#?}",
                self.running.log()
            );
        }
        self.tell(title, &bytes, &first).await;
    }

    /// Sends a request, and waits until the log has told so many times of the event before all is written
    /// down.
    pub async fn ask_and_wait(&mut self, title: &str, ask: &Ask, event: &str, times: usize) {
        let bytes = ask.bytes(HOST);
        let due = clocked::events(&self.running, event).len() + times;
        let outcome = self.outcome(&bytes).await;
        clocked::until_event(&self.running, event, due).await;
        self.tell(title, &bytes, &outcome).await;
    }

    /// Sends a request, and waits until one has come to this origin before all is written down.
    pub async fn ask_until_reached(&mut self, title: &str, ask: &Ask, origin: &Origin) {
        let bytes = ask.bytes(HOST);
        let outcome = self.outcome(&bytes).await;
        origin
            .until("it is reached", |origin| origin.count() > 0)
            .await;
        self.tell(title, &bytes, &outcome).await;
    }

    /// Sends bytes and gives what comes.
    pub async fn outcome(&self, bytes: &[u8]) -> Result<Response, Broken> {
        let mut client = Raw::connect(self.running.address).await;
        client.send(bytes).await;
        client.response_to(method(bytes)).await
    }

    /// Writes down what came of these bytes.
    pub async fn tell(&mut self, title: &str, sent: &[u8], outcome: &Result<Response, Broken>) {
        let text = &mut String::new();
        writeln!(text, "-- {title}").unwrap();
        let line = String::from_utf8_lossy(sent);
        let line = line.split("\r\n").next().unwrap_or_default();
        let line = line.strip_suffix(" HTTP/1.1").unwrap_or(line);
        let response = outcome.as_ref().unwrap_or_else(|broken| &broken.so_far);
        let mut ids = response.fields.iter();
        if let Some((_, id)) = ids.find(|(name, _)| name.eq_ignore_ascii_case("x-request-id")) {
            self.names.request(id);
        }
        writeln!(text, "{}", self.names.apply(line)).unwrap();
        match outcome {
            Ok(response) => self.response(text, response),
            Err(broken) => {
                writeln!(text, "it breaks off: {:?}", broken.trouble).unwrap();
                self.response(text, &broken.so_far);
            }
        }
        for (name, origin) in &self.origins {
            origin
                .until("each request has ended", |origin| {
                    origin.requests().iter().all(has_ended)
                })
                .await;
            for seen in origin.requests() {
                writeln!(text, ">> {name} got").unwrap();
                self.seen(text, &seen);
            }
            origin.forget();
        }
        text.push('\n');
        self.book.answers.push_str(text);
        self.tell_log(title);
    }

    /// Writes down what the log has told since the last step.
    pub fn tell_log(&mut self, title: &str) {
        // The host is in this process, and what is logged before an answer is there when that is.
        let log = self.running.log();
        let lines = log[self.logged..].iter();
        let lines: Vec<String> = lines.map(|line| self.names.apply(line)).collect();
        self.logged = log.len();
        self.book.logged(title, &lines);
    }

    /// Stops the host, and writes down what it has still logged.
    pub async fn end(mut self) -> App {
        let log = self.running.log_handle();
        self.running.stop().await;
        let lines = log();
        let lines = lines[self.logged..].iter();
        let lines: Vec<String> = lines.map(|line| self.names.apply(line)).collect();
        self.logged += lines.len();
        self.book.logged("afterwards", &lines);
        self.app
    }

    fn response(&self, text: &mut String, response: &Response) {
        for (status, fields) in &response.interim {
            writeln!(text, "{status}").unwrap();
            self.fields(text, fields);
        }
        writeln!(text, "{}", response.status).unwrap();
        self.fields(text, &response.fields);
        match echoed(&response.body) {
            Some(seen) => self.echo(text, &seen),
            None => self.body(text, &response.body),
        }
        self.trailers(text, &response.trailers);
    }

    /// What the service `echo` says that it got.
    fn echo(&self, text: &mut String, seen: &Value) {
        let text_of = |name: &str| seen[name].as_str().unwrap_or("none");
        writeln!(text, ">> the service got").unwrap();
        let (method, target) = (text_of("method"), self.names.apply(text_of("target")));
        writeln!(text, "{method} {target}").unwrap();
        writeln!(text, "authority {}", self.names.apply(text_of("authority"))).unwrap();
        let mut fields: Fields = serde_json::from_value(seen["headers"].clone()).unwrap();
        if self.book.host.shows_hops() {
            // In this manner a component sees it; where it is as it should be, the file is the same.
            let count = fields.len();
            fields.retain(|(name, value)| name != "host" || *value != text_of("authority"));
            if count != fields.len() + 1 {
                writeln!(text, "and Host {} times", count - fields.len()).unwrap();
            }
        }
        self.fields(text, &fields);
    }

    fn seen(&self, text: &mut String, seen: &Seen) {
        writeln!(text, "{} {}", seen.method, self.names.apply(&seen.target)).unwrap();
        self.fields(text, &seen.fields);
        if let Some(fault) = &seen.fault {
            writeln!(text, "which is malformed: {}", self.names.apply(fault)).unwrap();
        }
        self.body(text, &seen.body);
        if seen.body_bytes > seen.body.len() as u64 {
            writeln!(text, "of {} in all", seen.body_bytes).unwrap();
        }
        if seen.fault.is_none() && seen.body_digest.is_none() {
            writeln!(text, "and no more").unwrap();
        }
        self.trailers(text, &seen.trailers);
    }

    /// Fields by their names, those of one name in their order.
    fn fields(&self, text: &mut String, fields: &Fields) {
        let mut fields: Vec<_> = fields.iter().collect();
        fields.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (name, value) in fields {
            writeln!(text, "{name}: {}", self.names.value(name, value)).unwrap();
        }
    }

    fn body(&self, text: &mut String, body: &[u8]) {
        if body.len() > BODY_BYTES_MAX {
            writeln!(text, "\n({} bytes)", body.len()).unwrap();
        } else if !body.is_empty() {
            let body = self.names.apply(&String::from_utf8_lossy(body));
            writeln!(text, "\n{body}").unwrap();
        }
    }

    fn trailers(&self, text: &mut String, trailers: &Fields) {
        if !trailers.is_empty() {
            writeln!(text, "trailers:").unwrap();
            self.fields(text, trailers);
        }
    }
}

/// Whether nothing more comes of a request, nor of its answer.
fn has_ended(seen: &Seen) -> bool {
    seen.answered || seen.abandoned || seen.fault.is_some()
}

fn echoed(body: &[u8]) -> Option<Value> {
    let value: Value = serde_json::from_slice(body).ok()?;
    value.get("authority")?;
    value.get("headers")?.as_array()?;
    Some(value)
}

fn method(bytes: &[u8]) -> &str {
    let word = bytes.split(|byte| *byte == b' ').next();
    std::str::from_utf8(word.unwrap_or_default()).unwrap_or_default()
}
