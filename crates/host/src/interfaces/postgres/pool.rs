//! The connections of one component: a pool for each address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{
    Manager, Metrics, Object, Pool, PoolError, QueueMode, RecycleError, RecycleResult, TimeoutType,
};
use rustls::ClientConfig;
use tokio::sync::OnceCell;
use tokio_postgres::config::SslMode;

use super::address::Address;
use super::error::{PostgresError, PostgresResult};
use super::session::{Session, Silence};
use super::trust::{Authority, Trust};

/// Connections of one component to one address.
pub const CONNECTIONS_MAX: usize = 20;
/// How long is waited for one while all of them are in use.
pub const WAIT_TIME_MAX: Duration = Duration::from_secs(3);
/// Addresses to which a component has connections at the same time (Spin's bound).
const ADDRESSES_MAX: usize = 16;
/// How often connections are closed that are too old.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A connection that goes back to its pool.
pub type Pooled = Object<Maker>;

/// The pools of one component.
pub struct Pools {
    trust: Arc<Trust>,
    age_max: Duration,
    by_address: Mutex<HashMap<Key, Pool<Maker>>>,
}

/// An address as it is written, with the user and the password, and who vouches for it: nobody has what he cannot
/// name.
type Key = (String, Option<Authority>);

/// Makes the connections of a pool.
pub struct Maker {
    address: Address,
    authority: Option<Authority>,
    trust: Arc<Trust>,
    tls: OnceCell<Arc<ClientConfig>>,
    age_max: Duration,
}

impl Pools {
    /// Without a connection yet. None is given out that is older than `age_max`.
    pub fn new(trust: Arc<Trust>, age_max: Duration) -> Self {
        Self {
            trust,
            age_max,
            by_address: Mutex::default(),
        }
    }

    /// A connection to this address, for whose server `authority` vouches as well.
    ///
    /// # Errors
    ///
    /// Says why there is none.
    pub async fn get(
        &self,
        address: Address,
        authority: Option<Authority>,
    ) -> PostgresResult<Pooled> {
        let pool = self.pool(address, authority)?;
        let got = pool.get().await;
        got.map_err(|error| match error {
            PoolError::Backend(error) => error,
            PoolError::Timeout(TimeoutType::Wait) => PostgresError::ConnectionFailed(format!(
                "no connection within {} s: all {CONNECTIONS_MAX} to this address are in use",
                WAIT_TIME_MAX.as_secs()
            )),
            PoolError::Timeout(_)
            | PoolError::Closed
            | PoolError::NoRuntimeSpecified
            | PoolError::PostCreateHook(_) => {
                PostgresError::ConnectionFailed("the pool of connections failed".to_owned())
            }
        })
    }

    fn pool(&self, address: Address, authority: Option<Authority>) -> PostgresResult<Pool<Maker>> {
        let key = (address.text.clone(), authority.clone());
        let mut pools = self.by_address.lock();
        let pools = pools.as_mut().unwrap_or_else(PoisonError::get_mut);
        if let Some(pool) = pools.get(&key) {
            return Ok(pool.clone());
        }
        if pools.len() >= ADDRESSES_MAX {
            // Without a connection that somebody has, or waits for.
            pools.retain(|_, pool| {
                let status = pool.status();
                status.waiting > 0 || status.available < status.size
            });
        }
        if pools.len() >= ADDRESSES_MAX {
            return Err(PostgresError::ConnectionFailed(format!(
                "connections to more than {ADDRESSES_MAX} addresses are in use"
            )));
        }
        let maker = Maker {
            address,
            authority,
            trust: Arc::clone(&self.trust),
            tls: OnceCell::new(),
            age_max: self.age_max,
        };
        let pool = Pool::builder(maker)
            .max_size(CONNECTIONS_MAX)
            .wait_timeout(Some(WAIT_TIME_MAX))
            // Few that are used, and the rest grows old.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .build();
        let pool = pool.map_err(|error| PostgresError::Other(error.to_string()))?;
        tokio::spawn(close_old(pool.weak(), self.age_max));
        pools.insert(key, pool.clone());
        Ok(pool)
    }
}

/// Closes what nobody has and what is too old, until the pool is gone.
async fn close_old(pool: deadpool::managed::WeakPool<Maker>, age_max: Duration) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(pool) = pool.upgrade() else {
            return;
        };
        pool.retain(|session, metrics| session.is_good() && metrics.age() < age_max);
    }
}

impl Manager for Maker {
    type Type = Session;
    type Error = PostgresError;

    async fn create(&self) -> PostgresResult<Session> {
        let tls = match self.address.config.get_ssl_mode() {
            SslMode::Disable => None,
            _ => {
                let read = || self.trust.config(self.authority.as_ref());
                let tls = self.tls.get_or_try_init(read).await;
                Some(tls.map_err(PostgresError::ConnectionFailed)?)
            }
        };
        Session::make(&self.address, tls, Silence::default()).await
    }

    async fn recycle(
        &self,
        session: &mut Session,
        metrics: &Metrics,
    ) -> RecycleResult<Self::Error> {
        match session.is_good() && metrics.age() < self.age_max {
            true => Ok(()),
            false => Err(RecycleError::message("it is lost or too old")),
        }
    }
}
