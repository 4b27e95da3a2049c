//! Without the feature `otlp` there are no spans, and nothing of them is left.

use core::marker::PhantomData;

use doorward_traffic::trace_context::Traceparent;

use super::kind::Kind;
use crate::platform::Platform;

/// Work for a request that arrives.
pub(crate) fn request<P: Platform, F: Future>(_: &P, work: F) -> F {
    work
}

/// Work that goes on by itself.
pub(crate) fn inherited<P: Platform, F: Future>(_: &P, work: F) -> F {
    work
}

/// Work within a span.
pub(crate) fn doing<P: Platform, F: Future>(
    _: &P,
    _: impl FnOnce(&P) -> Span<P>,
    work: F,
    _: impl FnOnce(&mut Span<P>, &F::Output),
) -> F {
    work
}

/// A span that nobody has.
pub(crate) struct Span<P>(PhantomData<P>);

impl<P: Platform> Span<P> {
    pub(crate) fn begin(_: &P, _: Kind, _: &'static str) -> Self {
        Self(PhantomData)
    }

    pub(crate) fn of_exchange(_: &P, _: &str) -> Self {
        Self(PhantomData)
    }

    #[expect(clippy::unused_self, reason = "as where there are spans")]
    pub(crate) fn child_of(&self, _: &Traceparent) -> Option<Traceparent> {
        None
    }

    #[expect(clippy::unused_self, reason = "as where there are spans")]
    pub(crate) fn within<F: Future>(&self, work: F) -> F {
        work
    }

    #[expect(clippy::unused_self, reason = "as where there are spans")]
    pub(crate) fn tell(&mut self, _: &'static str, _: impl FnOnce() -> String) {}

    #[expect(clippy::unused_self, reason = "as where there are spans")]
    pub(crate) fn number(&mut self, _: &'static str, _: u64) {}

    #[expect(clippy::unused_self, reason = "as where there are spans")]
    pub(crate) fn fails(&mut self, _: impl FnOnce() -> String) {}

    #[expect(clippy::unused_self, reason = "as where there are spans")]
    pub(crate) fn tells_of_url(&mut self, _: &str) {}

    #[expect(clippy::unused_self, reason = "as where there are spans")]
    pub(crate) fn tells_of_peer(&mut self, _: &str, _: &str, _: &str) {}

    #[expect(clippy::unused_self, reason = "as where there are spans")]
    pub(crate) fn answered(&mut self, _: u16) {}

    pub(crate) fn ends(self) {}
}
