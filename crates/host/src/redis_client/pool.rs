//! The connections that the components of an application share: one for each address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ClientConfig;
use tokio::sync::{OnceCell, watch};

use super::address::Address;
use super::connect::{Bounds, Connection};
use super::error::RedisError;
use crate::outbound_options::OutboundOptions;
use crate::trust::{RootSources, client_config};

/// How long an answer may take by a connection of one's own, by which commands go that wait for something.
pub const OWN_ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Addresses to which there is a connection at the same time.
const ADDRESSES_MAX: usize = 64;

type Made = Option<Result<Connection, RedisError>>;

/// The shared connections.
pub struct Pool {
    roots: RootSources,
    /// How TLS is spoken; read when it is first needed.
    tls: OnceCell<Arc<ClientConfig>>,
    age_max: Duration,
    bounds: Bounds,
    /// By address, as that is written: with the user and the password, so that nobody has what he cannot name. Each
    /// is there, or is being made.
    shared: Mutex<HashMap<String, watch::Receiver<Made>>>,
}

impl Pool {
    /// Without any yet. By those that are shared is waited and read as `bounds` say.
    pub fn new(options: &OutboundOptions, bounds: Bounds) -> Self {
        Self {
            roots: options.roots.clone(),
            tls: OnceCell::new(),
            age_max: options.connection_age_max,
            bounds,
            shared: Mutex::default(),
        }
    }

    /// The connection to this address that everybody uses. Where it has to be made anew, whoever asks meanwhile
    /// waits for the same one, and has the same error.
    ///
    /// # Errors
    ///
    /// Says why there is none.
    pub async fn shared(self: &Arc<Self>, address: &Address) -> Result<Connection, RedisError> {
        let mut made = self.entry(address)?;
        let made = made.wait_for(Option::is_some).await;
        let made = made.ok().and_then(|made| made.clone());
        made.unwrap_or_else(|| Err(RedisError::Other("no connection was made".to_owned())))
    }

    /// A connection to this address for who asks and nobody else.
    ///
    /// # Errors
    ///
    /// Says why there is none.
    pub async fn own(&self, address: &Address) -> Result<Connection, RedisError> {
        let bounds = Bounds {
            answer_time_max: OWN_ANSWER_TIMEOUT,
            ..self.bounds
        };
        self.make(address, bounds).await
    }

    fn entry(self: &Arc<Self>, address: &Address) -> Result<watch::Receiver<Made>, RedisError> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = shared.get(&address.text)
            && self.is_of_use(made)
        {
            return Ok(made.clone());
        }
        if shared.len() >= ADDRESSES_MAX {
            shared.retain(|_, made| self.is_of_use(made));
        }
        if shared.len() >= ADDRESSES_MAX && !shared.contains_key(&address.text) {
            return Err(RedisError::TooManyConnections);
        }
        let (tell, told) = watch::channel(None);
        shared.insert(address.text.clone(), told.clone());
        let (pool, address) = (Arc::clone(self), address.clone());
        // Its own task: it goes on when who asked first does not wait.
        tokio::spawn(async move {
            let _ = tell.send(Some(pool.make(&address, pool.bounds).await));
        });
        Ok(told)
    }

    /// Whether it is being made, or is good.
    fn is_of_use(&self, made: &watch::Receiver<Made>) -> bool {
        match &*made.borrow() {
            Some(made) => made.as_ref().is_ok_and(|made| made.is_good(self.age_max)),
            None => made.has_changed().is_ok(),
        }
    }

    async fn make(&self, address: &Address, bounds: Bounds) -> Result<Connection, RedisError> {
        let tls = match address.tls {
            true => Some(self.tls().await?),
            false => None,
        };
        Connection::make(address, tls, bounds).await
    }

    async fn tls(&self) -> Result<Arc<ClientConfig>, RedisError> {
        let read = || async {
            let roots = self.roots.clone();
            let reading = tokio::task::spawn_blocking(move || {
                client_config(roots.load()?.usual()?, None).map(Arc::new)
            });
            match reading.await {
                Ok(read) => read.map_err(|error| format!("{error:#}")),
                Err(error) => Err(error.to_string()),
            }
        };
        let tls = self.tls.get_or_try_init(read).await;
        tls.cloned().map_err(RedisError::Other)
    }
}

#[cfg(test)]
mod tests;
