//! What somebody who has just started the application can try: a request without a token, one with
//! a token, one with a token that lacks the scope. Taken from the policy, so that it stays true.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use doorward_host::manifest::{Application, FileEntry};
use doorward_policy::Policy;
use toml::de::{DeTable, DeValue};

use crate::policy_file::POLICY;
use crate::{sign, state};

/// The policy's part of the story; what is not found stays out of the printed lines.
pub(super) struct FirstLook {
    /// The issuer that is on a loopback address.
    issuer: Option<String>,
    audience: Option<String>,
    protected: Option<Protected>,
}

/// A path that a `GET` reaches with a token that has a scope.
struct Protected {
    path: String,
    scope: String,
}

impl FirstLook {
    /// Reads the policy of `application`, if it has one.
    pub(super) fn of(application: &Application) -> Self {
        let nothing = Self {
            issuer: None,
            audience: None,
            protected: None,
        };
        let Some(text) = policy_file(application).and_then(|path| fs::read_to_string(path).ok())
        else {
            return nothing;
        };
        let Ok(policy) = Policy::parse(&text) else {
            return nothing;
        };
        let local = policy
            .issuers()
            .iter()
            .find(|issuer| loopback(&issuer.url).is_some());
        Self {
            issuer: local.map(|issuer| issuer.url.clone()),
            audience: local.and_then(|issuer| issuer.audience.first().cloned()),
            protected: protected(&text),
        }
    }

    /// Where the development issuer has to be for the policy to believe it.
    pub(super) fn issuer_address(&self) -> Result<SocketAddr> {
        let url = self.issuer.as_deref().unwrap_or(sign::ISSUER);
        loopback(url).with_context(|| format!("{url} is not an address on loopback"))
    }

    /// Prints the lines for the application at `url`, whose keys are in `state_dir`.
    pub(super) fn print(&self, url: &str, state_dir: &Path) {
        let Some(Protected { path, scope }) = &self.protected else {
            println!("\nTry:\n  curl -i {url}/\n");
            return;
        };
        let mut token = command();
        token.push_str(" token");
        for (flag, value, default) in [
            ("--iss", self.issuer.as_deref(), sign::ISSUER),
            ("--aud", self.audience.as_deref(), sign::AUDIENCE),
        ] {
            if let Some(value) = value.filter(|value| *value != default) {
                token.push_str(&format!(" {flag} {value}"));
            }
        }
        // The command finds the folder by itself where it is the one of this folder.
        if state::state_dir(None).is_ok_and(|found| found != state_dir) {
            token.push_str(&format!(" --state-dir '{}'", state_dir.display()));
        }
        let curl = "curl -i";
        let target = format!("{url}{path}");
        println!(
            "\nTry, in another terminal:\n\
             \n  # no token: 401\
             \n  {curl} {target}\
             \n  # a token: 200, and who the service was told is calling\
             \n  {curl} -H \"Authorization: Bearer $({token} --scope {scope})\" {target}\
             \n  # a token that lacks the scope {scope}: 403\
             \n  {curl} -H \"Authorization: Bearer $({token})\" {target}\n"
        );
    }
}

/// The file that is mounted as the policy, or the one beside the manifest.
fn policy_file(application: &Application) -> Option<PathBuf> {
    let mounted = application
        .components
        .values()
        .flat_map(|component| &component.files)
        .find_map(|entry| match entry {
            FileEntry::Placement {
                source,
                destination,
                ..
            } if destination == POLICY => Some(application.dir.join(source)),
            _ => None,
        });
    mounted.or_else(|| {
        let beside = application.dir.join(POLICY.trim_start_matches('/'));
        beside.is_file().then_some(beside)
    })
}

/// The address in `http://ADDRESS`, if it is one on loopback.
fn loopback(url: &str) -> Option<SocketAddr> {
    let authority = url.strip_prefix("http://")?.trim_end_matches('/');
    let address: SocketAddr = authority.parse().ok()?;
    address.ip().is_loopback().then_some(address)
}

/// The first route of a valid policy that says how to reach it with a token: no name in its path,
/// `GET` among its methods, signed tokens among what it accepts, one scope and no further claims.
fn protected(text: &str) -> Option<Protected> {
    let parsed = DeTable::parse(text).ok()?;
    let routes = parsed.get_ref().get("route")?.get_ref().as_array()?;
    routes.iter().find_map(|route| {
        let route = route.get_ref().as_table()?;
        let strings = |key: &str| -> Option<Vec<&str>> {
            match route.get(key)?.get_ref() {
                DeValue::String(one) => Some(vec![one]),
                DeValue::Array(list) => list.iter().map(|item| item.get_ref().as_str()).collect(),
                _ => None,
            }
        };
        let path = route.get("path")?.get_ref().as_str()?;
        let by_token = strings("accept").is_none_or(|kinds| {
            // After `opaque` a signed token is taken for an opaque one.
            let kind = kinds.iter().find(|kind| ["jwt", "opaque"].contains(*kind));
            kind.is_some_and(|kind| *kind == "jwt")
        });
        let by_get = strings("methods").is_none_or(|methods| methods.contains(&"GET"));
        let scope = strings("scope")?;
        let [scope] = scope.as_slice() else {
            return None;
        };
        let plain = !path.contains(['{', '*']) && route.get("claims").is_none();
        (by_token && by_get && plain).then(|| Protected {
            path: path.to_owned(),
            scope: (*scope).to_owned(),
        })
    })
}

/// How this program is called from the current folder.
fn command() -> String {
    let Ok(program) = std::env::current_exe() else {
        return "doorward".to_owned();
    };
    let relative = std::env::current_dir()
        .ok()
        .and_then(|current| Some(program.strip_prefix(current).ok()?.to_owned()));
    let path = relative.unwrap_or(program).display().to_string();
    if path.contains(' ') {
        format!("'{path}'")
    } else {
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_numeric_loopback_address_over_http_is_the_development_issuers() {
        for (url, expected) in [
            ("http://127.0.0.1:3001", Some("127.0.0.1:3001")),
            ("http://127.8.0.1:3001/", Some("127.8.0.1:3001")),
            ("http://[::1]:80", Some("[::1]:80")),
            ("https://127.0.0.1:3001", None),
            ("http://127.0.0.1:3001/realm", None),
            ("http://10.0.0.1:3001", None),
            ("http://localhost:3001", None),
            ("http://127.0.0.1:3001@evil.example", None),
        ] {
            let found = loopback(url).map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn the_example_is_the_first_route_that_one_scope_opens_to_a_get() {
        let policy = r#"
            [[route]]
            path = "/open"
            public = true
            [[route]]
            path = "/items/{id}"
            scope = ["items"]
            [[route]]
            path = "/write"
            methods = ["POST"]
            scope = ["write"]
            [[route]]
            path = "/both"
            scope = ["one", "two"]
            [[route]]
            path = "/operators"
            scope = "ops"
            claims = { role = "operator" }
            [[route]]
            path = "/machines"
            accept = ["api-key", "basic"]
            scope = ["machines"]
            [[route]]
            path = "/opaque"
            accept = ["opaque", "jwt"]
            scope = ["opaque"]
            [[route]]
            path = "/me"
            accept = ["api-key", "jwt", "opaque"]
            methods = ["GET", "HEAD"]
            scope = ["me"]
        "#;
        let found = protected(policy).map(|found| (found.path, found.scope));
        assert_eq!(found, Some(("/me".to_owned(), "me".to_owned())));
        assert!(protected("[[route]]\npath = \"/x\"\npublic = true\n").is_none());
    }
}
