//! A topic of MQTT, by `spin:mqtt`.

use std::cell::Cell;

use doorward_events::record::{BATCH_BYTES, Batch, EVENT_BYTES_MAX};
use doorward_events::sink::SinkError;
use doorward_events::sinks::mqtt::{Topic, message};
use doorward_service_spin::random;
use spin_sdk::mqtt::{Connection, Error, Qos};

/// After how many seconds without anything else the server is told that we are still there.
const KEEP_ALIVE_S: u64 = 30;

/// The longest of what a server sends, in bytes: acknowledgements, and no messages.
const ANSWER_BYTES_MAX: usize = 10 * 1024;
/// The longest message, in bytes: a batch, which has as many bytes as one has and one event more, with what is around them.
/// Spin sends 10 KiB unless it is told.
const MESSAGE_BYTES_MAX: usize = BATCH_BYTES + 2 * EVENT_BYTES_MAX;

thread_local! {
    /// A connection that no request has. With another one each batch would pay for its greeting.
    static KEPT: Cell<Option<Connection>> = const { Cell::new(None) };
}

/// A server of MQTT, and who we are there.
#[derive(Clone, Copy)]
pub struct Server<'a> {
    pub url: &'a str,
    pub user: &'a str,
    pub password: &'a str,
}

/// Publishes a batch. It returns when the server has acknowledged it (QoS 1).
pub async fn write(server: Server<'_>, topic: &Topic, batch: &Batch) -> Result<(), SinkError> {
    let connection = match KEPT.take() {
        Some(connection) => connection,
        None => open(server).await.map_err(|error| why(&error))?,
    };
    let payload = message(batch);
    let published = connection.publish(topic.name(), payload, Qos::AtLeastOnce);
    published.await.map_err(|error| why(&error))?;
    // Only one whose message was acknowledged is used again.
    KEPT.set(Some(connection));
    Ok(())
}

/// Two connections with one name would end each other (MQTT 3.1.1 §3.1.4), so each has one of its own.
async fn open(server: Server<'_>) -> Result<Connection, Error> {
    let name = u64::from_le_bytes(random());
    // Spin takes the two bounds together or neither.
    let address = format!(
        "{}?client_id=doorward-events-{name:016x}&max_incoming_packet_size_bytes={ANSWER_BYTES_MAX}\
         &max_outgoing_packet_size_bytes={MESSAGE_BYTES_MAX}",
        server.url
    );
    Connection::open(address, server.user, server.password, KEEP_ALIVE_S).await
}

fn why(error: &Error) -> SinkError {
    match error {
        Error::InvalidAddress => SinkError::Never(
            "the URL of the MQTT server is none, or its host is not in `allowed_outbound_hosts` of the component"
                .to_owned(),
        ),
        Error::TooManyConnections => {
            SinkError::NotNow("the host has no more connections by MQTT".to_owned())
        }
        Error::ConnectionFailed(reason) | Error::Other(reason) => {
            SinkError::NotNow(format!("MQTT: {reason}"))
        }
    }
}
