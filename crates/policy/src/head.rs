//! The head of a request.

use core::fmt;

use doorward_traffic::field_list::FieldList;

use crate::target::{self, Target};

/// What of a request a decision looks at.
#[derive(Clone, Copy, Default)]
pub struct RequestHead<'r> {
    /// The method, as it was received.
    pub method: &'r str,
    /// Path and query, as they were received.
    pub target: &'r str,
    /// The same in the canonical form, where that is another one ([`canonical_form`](crate::target::canonical_form)).
    pub canonical: Option<&'r str>,
    /// The value of every `Authorization` field, in order.
    pub authorization: &'r [Vec<u8>],
    /// The value of every field that [`Policy::api_key_header`](crate::Policy::api_key_header) names, in order; empty where it names
    /// none.
    pub api_key: &'r [Vec<u8>],
    /// All header fields, in order. They are looked at where the policy has tokens in other places than
    /// `Authorization`, and only there.
    pub fields: &'r FieldList,
    /// The origin under which the request arrived: scheme, `://` and authority. Empty where that is not
    /// known: then no page is of the own origin. Where [`Policy::reads_origin`](crate::Policy::reads_origin) says no, it is not needed.
    pub origin: &'r str,
}

impl<'r> RequestHead<'r> {
    /// The target.
    #[must_use]
    pub fn target(&self) -> Target<'r> {
        Target {
            received: self.target,
            canonical: self.canonical.unwrap_or(self.target),
        }
    }
}

impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("method", &self.method)
            .field("path", &target::path_of(self.target))
            .field("authorization", &self.authorization.len())
            .field("api_key", &self.api_key.len())
            .finish_non_exhaustive()
    }
}
