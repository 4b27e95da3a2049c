//! A certified OpenID provider (the npm package `oidc-provider`) in a process of its own, and the people
//! and machines that it knows.
//!
//! It needs Node and npm. Where they are absent its cases count as ignored, and say so.

use crate::client::{Answer, Ask};
use crate::run::{self, Case};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

/// The audience of a token for a resource ([`jwt`], [`opaque`]): the origin of its URL.
pub const AUDIENCE: &str = "https://api.example";
/// The release of Node that the provider needs at least.
const NODE_MAJOR_MIN: u32 = 20;
/// Where the client `shop` takes people back who have signed in. Nobody listens there.
const REDIRECT_URI: &str = "http://shop.example/signed-in";
/// How long the provider may take until it listens.
const START_TIME_MAX: Duration = Duration::from_secs(60);
/// Pages between asking for a code and having it; more of them are a loop.
const PAGES_MAX: usize = 12;

/// Runs cases against the provider, where it can be started.
pub fn main(cases: &[Case]) -> ExitCode {
    run::main_with(prepare, cases)
}

/// Makes the provider ready to start. The error says what is missing.
fn prepare() -> Result<(), String> {
    let node = Command::new("node").arg("--version").output();
    let version = match node {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => return Err("there is no Node for the OpenID provider".to_owned()),
    };
    let major = version.trim_start_matches('v').split('.').next();
    if major
        .and_then(|major| major.parse().ok())
        .is_none_or(|major: u32| major < NODE_MAJOR_MIN)
    {
        return Err(format!("Node is {version}, older than {NODE_MAJOR_MIN}"));
    }
    // npm leaves a copy of the lock file behind when it is done.
    let installed = folder().join("node_modules/.package-lock.json");
    let modified = |path: PathBuf| {
        std::fs::metadata(path)
            .and_then(|file| file.modified())
            .ok()
    };
    let wanted = modified(folder().join("package-lock.json"));
    if modified(installed).is_some_and(|installed| Some(installed) >= wanted) {
        return Ok(());
    }
    eprintln!("npm ci: the OpenID provider of the tests");
    let installed = Command::new("npm")
        .args(["ci", "--omit=dev", "--ignore-scripts", "--loglevel=error"])
        .current_dir(folder())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    match installed {
        Ok(status) if status.success() => Ok(()),
        // With npm at hand a failure is one: on a server these cases must not go missing unnoticed.
        Ok(status) => panic!("npm ci in {}: {status}", folder().display()),
        Err(_) => Err("there is no npm for the OpenID provider".to_owned()),
    }
}

fn folder() -> PathBuf {
    crate::app::workspace().join("runtime-tests/provider")
}

/// The provider, until it is dropped.
pub struct Provider {
    issuer: String,
    address: SocketAddr,
    control: SocketAddr,
    client_secret: String,
    client_keys: Value,
    _process: Node,
}

/// A process of Node that is killed when it is no longer needed.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Somebody who is signed in at the provider, in a browser.
pub struct Person<'p> {
    provider: &'p Provider,
    name: &'static str,
    cookies: BTreeMap<String, String>,
    id_token: String,
}

/// A logout token that the provider sent.
pub struct SentLogout {
    /// The token.
    pub token: String,
    /// The status of the answer.
    pub status: Option<u64>,
}

/// A resource whose tokens are JWTs, signed with this algorithm.
pub fn jwt(algorithm: &str) -> String {
    format!("{AUDIENCE}/jwt/{algorithm}")
}

/// A resource whose tokens are JWTs that say of which session they are.
pub fn jwt_of_session(algorithm: &str) -> String {
    format!("{AUDIENCE}/jwt/{algorithm}/sid")
}

/// A resource whose tokens are opaque.
pub fn opaque() -> String {
    format!("{AUDIENCE}/opaque")
}

impl Provider {
    /// Starts the provider, with the keys `es-1`, `rs-1` and `ed-1`.
    pub async fn start() -> Self {
        let mut process = Command::new("node")
            .arg("server.mjs")
            .current_dir(folder())
            // It ends with its input, so also when this process is killed.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map(Node)
            .expect("start Node");
        let stdout = process.0.stdout.take().unwrap();
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).map(|_| line)
        });
        let line = tokio::time::timeout(START_TIME_MAX, line)
            .await
            .expect("the provider starts in time")
            .unwrap()
            .expect("the provider says where it listens");
        let said: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("the provider does not start: {error} in {line:?}"));
        let text = |name: &str| said[name].as_str().unwrap().to_owned();
        Self {
            address: address(&text("issuer")),
            control: address(&text("control")),
            issuer: text("issuer"),
            client_secret: text("client_secret"),
            client_keys: said["client_keys"].clone(),
            _process: process,
        }
    }

    /// Its issuer identifier.
    pub fn url(&self) -> &str {
        &self.issuer
    }

    /// The secret of the clients that have one.
    pub fn client_secret(&self) -> String {
        self.client_secret.clone()
    }

    /// The private key of a client that has one, as a JWK.
    pub fn client_key(&self, client: &str) -> String {
        self.client_keys[client].to_string()
    }

    /// Publishes these keys, by id and algorithm, and no others. The first of an algorithm signs.
    pub async fn publish(&self, keys: &[(&str, &str)]) {
        let keys: Vec<Value> = keys
            .iter()
            .map(|(id, algorithm)| json!({ "kid": id, "alg": algorithm }))
            .collect();
        self.steer("keys", &json!({ "keys": keys })).await;
    }

    /// Lets it be so many seconds later than it is.
    pub async fn be_ahead(&self, seconds: u64) {
        self.steer("clock", &json!({ "ahead_s": seconds })).await;
    }

    /// Has the client `shop` told of logouts at `uri`, with the session or with the subject alone.
    pub async fn tell_logouts(&self, uri: &str, session_required: bool) {
        let body = json!({ "uri": uri, "session_required": session_required });
        self.steer("logout", &body).await;
    }

    /// How often an endpoint was asked, such as `GET /jwks`.
    pub async fn requests(&self, endpoint: &str) -> u64 {
        let answer = Ask::get("/requests").send(self.control).await.json();
        answer[endpoint].as_u64().unwrap_or(0)
    }

    /// The logout tokens that it sent so far.
    pub async fn logouts(&self) -> Vec<SentLogout> {
        let answer = Ask::get("/logouts").send(self.control).await.json();
        let sent = answer.as_array().unwrap().iter().map(|sent| SentLogout {
            token: sent["token"].as_str().unwrap().to_owned(),
            status: sent["status"].as_u64(),
        });
        sent.collect()
    }

    /// An access token of the client `worker` itself, for a resource.
    pub async fn token(&self, resource: &str, scope: &str) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("resource", resource),
            ("scope", scope),
        ];
        self.access_token("worker", &form).await
    }

    /// An access token for no resource in particular.
    pub async fn token_for_nothing(&self) -> String {
        self.access_token("worker", &[("grant_type", "client_credentials")])
            .await
    }

    /// Takes a token of `worker` back at the revocation endpoint.
    pub async fn revoke(&self, token: &str) {
        let answer = self
            .post("/token/revocation", "worker", &[("token", token)])
            .await;
        assert_eq!(answer.status, 200, "revocation: {}", answer.text());
    }

    /// Signs a person in with a new browser.
    pub async fn sign_in(&self, name: &'static str) -> Person<'_> {
        let mut person = Person {
            provider: self,
            name,
            cookies: BTreeMap::new(),
            id_token: String::new(),
        };
        person.token(&opaque(), "read").await;
        person
    }

    async fn access_token(&self, client: &str, form: &[(&str, &str)]) -> String {
        let answer = self.post("/token", client, form).await;
        assert_eq!(answer.status, 200, "{form:?}: {}", answer.text());
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    async fn post(&self, endpoint: &str, client: &str, form: &[(&str, &str)]) -> Answer {
        let credentials = format!("{}:{}", encoded(client), encoded(&self.client_secret));
        post(endpoint, form)
            .header(
                "Authorization",
                &format!("Basic {}", STANDARD.encode(credentials)),
            )
            .send(self.address)
            .await
    }

    async fn steer(&self, what: &str, body: &Value) {
        let answer = Ask::new("POST", &format!("/{what}"))
            .body(body.to_string().as_bytes())
            .send(self.control)
            .await;
        assert_eq!(answer.status, 200, "{what} {body}: {}", answer.text());
    }
}

impl Person<'_> {
    /// An access token that the client `shop` gets on behalf of this person, for a resource.
    pub async fn token(&mut self, resource: &str, scope: &str) -> String {
        let query = form(&[
            ("client_id", "shop"),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT_URI),
            ("scope", &format!("openid {scope}")),
            ("resource", resource),
        ]);
        let mut page = self.open(Ask::get(&format!("/auth?{query}"))).await;
        let mut place = String::new();
        for _ in 0..PAGES_MAX {
            if let Some(location) = page.header("location").map(str::to_owned) {
                if let Some((_, query)) = location.split_once(&format!("{REDIRECT_URI}?")) {
                    let code = query
                        .split('&')
                        .find_map(|pair| pair.strip_prefix("code="))
                        .unwrap_or_else(|| panic!("{} gets no code: {location}", self.name));
                    return self.redeem(code, resource).await;
                }
                place = location.trim_start_matches(self.provider.url()).to_owned();
                page = self.open(Ask::get(&place)).await;
                continue;
            }
            let prompt = hidden_value(&page, "prompt");
            let answer = [
                ("prompt", prompt.as_str()),
                ("login", self.name),
                ("password", "any"),
            ];
            page = self.open(post(&place, &answer)).await;
        }
        panic!("{} does not get back to the shop", self.name);
    }

    /// Signs out at the provider, which tells those who asked to be told.
    pub async fn sign_out(mut self) {
        let query = form(&[("id_token_hint", &self.id_token)]);
        let page = self.open(Ask::get(&format!("/session/end?{query}"))).await;
        let answer = [
            ("xsrf", hidden_value(&page, "xsrf")),
            ("logout", "yes".to_owned()),
        ];
        let answer: Vec<(&str, &str)> = answer.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let page = self.open(post("/session/end/confirm", &answer)).await;
        assert_eq!(page.status, 303, "{} signs out: {}", self.name, page.text());
    }

    /// What the provider says to the shop about this person.
    pub fn id_token(&self) -> &str {
        &self.id_token
    }

    async fn redeem(&mut self, code: &str, resource: &str) -> String {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("resource", resource),
        ];
        let answer = self.provider.post("/token", "shop", &form).await;
        assert_eq!(
            answer.status,
            200,
            "a code of {}: {}",
            self.name,
            answer.text()
        );
        let answer = answer.json();
        self.id_token = answer["id_token"].as_str().unwrap().to_owned();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Opens a page as a browser does, which sends and keeps cookies.
    async fn open(&mut self, ask: Ask) -> Answer {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let ask = match cookies.is_empty() {
            true => ask,
            false => ask.header("Cookie", &cookies.join("; ")),
        };
        let page = ask.send(self.provider.address).await;
        assert!(
            (200..400).contains(&page.status),
            "{} sees a page, not {}: {}",
            self.name,
            page.status,
            page.text()
        );
        for (_, cookie) in page.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let pair = cookie.split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        page
    }
}

/// A form as a request.
pub fn post(target: &str, fields: &[(&str, &str)]) -> Ask {
    Ask::new("POST", target)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form(fields).as_bytes())
}

fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    pairs.join("&")
}

/// `application/x-www-form-urlencoded`.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._*".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn hidden_value(page: &Answer, name: &str) -> String {
    let text = page.text();
    let (_, rest) = text
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap_or_else(|| panic!("a page with the field {name}: {text}"));
    rest.split('"').next().unwrap().to_owned()
}

fn address(url: &str) -> SocketAddr {
    url.trim_start_matches("http://").parse().unwrap()
}
