//! Blocks as a program asks for them, over an allocator that takes note of what it is asked.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use super::{ALIGN_BYTES, CLASSES, Heap, STEP_BYTES};

/// The largest block of a class.
const SMALL_BYTES_MAX: usize = CLASSES * STEP_BYTES;

/// The allocator of the system, which counts, and has nothing left where it is told so.
#[derive(Default)]
struct Counting {
    made: Cell<usize>,
    given_back: Cell<usize>,
    is_empty: Cell<bool>,
}

#[expect(unsafe_code, reason = "an allocator is unsafe by its trait")]
// SAFETY: it hands all on.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.is_empty.get() {
            return core::ptr::null_mut();
        }
        self.made.set(self.made.get() + 1);
        // SAFETY: as the caller has it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.given_back.set(self.given_back.get() + 1);
        // SAFETY: as the caller has it.
        unsafe { System.dealloc(block, layout) }
    }
}

/// A block, all of whose bytes are this one.
struct Filled<'h> {
    heap: &'h Heap<Counting>,
    block: *mut u8,
    layout: Layout,
    byte: u8,
}

#[expect(unsafe_code, reason = "tests of an allocator")]
impl<'h> Filled<'h> {
    fn new(heap: &'h Heap<Counting>, bytes: usize, align: usize, byte: u8) -> Self {
        let layout = Layout::from_size_align(bytes, align).expect("a layout");
        // SAFETY: nobody asks for nothing.
        let block = unsafe { heap.alloc(layout) };
        assert!(!block.is_null(), "there is memory for {bytes} bytes");
        assert_eq!(
            block.addr() % align,
            0,
            "{bytes} bytes are aligned to {align}"
        );
        // SAFETY: it is as long as that.
        unsafe { block.write_bytes(byte, bytes) };
        Self {
            heap,
            block,
            layout,
            byte,
        }
    }

    fn resize(&mut self, bytes: usize) {
        let both = self.layout.size().min(bytes);
        // SAFETY: it is from there, and laid out so.
        self.block = unsafe { self.heap.realloc(self.block, self.layout, bytes) };
        assert!(!self.block.is_null(), "there is memory for {bytes} bytes");
        self.layout = Layout::from_size_align(bytes, self.layout.align()).expect("a layout");
        assert!(self.holds(both), "what both have is kept");
        // SAFETY: it is as long as that.
        unsafe { self.block.write_bytes(self.byte, bytes) };
    }

    fn holds(&self, bytes: usize) -> bool {
        // SAFETY: it is as long as that, and was written to.
        let all = unsafe { core::slice::from_raw_parts(self.block, bytes) };
        all.iter().all(|byte| *byte == self.byte)
    }

    fn give_back(self) -> *mut u8 {
        assert!(
            self.holds(self.layout.size()),
            "nobody else has written there"
        );
        // SAFETY: it is from there, and nobody has it any more.
        unsafe { self.heap.dealloc(self.block, self.layout) };
        self.block
    }
}

#[test]
fn what_was_given_back_is_given_out_again_and_the_last_one_first() {
    let heap = Heap::new(Counting::default());
    let one = Filled::new(&heap, 33, 1, 1);
    let other = Filled::new(&heap, 48, 8, 2);
    let (one, other) = (one.give_back(), other.give_back());
    let again = Filled::new(&heap, 40, 4, 3);
    assert_eq!(again.block, other, "the one that was given back last");
    let first = Filled::new(&heap, 34, 2, 4);
    assert_eq!(first.block, one, "then the one before");
    assert_eq!(heap.below.made.get(), 2, "no more were made");
    assert_eq!(heap.below.given_back.get(), 0, "a small block is kept");
    let (again, first) = (again.give_back(), first.give_back());
    assert_ne!(again, first, "two blocks are two");
}

#[test]
fn what_is_large_or_aligned_more_strictly_is_for_the_allocator_below() {
    let heap = Heap::new(Counting::default());
    for (bytes, align) in [
        (SMALL_BYTES_MAX + 1, 1),
        (1 << 20, 8),
        (16, 2 * ALIGN_BYTES),
        (1, 4096),
    ] {
        let before = heap.below.given_back.get();
        Filled::new(&heap, bytes, align, 5).give_back();
        let given_back = heap.below.given_back.get() - before;
        assert_eq!(given_back, 1, "{bytes} bytes aligned to {align}");
    }
}

#[test]
fn a_block_that_grows_within_its_class_stays_where_it_is() {
    let heap = Heap::new(Counting::default());
    let mut block = Filled::new(&heap, 17, 1, 6);
    let place = block.block;
    for bytes in [18, 32, 17] {
        block.resize(bytes);
        assert_eq!(block.block, place, "{bytes} bytes have room");
    }
    block.resize(33);
    assert_ne!(block.block, place, "33 bytes are of the next class");
    assert_eq!(Filled::new(&heap, 32, 1, 7).give_back(), place);
    block.give_back();
}

#[test]
#[expect(unsafe_code, reason = "tests of an allocator")]
fn where_there_is_no_memory_it_is_said_and_nothing_is_lost() {
    let heap = Heap::new(Counting::default());
    let block = Filled::new(&heap, 16, 1, 8);
    heap.below.is_empty.set(true);
    for bytes in [1, SMALL_BYTES_MAX, SMALL_BYTES_MAX + 1] {
        let layout = Layout::from_size_align(bytes, 1).expect("a layout");
        // SAFETY: nobody asks for nothing.
        let none = unsafe { heap.alloc(layout) };
        assert!(none.is_null() || bytes == 1, "there are no {bytes} bytes");
    }
    // SAFETY: it is from there, and laid out so.
    let moved = unsafe { heap.realloc(block.block, block.layout, 500) };
    assert!(moved.is_null(), "there is no room to move to");
    assert!(block.holds(16), "the block is as it was");
    let place = block.give_back();
    assert_eq!(
        Filled::new(&heap, 1, 1, 9).give_back(),
        place,
        "and is kept"
    );
}

/// 200,000 steps: blocks are asked for, resized and given back in an order that is drawn. Each holds what was written
/// into it until it is given back, so no two overlap.
#[test]
fn whatever_is_asked_in_whatever_order_no_two_blocks_share_a_byte() {
    let heap = Heap::new(Counting::default());
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below).expect("a bound")).expect("below it")
    };
    let mut blocks: Vec<Filled<'_>> = Vec::new();
    let mut steps = [0; 3];
    for step in 0..200_000_u32 {
        let bytes = match draw(8) {
            0 => 1 + draw(4 * SMALL_BYTES_MAX),
            _ => 1 + draw(SMALL_BYTES_MAX + 8),
        };
        let what = if blocks.len() > 300 { 2 } else { draw(3) };
        if blocks.is_empty() || what == 0 {
            let align = 1 << draw(6);
            blocks.push(Filled::new(&heap, bytes, align, step.to_le_bytes()[0]));
            steps[0] += 1;
            continue;
        }
        let at = draw(blocks.len());
        if what == 1 {
            blocks[at].resize(bytes);
        } else {
            blocks.swap_remove(at).give_back();
        }
        steps[what] += 1;
    }
    for block in blocks {
        block.give_back();
    }
    assert!(steps.iter().all(|count| *count > 10_000), "{steps:?}");
    let kept = heap.below.made.get() - heap.below.given_back.get();
    assert!(kept < 1_000, "{kept} blocks are kept, of 300 at a time");
}
