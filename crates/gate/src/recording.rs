//! Taking note of what happens.

#[cfg(feature = "metrics")]
mod telling;

use crate::event::Event;
#[cfg(feature = "metrics")]
use crate::metrics::{self, Metrics};
use crate::platform::Platform;

/// Takes note of what happens: in the log, and in numbers.
pub(crate) trait Recording: Platform {
    /// Takes note of something worth telling.
    fn record(&self, event: &Event<'_>) {
        #[cfg(feature = "metrics")]
        self.measured(|metrics| metrics::event::count(metrics, event, self.now()));
        self.tell_event(event);
    }

    /// Measures something, and sees to it that it is told.
    #[cfg(feature = "metrics")]
    fn measured(&self, measure: impl FnOnce(&mut Metrics)) {
        telling::measured(self, measure);
    }
}

impl<P: Platform> Recording for P {}
