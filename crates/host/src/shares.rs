//! What one client can have of what all need: instances and connections.
//!
//! A client may have so many of them for each one that nobody has (dynamic thresholds, as switches share their
//! buffers): alone it gets most of them, and what it may have becomes less as others come, without anybody
//! saying how many clients there are. There is always something left for who has nothing yet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::client::ClientKey;

/// Requests of one client that are on their way to an instance; the next ones wait. How many instances those
/// will take shows only when they are there.
const STARTING_MAX: usize = 32;

/// How much of a number one client may have.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// What there is.
    pub count: usize,
    /// What one client gets of it where nobody else wants any, in per cent. 100: as much as there is.
    pub percent: usize,
}

impl Share {
    /// Whether a client that has `own` may have one more, where all have `taken`.
    #[must_use]
    pub fn allows(self, own: usize, taken: usize) -> bool {
        if own == 0 || self.percent >= 100 {
            return true;
        }
        let free = self.count.saturating_sub(taken);
        // own < free * percent / (100 - percent)
        own.saturating_mul(100 - self.percent) < free.saturating_mul(self.percent)
    }
}

/// One client, for as long as it has a connection or a request.
#[derive(Debug)]
pub struct Client {
    key: ClientKey,
    /// Connections that are open.
    pub connections: AtomicUsize,
    /// Instances that have a request of it.
    instances: AtomicUsize,
    /// Free for requests that have no instance yet.
    starting: Arc<Semaphore>,
    clients: Weak<Clients>,
}

/// All that are there.
type Clients = Mutex<HashMap<ClientKey, Weak<Client>>>;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing in here panics half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(clients) = self.clients.upgrade() {
            let mut clients = lock(&clients);
            // Another one may be there by now under the key.
            if clients
                .get(&self.key)
                .is_some_and(|client| client.strong_count() == 0)
            {
                clients.remove(&self.key);
            }
        }
    }
}

/// The instances that requests from outside share, and the clients.
#[derive(Debug)]
pub struct Shares {
    share: Share,
    /// Instances that have a request.
    busy: AtomicUsize,
    /// Requests that have no instance yet.
    starting: AtomicUsize,
    clients: Arc<Clients>,
}

/// A request of a client that is to have an instance.
#[derive(Debug)]
pub struct Ticket {
    client: Arc<Client>,
    shares: Arc<Shares>,
    _starting: OwnedSemaphorePermit,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shares.starting.fetch_sub(1, Relaxed);
    }
}

/// The client has its share.
#[derive(Debug, PartialEq, Eq)]
pub struct OverShare;

impl Shares {
    /// Nobody has anything.
    #[must_use]
    pub fn new(share: Share) -> Self {
        Self {
            share,
            busy: AtomicUsize::new(0),
            starting: AtomicUsize::new(0),
            clients: Arc::default(),
        }
    }

    /// The client of this key.
    #[must_use]
    pub fn client(&self, key: ClientKey) -> Arc<Client> {
        let mut clients = lock(&self.clients);
        if let Some(client) = clients.get(&key).and_then(Weak::upgrade) {
            return client;
        }
        let client = Arc::new(Client {
            key,
            connections: AtomicUsize::new(0),
            instances: AtomicUsize::new(0),
            starting: Arc::new(Semaphore::new(STARTING_MAX)),
            clients: Arc::downgrade(&self.clients),
        });
        clients.insert(key, Arc::downgrade(&client));
        client
    }

    /// Lets a request of `client` to an instance, once not too many others of it are on their way there.
    ///
    /// # Errors
    ///
    /// When it has its share of them.
    pub async fn admit(self: &Arc<Self>, client: &Arc<Client>) -> Result<Ticket, OverShare> {
        let starting = Arc::clone(&client.starting);
        let starting = match Arc::clone(&starting).try_acquire_owned() {
            Ok(starting) => starting,
            // Nobody closes it.
            Err(_) => starting.acquire_owned().await.map_err(|_| OverShare)?,
        };
        // With this one.
        let own = STARTING_MAX.saturating_sub(client.starting.available_permits()) - 1;
        let own = own + client.instances.load(Relaxed);
        let taken = self.busy.load(Relaxed) + self.starting.load(Relaxed);
        if !self.share.allows(own, taken) {
            return Err(OverShare);
        }
        self.starting.fetch_add(1, Relaxed);
        Ok(Ticket {
            client: Arc::clone(client),
            shares: Arc::clone(self),
            _starting: starting,
        })
    }
}

/// Whose requests one instance has.
#[derive(Debug)]
pub struct Tenants {
    shares: Arc<Shares>,
    requests: Mutex<Requests>,
}

#[derive(Debug, Default)]
struct Requests {
    count: usize,
    of: Vec<(Arc<Client>, usize)>,
}

impl Tenants {
    /// Nobody's yet.
    #[must_use]
    pub fn new(shares: Arc<Shares>) -> Self {
        Self {
            shares,
            requests: Mutex::default(),
        }
    }

    /// The instance has a request, of the ticket's client where there is one, until what this gives is dropped.
    #[must_use]
    pub fn add(self: &Arc<Self>, ticket: Option<&Ticket>) -> Tenancy {
        let client = ticket.map(|ticket| Arc::clone(&ticket.client));
        let mut requests = lock(&self.requests);
        requests.count += 1;
        if requests.count == 1 {
            self.shares.busy.fetch_add(1, Relaxed);
        }
        if let Some(client) = &client {
            let known = requests
                .of
                .iter_mut()
                .find(|(of, _)| Arc::ptr_eq(of, client));
            if let Some((_, count)) = known {
                *count += 1;
            } else {
                client.instances.fetch_add(1, Relaxed);
                requests.of.push((Arc::clone(client), 1));
            }
        }
        Tenancy {
            tenants: Arc::clone(self),
            client,
        }
    }
}

/// That an instance has a request.
#[derive(Debug)]
pub struct Tenancy {
    tenants: Arc<Tenants>,
    client: Option<Arc<Client>>,
}

impl Drop for Tenancy {
    fn drop(&mut self) {
        let mut requests = lock(&self.tenants.requests);
        requests.count = requests.count.saturating_sub(1);
        if requests.count == 0 {
            self.tenants.shares.busy.fetch_sub(1, Relaxed);
        }
        let Some(client) = &self.client else {
            return;
        };
        requests.of.retain_mut(|(of, count)| {
            if Arc::ptr_eq(of, client) {
                *count = count.saturating_sub(1);
            }
            if *count == 0 {
                of.instances.fetch_sub(1, Relaxed);
            }
            *count > 0
        });
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    const SHARE: Share = Share {
        count: 100,
        percent: 80,
    };

    fn client(shares: &Shares, number: u8) -> Arc<Client> {
        shares.client(ClientKey::of([192, 0, 2, number].into()))
    }

    /// How many instances each of so many clients gets, where each takes one after the other in turns.
    async fn taken_by(clients: u8) -> Vec<usize> {
        let shares = Arc::new(Shares::new(SHARE));
        let mut held = Vec::new();
        let mut counts = vec![0; clients.into()];
        loop {
            let before = held.len();
            for (number, count) in (0..clients).zip(&mut counts) {
                if let Ok(ticket) = shares.admit(&client(&shares, number)).await {
                    let tenants = Arc::new(Tenants::new(Arc::clone(&shares)));
                    held.push(tenants.add(Some(&ticket)));
                    *count += 1;
                }
            }
            if held.len() == before {
                return counts;
            }
        }
    }

    #[tokio::test]
    async fn who_is_alone_has_most_and_each_that_comes_leaves_something() {
        assert_eq!(taken_by(1).await, [80]);
        for clients in [2, 5, 10] {
            let counts = taken_by(clients).await;
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            assert!(most - least <= 1, "{counts:?}");
            let left = 100 - counts.iter().sum::<usize>();
            assert!(left >= 2, "{left} are left by {clients} clients");
        }
    }

    #[tokio::test]
    async fn many_requests_in_one_instance_are_one_instance() {
        let shares = Arc::new(Shares::new(SHARE));
        let one = client(&shares, 1);
        let tenants = Arc::new(Tenants::new(Arc::clone(&shares)));
        let mut held = Vec::new();
        for _ in 0..1000 {
            let ticket = shares.admit(&one).await.unwrap();
            held.push(tenants.add(Some(&ticket)));
        }
        assert_eq!(one.instances.load(Relaxed), 1);
        assert_eq!(shares.busy.load(Relaxed), 1);
        held.clear();
        assert_eq!(one.instances.load(Relaxed), 0);
        assert_eq!(shares.busy.load(Relaxed), 0);
    }

    #[tokio::test]
    async fn a_burst_of_one_client_starts_bit_by_bit() {
        let shares = Arc::new(Shares::new(SHARE));
        let one = client(&shares, 1);
        let mut tickets = Vec::new();
        for _ in 0..STARTING_MAX {
            tickets.push(shares.admit(&one).await.unwrap());
        }
        let mut cx = Context::from_waker(Waker::noop());
        let mut next = pin!(shares.admit(&one));
        assert!(next.as_mut().poll(&mut cx).is_pending());
        let mut others = pin!(async {
            let other = client(&shares, 2);
            shares.admit(&other).await
        });
        assert!(others.as_mut().poll(&mut cx).is_ready());
        tickets.pop();
        assert!(next.as_mut().poll(&mut cx).is_ready());
    }

    #[tokio::test]
    async fn who_has_nothing_is_let_in_when_all_is_taken() {
        let shares = Arc::new(Shares::new(Share {
            count: 1,
            percent: 50,
        }));
        let (one, other) = (client(&shares, 1), client(&shares, 2));
        let ticket = shares.admit(&one).await.unwrap();
        let tenants = Arc::new(Tenants::new(Arc::clone(&shares)));
        let _held = tenants.add(Some(&ticket));
        drop(ticket);
        assert_eq!(shares.admit(&one).await.unwrap_err(), OverShare);
        // Whether there is room shows when it comes to an instance: one that is there may have some.
        shares.admit(&other).await.unwrap();
    }

    #[test]
    fn clients_that_are_gone_are_forgotten() {
        let shares = Shares::new(SHARE);
        let (one, same, other) = (client(&shares, 1), client(&shares, 1), client(&shares, 2));
        assert!(Arc::ptr_eq(&one, &same));
        drop((one, other));
        assert_eq!(lock(&shares.clients).len(), 1);
        drop(same);
        assert_eq!(lock(&shares.clients).len(), 0);
    }
}
