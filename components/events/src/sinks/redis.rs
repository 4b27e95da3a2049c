//! A Redis stream, by `spin:redis`.

use std::cell::Cell;

use doorward_events::record::Batch;
use doorward_events::sink::{SinkError, Written};
use doorward_events::sinks::redis::{COMMAND, Stream, refusal, written};
use spin_sdk::redis::{Connection, Error, RedisParameter, RedisResult};

thread_local! {
    /// A connection that no request has. An instance has one of them at a time, and the host shares what is behind it.
    static KEPT: Cell<Option<Connection>> = const { Cell::new(None) };
}

/// Adds a batch to the stream in the Redis at this URL.
pub async fn write(url: &str, stream: &Stream, batch: &Batch) -> Result<Written, SinkError> {
    let connection = match KEPT.take() {
        Some(connection) => connection,
        None => Connection::open(url).await.map_err(|error| why(&error))?,
    };
    let arguments = stream.arguments(batch).into_iter();
    let arguments: Vec<_> = arguments.map(RedisParameter::Binary).collect();
    let results = connection.execute(COMMAND, arguments).await;
    let results = results.map_err(|error| why(&error))?;
    // Only one whose command has ended well is used again.
    KEPT.set(Some(connection));
    match results.as_slice() {
        [RedisResult::Int64(known)] => written(batch, Some(*known)),
        _ => written(batch, None),
    }
}

fn why(error: &Error) -> SinkError {
    match error {
        Error::InvalidAddress => SinkError::Never(
            "the URL of Redis is none, or its host is not in `allowed_outbound_hosts` of the component".to_owned(),
        ),
        Error::TooManyConnections => {
            SinkError::NotNow("the host has no more connections to Redis".to_owned())
        }
        Error::TypeError => refusal("it answers something else than it was asked for"),
        Error::Other(reason) => refusal(reason),
    }
}
