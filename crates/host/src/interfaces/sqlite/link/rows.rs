//! The rows of a statement under way as a stream of the component model.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::mpsc;
use wasmtime::component::{Destination, StreamProducer, StreamResult, VecBuffer};
use wasmtime::{Result, StoreContextMut};

use super::bindings::spin::sqlite::sqlite::RowResult;
use crate::interfaces::sqlite::statement::Row;

/// Takes rows when the component reads, and so lets the statement go on.
pub struct RowStream {
    batches: mpsc::Receiver<Vec<Row>>,
    _watched: Arc<()>,
}

impl RowStream {
    /// The rows of a statement; it counts as watched for as long as they can be read.
    pub fn new(batches: mpsc::Receiver<Vec<Row>>, watched: Arc<()>) -> Self {
        Self {
            batches,
            _watched: watched,
        }
    }
}

impl<D> StreamProducer<D> for RowStream {
    type Item = RowResult;
    type Buffer = VecBuffer<RowResult>;

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
        let batch = self.get_mut().batches.poll_recv(context);
        if finish && batch.is_pending() {
            return Poll::Ready(Ok(StreamResult::Cancelled));
        }
        Poll::Ready(Ok(match ready!(batch) {
            Some(rows) => {
                let rows: Vec<RowResult> = rows.into_iter().map(RowResult::from).collect();
                destination.set_buffer(rows.into());
                StreamResult::Completed
            }
            None => StreamResult::Dropped,
        }))
    }
}
