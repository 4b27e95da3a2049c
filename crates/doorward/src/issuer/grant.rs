//! The client-credentials grant (RFC 6749 §4.4): any client gets any scope.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::settings::Settings;
use crate::keys::Algorithm;
use crate::sign::{self, Content};

/// Parameters that may be given several times: RFC 8707 §2 allows `resource`, and `audience` is its
/// older name.
const REPEATABLE: [&str; 2] = ["audience", "resource"];

/// Why there is no token: a code of RFC 6749 §5.2 and a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GrantError {
    code: &'static str,
    description: String,
}

impl GrantError {
    pub(super) fn request(description: impl Into<String>) -> Self {
        Self {
            code: "invalid_request",
            description: description.into(),
        }
    }

    pub(super) fn client(description: impl Into<String>) -> Self {
        Self {
            code: "invalid_client",
            description: description.into(),
        }
    }

    pub(super) fn code(&self) -> &'static str {
        self.code
    }

    pub(super) fn description(&self) -> &str {
        &self.description
    }

    pub(super) fn status(&self) -> StatusCode {
        match self.code {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            "server_error" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// The answer of the token endpoint (RFC 6749 §5.1).
pub(super) fn token(
    settings: &Settings,
    parameters: &[(String, String)],
    basic_client: Option<String>,
) -> Result<Value, GrantError> {
    check_repeated(parameters)?;
    let get = |name: &str| {
        let found = parameters.iter().find(|(key, _)| key == name);
        // RFC 6749 §3.1: a parameter without a value is treated as if it were not there.
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    };
    match get("grant_type") {
        Some("client_credentials") => {}
        Some(_) => {
            return Err(GrantError {
                code: "unsupported_grant_type",
                description: "only client_credentials".to_owned(),
            });
        }
        None => return Err(GrantError::request("grant_type is missing")),
    }
    let client = match (basic_client, get("client_id")) {
        (Some(basic), Some(form)) if basic != form => {
            return Err(GrantError::request("two clients at once"));
        }
        (Some(client), _) => client,
        (None, Some(client)) => client.to_owned(),
        (None, None) => {
            return Err(GrantError::client("client_id is missing; any will do"));
        }
    };
    let scope = get("scope").unwrap_or_default();
    if !is_scope(scope) {
        return Err(GrantError {
            code: "invalid_scope",
            description: "scopes are printable ASCII without quotes, one space between".to_owned(),
        });
    }
    let mut audience: Vec<String> = parameters
        .iter()
        .filter(|(name, value)| REPEATABLE.contains(&name.as_str()) && !value.is_empty())
        .map(|(_, value)| value.clone())
        .collect();
    if audience.is_empty() {
        audience.push(sign::AUDIENCE.to_owned());
    }
    let access_token = settings
        .keys
        .get(Algorithm::EdDsa)
        .and_then(|key| {
            sign::token(
                key,
                Content {
                    issuer: &settings.url,
                    subject: &client,
                    client: Some(&client),
                    audience: &audience,
                    scope,
                    lifetime_s: sign::LIFETIME_S,
                    claims: Map::new(),
                },
            )
        })
        .map_err(|_| GrantError {
            code: "server_error",
            description: "signing failed".to_owned(),
        })?;
    Ok(json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": sign::LIFETIME_S,
        "scope": scope,
    }))
}

/// RFC 6749 §3.2: parameters must not be included more than once.
fn check_repeated(parameters: &[(String, String)]) -> Result<(), GrantError> {
    for (index, (name, _)) in parameters.iter().enumerate() {
        let again = parameters
            .iter()
            .take(index)
            .any(|(other, _)| other == name);
        if again && !REPEATABLE.contains(&name.as_str()) {
            return Err(GrantError::request("a parameter is there twice"));
        }
    }
    Ok(())
}

/// RFC 6749 §3.3: `scope-token *( SP scope-token )`; empty stands for none.
fn is_scope(scope: &str) -> bool {
    let is_token = |token: &str| {
        !token.is_empty()
            && token
                .bytes()
                .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
    };
    scope.is_empty() || scope.split(' ').all(is_token)
}
