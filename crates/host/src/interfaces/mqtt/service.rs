//! What a component may publish to, and what its instances have open.

use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::component::Resource;

use super::address::{Address, Login, TEXT_BYTES_MAX};
use super::error::{MqttError, MqttResult};
use super::message::Message;
use super::pool::{Pool, Shared, Target};
use crate::interfaces::interface::View;
use crate::interfaces::outbound_http::allow_list::{AllowList, Destination};

/// Handles that one instance has open at the same time (Spin's bound).
const OPEN_MAX: usize = 1024;
/// Connections that one instance keeps from request to request.
const KEPT_MAX: usize = 8;

/// `spin:mqtt`.
pub struct Mqtt;

/// What one component may connect to.
pub struct Granted {
    pool: Arc<Pool>,
    allowed: AllowList,
}

impl Granted {
    /// What `allowed` allows, by the connections of `pool`.
    pub fn new(pool: Arc<Pool>, allowed: AllowList) -> Self {
        Self { pool, allowed }
    }

    fn admit(&self, address: &str) -> MqttResult<Address> {
        let address = Address::parse(address).ok_or(MqttError::InvalidAddress)?;
        let (scheme, host, port) = (address.scheme(), &address.host, address.port);
        let to = Destination {
            scheme,
            host,
            port: Some(port),
        };
        match self.allowed.allows(to) {
            true => Ok(address),
            false => Err(MqttError::ConnectionFailed(format!(
                "address {scheme}://{host}:{port} is not permitted"
            ))),
        }
    }
}

/// What is open of a component's connections in one instance.
pub struct Open {
    granted: Arc<Granted>,
    count: usize,
    kept: Arc<Kept>,
}

/// The connections by which an instance published last. They are there until it goes, so that each of its requests
/// need not make one.
#[derive(Default)]
struct Kept(Mutex<Vec<Arc<Shared>>>);

impl Kept {
    fn keep(&self, shared: &Arc<Shared>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|other| !Arc::ptr_eq(other, shared));
        if kept.len() >= KEPT_MAX {
            kept.remove(0);
        }
        kept.push(Arc::clone(shared));
    }
}

impl Open {
    /// Nothing yet of what is granted.
    pub fn new(granted: Arc<Granted>) -> Self {
        Self {
            granted,
            count: 0,
            kept: Arc::default(),
        }
    }
}

/// What a component has open. It is connected when something is published, as on Spin.
#[derive(Clone)]
pub struct OpenConnection {
    granted: Arc<Granted>,
    target: Arc<Target>,
    kept: Arc<Kept>,
}

impl OpenConnection {
    /// Publishes a message.
    ///
    /// # Errors
    ///
    /// Says why it is not known to have been published.
    pub async fn publish(self, message: Message) -> MqttResult<()> {
        let shared = self.granted.pool.shared(&self.target)?;
        self.kept.keep(&shared);
        // Its own task: what was begun comes to its end also where the request is cancelled, so that what is under way
        // is what counts against the bounds.
        let publishing = tokio::spawn(async move {
            let connection = shared.connection().await?;
            connection.publish(message).await
        });
        let published = publishing.await;
        published.unwrap_or_else(|error| Err(MqttError::Other(error.to_string())))
    }
}

impl View<'_, Mqtt> {
    /// What a component opens by this address through the interface of this name, if it may.
    ///
    /// # Errors
    ///
    /// When it may not, or has as many open as it may; and when the table of resources is full.
    pub fn open_connection(
        &mut self,
        interface: &str,
        address: &str,
        user: String,
        password: String,
        keep_alive: u64,
    ) -> wasmtime::Result<MqttResult<Resource<OpenConnection>>> {
        let Some(open) = &mut self.instance else {
            // In the words of Spin's refusing twin.
            let denied = format!("{interface:?} is not permitted");
            return Ok(Err(MqttError::Other(denied)));
        };
        let address = match open.granted.admit(address) {
            Ok(address) => address,
            Err(error) => return Ok(Err(error)),
        };
        for (text, name) in [(&user, "user name"), (&password, "password")] {
            if text.len() > TEXT_BYTES_MAX {
                let why = format!("the {name} has more than {TEXT_BYTES_MAX} bytes");
                return Ok(Err(MqttError::Other(why)));
            }
        }
        if open.count >= OPEN_MAX {
            return Ok(Err(MqttError::TooManyConnections));
        }
        let login = Login {
            user,
            password,
            // A longer one cannot be said. Telling the broker more often than asked does no harm.
            keep_alive: u16::try_from(keep_alive).unwrap_or(u16::MAX),
        };
        let connection = OpenConnection {
            granted: Arc::clone(&open.granted),
            target: Arc::new(Target { address, login }),
            kept: Arc::clone(&open.kept),
        };
        let handle = self.table.push(connection)?;
        open.count += 1;
        Ok(Ok(handle))
    }

    /// Takes a handle back.
    ///
    /// # Errors
    ///
    /// When there is no such handle.
    pub fn close(&mut self, handle: Resource<OpenConnection>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        if let Some(open) = &mut self.instance {
            open.count = open.count.saturating_sub(1);
        }
        Ok(())
    }

    /// The connection of a handle.
    ///
    /// # Errors
    ///
    /// When there is no such handle.
    pub fn connection(
        &self,
        handle: &Resource<OpenConnection>,
    ) -> wasmtime::Result<OpenConnection> {
        Ok(self.table.get(handle)?.clone())
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod tests {
    use wasmtime::component::ResourceTable;

    use super::*;
    use crate::outbound_options::OutboundOptions;

    fn granted(entries: &[&str]) -> Arc<Granted> {
        let pool = Arc::new(Pool::new(&OutboundOptions::default()));
        Arc::new(Granted::new(pool, AllowList::parse(entries).unwrap()))
    }

    #[test]
    fn only_what_is_allowed_is_admitted() {
        for (entry, address, is_allowed) in [
            ("mqtt://broker:1883", "mqtt://broker", true),
            ("mqtt://broker:1883", "mqtt://broker:1883?client_id=a", true),
            ("mqtt://broker:*", "mqtt://broker:7", true),
            ("*://broker:7", "mqtts://broker:7", true),
            ("mqtts://broker:8883", "mqtts://broker", true),
            ("mqtt://[::1]:1883", "mqtt://[::1]", true),
            ("mqtt://10.0.0.0/8:1883", "mqtt://10.1.2.3", true),
            ("mqtt://broker:1883", "mqtts://broker:1883", false),
            ("mqtts://broker:8883", "mqtt://broker:8883", false),
            ("mqtt://broker:1883", "mqtt://broker:7", false),
            ("mqtt://broker:1883", "mqtt://other", false),
            ("mqtt://broker:1883", "mqtt://broker@other", false),
            ("http://broker:1883", "mqtt://broker:1883", false),
        ] {
            let admitted = granted(&[entry]).admit(address);
            match admitted {
                Ok(_) => assert!(is_allowed, "{entry} for {address}"),
                Err(MqttError::ConnectionFailed(why)) => {
                    assert!(!is_allowed, "{entry} for {address}");
                    assert!(why.ends_with("is not permitted"), "{why}");
                }
                Err(other) => panic!("{entry} for {address}: {other:?}"),
            }
        }
        let secret = granted(&[]).admit("mqtt://me:secret@broker:7?client_id=mine");
        let said = "address mqtt://broker:7 is not permitted".to_owned();
        assert_eq!(secret, Err(MqttError::ConnectionFailed(said)));
        let nonsense = granted(&["*://*:*"]).admit("http://broker:1883");
        assert_eq!(nonsense, Err(MqttError::InvalidAddress));
    }

    fn open(view: &mut View<'_, Mqtt>) -> MqttResult<Resource<OpenConnection>> {
        let nobody = String::new();
        view.open_connection("spin:mqtt/mqtt", "mqtt://broker", nobody.clone(), nobody, 0)
            .unwrap()
    }

    #[test]
    fn a_refusing_twin_opens_no_connection() {
        let mut table = ResourceTable::new();
        let mut twin = View::<Mqtt> {
            table: &mut table,
            instance: None,
        };
        let said = "\"spin:mqtt/mqtt\" is not permitted".to_owned();
        assert_eq!(open(&mut twin).unwrap_err(), MqttError::Other(said));
    }

    #[test]
    fn an_instance_opens_no_more_than_it_may_and_one_again_for_each_that_it_closes() {
        let mut instance = Open::new(granted(&["mqtt://broker:1883"]));
        let mut table = ResourceTable::new();
        let mut view = View::<Mqtt> {
            table: &mut table,
            instance: Some(&mut instance),
        };
        let first = open(&mut view).unwrap();
        for _ in 1..OPEN_MAX {
            open(&mut view).unwrap();
        }
        let one_more = open(&mut view).unwrap_err();
        assert_eq!(one_more, MqttError::TooManyConnections);
        view.close(first).unwrap();
        assert!(open(&mut view).is_ok());
    }

    #[test]
    fn a_user_and_a_password_are_no_longer_than_can_be_said() {
        let mut instance = Open::new(granted(&["mqtt://broker:1883"]));
        let mut table = ResourceTable::new();
        let mut view = View::<Mqtt> {
            table: &mut table,
            instance: Some(&mut instance),
        };
        let long = "a".repeat(TEXT_BYTES_MAX + 1);
        for (user, password) in [(&long, ""), (&String::new(), long.as_str())] {
            let opened = view.open_connection(
                "spin:mqtt/mqtt",
                "mqtt://broker",
                user.clone(),
                password.to_owned(),
                0,
            );
            let refused = matches!(opened.unwrap(), Err(MqttError::Other(_)));
            assert!(refused);
        }
    }
}
