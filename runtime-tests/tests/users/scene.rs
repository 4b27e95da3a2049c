//! The user service on one of its stores, and how it is asked.

use doorward_runtime_tests::app::{App, AppSpec};
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::host::{Host, How, Running};
use doorward_runtime_tests::servers::{PostgreSql, Server};
use serde_json::{Value, json};

/// Where all users are.
pub const USERS: &str = "/api/v1/users";
/// The issuer of those who call.
pub const ISSUER: &str = "https://login.example";

/// Where users are kept. Each suite has one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(dead_code, reason = "each suite makes one of them")]
pub enum Kind {
    /// In the SQLite database `default`.
    Sqlite,
    /// In a PostgreSQL of the test's own.
    Postgres,
}

/// A store that no host has used yet.
pub struct Store {
    /// Its server, where it has one.
    pub server: Option<Server<PostgreSql>>,
    /// An application on it.
    pub app: App,
}

impl Store {
    /// A new one, with an application whose service has nothing in front.
    pub async fn of() -> Self {
        Self::with(&[]).await
    }

    /// The same, with more variables.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        let server = match crate::KIND {
            Kind::Sqlite => None,
            Kind::Postgres => Some(Server::start(PostgreSql::default()).await),
        };
        let url = server.as_ref().map(Server::<PostgreSql>::url);
        let mut spec = spec(url.as_deref());
        let more = variables.iter();
        let more = more.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        spec.variables.extend(more);
        Self {
            app: spec.write(),
            server,
        }
    }
}

/// The service, on the PostgreSQL at this URL or on SQLite.
pub fn spec(url: Option<&str>) -> AppSpec {
    let mut spec = AppSpec::gated("users", "");
    spec.policy = None;
    spec.middleware = vec![];
    spec.databases = vec!["default".to_owned()];
    spec.outbound = vec![
        "postgres://127.0.0.1:*".to_owned(),
        "http://users-outbox.spin.internal".to_owned(),
    ];
    let url = url.unwrap_or_default();
    spec.variables = vec![("users_database".to_owned(), url.to_owned())];
    spec
}

/// A service that runs.
pub struct Scene {
    /// Where it is kept.
    pub store: Store,
    /// The host.
    pub running: Running,
}

impl Scene {
    /// A service on a store of its own.
    pub async fn of(host: &dyn Host) -> Self {
        Self::served(host, How::default()).await
    }

    /// The same, served in this way.
    pub async fn served(host: &dyn Host, how: How) -> Self {
        let store = Store::of().await;
        let running = host.serve(&store.app, how).await;
        Self { store, running }
    }

    /// What is answered to a request.
    pub async fn send(&self, ask: Ask) -> Answer {
        ask.send(self.running.address).await
    }

    /// Creates a user, and gives the answer.
    pub async fn created(&self, user: Value) -> Answer {
        let answer = self.send(create(&user)).await;
        assert_eq!(answer.status, 201, "{user}: {}", answer.text());
        answer
    }

    /// The lines of the log about a store that failed.
    pub fn failures(&self) -> Vec<String> {
        let mut lines = self.running.log();
        lines.retain(|line| line.contains("users-store-failed"));
        lines
    }

    /// How many users there are.
    pub async fn total(&self) -> u64 {
        let answer = self.send(admin(Ask::get(USERS))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["total"].as_u64().unwrap_or_default()
    }
}

/// The request of somebody, as the gate hands it on.
pub fn by(subject: &str, scope: &str, ask: Ask) -> Ask {
    let ask = ask
        .header("x-auth-issuer", ISSUER)
        .header("x-auth-subject", subject);
    match scope {
        "" => ask,
        scope => ask.header("x-auth-scope", scope),
    }
}

/// The request of somebody who may do everything.
pub fn admin(ask: Ask) -> Ask {
    by("admin", "read:users write:users", ask)
}

/// A request for a new user.
pub fn create(user: &Value) -> Ask {
    admin(new_user(user))
}

/// The same, of nobody yet.
pub fn new_user(user: &Value) -> Ask {
    Ask::new("POST", USERS)
        .header("Content-Type", "application/json")
        .body(user.to_string().as_bytes())
}

/// A change of the user at this path, of nobody yet.
pub fn change(path: &str, etag: &str, patch: &Value) -> Ask {
    Ask::new("PATCH", path)
        .header("Content-Type", "application/merge-patch+json")
        .header("If-Match", etag)
        .body(patch.to_string().as_bytes())
}

/// A user of this name.
pub fn named(name: &str) -> Value {
    json!({ "name": name, "email": format!("{name}@example.com") })
}

/// The same, who can log in.
pub fn who_logs_in(name: &str) -> Value {
    let mut user = named(name);
    user["identity"] = json!({ "issuer": ISSUER, "subject": name });
    user
}

/// Where a new user is.
pub fn location(answer: &Answer) -> String {
    answer.header("location").unwrap_or_default().to_owned()
}

/// The version that an answer shows.
pub fn etag(answer: &Answer) -> String {
    answer.header("etag").unwrap_or_default().to_owned()
}

/// The places that a problem names, sorted.
pub fn pointers(answer: &Answer) -> Vec<String> {
    let errors = answer.json()["errors"].as_array().cloned();
    let mut pointers: Vec<String> = errors
        .unwrap_or_default()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap_or_default().to_owned())
        .collect();
    pointers.sort();
    pointers
}
