//! Where a broker is: `mqtt://HOST[:PORT][?client_id=ID]`, or `mqtts://` for TLS, and as whom it is spoken to.

use doorward_syntax::form;
use http::Uri;

/// Bytes of an address.
const ADDRESS_BYTES_MAX: usize = 4096;
/// Bytes of a text of the protocol (MQTT 3.1.1 section 1.5.3).
pub const TEXT_BYTES_MAX: usize = 65_535;
/// The schemes with their ports, without and with TLS.
const PLAIN: (&str, u16) = ("mqtt", 1883);
const SECURE: (&str, u16) = ("mqtts", 8883);
/// What names the client.
const CLIENT_ID: &str = "client_id";
/// What else Spin reads. The keep-alive is an argument of `open`, and the others have no effect on who publishes.
const WITHOUT_EFFECT: &[&str] = &[
    "clean_session",
    "inflight_num",
    "keep_alive_secs",
    "max_incoming_packet_size_bytes",
    "max_outgoing_packet_size_bytes",
    "max_request_batch_num",
    "pending_throttle_usecs",
    "request_channel_capacity_num",
];

/// An address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Whether TLS is spoken there.
    pub tls: bool,
    /// Name or address, an IPv6 one without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Under which name; without one it is made up.
    pub client_id: Option<String>,
}

impl Address {
    /// Reads an address; none where it is none. A user in it counts no more than on Spin: not at all.
    pub fn parse(text: &str) -> Option<Self> {
        // `Uri` drops a fragment without a word.
        if text.len() > ADDRESS_BYTES_MAX || text.contains('#') {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let scheme = uri.scheme_str()?;
        let tls = scheme.eq_ignore_ascii_case(SECURE.0);
        if !tls && !scheme.eq_ignore_ascii_case(PLAIN.0) {
            return None;
        }
        let host = uri.host().filter(|host| !host.is_empty())?;
        let port = match uri.port() {
            Some(port) => port.as_u16(),
            // Something follows the colon that is no port.
            None if is_port_written(uri.authority()?.as_str()) => return None,
            None => (if tls { SECURE } else { PLAIN }).1,
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some(Self {
            tls,
            host: host.to_owned(),
            port,
            client_id: client_id(uri.query().unwrap_or_default())?,
        })
    }

    /// Its scheme.
    pub fn scheme(&self) -> &'static str {
        if self.tls { SECURE.0 } else { PLAIN.0 }
    }
}

fn is_port_written(authority: &str) -> bool {
    let (_, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    doorward_syntax::url::host_and_port(place)
        .1
        .is_some_and(|port| !port.is_empty())
}

/// The client's name in a query, if there is one. Nothing where the query has what is unknown, or names it twice.
#[expect(
    clippy::option_option,
    reason = "whether it can be read, and whether it is there"
)]
fn client_id(query: &str) -> Option<Option<String>> {
    let mut id = None;
    for (name, value) in form::parameters(query.as_bytes()) {
        let name = String::from_utf8(form::decode(name)?).ok()?;
        if name == CLIENT_ID {
            let value = String::from_utf8(form::decode(value)?).ok()?;
            if value.is_empty() || value.contains('\0') || id.replace(value).is_some() {
                return None;
            }
        } else if !WITHOUT_EFFECT.contains(&name.as_str()) {
            return None;
        }
    }
    Some(id)
}

/// As whom a broker is spoken to, and how.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Login {
    /// The user; empty for nobody.
    pub user: String,
    /// The password; empty for none.
    pub password: String,
    /// Seconds after which a broker that was told nothing is told that somebody is there; zero for never.
    pub keep_alive: u16,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where_and_under_which_name() {
        for (text, scheme, host, port, id) in [
            ("mqtt://broker", "mqtt", "broker", 1883, None),
            ("MQTT://broker:1/", "mqtt", "broker", 1, None),
            ("mqtts://broker", "mqtts", "broker", 8883, None),
            ("mqtts://[::1]:7", "mqtts", "::1", 7, None),
            ("mqtt://me:secret@broker:7", "mqtt", "broker", 7, None),
            (
                "mqtt://broker?client_id=a",
                "mqtt",
                "broker",
                1883,
                Some("a"),
            ),
            (
                "mqtt://broker:9/?client_id=a%20%C3%A9",
                "mqtt",
                "broker",
                9,
                Some("a é"),
            ),
            (
                "mqtt://broker?clean_session=true&client_id=a&keep_alive_secs=5",
                "mqtt",
                "broker",
                1883,
                Some("a"),
            ),
        ] {
            let address = Address::parse(text).unwrap();
            let said = (address.scheme(), address.host.as_str(), address.port);
            assert_eq!(said, (scheme, host, port), "{text}");
            assert_eq!(address.client_id.as_deref(), id, "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_address() {
        let long = format!("mqtt://broker?client_id={}", "a".repeat(ADDRESS_BYTES_MAX));
        for text in [
            "",
            "broker",
            "broker:1883",
            "mqtt://",
            "mqtt://:1",
            "mqtt://broker:port",
            "mqtt://broker:66000",
            "http://broker",
            "ws://broker",
            "mqtt://broker#part",
            "mqtt://broker?client_id=",
            "mqtt://broker?client_id=%00",
            "mqtt://broker?client_id=%ff",
            "mqtt://broker?client_id=a&client_id=b",
            "mqtt://broker?client=a",
            &long,
        ] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }
}
