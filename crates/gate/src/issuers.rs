//! The issuers of the policy, and what the instance knows of each.

use doorward_policy::{Issuer, IssuerId, Policy};
use std::cell::RefCell;
use std::rc::Rc;

use crate::introspect::Endpoint;
use crate::keys::IssuerKeys;
use crate::platform::Platform;
use crate::store::SharedStore;

/// What is known of all issuers of a policy, in its order.
pub(crate) struct Issuers<P: Platform>(Vec<State<P>>);

struct State<P: Platform> {
    keys: Rc<IssuerKeys<P>>,
    endpoint: RefCell<Endpoint>,
}

/// An issuer of the policy, and what is known of it.
pub(crate) struct KnownIssuer<'i, P: Platform> {
    /// Its position in the policy.
    pub(crate) id: IssuerId,
    /// What the policy says of it.
    pub(crate) issuer: &'i Issuer,
    /// Its keys.
    pub(crate) keys: &'i Rc<IssuerKeys<P>>,
    /// Where it is asked about opaque tokens.
    pub(crate) endpoint: &'i RefCell<Endpoint>,
}

impl<P: Platform> Issuers<P> {
    /// Nothing is known of them.
    pub(crate) fn new(platform: &P, policy: &Policy, store: &Rc<SharedStore<P>>) -> Self {
        let state = |issuer| State {
            keys: IssuerKeys::new(platform, issuer, store),
            endpoint: RefCell::default(),
        };
        Self(policy.issuers().iter().map(state).collect())
    }

    /// The issuer in this position of `policy`, by which these were made; a position that none has is as good as an
    /// issuer that nobody knows. What comes after this has an issuer and no position.
    pub(crate) fn of<'i>(&'i self, policy: &'i Policy, id: IssuerId) -> Option<KnownIssuer<'i, P>> {
        let (issuer, state) = policy.issuers().get(id).zip(self.0.get(id))?;
        Some(KnownIssuer {
            id,
            issuer,
            keys: &state.keys,
            endpoint: &state.endpoint,
        })
    }
}
