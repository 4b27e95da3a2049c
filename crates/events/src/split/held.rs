//! An event that is spread over several pieces, while it is put together.

use super::space::is_blank;
use crate::record::EVENT_BYTES_MAX;

/// The most bytes that are kept: those of the longest event, and the CR of the line break after it.
pub const HELD_BYTES_MAX: usize = EVENT_BYTES_MAX + 1;

/// The parts of an event that were seen.
#[derive(Debug, Default)]
pub struct Held {
    bytes: Vec<u8>,
    /// There were more than are kept.
    is_too_long: bool,
    /// It was handed out, and is none any longer.
    is_read: bool,
}

impl Held {
    /// Adds a part, or notes that there are too many.
    pub fn add(&mut self, part: &[u8]) {
        let length = self.bytes.len().saturating_add(part.len());
        if self.is_too_long || length > HELD_BYTES_MAX {
            self.is_too_long = true;
            self.bytes.clear();
            return;
        }
        if length > self.bytes.capacity() {
            // Twice as much each time, and never more than is kept.
            let capacity = length.saturating_mul(2).min(HELD_BYTES_MAX);
            self.bytes
                .reserve_exact(capacity.saturating_sub(self.bytes.len()));
        }
        self.bytes.extend_from_slice(part);
    }

    /// The event that ends with this part; `None` where it is too long to be kept. An event that is whole in the part is
    /// not copied.
    pub fn with<'a>(&'a mut self, last: &'a [u8]) -> Option<&'a [u8]> {
        if self.bytes.is_empty() && !self.is_too_long {
            return Some(last);
        }
        self.add(last);
        self.is_read = true;
        (!self.is_too_long).then_some(self.bytes.as_slice())
    }

    /// Forgets what was handed out.
    pub fn drop_read(&mut self) {
        if self.is_read {
            self.clear();
        }
    }

    /// Forgets what was added. Its place is kept.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.is_too_long = false;
        self.is_read = false;
    }

    /// Whether nothing was added but white space.
    pub fn is_blank(&self) -> bool {
        !self.is_too_long && is_blank(&self.bytes)
    }

    /// The bytes that it has place for.
    pub const fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::{HELD_BYTES_MAX, Held};

    #[test]
    fn parts_are_put_together_and_a_whole_one_is_not_copied() {
        let mut held = Held::default();
        let whole = b"whole";
        let found = held.with(whole).map(<[u8]>::as_ptr);
        assert_eq!(found, Some(whole.as_ptr()));
        held.drop_read();
        held.add(b"a");
        held.add(b"b");
        assert_eq!(held.with(b"c"), Some(&b"abc"[..]));
        held.drop_read();
        assert_eq!(held.with(b"d"), Some(&b"d"[..]));
    }

    #[test]
    fn what_is_too_long_is_not_kept_and_takes_no_more_place() {
        let mut held = Held::default();
        let part = vec![b'a'; 300_000];
        for _ in 0..40 {
            held.add(&part);
            assert!(held.capacity() <= HELD_BYTES_MAX, "{}", held.capacity());
        }
        assert_eq!(held.with(b"b"), None);
        held.drop_read();
        assert_eq!(held.with(b"c"), Some(&b"c"[..]));
        held.add(&vec![b'a'; HELD_BYTES_MAX]);
        let length = held.with(b"").map(<[u8]>::len);
        assert_eq!(length, Some(HELD_BYTES_MAX), "the longest that is kept");
        held.drop_read();
        held.add(&vec![b'a'; HELD_BYTES_MAX]);
        assert_eq!(held.with(b"a"), None);
    }
}
