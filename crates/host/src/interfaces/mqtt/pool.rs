//! The connections that the components of an application share: one for each address and login, as long as somebody
//! has it.
//!
//! It is shared because a broker ends the connection of a client when another one comes with the same name, and the
//! name stands in the address: with a connection for each `open`, requests at the same time would end each other's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustls::ClientConfig;
use tokio::sync::{OnceCell, watch};

use super::address::{Address, Login};
use super::connect::Connection;
use super::error::{MqttError, MqttResult};
use crate::outbound_options::OutboundOptions;
use crate::trust::{RootSources, client_config};

/// Addresses to which there is a connection at the same time.
const ADDRESSES_MAX: usize = 64;

/// Where somebody publishes, and as whom: who cannot name all of it has another connection.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Where.
    pub address: Address,
    /// As whom.
    pub login: Login,
}

type Made = Option<MqttResult<Arc<Connection>>>;

/// A connection that is there, or is being made. It ends when nobody has it any more.
#[derive(Clone)]
pub struct Shared(watch::Receiver<Made>);

impl Shared {
    /// The connection, as soon as it is there.
    ///
    /// # Errors
    ///
    /// Says why there is none.
    pub async fn connection(&self) -> MqttResult<Arc<Connection>> {
        let mut made = self.0.clone();
        let made = made.wait_for(Option::is_some).await;
        let made = made.ok().and_then(|made| made.clone());
        made.unwrap_or_else(|| Err(MqttError::Other("no connection was made".to_owned())))
    }

    /// Whether it is being made, or is good.
    fn is_of_use(&self) -> bool {
        match &*self.0.borrow() {
            Some(made) => made.as_ref().is_ok_and(|made| made.is_good()),
            None => self.0.has_changed().is_ok(),
        }
    }
}

/// The shared connections.
pub struct Pool {
    roots: RootSources,
    /// How TLS is spoken; read when it is first needed.
    tls: OnceCell<Arc<ClientConfig>>,
    shared: Mutex<HashMap<Target, Weak<Shared>>>,
}

impl Pool {
    /// Without any yet.
    pub fn new(options: &OutboundOptions) -> Self {
        Self {
            roots: options.roots.clone(),
            tls: OnceCell::new(),
            shared: Mutex::default(),
        }
    }

    /// The connection of this target that everybody uses. Where it has to be made anew, whoever asks meanwhile waits
    /// for the same one, and has the same error.
    ///
    /// # Errors
    ///
    /// When there are too many.
    pub fn shared(self: &Arc<Self>, target: &Target) -> MqttResult<Arc<Shared>> {
        let mut all = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let there = all.get(target).and_then(Weak::upgrade);
        if let Some(shared) = there.filter(|shared| shared.is_of_use()) {
            return Ok(shared);
        }
        all.remove(target);
        if all.len() >= ADDRESSES_MAX {
            all.retain(|_, shared| shared.upgrade().is_some_and(|shared| shared.is_of_use()));
        }
        if all.len() >= ADDRESSES_MAX {
            return Err(MqttError::TooManyConnections);
        }
        let (tell, told) = watch::channel(None);
        let shared = Arc::new(Shared(told));
        all.insert(target.clone(), Arc::downgrade(&shared));
        let (pool, target) = (Arc::clone(self), target.clone());
        // Its own task: it goes on when who asked first does not wait.
        tokio::spawn(async move {
            let _ = tell.send(Some(pool.make(&target).await.map(Arc::new)));
        });
        Ok(shared)
    }

    async fn make(&self, target: &Target) -> MqttResult<Connection> {
        let tls = match target.address.tls {
            true => Some(self.tls().await?),
            false => None,
        };
        Connection::make(&target.address, &target.login, tls).await
    }

    async fn tls(&self) -> MqttResult<Arc<ClientConfig>> {
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
        tls.cloned().map_err(MqttError::Other)
    }
}

#[cfg(test)]
mod tests;
