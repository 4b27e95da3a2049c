//! A headless Chromium, driven by its own protocol (Chrome DevTools Protocol) over a pipe.
//!
//! It needs Debian's `chromium-headless-shell` or `chromium`. Where both are absent its cases count as ignored, and say so.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc;

/// The programs that there may be.
const PROGRAMS: [&str; 4] = [
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
];
/// The protocol has its messages on these descriptors, and a program of ours can only be given the first three.
const LAUNCH: &str = r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null"#;
/// How long a page may take for something that it does at once.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);

/// Whether there is one. The error says what is missing.
pub fn available() -> Result<(), String> {
    let absent = || "there is no Chromium (Debian: chromium-headless-shell)".to_owned();
    program().map(|_| ()).ok_or_else(absent)
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let all = PROGRAMS.iter();
    all.flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}

/// A page in a browser of its own. Dropped, the browser ends.
#[derive(Debug)]
pub struct Page {
    browser: Child,
    to: ChildStdin,
    from: mpsc::UnboundedReceiver<Value>,
    session: Value,
    asked: u64,
    events: Vec<Value>,
    _profile: TempDir,
}

impl Page {
    /// Opens a page at this URL.
    ///
    /// # Panics
    /// Where that fails.
    pub async fn open(url: &str) -> Self {
        let profile = tempfile::tempdir().expect("make a folder");
        let mut browser = Command::new("sh")
            .args(["-c", LAUNCH, "sh"])
            .arg(program().expect("there is a browser"))
            // Without a sandbox: it is often root who tests, in a container, and the page is our own.
            .args(["--headless", "--remote-debugging-pipe", "--no-sandbox"])
            .args(["--no-first-run", "--disable-gpu", "--disable-dev-shm-usage"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start a browser");
        let to = browser.stdin.take().expect("its input");
        let output = browser.stdout.take().expect("its output");
        let (sender, from) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for message in BufReader::new(output).split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).expect("a message is JSON");
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut page = Self {
            browser,
            to,
            from,
            session: Value::Null,
            asked: 0,
            events: Vec::new(),
            _profile: profile,
        };
        let target = page.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let target = target.await["targetId"].clone();
        let attach = json!({ "targetId": target, "flatten": true });
        page.session = page.ask("Target.attachToTarget", attach).await["sessionId"].clone();
        for domain in ["Log", "Network", "Page", "Runtime"] {
            page.ask(&format!("{domain}.enable"), json!({})).await;
        }
        page.ask("Page.navigate", json!({ "url": url })).await;
        page
    }

    /// Waits until this expression is true, and whatever else it may be then is given.
    ///
    /// # Panics
    /// Where it does not become true.
    pub async fn until(&mut self, expression: &str) -> Value {
        self.run(&format!(
            "new Promise((done) => {{
                const look = () => {{
                    const found = {expression};
                    if (found) {{ seen.disconnect(); done(found); }}
                }};
                const seen = new MutationObserver(look);
                const all = {{ attributes: true, characterData: true, childList: true, subtree: true }};
                seen.observe(document, all);
                look();
            }})"
        ))
        .await
    }

    /// Clicks what this selector finds, once it is there.
    pub async fn click(&mut self, selector: &str) {
        let selector = json!(selector);
        self.until(&format!(
            "document.querySelector({selector}) && (document.querySelector({selector}).click(), true)"
        ))
        .await;
    }

    /// Types into what this selector finds, once it is there.
    pub async fn write(&mut self, selector: &str, text: &str) {
        let selector = json!(selector);
        self.until(&format!(
            "document.querySelector({selector}) && (document.querySelector({selector}).focus(), true)"
        ))
        .await;
        self.ask("Input.insertText", json!({ "text": text })).await;
    }

    /// The URLs that the page has asked for.
    pub fn urls(&self) -> Vec<&str> {
        let requests = self.events("Network.requestWillBeSent");
        requests
            .filter_map(|event| event["request"]["url"].as_str())
            .collect()
    }

    /// What the page has against what it is told to do: errors in its scripts, and what its policy forbids.
    pub fn complaints(&self) -> Vec<&Value> {
        let thrown = self.events("Runtime.exceptionThrown");
        let logged = self.events("Log.entryAdded");
        let logged = logged.filter(|event| event["entry"]["level"] == "error");
        let called = self.events("Runtime.consoleAPICalled");
        let called = called.filter(|event| event["type"] == "error");
        thrown.chain(logged).chain(called).collect()
    }

    fn events(&self, name: &str) -> impl Iterator<Item = &Value> {
        let events = self.events.iter();
        events
            .filter(move |event| event["method"] == name)
            .map(|event| &event["params"])
    }

    async fn run(&mut self, script: &str) -> Value {
        let asked = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let answer = self.ask("Runtime.evaluate", asked).await;
        assert!(answer["exceptionDetails"].is_null(), "{script}: {answer}");
        answer["result"]["value"].clone()
    }

    async fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.asked += 1;
        let mut message = json!({ "id": self.asked, "method": method, "params": parameters });
        if !self.session.is_null() {
            message["sessionId"] = self.session.clone();
        }
        let sent = self.to.write_all(format!("{message}\0").as_bytes());
        sent.expect("the browser listens");
        loop {
            let next = tokio::time::timeout(ANSWER_TIME_MAX, self.from.recv()).await;
            let Ok(Some(mut message)) = next else {
                panic!("{method} {parameters}: no answer; {:?}", self.complaints());
            };
            if message["id"] == self.asked {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
            self.events.push(message);
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // Its other processes end when it does.
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}
