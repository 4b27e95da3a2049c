//! What an origin got.

use crate::wire::{self, Body, Fields};

/// So much of a request's body is kept as it is.
pub const BODY_KEPT_BYTES_MAX: usize = 1 << 20;

/// A request as an origin got it.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The connection that it came on, counted from 0.
    pub connection: usize,
    /// The method.
    pub method: String,
    /// The target, byte for byte.
    pub target: String,
    /// The header fields in their order, names as they were written. Values that are not UTF-8 have
    /// replacement characters.
    pub fields: Fields,
    /// How much of the body has come.
    pub body_bytes: u64,
    /// The beginning of the body, [`BODY_KEPT_BYTES_MAX`] of it at most.
    pub body: Vec<u8>,
    /// The SHA-256 of the whole body in hexadecimal digits, once all of it has come.
    pub body_digest: Option<String>,
    /// The trailer fields.
    pub trailers: Fields,
    /// What is not HTTP/1.1 about it. It was answered 400, not by the script, and the connection was
    /// closed.
    pub fault: Option<String>,
    /// How many bytes of answers, heads included, the connection has taken.
    pub answer_bytes: u64,
    /// Whether all of the answer has been written.
    pub answered: bool,
    /// Whether the other side left before.
    pub abandoned: bool,
}

impl Seen {
    /// The value of a field, whose name may be in any case; the first one if there are several.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.values(name).into_iter().next()
    }

    /// All values of a field, whose name may be in any case.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let of_name = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        let found = self.fields.iter().filter(of_name);
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// Whether all of the request has come, and was well-formed.
    pub fn is_whole(&self) -> bool {
        self.body_digest.is_some() && self.fault.is_none()
    }

    /// A request that cannot be read.
    pub(super) fn faulty(fault: String) -> Self {
        Self {
            fault: Some(fault),
            ..Self::default()
        }
    }

    /// Reads the head of a request, strictly (RFC 9112 §3, §5, §6).
    pub(super) fn parse(lines: &[Vec<u8>]) -> Result<(Self, Body), String> {
        let (first, rest) = lines.split_first().ok_or("nothing")?;
        let text = String::from_utf8_lossy(first).into_owned();
        let words: Vec<&str> = text.split(' ').collect();
        let [method, target, "HTTP/1.1"] = words[..] else {
            return Err(format!("the request line {text:?}"));
        };
        let is_visible = !target.is_empty() && target.bytes().all(|byte| byte.is_ascii_graphic());
        if !wire::is_token(method.as_bytes()) || !is_visible {
            return Err(format!("the request line {text:?}"));
        }
        let fields = wire::fields(rest)?;
        let hosts = wire::values(&fields, "host").count();
        if hosts != 1 {
            return Err(format!("{hosts} Host fields"));
        }
        let body = Body::announced(&fields)?.unwrap_or_else(|| Body::of_length(0));
        let seen = Self {
            method: method.to_owned(),
            target: target.to_owned(),
            fields,
            ..Self::default()
        };
        Ok((seen, body))
    }
}
