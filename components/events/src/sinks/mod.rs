//! Where records are written to.

mod http;
mod mqtt;
mod redis;

use doorward_events::record::Batch;
use doorward_events::sink::{Sink as Sinks, SinkError, Written};
use doorward_events::sql::SqlEvents;
use doorward_events::sql::migrations::EVENTS;
use doorward_service::store::StoreError;
use doorward_service_spin::NamedDatabase;

use crate::settings::{SINK, Settings, Sink};

/// What lines about the sink are called.
pub const SINK_FAILED: &str = "events-sink-failed";

/// The sink that the settings name.
pub struct AnySink(pub &'static Settings);

impl Sinks for AnySink {
    async fn write(&self, batch: &Batch) -> Result<Written, SinkError> {
        // Those that cannot tell what was there before say nothing of it.
        let untold = |()| Written::default();
        match &self.0.sink {
            Sink::Database => {
                let opened = open_database().await;
                opened
                    .map_err(|failure| failed(&failure))?
                    .write(batch)
                    .await
            }
            Sink::Redis(url, stream) => redis::write(url, stream, batch).await,
            Sink::Mqtt {
                url,
                user,
                password,
                topic,
            } => {
                let server = mqtt::Server {
                    url,
                    user,
                    password,
                };
                mqtt::write(server, topic, batch).await.map(untold)
            }
            Sink::Http(target, takes_gzip) => {
                http::write(target, *takes_gzip, batch).await.map(untold)
            }
        }
    }
}

/// Opens the database.
///
/// # Errors
/// It cannot be had, or a later release was here before.
pub async fn open_database() -> Result<SqlEvents, StoreError> {
    static DATABASE: NamedDatabase = NamedDatabase::new(SINK, EVENTS);
    let (database, dialect) = DATABASE.open().await?;
    Ok(SqlEvents::migrated(database, dialect))
}

fn failed(failure: &StoreError) -> SinkError {
    match failure {
        StoreError::Settings(_) | StoreError::Newer { .. } => SinkError::Never(failure.to_string()),
        StoreError::Database(_) | StoreError::Unreadable(_) => {
            SinkError::NotNow(failure.to_string())
        }
    }
}
