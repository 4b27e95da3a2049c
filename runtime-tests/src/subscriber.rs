//! Who receives what was published.

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long a message may take, on a machine that does other things as well.
const MESSAGE_TIME_MAX: Duration = Duration::from_secs(30);
/// Messages that are received before anybody looks at them.
const MESSAGES_MAX: usize = 1000;
/// Bytes of a message.
const MESSAGE_BYTES_MAX: usize = 32 << 20;
/// Seconds after which the broker is told that somebody is there.
const KEEP_ALIVE: u16 = 30;
/// All topics.
const ALL: &str = "#";

/// A message as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its topic.
    pub topic: String,
    /// What it says.
    pub payload: Vec<u8>,
    /// How sure it was to arrive: 0, 1 or 2.
    pub quality: u8,
}

/// A client of a broker that receives all that is published there.
#[derive(Debug)]
pub struct Subscriber {
    messages: mpsc::Receiver<Message>,
    _client: AsyncClient,
}

impl Subscriber {
    /// One that receives what is published from now on, signed in as this user with this password.
    ///
    /// # Panics
    /// When the broker does not let it.
    pub async fn start(broker: SocketAddr, user: Option<(&str, &str)>) -> Self {
        let address = (broker.ip().to_string(), broker.port());
        let mut options = MqttOptions::new("subscriber", address);
        options
            .set_keep_alive(KEEP_ALIVE)
            .set_max_packet_size(MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX);
        if let Some((name, password)) = user {
            options.set_credentials(name, password.to_owned());
        }
        let (client, mut events) = AsyncClient::builder(options).build();
        let subscribed = client.subscribe(ALL, QoS::ExactlyOnce).await;
        subscribed.expect("ask for the messages");
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::SubAck(_))) => break,
                Ok(_) => {}
                Err(error) => panic!("no subscription at {broker}: {error}"),
            }
        }
        let (tell, messages) = mpsc::channel(MESSAGES_MAX);
        tokio::spawn(async move {
            while let Ok(event) = events.poll().await {
                if let Event::Incoming(Packet::Publish(publish)) = event {
                    let message = Message {
                        topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                        payload: publish.payload.to_vec(),
                        quality: publish.qos as u8,
                    };
                    if tell.send(message).await.is_err() {
                        break;
                    }
                }
            }
        });
        Self {
            messages,
            _client: client,
        }
    }

    /// The next message.
    ///
    /// # Panics
    /// When none comes.
    pub async fn next(&mut self) -> Message {
        let next = timeout(MESSAGE_TIME_MAX, self.messages.recv()).await;
        next.expect("a message in time")
            .expect("the broker is there")
    }

    /// As many messages as there are to come, in the order of their payloads.
    ///
    /// # Panics
    /// When one does not come.
    pub async fn next_of(&mut self, count: usize) -> Vec<Message> {
        let mut messages = Vec::new();
        for _ in 0..count {
            messages.push(self.next().await);
        }
        messages.sort_by(|a, b| a.payload.cmp(&b.payload));
        messages
    }
}
