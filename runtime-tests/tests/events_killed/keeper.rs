//! Who keeps what is published: a subscriber with a persistent session, who comes back when the broker does.

use doorward_runtime_tests::servers::{Mosquitto, Server};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Its name, under which the broker knows the session.
const NAME: &str = "keeper-of-events";
/// How often it looks whether the broker is back, or has written something down.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How long the broker may take until it has written the session down.
const SAVED_TIME_MAX: Duration = Duration::from_secs(30);
/// Bytes of a message.
const MESSAGE_BYTES_MAX: usize = 32 << 20;
/// Seconds after which the broker is told that somebody is there.
const KEEP_ALIVE: u16 = 30;

/// A subscriber, until it is dropped.
#[derive(Debug)]
pub struct Keeper {
    payloads: Arc<watch::Sender<Vec<Vec<u8>>>>,
    _client: AsyncClient,
    task: tokio::task::AbortHandle,
}

impl Keeper {
    /// One of this topic. It is known to the broker, also when that is killed.
    pub async fn start(broker: &Server<Mosquitto>, topic: &str) -> Self {
        let address = (broker.address().ip().to_string(), broker.port());
        let mut options = MqttOptions::new(NAME, address);
        options
            .set_keep_alive(KEEP_ALIVE)
            .set_clean_session(false)
            .set_max_packet_size(MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX);
        let (client, mut events) = AsyncClient::builder(options).build();
        let subscribed = client.subscribe(topic, QoS::AtLeastOnce).await;
        subscribed.expect("ask for the messages");
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::SubAck(_))) => break,
                Ok(_) => {}
                Err(error) => panic!("no subscription: {error}"),
            }
        }
        let payloads = Arc::new(watch::Sender::default());
        let kept = Arc::clone(&payloads);
        let task = tokio::spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        let payload = publish.payload.to_vec();
                        kept.send_modify(|payloads: &mut Vec<_>| payloads.push(payload));
                    }
                    Ok(Event::Incoming(Packet::ConnAck(answer))) => {
                        assert!(answer.session_present, "the broker has lost the session");
                    }
                    Ok(_) => {}
                    Err(_) => tokio::time::sleep(LOOK_EVERY).await,
                }
            }
        });
        let keeper = Self {
            payloads,
            _client: client,
            task: task.abort_handle(),
        };
        keeper.until_saved(broker).await;
        keeper
    }

    /// Waits until the session is written down.
    async fn until_saved(&self, broker: &Server<Mosquitto>) {
        let file = broker.folder().join("mosquitto.db");
        let begun = Instant::now();
        loop {
            let text = std::fs::read(&file).unwrap_or_default();
            let names = text.windows(NAME.len());
            if names.filter(|part| *part == NAME.as_bytes()).count() > 1 {
                break;
            }
            let log = broker.log();
            assert!(begun.elapsed() < SAVED_TIME_MAX, "no session: {log}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What it has, once that is enough or so much time is over.
    pub async fn payloads(
        &self,
        time_max: Duration,
        is_enough: impl Fn(&[Vec<u8>]) -> bool,
    ) -> Vec<Vec<u8>> {
        let mut changes = self.payloads.subscribe();
        let enough = changes.wait_for(|payloads| is_enough(payloads));
        // Whether it was enough, is seen where it is looked at.
        let _ = tokio::time::timeout(time_max, enough).await;
        self.payloads.borrow().clone()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}
