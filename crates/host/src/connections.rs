//! The connections of clients: how many each may have, and when one is closed that nobody uses.

mod link;
mod socket;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

pub use self::link::{Limits, Link};
pub use self::socket::Socket;
use crate::client::{ClientKey, TrustedProxies};
use crate::shares::{Client, Share, Shares};

/// How long a connection is idle before it makes room for another one. The request of a new one is on its way.
const IDLE_MIN: Duration = Duration::from_secs(1);
/// How often who waits for a connection looks whether there is one that is idle.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How often connections are looked at, at most and at least.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// A limit is seen to be passed this much of it later, at most.
const LOOKS_PER_LIMIT: u32 = 4;

/// All that are open.
#[derive(Debug)]
pub struct Connections {
    share: Share,
    limits: Limits,
    proxies: TrustedProxies,
    shares: Arc<Shares>,
    open: Mutex<Open>,
    /// Told when one was closed.
    closed: Notify,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    links: HashMap<u64, Arc<Link>>,
}

/// One that is open, until it is dropped.
#[derive(Debug)]
pub struct Connection {
    number: u64,
    connections: Arc<Connections>,
    /// What is known about it.
    pub link: Arc<Link>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.connections.open().links.remove(&self.number);
        if let Some(client) = self.link.client() {
            client.connections.fetch_sub(1, Relaxed);
        }
        self.connections.closed.notify_one();
    }
}

/// Its client has as many as it may, and uses all of them.
#[derive(Debug)]
pub struct TooMany;

impl Connections {
    /// None yet. Who they are from, `shares` knows.
    #[must_use]
    pub fn new(share: Share, limits: Limits, proxies: TrustedProxies, shares: Arc<Shares>) -> Self {
        Self {
            share,
            limits,
            proxies,
            shares,
            open: Mutex::default(),
            closed: Notify::new(),
        }
    }

    /// Takes one more from this address, once there is room for it. The longest idle one makes room.
    ///
    /// # Errors
    ///
    /// When its client has its share.
    pub async fn take(self: &Arc<Self>, address: IpAddr) -> Result<Connection, TooMany> {
        let client =
            (!self.proxies.contains(address)).then(|| self.shares.client(ClientKey::of(address)));
        loop {
            if let Some(taken) = self.try_take(client.as_ref())? {
                return Ok(taken);
            }
            // One that is busy may be idle by then.
            let _ = tokio::time::timeout(ASK_EVERY, self.closed.notified()).await;
        }
    }

    /// Takes one more, where there is room. Otherwise there is soon, where one is idle.
    fn try_take(
        self: &Arc<Self>,
        client: Option<&Arc<Client>>,
    ) -> Result<Option<Connection>, TooMany> {
        let mut open = self.open();
        let count = open.links.len();
        if count >= self.share.count {
            if !open.links.values().any(|link| link.is_closing()) {
                close_longest_idle(&open, |_| true);
            }
            return Ok(None);
        }
        if let Some(client) = client
            && !self.share.allows(client.connections.load(Relaxed), count)
        {
            let is_own = |link: &Link| link.client().is_some_and(|of| Arc::ptr_eq(of, client));
            if !close_longest_idle(&open, is_own) {
                return Err(TooMany);
            }
        }
        let client = client.cloned();
        if let Some(client) = &client {
            client.connections.fetch_add(1, Relaxed);
        }
        let link = Arc::new(Link::new(client, self.limits.write, Instant::now()));
        let number = open.next;
        open.next += 1;
        open.links.insert(number, Arc::clone(&link));
        drop(open);
        Ok(Some(Connection {
            number,
            connections: Arc::clone(self),
            link,
        }))
    }

    /// Has the longest idle one closed, where there is one.
    pub fn make_room(&self) {
        close_longest_idle(&self.open(), |_| true);
    }

    /// Looks after them, for ever.
    pub async fn look_after(&self) {
        let mut every = tokio::time::interval(self.look_every());
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            let links: Vec<Arc<Link>> = self.open().links.values().cloned().collect();
            let now = Instant::now();
            for link in links {
                link.check(&self.limits, now);
            }
        }
    }

    fn look_every(&self) -> Duration {
        let (least, most) = LOOK_EVERY;
        let shortest = self.limits.shortest() / LOOKS_PER_LIMIT;
        shortest.clamp(least, most)
    }

    /// The client that a request is from, whose fields came over `link` from `address`. None: it has no limit.
    #[must_use]
    pub fn client_of(
        &self,
        link: &Link,
        address: IpAddr,
        headers: &http::HeaderMap,
    ) -> Option<Arc<Client>> {
        match link.client() {
            Some(client) => Some(Arc::clone(client)),
            None => {
                let key = self.proxies.client(headers, address)?;
                Some(self.shares.client(key))
            }
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Nothing in here panics half-way.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has the one closed that is idle for the longest time among those that are meant. Whether there is one, and
/// it is idle for long enough.
fn close_longest_idle(open: &Open, is_meant: impl Fn(&Link) -> bool) -> bool {
    let idle = open.links.values().filter(|link| is_meant(link));
    let idle = idle.filter_map(|link| Some((link.idle_since()?, link)));
    let longest = idle.min_by_key(|(since, _)| *since);
    match longest.filter(|(since, _)| since.elapsed() >= IDLE_MIN) {
        Some((_, link)) => {
            link.close();
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests;
