use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::ready;

use super::{BACKOFF, Drained, Receiver, Telling, Undelivered, drain};
use crate::outbox::{DELIVERY_MS, EVENTS_MAX, Event, Happened, LEASE_MS, Lease, Outbox, Waiting};
use crate::store::StoreError;
use doorward_retry::Random;
use futures::executor::block_on;
use uuid::Uuid;

/// An outbox as the trait has it, in memory.
#[derive(Default)]
struct InMemory {
    events: RefCell<BTreeMap<u64, Event>>,
    /// Holder, end and failures by user.
    leases: RefCell<BTreeMap<Uuid, (String, u64, u32)>>,
}

impl InMemory {
    fn of(events: &[(u128, u64)]) -> Self {
        let outbox = Self::default();
        for (position, (user, version)) in (1..).zip(events) {
            outbox
                .events
                .borrow_mut()
                .insert(position, event(*user, *version));
        }
        outbox
    }
}

impl Outbox for InMemory {
    async fn has_events(&self) -> Result<bool, StoreError> {
        Ok(!self.events.borrow().is_empty())
    }

    async fn take(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut leases = self.leases.borrow_mut();
        for event in self.events.borrow().values() {
            let user = event.user_id();
            let (_, until_ms, failures) = leases.get(&user).cloned().unwrap_or_default();
            if until_ms <= lease.from_ms {
                leases.insert(user, (lease.holder.clone(), lease.until_ms, failures));
            }
        }
        Ok(())
    }

    async fn taken(&self, lease: &Lease) -> Result<Vec<Waiting>, StoreError> {
        let (events, leases) = (self.events.borrow(), self.leases.borrow());
        let waiting = events.iter().filter_map(|(position, event)| {
            let (holder, _, failures) = leases.get(&event.user_id())?;
            (*holder == lease.holder).then(|| Waiting {
                position: *position,
                failures: *failures,
                event: event.clone(),
            })
        });
        Ok(waiting
            .take(usize::try_from(EVENTS_MAX).unwrap_or(0))
            .collect())
    }

    async fn delivered(&self, positions: &[u64]) -> Result<(), StoreError> {
        self.events
            .borrow_mut()
            .retain(|position, _| !positions.contains(position));
        Ok(())
    }

    async fn put_off(
        &self,
        lease: &Lease,
        user: Uuid,
        pause_ms: u64,
        failures: u32,
    ) -> Result<(), StoreError> {
        let until_ms = lease.from_ms + pause_ms;
        self.leases
            .borrow_mut()
            .insert(user, (String::new(), until_ms, failures));
        Ok(())
    }

    async fn give_back(&self, lease: &Lease) -> Result<(), StoreError> {
        self.leases
            .borrow_mut()
            .retain(|_, (holder, ..)| *holder != lease.holder);
        Ok(())
    }

    async fn forget(&self, _: u64) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A receiver that says what it is told to say, and takes some time for it.
struct Scripted {
    now_ms: Cell<u64>,
    each_takes_ms: u64,
    told: RefCell<Vec<String>>,
    says: fn(&Event) -> Result<(), Undelivered>,
}

impl Scripted {
    fn new(says: fn(&Event) -> Result<(), Undelivered>) -> Self {
        Self {
            now_ms: Cell::new(1_000_000),
            each_takes_ms: 1,
            told: RefCell::default(),
            says,
        }
    }

    fn drain(&self, outbox: &InMemory) -> Drained {
        let until_ms = self.now_ms.get() + 60_000;
        block_on(drain(outbox, self, until_ms, Random::seeded(7))).expect("it has no I/O")
    }

    fn told(&self) -> Vec<String> {
        self.told.take()
    }
}

impl Receiver for Scripted {
    fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    fn tell<'a>(&'a self, event: &'a Event) -> Telling<'a> {
        self.now_ms.set(self.now_ms.get() + self.each_takes_ms);
        self.told.borrow_mut().push(short(event));
        Box::pin(ready((self.says)(event)))
    }
}

fn event(user: u128, version: u64) -> Event {
    Event {
        happened: Happened::Deleted {
            id: Uuid::from_u128(user),
            version,
        },
        at_ms: 0,
    }
}

fn short(event: &Event) -> String {
    format!("{}.{}", event.user_id().as_u128(), event.version())
}

fn not_this() -> Result<(), Undelivered> {
    Err(Undelivered::NotThis("it does not like it".to_owned()))
}

#[test]
fn all_that_waits_is_told_in_its_order_and_gone() {
    let outbox = InMemory::of(&[(1, 1), (2, 1), (1, 2), (1, 3), (2, 2)]);
    let receiver = Scripted::new(|_| Ok(()));
    let drained = receiver.drain(&outbox);
    assert_eq!((drained.delivered, drained.failed.len()), (5, 0));
    assert_eq!(receiver.told(), ["1.1", "2.1", "1.2", "1.3", "2.2"]);
    assert!(outbox.events.borrow().is_empty());
    assert!(outbox.leases.borrow().is_empty(), "{:?}", outbox.leases);
}

#[test]
fn more_than_a_lease_has_is_told_as_well() {
    let many: Vec<(u128, u64)> = (1..=EVENTS_MAX * 2 + 1)
        .map(|version| (1, version))
        .collect();
    let outbox = InMemory::of(&many);
    let receiver = Scripted::new(|_| Ok(()));
    assert_eq!(receiver.drain(&outbox).delivered, EVENTS_MAX * 2 + 1);
    assert!(outbox.events.borrow().is_empty());
}

#[test]
fn after_an_event_that_is_not_taken_those_of_other_users_are_told_and_none_of_the_same() {
    let outbox = InMemory::of(&[(1, 1), (1, 2), (2, 1), (1, 3), (2, 2)]);
    let receiver = Scripted::new(|event| match short(event).as_str() {
        "1.2" => not_this(),
        _ => Ok(()),
    });
    let drained = receiver.drain(&outbox);
    assert_eq!((drained.delivered, drained.failed.len()), (3, 1));
    assert_eq!(drained.paused_until_ms, 0);
    assert_eq!(receiver.told(), ["1.1", "1.2", "2.1", "2.2"]);
    // Before its time nothing is told of this user.
    assert_eq!(receiver.drain(&outbox).delivered, 0);
    assert_eq!(receiver.told(), Vec::<String>::new());
    receiver
        .now_ms
        .set(receiver.now_ms.get() + BACKOFF.bound(1));
    assert_eq!(receiver.drain(&outbox).failed.len(), 1);
    assert_eq!(receiver.told(), ["1.2"]);
    let failures = outbox.leases.borrow().values().next().map(|lease| lease.2);
    assert_eq!(failures, Some(2), "the pause grows");
}

#[test]
fn a_receiver_that_takes_none_is_left_alone_and_nothing_is_lost() {
    let outbox = InMemory::of(&[(1, 1), (2, 1), (3, 1)]);
    let receiver = Scripted::new(|event| match event.user_id().as_u128() {
        2 => Err(Undelivered::NotNow("it is away".to_owned())),
        _ => Ok(()),
    });
    let drained = receiver.drain(&outbox);
    assert_eq!((drained.delivered, drained.failed.len()), (1, 1));
    assert!(drained.paused_until_ms > receiver.now_ms.get());
    assert_eq!(receiver.told(), ["1.1", "2.1"]);
    let waiting: Vec<String> = outbox.events.borrow().values().map(short).collect();
    assert_eq!(waiting, ["2.1", "3.1"]);
    // The user behind it waits for nobody.
    assert_eq!(outbox.leases.borrow().len(), 1);
}

#[test]
fn nothing_is_told_that_may_not_end_before_the_lease() {
    let outbox = InMemory::of(&[(1, 1), (1, 2), (1, 3), (1, 4)]);
    let mut receiver = Scripted::new(|_| Ok(()));
    receiver.each_takes_ms = DELIVERY_MS * 2;
    let until_ms = receiver.now_ms.get() + LEASE_MS;
    let drained = block_on(drain(&outbox, &receiver, until_ms, Random::seeded(7))).expect("no I/O");
    // At 0, 10 and 20 s; at 30 s it is over.
    assert_eq!(drained.delivered, 3);
    assert!(receiver.now_ms.get() <= until_ms);
}

#[test]
fn whom_somebody_else_has_is_passed_over_until_that_lease_ends() {
    let outbox = InMemory::of(&[(1, 1), (2, 1)]);
    let receiver = Scripted::new(|_| Ok(()));
    let ends_ms = receiver.now_ms.get() + LEASE_MS;
    let other = ("somebody".to_owned(), ends_ms, 0);
    outbox.leases.borrow_mut().insert(Uuid::from_u128(1), other);
    assert_eq!(receiver.drain(&outbox).delivered, 1);
    assert_eq!(receiver.told(), ["2.1"]);
    receiver.now_ms.set(ends_ms);
    assert_eq!(receiver.drain(&outbox).delivered, 1);
    assert_eq!(receiver.told(), ["1.1"]);
}

#[test]
fn what_a_status_says_of_an_event() {
    for (status, is_delivered, is_of_this_one) in [
        (200, true, false),
        (202, true, false),
        (204, true, false),
        (301, false, false),
        (400, false, true),
        (401, false, false),
        (403, false, false),
        (404, false, false),
        (413, false, true),
        (422, false, true),
        (429, false, false),
        (500, false, false),
        (503, false, false),
    ] {
        let why = Undelivered::by_status(status.try_into().expect("a status"));
        assert_eq!(why.is_none(), is_delivered, "{status}");
        let is_this = matches!(why, Some(Undelivered::NotThis(_)));
        assert_eq!(is_this, is_of_this_one, "{status}");
    }
}
