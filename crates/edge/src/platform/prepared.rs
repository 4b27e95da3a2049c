//! What was worked out of embedded files before there was an instance.

use doorward_gate::prepared::Prepared;
use std::cell::RefCell;

use super::embedded;

thread_local! {
    /// `None`: nothing was. A snapshot of the memory is taken after [`prepare`], and each instance begins with that.
    static PREPARED: RefCell<Option<Prepared>> = const { RefCell::new(None) };
}

/// Works it out, once. Nothing is asked of the host.
///
/// # Errors
/// Nothing is embedded, or what is cannot be used: as the log would say it.
pub fn prepare() -> Result<(), String> {
    PREPARED.with_borrow_mut(|kept| {
        if kept.is_none() {
            *kept = Some(Prepared::of(embedded::file)?);
        }
        Ok(())
    })
}

/// What `take` takes of it.
pub fn with<T>(take: impl FnOnce(&mut Prepared) -> Option<T>) -> Option<T> {
    PREPARED.with_borrow_mut(|kept| take(kept.as_mut()?))
}
