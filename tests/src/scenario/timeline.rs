//! What was so from when on.

use std::cell::RefCell;
use std::time::Duration;

/// A value, and every one that it had.
#[derive(Debug)]
pub struct Timeline<T>(RefCell<Vec<(Duration, T)>>);

impl<T: Clone> Timeline<T> {
    /// From the beginning on.
    pub fn new(first: T) -> Self {
        Self(RefCell::new(vec![(Duration::ZERO, first)]))
    }

    /// From now on.
    pub fn set(&self, now: Duration, value: T) {
        self.0.borrow_mut().push((now, value));
    }

    /// The one of now.
    pub fn newest(&self) -> Option<T> {
        self.0.borrow().last().map(|(_, value)| value.clone())
    }

    /// Whether it held for every value from then on up to a time, both included.
    pub fn always(&self, from: Duration, to: Duration, holds: impl Fn(&T) -> bool) -> bool {
        let values = self.0.borrow();
        let ends = values.iter().skip(1).map(|(at, _)| Some(*at));
        let mut spans = values.iter().zip(ends.chain([None]));
        spans.all(|((begins, value), ends)| {
            *begins > to || ends.is_some_and(|ends| ends < from) || holds(value)
        })
    }
}
