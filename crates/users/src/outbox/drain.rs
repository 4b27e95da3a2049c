//! The delivery of events.

use std::pin::Pin;

use doorward_retry::{Backoff, Random};
use http::StatusCode;
use uuid::Uuid;

use super::event::Event;
use super::waiting::{DELIVERY_MS, LEASE_MS, Lease, Outbox, Waiting};
use crate::store::StoreError;

/// The pauses after which what was not delivered is tried again, in milliseconds.
const BACKOFF: Backoff = Backoff {
    least: 500,
    first: 2_000,
    most: 10 * 60 * 1000,
};

/// To whom events are delivered.
pub trait Receiver {
    /// The time, in milliseconds since 1970.
    fn now_ms(&self) -> u64;

    /// Tells an event. It takes [`DELIVERY_MS`] at most.
    fn tell<'a>(&'a self, event: &'a Event) -> Telling<'a>;
}

/// A delivery under way.
pub type Telling<'a> = Pin<Box<dyn Future<Output = Result<(), Undelivered>> + 'a>>;

/// Why an event was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// The receiver does not take this one: other ones it may.
    NotThis(String),
    /// The receiver cannot be reached, or takes none now.
    NotNow(String),
}

impl Undelivered {
    /// Why an event was not delivered that was answered with this status. None: it was.
    pub fn by_status(status: StatusCode) -> Option<Self> {
        let why = format!("it was answered with status {}", status.as_u16());
        match status {
            _ if status.is_success() => None,
            // What is wrong with this one is so again tomorrow, and says nothing of the next.
            StatusCode::BAD_REQUEST
            | StatusCode::CONFLICT
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNPROCESSABLE_ENTITY => Some(Self::NotThis(why)),
            // The address, the credential, the receiver itself.
            _ => Some(Self::NotNow(why)),
        }
    }
}

/// What became of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// How many were delivered.
    pub delivered: u64,
    /// Which ones could not be, and why: for the log.
    pub failed: Vec<(String, Undelivered)>,
    /// Before when the receiver is not to be tried, in milliseconds since 1970. 0: it takes events.
    pub paused_until_ms: u64,
}

/// Delivers what waits until nothing does, the receiver takes none, or it is `until_ms`. `random` names the lease.
///
/// # Errors
/// The store cannot say. What was delivered is then delivered once more, later.
pub async fn drain<O: Outbox>(
    outbox: &O,
    receiver: &dyn Receiver,
    until_ms: u64,
    mut random: Random,
) -> Result<Drained, StoreError> {
    let mut drained = Drained::default();
    loop {
        let from_ms = receiver.now_ms();
        if from_ms.saturating_add(DELIVERY_MS) >= until_ms || !outbox.has_events().await? {
            return Ok(drained);
        }
        let lease = Lease {
            holder: format!("{:016x}{:016x}", random.next(), random.next()),
            from_ms,
            until_ms: from_ms.saturating_add(LEASE_MS),
        };
        outbox.take(&lease).await?;
        let waiting = outbox.taken(&lease).await?;
        if waiting.is_empty() {
            outbox.give_back(&lease).await?;
            return Ok(drained);
        }
        // What is told ends before somebody else may begin.
        let until_ms = until_ms.min(lease.until_ms);
        let told = tell(&waiting, receiver, until_ms, &mut drained).await;
        outbox.delivered(&told.positions).await?;
        for (user, failures) in told.put_off {
            let pause = BACKOFF.pause(failures, &mut random);
            outbox.put_off(&lease, user, pause, failures).await?;
            if told.is_over {
                drained.paused_until_ms = receiver.now_ms().saturating_add(pause);
            }
        }
        outbox.give_back(&lease).await?;
        if told.is_over {
            return Ok(drained);
        }
    }
}

/// What became of the events of a lease.
#[derive(Default)]
struct Told {
    positions: Vec<u64>,
    /// The users whose next event was not taken, and how often.
    put_off: Vec<(Uuid, u32)>,
    /// The receiver takes none now.
    is_over: bool,
}

/// Tells events one after the other. After one that is not taken, no other one of that user is told.
async fn tell(
    waiting: &[Waiting],
    receiver: &dyn Receiver,
    until_ms: u64,
    drained: &mut Drained,
) -> Told {
    let mut told = Told::default();
    // They are few, so a list will do.
    let (mut not_taken, mut served) = (Vec::new(), Vec::new());
    for one in waiting {
        let user = one.event.user_id();
        if not_taken.contains(&user) {
            continue;
        }
        if receiver.now_ms().saturating_add(DELIVERY_MS) >= until_ms {
            break;
        }
        match receiver.tell(&one.event).await {
            Ok(()) => {
                told.positions.push(one.position);
                served.push(user);
                drained.delivered = drained.delivered.saturating_add(1);
            }
            Err(why) => {
                told.is_over = matches!(why, Undelivered::NotNow(_));
                // Those before were of the first event that waits.
                let before = match served.contains(&user) {
                    true => 0,
                    false => one.failures,
                };
                told.put_off.push((user, before.saturating_add(1)));
                not_taken.push(user);
                drained.failed.push((one.event.id(), why));
                if told.is_over {
                    break;
                }
            }
        }
    }
    told
}

#[cfg(test)]
#[expect(clippy::expect_used, clippy::disallowed_types, reason = "tests")]
mod tests;
