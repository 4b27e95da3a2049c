//! Requests and responses, and why there are none.

use super::body::Body;
use doorward_gate::platform::{FieldList, Times, UpstreamFailure};
use std::cell::RefCell;
use std::rc::Rc;

/// A request.
pub struct Request {
    /// Its method.
    pub method: String,
    /// Whether by https.
    pub https: bool,
    /// Whom it is for: host and port.
    pub authority: Option<String>,
    /// Path and query.
    pub target: Option<String>,
    /// Its fields.
    pub fields: Fields,
    /// Its body.
    pub body: Body,
    /// How long it may take.
    pub times: Option<Times>,
}

/// A response.
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its fields.
    pub fields: Fields,
    /// Its body.
    pub body: Body,
}

/// Header fields. Those of a message that was made cannot be changed.
#[derive(Clone)]
pub struct Fields {
    entries: Rc<RefCell<FieldList>>,
    is_final: bool,
}

impl Fields {
    /// Those of a message.
    #[must_use]
    pub fn of(entries: FieldList) -> Self {
        Self {
            entries: Rc::new(RefCell::new(entries)),
            is_final: true,
        }
    }

    /// A copy that can be changed.
    #[must_use]
    pub fn copied(&self) -> Self {
        Self {
            entries: Rc::new(RefCell::new(self.entries())),
            is_final: false,
        }
    }

    /// All of them.
    #[must_use]
    pub fn entries(&self) -> FieldList {
        self.entries.borrow().clone()
    }

    /// The values of every field of this name.
    #[must_use]
    pub fn values(&self, name: &str) -> Vec<Vec<u8>> {
        self.entries.borrow().values(name)
    }

    /// Changes them, where they can be.
    #[must_use]
    pub fn change(&self, change: impl FnOnce(&mut FieldList)) -> bool {
        if !self.is_final {
            change(&mut self.entries.borrow_mut());
        }
        !self.is_final
    }
}

/// Names that a component must not set, as hosts on wasmtime have them.
const FORBIDDEN: [&str; 9] = [
    "connection",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// Whether a component must not set a field of this name.
#[must_use]
pub fn is_forbidden(name: &str) -> bool {
    FORBIDDEN
        .iter()
        .any(|forbidden| forbidden.eq_ignore_ascii_case(name))
}

/// What becomes of the forbidden fields of a message that arrives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manner {
    /// They are taken out (wasmtime 48).
    #[default]
    Removes,
    /// A component sees them, but for `Connection` in requests (wasmtime 47, Spin 4.1).
    Shows,
}

impl Manner {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Removes, Self::Shows];

    /// What a component sees of the fields of a request.
    #[must_use]
    pub fn shown_request(self, mut entries: FieldList) -> FieldList {
        if self == Self::Removes {
            without_hop(&mut entries);
        }
        entries.retain(|name| match self {
            Self::Removes => !is_forbidden(name),
            Self::Shows => !name.eq_ignore_ascii_case("connection"),
        });
        lower_case(entries)
    }

    /// What a component sees of the fields of a response.
    #[must_use]
    pub fn shown_response(self, mut entries: FieldList) -> FieldList {
        if self == Self::Removes {
            without_hop(&mut entries);
        }
        entries.retain(|name| self == Self::Shows || !is_forbidden(name));
        lower_case(entries)
    }
}

/// The values of every field of this name, as text.
pub(super) fn values(entries: &FieldList, name: &str) -> Vec<String> {
    let text = |value| String::from_utf8_lossy(value).into_owned();
    entries.named(name).map(text).collect()
}

/// The members of a list in the fields of this name, in lower case.
pub(super) fn members(entries: &FieldList, name: &str) -> Vec<String> {
    let values = values(entries, name);
    let members = values.iter().flat_map(|value| value.split(','));
    members
        .map(|member| member.trim().to_ascii_lowercase())
        .collect()
}

/// The length that fields announce.
pub(super) fn length(entries: &FieldList) -> Option<u64> {
    values(entries, "content-length").first()?.parse().ok()
}

/// Takes out `Connection` and what it names, but for what says whom a message is for or where it ends.
fn without_hop(entries: &mut FieldList) {
    let named = members(entries, "connection");
    entries.retain(|name| {
        let name = name.to_ascii_lowercase();
        let stays = ["host", "content-length", "transfer-encoding"].contains(&name.as_str());
        name != "connection" && (stays || !named.contains(&name))
    });
}

/// Hosts on wasmtime give names in lower case.
pub(super) fn lower_case(entries: FieldList) -> FieldList {
    let lower = |(name, value): (&str, &[u8])| (name.to_ascii_lowercase(), value.to_vec());
    entries.iter().map(lower).collect()
}

/// Why there is no response, or no whole body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Nobody has this name.
    NoSuchHost,
    /// Nobody listens.
    ConnectionRefused,
    /// The time for the connection is up.
    ConnectionTimeout,
    /// The time for the response is up.
    ResponseTimeout,
    /// The connection ended.
    ConnectionTerminated,
    /// The other side's certificate is not good.
    Certificate,
    /// The component was not granted the destination.
    Denied,
    /// What came is no HTTP.
    Protocol,
    /// The head of the response has more or larger fields than the host accepts.
    HeadTooLarge,
    /// The body is not whole.
    Incomplete,
    /// The host has ended the request, because its client has gone.
    ClientGone,
    /// What the engine says to the host.
    Told(&'static str),
}

impl Failure {
    /// What it says of the one that was asked.
    #[must_use]
    pub fn of_upstream(&self) -> UpstreamFailure {
        match self {
            Self::NoSuchHost | Self::ConnectionRefused => UpstreamFailure::Unreachable,
            Self::ConnectionTimeout => UpstreamFailure::ConnectTimeout,
            Self::ResponseTimeout => UpstreamFailure::Timeout,
            Self::ConnectionTerminated => UpstreamFailure::Reset,
            Self::Certificate => UpstreamFailure::Tls,
            Self::Denied | Self::ClientGone => UpstreamFailure::Denied,
            Self::HeadTooLarge => UpstreamFailure::TooLarge,
            Self::Protocol | Self::Incomplete | Self::Told(_) => UpstreamFailure::Malformed,
        }
    }
}
