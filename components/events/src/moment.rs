//! The time.

use std::time::Duration;

use doorward_events::intake::platform::Clock;
use doorward_service_spin::now_ms;
use spin_sdk::time::sleep;

/// The time of the host.
pub struct Moment;

impl Clock for Moment {
    fn now_ms(&self) -> u64 {
        now_ms()
    }

    async fn pause(&self, ms: u64) {
        sleep(Duration::from_millis(ms)).await;
    }
}
