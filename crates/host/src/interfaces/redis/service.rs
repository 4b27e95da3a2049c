//! What a component may connect to, and the connections that its instances have open.

use std::sync::Arc;

use ::redis::{Cmd, Value};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Resource;

use super::commands::{Way, way_of};
use crate::interfaces::interface::View;
use crate::interfaces::outbound_http::allow_list::{AllowList, Destination};
use crate::redis_client::address::Address;
use crate::redis_client::connect::Connection;
use crate::redis_client::error::{RedisError, RedisResult};
use crate::redis_client::pool::Pool;

/// Connections that one instance has open at the same time (Spin's bound).
const OPEN_MAX: usize = 1024;
/// Connections that the instances of one component have for themselves at the same time.
const OWN_MAX: usize = 32;

/// What the refusing twin says, as Spin's does.
const NOT_PERMITTED: &str = "\"spin:redis/redis\" is not permitted";

/// `spin:redis`.
pub struct Redis;

/// What one component may connect to.
pub struct Granted {
    pool: Arc<Pool>,
    allowed: AllowList,
    /// Connections that are for one handle only.
    own: Arc<Semaphore>,
}

impl Granted {
    /// What `allowed` allows, by the connections of `pool`.
    pub fn new(pool: Arc<Pool>, allowed: AllowList) -> Self {
        Self {
            pool,
            allowed,
            own: Arc::new(Semaphore::new(OWN_MAX)),
        }
    }

    fn admit(&self, address: &str) -> RedisResult<Address> {
        let address = Address::parse(address).ok_or(RedisError::InvalidAddress)?;
        let to = Destination {
            scheme: address.scheme(),
            host: &address.host,
            port: Some(address.port),
        };
        match self.allowed.allows(to) {
            true => Ok(address),
            false => Err(RedisError::InvalidAddress),
        }
    }
}

/// What is open of a component's connections in one instance.
pub struct Open {
    granted: Arc<Granted>,
    count: usize,
}

impl Open {
    /// Nothing yet of what is granted.
    pub fn new(granted: Arc<Granted>) -> Self {
        Self { granted, count: 0 }
    }
}

/// A connection as a component has it: the one that everybody uses for this address, until something is asked that
/// needs one of its own.
#[derive(Clone)]
pub struct OpenConnection {
    granted: Arc<Granted>,
    address: Arc<Address>,
    own: Arc<OnceCell<Own>>,
}

struct Own {
    connection: Connection,
    _permit: OwnedSemaphorePermit,
}

impl OpenConnection {
    /// Makes sure that there is a connection.
    ///
    /// # Errors
    ///
    /// Says why there is none.
    pub async fn connect(&self) -> RedisResult<()> {
        self.granted.pool.shared(&self.address).await.map(drop)
    }

    /// Sends `command`, whose name is `name`, and gives what is answered.
    ///
    /// # Errors
    ///
    /// What Redis says against it, or why there is no answer.
    pub async fn ask(&self, name: &str, command: &Cmd) -> RedisResult<Value> {
        let connection = match (self.own.get(), way_of(name)) {
            (_, Way::None) => {
                return Err(RedisError::Other(format!(
                    "`{name}` begins a stream of messages, which cannot be received through `spin:redis`"
                )));
            }
            (Some(own), _) => own.connection.clone(),
            (None, Way::Shared) => self.granted.pool.shared(&self.address).await?,
            (None, Way::Own) => {
                let own = self.own.get_or_try_init(|| self.make_own()).await?;
                own.connection.clone()
            }
        };
        connection.ask(command).await
    }

    async fn make_own(&self) -> RedisResult<Own> {
        let permit = Arc::clone(&self.granted.own).try_acquire_owned();
        let permit = permit.map_err(|_| RedisError::TooManyConnections)?;
        Ok(Own {
            connection: self.granted.pool.own(&self.address).await?,
            _permit: permit,
        })
    }
}

impl View<'_, Redis> {
    /// What a component opens by this address, if it may. It is not connected yet.
    ///
    /// # Errors
    ///
    /// When it may not.
    pub fn prepare(&self, address: &str) -> RedisResult<OpenConnection> {
        let denied = || RedisError::Other(NOT_PERMITTED.to_owned());
        let open = self.instance.as_ref().ok_or_else(denied)?;
        let address = open.granted.admit(address)?;
        Ok(OpenConnection {
            granted: Arc::clone(&open.granted),
            address: Arc::new(address),
            own: Arc::default(),
        })
    }

    /// A handle that counts against [`OPEN_MAX`].
    ///
    /// # Errors
    ///
    /// When the table of resources is full.
    pub fn push(
        &mut self,
        connection: OpenConnection,
    ) -> wasmtime::Result<RedisResult<Resource<OpenConnection>>> {
        match &mut self.instance {
            Some(open) if open.count < OPEN_MAX => {
                let handle = self.table.push(connection)?;
                open.count += 1;
                Ok(Ok(handle))
            }
            _ => Ok(Err(RedisError::TooManyConnections)),
        }
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
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;
    use wasmtime::component::ResourceTable;

    use super::*;
    use crate::outbound_options::OutboundOptions;

    fn granted(entries: &[&str]) -> Arc<Granted> {
        let pool = Arc::new(Pool::new(&OutboundOptions::default(), super::super::BOUNDS));
        Arc::new(Granted::new(pool, AllowList::parse(entries).unwrap()))
    }

    #[test]
    fn only_what_is_allowed_is_admitted() {
        for (entry, address, is_allowed) in [
            ("redis://db", "redis://db", true),
            ("redis://db:6379", "redis://db", true),
            ("redis://db", "redis://:secret@db:6379/3", true),
            ("redis://db:*", "redis://db:7", true),
            ("*://db:7", "rediss://db:7", true),
            ("rediss://db:6379", "rediss://db", true),
            ("redis://[::1]", "redis://[::1]", true),
            ("redis://10.0.0.0/8", "redis://10.1.2.3", true),
            ("redis://db", "rediss://db", false),
            ("rediss://db:6379", "redis://db", false),
            ("redis://db", "redis://db:7", false),
            ("redis://db", "redis://other", false),
            ("redis://db", "redis://db@other", false),
            ("redis://db", "redis://other/db", false),
            ("http://db:6379", "redis://db:6379", false),
            ("redis://db", "http://db:6379", false),
            ("redis://db", "db", false),
        ] {
            let admitted = granted(&[entry]).admit(address);
            let expected = is_allowed.then_some(()).ok_or(RedisError::InvalidAddress);
            assert_eq!(admitted.map(drop), expected, "{entry} for {address}");
        }
        assert!(granted(&[]).admit("redis://db").is_err());
    }

    #[test]
    fn a_refusing_twin_opens_no_connection() {
        let mut table = ResourceTable::new();
        let twin = View::<Redis> {
            table: &mut table,
            instance: None,
        };
        let opened = twin.prepare("redis://db").map(drop);
        let said = "\"spin:redis/redis\" is not permitted".to_owned();
        assert_eq!(opened, Err(RedisError::Other(said)));
    }

    #[test]
    fn an_instance_opens_no_more_than_it_may_and_one_again_for_each_that_it_closes() {
        let mut open = Open::new(granted(&["redis://db"]));
        let mut table = ResourceTable::new();
        let mut view = View::<Redis> {
            table: &mut table,
            instance: Some(&mut open),
        };
        let connection = view.prepare("redis://db").unwrap();
        let first = view.push(connection.clone()).unwrap().unwrap();
        for _ in 1..OPEN_MAX {
            view.push(connection.clone()).unwrap().unwrap();
        }
        let one_more = view.push(connection.clone()).unwrap();
        assert_eq!(one_more.unwrap_err(), RedisError::TooManyConnections);
        view.close(first).unwrap();
        assert!(view.push(connection).unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_component_has_no_more_connections_of_its_own_than_it_may() {
        // Whoever connects need not be accepted for that.
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("redis://{}", server.local_addr().unwrap());
        let granted = granted(&["redis://127.0.0.1:*"]);
        let mut open = Open::new(Arc::clone(&granted));
        let mut table = ResourceTable::new();
        let view = View::<Redis> {
            table: &mut table,
            instance: Some(&mut open),
        };
        let own = async || {
            let connection = view.prepare(&address)?;
            let made = connection
                .own
                .get_or_try_init(|| connection.make_own())
                .await;
            made.map(drop)?;
            Ok(connection)
        };
        let mut connections = Vec::new();
        for _ in 0..OWN_MAX {
            connections.push(own().await.unwrap());
        }
        let one_more = own().await.map(drop);
        assert_eq!(one_more, Err(RedisError::TooManyConnections));
        connections.pop();
        assert!(own().await.is_ok(), "one again for each that is closed");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_for_an_answer_than_is_said() {
        // Whoever connects need not be accepted for that, and is never answered.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("redis://{}", silent.local_addr().unwrap());
        let mut open = Open::new(granted(&["redis://127.0.0.1:*"]));
        let mut table = ResourceTable::new();
        let view = View::<Redis> {
            table: &mut table,
            instance: Some(&mut open),
        };
        // One of all, and one of its own, as it waits for something.
        for (name, time_max) in [("GET", 10), ("BLPOP", 60)] {
            let connection = view.prepare(&address).unwrap();
            let begun = Instant::now();
            let asked = connection.ask(name, ::redis::cmd(name).arg("key")).await;
            let said = format!("has not answered within {time_max} s");
            let is_said = matches!(&asked, Err(RedisError::Other(why)) if why.ends_with(&said));
            assert!(is_said, "{name}: {asked:?}");
            let (took, time_max) = (begun.elapsed(), Duration::from_secs(time_max));
            assert!(took < time_max + Duration::from_secs(1), "{name}: {took:?}");
        }
    }
}
