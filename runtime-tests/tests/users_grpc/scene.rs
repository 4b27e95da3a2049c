//! The service behind the gate, and how it is called.

use doorward_runtime_tests::app::{App, AppSpec, workspace};
use doorward_runtime_tests::grpc::calls;
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::issuer::{Issuer, now};
use serde_json::{Value, json};

/// The development issuer and the audience of `doorward.toml`.
const SHIPPED_ISSUER: &str = "http://127.0.0.1:3001";
const SHIPPED_AUDIENCE: &str = "http://127.0.0.1:3000";

/// Metadata: pairs of a name and a value.
pub type Metadata = Vec<Value>;

/// A service that runs.
pub struct Scene {
    /// Who issues tokens.
    pub issuer: Issuer,
    /// The host.
    pub running: Running,
    _app: App,
}

impl Scene {
    /// On SQLite.
    pub async fn of(host: &dyn Host) -> Self {
        Self::served(host, "").await
    }

    /// On the PostgreSQL at this URL.
    pub async fn on(host: &dyn Host, url: &str) -> Self {
        Self::served(host, url).await
    }

    async fn served(host: &dyn Host, url: &str) -> Self {
        let issuer = Issuer::start().await;
        let policy = std::fs::read_to_string(workspace().join("doorward.toml")).unwrap();
        let mut spec = spec(url);
        spec.middleware = vec!["gate"];
        spec.policy = Some(policy.replace(SHIPPED_ISSUER, &issuer.url()));
        let app = spec.write();
        let running = host.start(&app).await;
        Self {
            issuer,
            running,
            _app: app,
        }
    }

    /// What became of these steps.
    pub async fn calls(&self, steps: Value) -> Value {
        calls(self.running.address, steps).await
    }

    /// The metadata of somebody with a token.
    pub fn by(&self, subject: &str, scope: &str) -> Metadata {
        let token = self.issuer.key().sign(&json!({
            "iss": self.issuer.url(), "aud": SHIPPED_AUDIENCE, "sub": subject, "scope": scope,
            "iat": now(), "exp": now() + 600,
        }));
        vec![json!(["authorization", format!("Bearer {token}")])]
    }

    /// The metadata of somebody who may do everything.
    pub fn admin(&self) -> Metadata {
        self.by("admin", "read:users write:users")
    }
}

/// The service without the gate, on the PostgreSQL at this URL or on SQLite.
pub fn spec(url: &str) -> AppSpec {
    let mut spec = AppSpec::gated("users-grpc", "");
    spec.policy = None;
    spec.middleware = vec![];
    spec.databases = vec!["default".to_owned()];
    spec.outbound.push("postgres://127.0.0.1:*".to_owned());
    spec.variables = vec![("users_database".to_owned(), url.to_owned())];
    spec
}

/// The metadata of somebody as the gate tells of them.
pub fn told_of(subject: &str, scope: &str) -> Metadata {
    vec![
        json!(["x-auth-issuer", "https://login.example"]),
        json!(["x-auth-subject", subject]),
        json!(["x-auth-scope", scope]),
    ]
}

/// The reason that a refusal gives to programs.
pub fn reason(told: &Value) -> &str {
    assert_eq!(told["ErrorInfo"]["domain"], "doorward", "{told}");
    told["ErrorInfo"]["reason"].as_str().unwrap_or_default()
}

/// The fields that a refusal names.
pub fn fields(told: &Value) -> Vec<&str> {
    let violations = told["BadRequest"]["fieldViolations"].as_array();
    let fields = violations.into_iter().flatten();
    fields.filter_map(|one| one["field"].as_str()).collect()
}
