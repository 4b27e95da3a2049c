//! Policies that are mounted into the component.

use doorward_policy::Findings;
#[cfg(feature = "report")]
use doorward_policy::Policy;

use crate::event::Event;
use crate::platform::{Platform, Unreadable};
use crate::prepared::{self, POLICY_PATH, Parsed, Prepared};
use crate::recording::Recording as _;

/// What the file of this instance's policy says. Where that was read before there was an instance, it is not read again.
/// Where it cannot be used, the log says why.
pub(crate) fn of_instance<P: Platform>(platform: &P) -> Option<Parsed> {
    match before(platform, POLICY_PATH, Prepared::take_policy) {
        Ok(Some(parsed)) => Some(parsed),
        Ok(None) => read(platform, POLICY_PATH, prepared::parse),
        Err(reason) => unreadable(platform, POLICY_PATH, &reason),
    }
}

/// The policy in this file. Where it cannot be used, the log says why.
#[cfg(feature = "report")]
pub(crate) fn policy<P: Platform>(platform: &P, path: &str) -> Option<Policy> {
    read(platform, path, Policy::parse)
}

/// What was made of the embedded file with this path before there was an instance; `None`: nothing was, or it was taken.
///
/// # Errors
/// A file is mounted there as well, and nobody says which one counts.
pub(crate) fn before<P: Platform, T>(
    platform: &P,
    path: &str,
    take: impl FnOnce(&mut Prepared) -> Option<T>,
) -> Result<Option<T>, Unreadable> {
    match platform.prepared(take) {
        Some(_) if platform.is_mounted(path) => Err(Unreadable::twice()),
        taken => Ok(taken),
    }
}

fn read<P: Platform, T>(
    platform: &P,
    path: &str,
    parse: impl FnOnce(&str) -> Result<T, Findings>,
) -> Option<T> {
    let bytes = match platform.file(path) {
        Ok(bytes) => bytes,
        Err(reason) => return unreadable(platform, path, &reason),
    };
    match prepared::text(&bytes).map(parse) {
        Ok(Ok(read)) => Some(read),
        Ok(Err(findings)) => {
            platform.record(&Event::PolicyInvalid {
                path,
                findings: &findings,
            });
            None
        }
        Err(reason) => unreadable(platform, path, &reason),
    }
}

fn unreadable<P: Platform, T>(platform: &P, path: &str, reason: &Unreadable) -> Option<T> {
    platform.record(&Event::PolicyUnreadable { path, reason });
    None
}
