//! What the instance knows of the issuers of the policy.

use doorward_policy::{Issuer, Policy};
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use crate::introspect::Endpoint;
use crate::keys::IssuerKeys;
use crate::platform::Platform;
use crate::store::SharedStore;

/// What is known of the issuers of a policy.
pub(crate) struct Issuers<P: Platform> {
    platform: P,
    store: Rc<SharedStore<P>>,
    /// By their numbers; made when it is first asked for.
    known: Vec<OnceCell<Rc<KnownIssuer<P>>>>,
}

/// An issuer of the policy, and what is known of it.
pub(crate) struct KnownIssuer<P: Platform> {
    /// What the policy says of it.
    pub(crate) issuer: Arc<Issuer>,
    /// Its keys.
    pub(crate) keys: Rc<IssuerKeys<P>>,
    /// Where it is asked about opaque tokens.
    pub(crate) endpoint: RefCell<Endpoint>,
}

impl<P: Platform> Issuers<P> {
    /// Nothing is known of the issuers of this policy.
    pub(crate) fn new(platform: &P, policy: &Policy, store: &Rc<SharedStore<P>>) -> Self {
        Self {
            platform: platform.clone(),
            store: Rc::clone(store),
            known: policy.issuers().iter().map(|_| OnceCell::new()).collect(),
        }
    }

    /// Those that were asked for.
    #[cfg(feature = "health")]
    pub(crate) fn known(&self) -> impl Iterator<Item = &Rc<KnownIssuer<P>>> {
        self.known.iter().filter_map(OnceCell::get)
    }

    /// What is known of this one, which is one of that policy.
    pub(crate) fn of(&self, issuer: &Arc<Issuer>) -> Rc<KnownIssuer<P>> {
        let new = || {
            Rc::new(KnownIssuer {
                keys: IssuerKeys::new(&self.platform, issuer, &self.store),
                endpoint: RefCell::default(),
                issuer: Arc::clone(issuer),
            })
        };
        match self.known.get(issuer.number()) {
            Some(known) => Rc::clone(known.get_or_init(new)),
            None => new(),
        }
    }
}
