//! A collector, by HTTP.

use std::time::Duration;

use doorward_events::record::Batch;
use doorward_events::sink::SinkError;
use doorward_events::sinks::http::{request, written};
use doorward_service_spin::{Target, status_of};

/// How long the head of an answer is waited for.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);

/// Sends a batch. It returns when the collector has said that it has it.
pub async fn write(collector: &Target, takes_gzip: bool, batch: &Batch) -> Result<(), SinkError> {
    let mut request = request(batch, takes_gzip);
    *request.uri_mut() = collector.url.clone();
    collector.authorize(request.headers_mut());
    match status_of(request.map(Into::into), HEAD_TIME_MAX).await {
        Ok(status) => written(status),
        Err(why) => {
            let reason = format!("the collector {}", why.reason);
            Err(match why.is_denied {
                true => SinkError::Never(reason),
                false => SinkError::NotNow(reason),
            })
        }
    }
}
