//! Policies that are mounted into the component.

use doorward_policy::Findings;
#[cfg(feature = "bundle")]
use doorward_policy::Mounted;
#[cfg(any(not(feature = "bundle"), feature = "report"))]
use doorward_policy::Policy;

use crate::event::Event;
use crate::platform::{Platform, Unreadable};
use crate::recording::Recording as _;

/// The policy in this file. Where it cannot be used, the log says why.
#[cfg(any(not(feature = "bundle"), feature = "report"))]
pub(crate) fn policy<P: Platform>(platform: &P, path: &str) -> Option<Policy> {
    read(platform, path, Policy::parse)
}

/// The policy in this file, or where one is fetched. Where the file cannot be used, the log says why.
#[cfg(feature = "bundle")]
pub(crate) fn mounted<P: Platform>(platform: &P, path: &str) -> Option<Mounted> {
    read(platform, path, Mounted::parse)
}

fn read<P: Platform, T>(
    platform: &P,
    path: &str,
    parse: impl FnOnce(&str) -> Result<T, Findings>,
) -> Option<T> {
    let text = platform.file(path).and_then(|bytes| {
        String::from_utf8(bytes)
            .map_err(|_| Unreadable::because("stream did not contain valid UTF-8"))
    });
    let text = match text {
        Ok(text) => text,
        Err(reason) => {
            platform.record(&Event::PolicyUnreadable {
                path,
                reason: &reason,
            });
            return None;
        }
    };
    match parse(&text) {
        Ok(read) => Some(read),
        Err(findings) => {
            platform.record(&Event::PolicyInvalid {
                path,
                findings: &findings,
            });
            None
        }
    }
}
