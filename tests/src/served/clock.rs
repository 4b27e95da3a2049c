//! The time that a case goes by.

use super::host::Host;
use super::run::world;
use std::cell::Cell;

/// The time of day, which stands still until it is moved, as soon as a case has a clock. Without, it goes on.
/// A world has one: of several clocks the one that was
/// moved or made last is in force.
pub struct Clock<'h> {
    host: &'h dyn Host,
    shows_s: Cell<u64>,
}

impl<'h> Clock<'h> {
    /// A clock for cases on this host.
    #[must_use]
    pub fn of(host: &'h dyn Host) -> Self {
        Self::beginning(host, world().wall_s())
    }

    /// A clock for cases on this host, which shows this.
    #[must_use]
    pub fn beginning(host: &'h dyn Host, seconds: u64) -> Self {
        let shows_s = Cell::new(seconds);
        let clock = Self { host, shows_s };
        world().stand_still();
        clock.set();
        clock
    }

    /// Another clock that shows the same now.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::beginning(self.host, self.shows_s.get())
    }

    /// The host that goes by it.
    #[must_use]
    pub fn host(&self) -> &'h dyn Host {
        self.host
    }

    /// Whether it is the test's own: then hours pass at once, and not a second by itself.
    #[must_use]
    pub fn is_own(&self) -> bool {
        true
    }

    /// What it shows, in seconds since 1970.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.shows_s.get()
    }

    /// Moves on by so many seconds.
    pub async fn advance(&self, seconds: u64) {
        self.shows_s.set(self.shows_s.get() + seconds);
        self.set();
    }

    /// Moves back by so many seconds.
    pub fn set_back(&self, seconds: u64) {
        self.shows_s.set(self.shows_s.get() - seconds);
        self.set();
    }

    fn set(&self) {
        let signed = |seconds| i64::try_from(seconds).expect("a time of this millennium");
        world().set_clock(signed(self.shows_s.get()) - signed(world().wall_s()));
    }
}

pub use crate::time::date_time;
