//! The tasks of HTTP/2 streams, each of which can be ended without the others on its connection.

use std::future::Future;
use std::sync::Arc;

use hyper::rt::Executor;
use tokio::sync::Notify;

tokio::task_local! {
    static STREAM: Arc<Notify>;
}

/// Runs streams.
#[derive(Clone, Copy, Debug)]
pub struct Streams;

impl Streams {
    /// What ends the stream that runs here; none where it is no stream, but a whole connection.
    #[must_use]
    pub fn this() -> Option<Arc<Notify>> {
        STREAM.try_with(Arc::clone).ok()
    }
}

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, stream: F) {
        let cut = Arc::new(Notify::new());
        tokio::spawn(STREAM.scope(Arc::clone(&cut), async move {
            tokio::select! {
                biased;
                _ = stream => {}
                () = cut.notified() => {}
            }
        }));
    }
}
