//! Sorting by one function for all types: the standard library's is compiled anew for each, at 3 KB of a component.
//!
//! It is heapsort, which takes n log n steps whatever it is given and no memory. Only what is wide or hostile is sorted.

use core::cmp::Ordering;

/// Sorts by an order. Elements that are equal change places.
pub fn sort_by<T>(items: &mut [T], order: impl FnMut(&T, &T) -> Ordering) {
    let count = items.len();
    heapsort(&mut Ordered { items, order }, count);
}

/// What can be sorted: elements that are known by their places.
trait Sortable {
    /// Whether what is at `a` comes before what is at `b`.
    fn is_before(&mut self, a: usize, b: usize) -> bool;
    /// Has two elements change places.
    fn swap(&mut self, a: usize, b: usize);
}

struct Ordered<'i, T, F> {
    items: &'i mut [T],
    order: F,
}

impl<T, F: FnMut(&T, &T) -> Ordering> Sortable for Ordered<'_, T, F> {
    fn is_before(&mut self, a: usize, b: usize) -> bool {
        match (self.items.get(a), self.items.get(b)) {
            (Some(a), Some(b)) => (self.order)(a, b).is_lt(),
            _ => false,
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.items.swap(a, b);
    }
}

fn heapsort(items: &mut dyn Sortable, count: usize) {
    // First a heap is made, from its last parent on; then its greatest element goes behind it, one after the other.
    for root in (0..count / 2).rev() {
        sink(items, root, count);
    }
    for end in (1..count).rev() {
        items.swap(0, end);
        sink(items, 0, end);
    }
}

/// Has the element at `root` sink until none of its children is greater. The heap ends before `end`.
fn sink(items: &mut dyn Sortable, mut root: usize, end: usize) {
    loop {
        let left = root.saturating_mul(2).saturating_add(1);
        if left >= end {
            return;
        }
        let right = left + 1;
        let child = match right < end && items.is_before(left, right) {
            true => right,
            false => left,
        };
        if !items.is_before(root, child) {
            return;
        }
        items.swap(root, child);
        root = child;
    }
}

#[cfg(test)]
mod tests {
    use super::sort_by;

    #[test]
    fn whatever_comes_is_in_order_afterwards() {
        let mut seed = 1_u64;
        for count in 0..200 {
            let mut items: Vec<u64> = (0..count)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (seed >> 33) % 64
                })
                .collect();
            let mut expected = items.clone();
            expected.sort_unstable();
            sort_by(&mut items, Ord::cmp);
            assert_eq!(items, expected);
        }
    }
}
