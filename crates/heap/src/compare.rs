//! Which of two texts comes first, sixteen bytes at a time.
//!
//! Whatever compares slices or strings asks `memcmp`. That of wasi-libc looks at one byte at a time, which takes a
//! component some twenty instructions for each, since it looks whether to pause in every turn of a loop.

#[cfg(any(target_family = "wasm", test))]
use core::cmp::Ordering;

/// `memcmp` of whatever component is linked with this crate, in place of that of wasi-libc.
#[cfg(target_family = "wasm")]
#[expect(
    unsafe_code,
    reason = "the compiler calls it by this name, with pointers"
)]
// SAFETY: this is what C has of this name (C17 7.24.4.1), and nothing else that is linked is called so: an archive's
// member is taken where a name is missing.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, bytes: usize) -> i32 {
    // SAFETY: both have so many bytes, by what the caller promises.
    unsafe { compared(left, right, bytes) as i32 }
}

/// Compares so many bytes.
///
/// Nothing in here compares slices: that would call it again.
///
/// # Safety
/// As many can be read from both.
#[cfg(any(target_family = "wasm", test))]
#[expect(
    unsafe_code,
    reason = "with slices a short text, which most are, takes a quarter more"
)]
#[inline(always)]
unsafe fn compared(left: *const u8, right: *const u8, bytes: usize) -> Ordering {
    /// The number that begins there.
    ///
    /// # Safety
    /// As many bytes as it has can be read from there.
    #[inline(always)]
    unsafe fn read<T>(text: *const u8, at: usize) -> T {
        // SAFETY: see above.
        unsafe { text.add(at).cast::<T>().read_unaligned() }
    }
    // SAFETY: no read is beyond `bytes`. Where what is left is shorter than what is read, it begins earlier: what was
    // compared already is the same in both.
    unsafe {
        let at = |at| (read::<u64>(left, at), read::<u64>(right, at));
        let mut done = 0;
        while bytes - done > 16 {
            let ((left, right), (next_left, next_right)) = (at(done), at(done + 8));
            if (left ^ right) | (next_left ^ next_right) != 0 {
                return order(left, right).then(order(next_left, next_right));
            }
            done += 16;
        }
        if bytes >= 8 {
            let ((left, right), (next_left, next_right)) = (at(done.min(bytes - 8)), at(bytes - 8));
            return order(left, right).then(order(next_left, next_right));
        }
        if bytes >= 4 {
            let at = |at| (read::<u32>(left, at).into(), read::<u32>(right, at).into());
            let ((left, right), (next_left, next_right)) = (at(0), at(bytes - 4));
            return order(left, right).then(order(next_left, next_right));
        }
        while done < bytes {
            let (left, right) = (read::<u8>(left, done), read::<u8>(right, done));
            if left != right {
                return left.cmp(&right);
            }
            done += 1;
        }
        Ordering::Equal
    }
}

/// Compares two numbers by what of them comes first in memory.
#[cfg(any(target_family = "wasm", test))]
#[inline(always)]
fn order(left: u64, right: u64) -> Ordering {
    /// It takes long: WebAssembly has no instruction that turns a number round.
    #[cold]
    #[inline(never)]
    fn turned(left: u64, right: u64) -> Ordering {
        left.to_be().cmp(&right.to_be())
    }
    match left == right {
        true => Ordering::Equal,
        false => turned(left, right),
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests;
