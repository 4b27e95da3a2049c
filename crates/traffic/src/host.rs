//! Whom a request is for: the `Host` field and the authority of its target.
//!
//! A host hands on one authority, and whatever reads the field may read another one: a cache, an origin, a log.
//! So both have to say the same, once.

use core::fmt;

/// The ports that nobody has to name: those of `http` and `https` (RFC 9110 sections 4.2.1 and 4.2.2).
const DEFAULT_PORTS: [&[u8]; 2] = [b"80", b"443"];

/// Why it is not clear whom a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError {
    /// There is more than one `Host` field (RFC 9112 section 3.2).
    Repeated,
    /// User information, which no `Host` field has (RFC 9110 section 7.2) and no target of `http` or `https`
    /// may have (section 4.2.4).
    UserInformation,
    /// The field names another host than the target does.
    Different,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Repeated => "there is more than one Host field",
            Self::UserInformation => "the host has user information before it",
            Self::Different => "the Host field and the target name different hosts",
        })
    }
}

/// Checks the `Host` fields of a request, as far as they are visible, against the authority of its target or,
/// where the target has none, against the one that was made of the field. Compared without case; a default
/// port is the same as none.
///
/// # Errors
/// When the request can be read in two ways.
pub fn check(fields: &[Vec<u8>], authority: Option<&str>) -> Result<(), HostError> {
    let field = match fields {
        [] => return Ok(()),
        [field] => field.as_slice(),
        _ => return Err(HostError::Repeated),
    };
    // An empty field is what a target without an authority has (RFC 9110 section 7.2).
    let authority = authority.unwrap_or_default().as_bytes();
    if field.contains(&b'@') || authority.contains(&b'@') {
        return Err(HostError::UserInformation);
    }
    let (host, port) = split(field);
    let (target, target_port) = split(authority);
    let is_same_port = port == target_port
        || [(port, target_port), (target_port, port)]
            .iter()
            .any(|(one, other)| one.is_empty() && DEFAULT_PORTS.contains(other));
    match host.eq_ignore_ascii_case(target) && is_same_port {
        true => Ok(()),
        false => Err(HostError::Different),
    }
}

/// Host and port; the port is empty where there is none (RFC 3986 section 3.2.3).
fn split(authority: &[u8]) -> (&[u8], &[u8]) {
    // The colons of an IPv6 address are in brackets, and a port is all digits.
    let digits = authority
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (host, port) = authority.split_at(authority.len().saturating_sub(digits));
    match host.split_last() {
        Some((b':', host)) => (host, port),
        _ => (authority, b""),
    }
}

#[cfg(test)]
mod tests;
