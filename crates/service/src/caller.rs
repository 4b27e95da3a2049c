//! Who calls, as the gate tells it.
//!
//! The gate removes these fields from every request before it sets them, so what arrives is from the gate, or the service
//! is reached by somebody who does not pass the gate: then nobody is told, and nobody may do anything.

use doorward_syntax::form::percent_decode;
use doorward_syntax::url::COMPONENT_SUFFIX;
use http::{HeaderMap, Request};

/// The field with `sub` of the caller's token. These are the names in `[identity]` of the policy.
pub const SUBJECT_HEADER: &str = "x-auth-subject";
/// The field with `iss`.
pub const ISSUER_HEADER: &str = "x-auth-issuer";
/// The field with the scopes, a space between two.
pub const SCOPE_HEADER: &str = "x-auth-scope";

/// Who somebody is to an issuer of tokens: only both together say it (OpenID Connect Core 1.0 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `iss` of their tokens.
    pub issuer: String,
    /// `sub` of their tokens.
    pub subject: String,
}

/// Who sent the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who they are to their issuer.
    pub identity: Identity,
    scopes: Vec<String>,
}

impl Caller {
    /// The caller that the fields tell of. None without both issuer and subject, or where one is there twice or cannot
    /// be read: the gate writes nothing like that.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let issuer = single(headers, ISSUER_HEADER)?;
        let subject = single(headers, SUBJECT_HEADER)?;
        let scopes = match headers.contains_key(SCOPE_HEADER) {
            true => value(headers, SCOPE_HEADER)?,
            false => b"",
        };
        // The spaces of the field are those between two scopes. One that is escaped is part of a scope, which nobody
        // asks for then: read the other way round, who may choose one scope would choose several.
        let scopes: Option<Vec<String>> =
            scopes.split(|byte| *byte == b' ').map(unescaped).collect();
        let scopes = scopes?;
        let is_told = !issuer.is_empty() && !subject.is_empty();
        is_told.then_some(Self {
            identity: Identity { issuer, subject },
            scopes,
        })
    }

    /// Whether they have this scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|had| had == scope)
    }
}

/// Whether the request comes from the application itself and not by a gate: from a timer of the host, or by service
/// chaining. Nobody is told to be the caller then, and the authority is one that no client's request can have who is asked
/// for a token.
pub fn is_from_inside<T>(request: &Request<T>) -> bool {
    let authority = request.uri().host().unwrap_or_default();
    let fields = [ISSUER_HEADER, SUBJECT_HEADER, SCOPE_HEADER];
    let is_told = fields
        .iter()
        .any(|name| request.headers().contains_key(*name));
    authority.ends_with(COMPONENT_SUFFIX) && !is_told
}

/// The claim in a field that is there once.
fn single(headers: &HeaderMap, name: &str) -> Option<String> {
    unescaped(value(headers, name)?)
}

/// The value of a field that is there once.
fn value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.as_bytes();
    values.next().is_none().then_some(value)
}

/// The claim that a value stands for: the gate writes what is not printable ASCII as `%XX`.
fn unescaped(value: &[u8]) -> Option<String> {
    String::from_utf8(percent_decode(value)?).ok()
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use super::{Caller, is_from_inside};
    use http::{HeaderMap, HeaderName, HeaderValue, Request};

    fn caller(fields: &[(&'static str, &'static str)]) -> Option<Caller> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_static(value));
        }
        Caller::of(&headers)
    }

    #[test]
    fn a_caller_is_issuer_subject_and_scopes() {
        let fields = [
            ("x-auth-issuer", "https://login.example"),
            ("x-auth-subject", "j%C3%A9r%C3%B4me 100%25"),
            ("x-auth-scope", "read:users write:users"),
        ];
        let caller = caller(&fields).expect("all is told");
        assert_eq!(caller.identity.issuer, "https://login.example");
        assert_eq!(caller.identity.subject, "jérôme 100%");
        assert!(caller.has_scope("read:users") && caller.has_scope("write:users"));
        assert!(!caller.has_scope("read") && !caller.has_scope(" "));
    }

    #[test]
    fn who_is_told_to_be_somebody_is_not_from_inside() {
        let request = |uri: &str, name: Option<&'static str>| {
            let mut request = Request::new(());
            *request.uri_mut() = uri.parse().expect("a URI");
            if let Some(name) = name {
                let value = HeaderValue::from_static("x");
                request.headers_mut().insert(name, value);
            }
            is_from_inside(&request)
        };
        let inside = "http://users-outbox.spin.internal/internal/outbox/drain";
        assert!(request(inside, None));
        for name in ["x-auth-issuer", "x-auth-subject", "x-auth-scope"] {
            assert!(!request(inside, Some(name)), "{name}");
        }
        for uri in [
            "http://users.example/",
            "http://spin.internal.example/",
            "/",
        ] {
            assert!(!request(uri, None), "{uri}");
        }
    }

    #[test]
    fn a_scope_with_a_space_in_it_is_one_scope() {
        let issuer = ("x-auth-issuer", "https://login.example");
        let subject = ("x-auth-subject", "alice");
        for scopes in [
            "x%20write:users",
            "write:users%20x",
            "%20write:users",
            "x%09write:users",
        ] {
            let caller = caller(&[issuer, subject, ("x-auth-scope", scopes)]).expect("is told");
            assert!(!caller.has_scope("write:users"), "{scopes}");
        }
    }

    #[test]
    fn what_the_gate_would_not_write_is_nobody() {
        let issuer = ("x-auth-issuer", "https://login.example");
        let subject = ("x-auth-subject", "alice");
        assert!(caller(&[issuer, subject]).is_some(), "scopes may be absent");
        for fields in [
            vec![],
            vec![issuer],
            vec![subject],
            vec![issuer, subject, subject],
            vec![issuer, issuer, subject],
            vec![issuer, ("x-auth-subject", "")],
            vec![issuer, ("x-auth-subject", "%C3")],
            vec![issuer, ("x-auth-subject", "a%4")],
            vec![issuer, ("x-auth-subject", "a%zz")],
            vec![
                issuer,
                subject,
                ("x-auth-scope", "a"),
                ("x-auth-scope", "b"),
            ],
        ] {
            assert_eq!(caller(&fields), None, "{fields:?}");
        }
    }
}
