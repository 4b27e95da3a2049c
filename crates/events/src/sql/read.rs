//! Events as they are read again.

use doorward_service::rows::{first_number, number, text};
use doorward_service::store::StoreError;

use super::events::SqlEvents;
use crate::read::log::{PAGE_BYTES, ReadableSink, Stored};

impl ReadableSink for SqlEvents {
    async fn after(
        &self,
        kind: Option<&str>,
        position: u64,
        limit: u64,
    ) -> Result<Vec<Stored>, StoreError> {
        let mut given = vec![position.into(), limit.into()];
        let of_kind = match kind {
            Some(kind) => {
                given.push(kind.into());
                "AND type = $3"
            }
            None => "",
        };
        // How long the events are is added up before any of them is read. What is said twice of positions is so that a join
        // that goes through both in their order begins there as well.
        let sql = format!(
            "SELECT events.position, events.event
             FROM (SELECT position, bytes, sum(bytes) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) AS total
                   FROM (SELECT position, octet_length(event) AS bytes FROM events
                         WHERE position > $1 {of_kind} ORDER BY position LIMIT $2) AS next) AS page
             JOIN events ON events.position = page.position
             WHERE page.total - page.bytes < {PAGE_BYTES} AND events.position > $1 ORDER BY events.position"
        );
        let rows = self.dialect.run(&*self.database, &sql, given).await?;
        let stored = |row: Vec<_>| {
            let mut values = row.into_iter();
            Ok(Stored {
                position: number(values.next())?,
                json: text(values.next())?,
            })
        };
        rows.into_iter().map(stored).collect()
    }

    async fn last(&self) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(max(position), 0) FROM events";
        first_number(self.database.run(sql, vec![]).await?)
    }
}
