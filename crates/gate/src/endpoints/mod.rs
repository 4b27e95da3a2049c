//! Phase 2: what answers by itself. Whatever does is registered here: it reaches no service, and is asked for no
//! credential of a route.

#[cfg(feature = "health")]
mod health;
mod logout;
mod preflight;

use doorward_traffic::trace::Trace;

use crate::gate::Gate;
use crate::platform::Platform;
use crate::received::Received;

/// What answers a request by itself.
pub(crate) enum Endpoint<'i> {
    /// An issuer says that a session has ended.
    Logout(logout::Logout<'i>),
    /// Somebody asks how the gate is.
    #[cfg(feature = "health")]
    Health(health::Health<'i>),
    /// A browser asks whether a page of another origin may send a request.
    Preflight(preflight::Preflight<'i>),
}

impl<'i> Endpoint<'i> {
    /// The first one that the request is for.
    pub(crate) fn of<P: Platform>(gate: &'i Gate<P>, received: &Received) -> Option<Self> {
        if let Some(logout) = logout::Logout::of(gate.policy(), received) {
            return Some(Self::Logout(logout));
        }
        #[cfg(feature = "health")]
        if let Some(health) = health::Health::of(gate.policy(), received) {
            return Some(Self::Health(health));
        }
        preflight::Preflight::of(gate.policy(), received).map(Self::Preflight)
    }

    /// Whether the request asks how the gate is, which is answered also where nothing can be decided.
    #[cfg(feature = "bundle")]
    pub(crate) fn is_how_it_is<P: Platform>(gate: &Gate<P>, received: &Received) -> bool {
        #[cfg(feature = "health")]
        return health::Health::of(gate.policy(), received).is_some();
        #[cfg(not(feature = "health"))]
        {
            let _ = (gate, received);
            false
        }
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Logout(_) => "logout",
            #[cfg(feature = "health")]
            Self::Health(health) => health.name(),
            Self::Preflight(_) => "preflight",
        }
    }

    /// Its answer.
    ///
    /// # Errors
    /// Where the host does not accept the answer.
    pub(crate) async fn answer<P: Platform>(
        self,
        gate: &Gate<P>,
        request: P::Request,
        received: &Received,
        trace: &Trace,
    ) -> Result<P::Response, P::Error> {
        match self {
            Self::Logout(logout) => logout.answer(gate, request, received, trace).await,
            #[cfg(feature = "health")]
            Self::Health(health) => health.answer(gate, received, trace).await,
            Self::Preflight(preflight) => preflight.answer(gate.platform(), received, trace),
        }
    }
}
