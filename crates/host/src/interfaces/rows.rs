//! The rows of a statement under way as a stream of the component model.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::mpsc;
use wasmtime::component::{Destination, Lower, StreamProducer, StreamResult, VecBuffer};
use wasmtime::{Result, StoreContextMut};

/// Takes rows when the component reads, and so lets the statement go on.
pub struct RowStream<Row, F> {
    batches: mpsc::Receiver<Vec<Row>>,
    given: F,
}

impl<Row, F> RowStream<Row, F> {
    /// The rows of a statement, each as `given` makes it for the component. What that holds is held for as long as
    /// they can be read.
    pub fn new(batches: mpsc::Receiver<Vec<Row>>, given: F) -> Self {
        Self { batches, given }
    }
}

impl<D, Row, Item, F> StreamProducer<D> for RowStream<Row, F>
where
    Row: Send + 'static,
    Item: Lower + Send + Sync + 'static,
    F: Fn(Row) -> Item + Send + Unpin + 'static,
{
    type Item = Item;
    type Buffer = VecBuffer<Item>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, Self::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<Result<StreamResult>> {
        if destination.remaining(store) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let own = self.get_mut();
        let batch = own.batches.poll_recv(context);
        if finish && batch.is_pending() {
            return Poll::Ready(Ok(StreamResult::Cancelled));
        }
        Poll::Ready(Ok(match ready!(batch) {
            Some(rows) => {
                let rows: Vec<Item> = rows.into_iter().map(&own.given).collect();
                destination.set_buffer(rows.into());
                StreamResult::Completed
            }
            None => StreamResult::Dropped,
        }))
    }
}
