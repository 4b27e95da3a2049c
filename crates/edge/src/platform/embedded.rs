//! What was put into this component after it was built: files, and what its host is like.

use doorward_gate::platform::Unreadable;
use doorward_gate::platform::embedded::{self, MARK, Malformed};
use std::ptr;
use std::slice;

/// Where it is. `doorward compose` finds this by its mark, in the data of the built component, and writes the two
/// numbers.
#[repr(C)]
struct Place {
    address: u32,
    bytes: u32,
    /// It is for who looks for the place from outside.
    mark: [u8; MARK.len()],
}

static PLACE: Place = Place {
    address: 0,
    bytes: 0,
    mark: MARK,
};

#[expect(
    unsafe_code,
    reason = "what was not there when it was compiled has no name: docs/decisions/0076"
)]
fn embedded() -> &'static [u8] {
    let place = ptr::from_ref(&PLACE);
    // The compiler must not take the numbers for what they were when it saw them. Nothing is compared with the mark: it
    // would be there twice.
    // SAFETY: it is a `static`.
    let place = unsafe { ptr::read_volatile(place) };
    if place.bytes == 0 {
        return &[];
    }
    let at = ptr::with_exposed_provenance(place.address as usize);
    // SAFETY: whoever has written the two numbers has made the memory larger by a segment of data of this length at this
    // address, before anything ran. Nothing else has this part of the memory: what is allocated later comes from further
    // up, and nobody writes here.
    unsafe { slice::from_raw_parts(at, place.bytes as usize) }
}

/// The embedded file of this path; `None`: there is none.
///
/// # Errors
/// What is embedded cannot be read.
pub fn file(path: &str) -> Result<Option<&'static [u8]>, Unreadable> {
    embedded::file_of(embedded(), path)
        .map_err(|Malformed| Unreadable::because("what is embedded is of another version"))
}

/// Whether the host says who is connected. Where that cannot be read, it is not believed.
pub fn tells_client() -> bool {
    embedded::are_clients_nameless(embedded()) == Ok(false)
}
