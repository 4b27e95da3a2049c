//! One connection: how it is made, published by and known to be over.

use std::fmt::Display;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, EventLoop, MqttOptions, NetworkOptions,
    PublishOptions, QoS,
};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::address::{Address, Login, TEXT_BYTES_MAX};
use super::error::{MqttError, MqttResult};
use super::message::{Message, PAYLOAD_BYTES_MAX, Quality};

/// How long a connection may take to come about, with the name, TLS and the password, and how long the broker may
/// take nothing of what is written.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the broker may take to acknowledge a message, with the time that the message waits for others.
pub const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);
/// Messages of a connection that wait to be written, beside those that are not acknowledged.
const WAITING_MAX: usize = 10;
/// Messages of a connection that are not acknowledged.
const UNACKNOWLEDGED_MAX: u16 = 100;
/// Bytes of the payloads of a connection that are under way: 32 MiB.
const UNDER_WAY_BYTES_MAX: usize = 32 << 20;
/// Bytes of what a broker sends; to who subscribes to nothing those are acknowledgements.
const INCOMING_BYTES_MAX: usize = 1024;
/// Bytes of a packet beside topic and payload, and more.
const HEADER_BYTES: usize = 16;
/// How a name begins that is made up. With what follows it has no more than the 23 letters and digits that every
/// broker takes (MQTT 3.1.1 section 3.1.3.1).
const CLIENT_ID: &str = "doorward";

/// A connection. Dropped, it ends.
pub struct Connection {
    client: AsyncClient,
    /// Where it leads, for messages.
    place: String,
    /// Bytes of payloads that may be sent on their way.
    room: Semaphore,
    /// Why it ended.
    ended: watch::Receiver<Option<String>>,
    /// Nobody is to begin anything by it.
    over: AtomicBool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Nothing is under way: what is has it. Where it is broken there is nobody to tell.
        let _ = self.client.try_disconnect_now();
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

impl Connection {
    /// Connects to `address` as `login`, over TLS as `tls` says where there is one.
    ///
    /// # Errors
    ///
    /// Says why there is no connection.
    pub async fn make(
        address: &Address,
        login: &Login,
        tls: Option<Arc<ClientConfig>>,
    ) -> MqttResult<Self> {
        let place = format!("{}:{}", address.host, address.port);
        let failed = |why: &dyn Display| {
            MqttError::ConnectionFailed(format!(
                "no connection to the MQTT broker at {place}: {why}"
            ))
        };
        let options = options(address, login, tls).map_err(|error| failed(&error))?;
        let building = AsyncClient::builder(options)
            .capacity(WAITING_MAX)
            .try_build();
        let (client, mut events) = building.map_err(|error| failed(&error))?;
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(CONNECT_TIMEOUT.as_secs());
        events.set_network_options(network);
        // What happens first is that there is a connection, or none.
        match events.poll().await {
            Ok(_) => {}
            Err(error) => return Err(failed(&words(&error))),
        }
        let (tell, ended) = watch::channel(None);
        tokio::spawn(drive(events, tell));
        Ok(Self {
            client,
            place,
            room: Semaphore::new(UNDER_WAY_BYTES_MAX),
            ended,
            over: AtomicBool::new(false),
        })
    }

    /// Whether something can be published by it.
    pub fn is_good(&self) -> bool {
        !self.over.load(Ordering::Relaxed) && self.ended.borrow().is_none()
    }

    /// Bytes of payloads that may be sent on their way now.
    #[cfg(test)]
    pub fn room(&self) -> usize {
        self.room.available_permits()
    }

    /// Publishes a message. Done is what was written to the network, acknowledged (PUBACK), or completed (PUBCOMP), as
    /// its quality has it.
    ///
    /// # Errors
    ///
    /// When it is not known to be done. It may have arrived.
    pub async fn publish(&self, message: Message) -> MqttResult<()> {
        let place = &self.place;
        let quality = message.quality;
        match timeout(PUBLISH_TIMEOUT, self.send(message)).await {
            Ok(sent) => sent,
            Err(_) => {
                // Who publishes next has another one.
                self.over.store(true, Ordering::Relaxed);
                let seconds = PUBLISH_TIMEOUT.as_secs();
                let what = match quality {
                    Quality::AtMostOnce => "taken",
                    Quality::AtLeastOnce | Quality::ExactlyOnce => "acknowledged",
                };
                Err(MqttError::ConnectionFailed(format!(
                    "the MQTT broker at {place} has not {what} the message within {seconds} s"
                )))
            }
        }
    }

    async fn send(&self, message: Message) -> MqttResult<()> {
        let qos = match message.quality {
            Quality::AtMostOnce => QoS::AtMostOnce,
            Quality::AtLeastOnce => QoS::AtLeastOnce,
            Quality::ExactlyOnce => QoS::ExactlyOnce,
        };
        let bytes = u32::try_from(message.payload.len()).unwrap_or(u32::MAX);
        let _room = self.room.acquire_many(bytes).await;
        let sending = async {
            let options = PublishOptions::new(qos);
            let notice = self
                .client
                .publish_tracked(message.topic, message.payload, options)
                .await
                .map_err(|error| error.to_string())?;
            let done = notice.wait_completion_async().await;
            done.map_err(|error| error.to_string())
        };
        let mut ended = self.ended.clone();
        // In this order: what was acknowledged is done, also where the connection ended then.
        let why = tokio::select! {
            biased;
            sent = sending => match sent {
                Ok(()) => return Ok(()),
                // Why it ended is what people want to know.
                Err(error) => self.ended.borrow().clone().unwrap_or(error),
            },
            why = ended.wait_for(Option::is_some) => {
                why.ok().and_then(|why| why.clone()).unwrap_or_default()
            }
        };
        self.over.store(true, Ordering::Relaxed);
        Err(MqttError::ConnectionFailed(format!(
            "the connection to the MQTT broker at {} is lost: {why}",
            self.place
        )))
    }
}

/// Does what is to be done for a connection until it ends, which it does with the last who has it. It is not made anew
/// here: what is under way then has its error, and is not sent again.
async fn drive(mut events: EventLoop, tell: watch::Sender<Option<String>>) {
    let error = loop {
        if let Err(error) = events.poll().await {
            break error;
        }
    };
    // Before those who wait are told that they need not any more.
    tell.send_replace(Some(words(&error)));
    drop(events);
}

fn options(
    address: &Address,
    login: &Login,
    tls: Option<Arc<ClientConfig>>,
) -> io::Result<MqttOptions> {
    let id = match &address.client_id {
        Some(id) => id.clone(),
        None => new_client_id()?,
    };
    let mut options = MqttOptions::new(id, (address.host.clone(), address.port));
    options
        .set_clean_session(true)
        .set_keep_alive(login.keep_alive)
        .set_inflight(UNACKNOWLEDGED_MAX)
        .set_max_packet_size(
            INCOMING_BYTES_MAX,
            PAYLOAD_BYTES_MAX + TEXT_BYTES_MAX + HEADER_BYTES,
        );
    match (login.user.is_empty(), login.password.is_empty()) {
        (true, true) => {}
        (false, true) => {
            options.set_username(&login.user);
        }
        (false, false) => {
            options.set_credentials(&login.user, login.password.clone());
        }
        (true, false) => {
            return Err(io::Error::other("a password needs a user (MQTT 3.1.1)"));
        }
    }
    let (host, port) = (address.host.clone(), address.port);
    options.set_socket_connector(move |_, _| connect(host.clone(), port, tls.clone()));
    Ok(options)
}

async fn connect(
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
) -> io::Result<Box<dyn Stream>> {
    let stream = TcpStream::connect((host.as_str(), port)).await?;
    stream.set_nodelay(true)?;
    match tls {
        None => Ok(Box::new(stream)),
        Some(tls) => {
            let name = ServerName::try_from(host).map_err(io::Error::other)?;
            Ok(Box::new(
                TlsConnector::from(tls).connect(name, stream).await?,
            ))
        }
    }
}

/// A name that nobody else has.
fn new_client_id() -> io::Result<String> {
    let mut bytes = [0; 7];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| io::Error::other("there is no randomness"))?;
    let hex = bytes.iter().map(|byte| format!("{byte:02x}"));
    Ok(hex.fold(CLIENT_ID.to_owned(), |id, byte| id + &byte))
}

/// Why there is no connection, for people.
fn words(error: &ConnectionError) -> String {
    match error {
        ConnectionError::NetworkTimeout => {
            format!("it took more than {} s", CONNECT_TIMEOUT.as_secs())
        }
        ConnectionError::FlushTimeout => {
            format!("nothing was taken for {} s", CONNECT_TIMEOUT.as_secs())
        }
        ConnectionError::ConnectionRefused(code) => match code {
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => {
                "user and password are refused".to_owned()
            }
            ConnectReturnCode::BadClientId => "the client's name is refused".to_owned(),
            other => format!("it is refused: {other:?}"),
        },
        ConnectionError::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}
