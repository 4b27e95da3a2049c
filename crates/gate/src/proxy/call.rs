//! A request on its way to upstreams.

use doorward_policy::{Permit, Policy};
use doorward_traffic::retry::Repeatable;
use doorward_traffic::rewrite::Rewrite;
use doorward_traffic::upstream::Upstream;
use std::borrow::Cow;

use super::head::{self, Provenance};
use crate::body::Body;
use crate::platform::{FieldList, Platform};

/// A request on its way to upstreams.
pub(super) struct Call<'i, P: Platform> {
    pub(super) policy: &'i Policy,
    pub(super) method: Cow<'static, str>,
    /// What may be done twice.
    pub(super) repeatable: Repeatable,
    /// Whose it is, as far as failures count for a client.
    pub(super) client: Option<u64>,
    /// Its target as it was authorised, and what becomes of it.
    pub(super) permit: Permit<'i>,
    /// What is sent to every upstream.
    pub(super) fields: FieldList,
    pub(super) provenance: Provenance,
    pub(super) had_body: bool,
    /// `None`: there is none, or it was passed on and did not come back.
    pub(super) body: Option<Body<P>>,
}

/// Whether there may be somebody else whom a request is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// There may be.
    Others,
    /// After this one there is nothing to send any more.
    Nobody,
}

impl<P: Platform> Call<'_, P> {
    /// What is sent to this upstream, but for a credential of ours.
    pub(super) fn fields_for(&mut self, upstream: &Upstream, then: Then) -> FieldList {
        let mut fields = match then {
            Then::Nobody => std::mem::take(&mut self.fields),
            Then::Others => self.fields.clone(),
        };
        let name = &self.policy.proxy().name;
        self.provenance
            .add_to(&mut fields, name, upstream.tells_host);
        if let Some(prefix) = self.permit.traffic().rewrite().and_then(Rewrite::taken_off) {
            fields.push("x-forwarded-prefix", prefix);
        }
        head::edit(&mut fields, &upstream.request_fields);
        fields
    }

    /// Whether all of the body can be sent now.
    pub(super) fn body_is_whole(&self) -> bool {
        match &self.body {
            Some(body) => body.can_be_sent_again(),
            None => !self.had_body,
        }
    }
}
