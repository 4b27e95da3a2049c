//! Memory for components: small blocks that were given back are given out again at once, and bytes are compared
//! sixteen at a time (`compare`).
//!
//! A request makes and drops some seventy small blocks. The allocator of wasi-libc takes 250 instructions for each of
//! them, a tenth of them is left here: a fifth of what a component does for a request that it lets through
//! (docs/decisions/0066).
//!
//! A block of a class is never given back to the allocator below, nor joined with its neighbours. A component's memory
//! does not shrink anyway, and what is kept is bounded by the most that was in use of each class at one time.

mod compare;

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr::{self, NonNull};

/// The memory of whatever component is linked with this crate.
#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
#[global_allocator]
static HEAP: Heap<std::alloc::System> = Heap::new(std::alloc::System);

/// By how many bytes a block of one class is longer than those of the class before.
const STEP_BYTES: usize = 16;
/// How blocks are aligned, in bytes. What has to be aligned more strictly is for the allocator below.
const ALIGN_BYTES: usize = 8;
/// The classes: blocks of up to 512 bytes.
const CLASSES: usize = 32;

/// An allocator that keeps small blocks for who asks next. All else is for the one below it.
///
/// It is for one thread, as components have: only there a `static` of it is accepted.
pub struct Heap<A> {
    below: A,
    /// For each class the block that was given back last; each of them holds the address of the one before.
    free: [Cell<Option<NonNull<Block>>>; CLASSES],
}

/// A block that nobody has.
struct Block {
    next: Option<NonNull<Block>>,
}

#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
#[expect(
    unsafe_code,
    reason = "a module without atomics has one thread, so nothing is reached from two"
)]
// SAFETY: see the reason.
unsafe impl<A> Sync for Heap<A> {}

impl<A> Heap<A> {
    /// Nothing kept yet, above this one.
    pub const fn new(below: A) -> Self {
        Self {
            below,
            free: [const { Cell::new(None) }; CLASSES],
        }
    }

    /// Where blocks are kept that are laid out so; `None`: nowhere.
    #[inline(always)]
    fn kept(&self, layout: Layout) -> Option<&Cell<Option<NonNull<Block>>>> {
        match layout.align() <= ALIGN_BYTES {
            true => self.free.get(class(layout.size())),
            false => None,
        }
    }
}

/// The class of a block, or a number beyond all classes. Nobody asks for no bytes (`GlobalAlloc::alloc`); who does all
/// the same gets into none.
const fn class(bytes: usize) -> usize {
    bytes.wrapping_sub(1) / STEP_BYTES
}

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe by its trait; docs/decisions/0066 says what is gained, and what was tried in its place"
)]
// SAFETY: a block is in one list or with whoever asked for it, and never in both: it leaves the list before it is given
// out, and comes into it when it is given back. All blocks of a class were laid out alike by the allocator below, and
// are at least as large and as aligned as what is asked of the class, which the layout alone decides: it is the same
// when the block comes back.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Heap<A> {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(kept) = self.kept(layout) else {
            // SAFETY: as the caller has it.
            return unsafe { self.below.alloc(layout) };
        };
        let Some(block) = kept.get() else {
            let bytes = (class(layout.size()) + 1) * STEP_BYTES;
            // SAFETY: that is no more than the largest class has, and `ALIGN_BYTES` is a power of two.
            return unsafe {
                self.below
                    .alloc(Layout::from_size_align_unchecked(bytes, ALIGN_BYTES))
            };
        };
        // SAFETY: what is kept is nobody's, and holds a `Block`.
        kept.set(unsafe { block.read() }.next);
        block.as_ptr().cast()
    }

    #[inline(never)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(kept) = self.kept(layout) else {
            // SAFETY: as the caller has it: it came from there.
            return unsafe { self.below.dealloc(block, layout) };
        };
        // SAFETY: it is what `alloc` gave out.
        let block = unsafe { NonNull::new_unchecked(block.cast::<Block>()) };
        // SAFETY: the caller has no use for it any more, and a `Block` has room in each class, aligned.
        unsafe { block.write(Block { next: kept.get() }) };
        kept.set(Some(block));
    }

    #[inline(never)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the caller has seen to it that the new size is one of a layout.
        let new = unsafe { Layout::from_size_align_unchecked(bytes, layout.align()) };
        match (self.kept(layout), self.kept(new)) {
            // SAFETY: as the caller has it: it came from there.
            (None, None) => return unsafe { self.below.realloc(block, layout, bytes) },
            (Some(old), Some(new)) if ptr::eq(old, new) => return block,
            _ => {}
        }
        // SAFETY: the new block has room for the part that both have, and is another one.
        unsafe {
            let moved = self.alloc(new);
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, layout.size().min(bytes));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
