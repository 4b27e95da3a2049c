//! Events that wait, in either database.
//!
//! A lease is taken, read and given back by statements of their own, each of which is whole by itself: whoever dies
//! between two of them leaves a lease that ends. Events are removed before it is given back, so nobody who has it reads
//! what was delivered.

use doorward_service::database::{Database, DatabaseError, Dialect, Row, Value};
use doorward_service::rows::first_number;
use uuid::Uuid;

use super::rows::waiting;
use crate::outbox::{EVENTS_MAX, LEASE_MS, Lease, Outbox, Waiting};
use crate::store::StoreError;

/// Most events that are forgotten at once.
const FORGOTTEN_MAX: u64 = 1_000;

/// The events that wait in a database.
pub struct SqlOutbox<'d> {
    /// Where they are.
    pub database: &'d dyn Database,
    /// Which database it is.
    pub dialect: Dialect,
}

impl SqlOutbox<'_> {
    async fn run(&self, statement: &str, given: Vec<Value>) -> Result<Vec<Row>, DatabaseError> {
        self.dialect.run(self.database, statement, given).await
    }
}

impl Outbox for SqlOutbox<'_> {
    async fn has_events(&self) -> Result<bool, StoreError> {
        let sql = "SELECT count(*) FROM (SELECT position FROM users_outbox LIMIT 1) AS one";
        Ok(first_number(self.run(sql, vec![]).await?)? != 0)
    }

    async fn take(&self, lease: &Lease) -> Result<(), StoreError> {
        // In the order of users, so that two who take many never wait for each other.
        let now = self.dialect.now_ms();
        let sql = format!(
            "INSERT INTO users_outbox_leases (user_id, holder, until, failures)
             SELECT DISTINCT user_id, $1, {now} + {LEASE_MS}, 0 FROM (
                SELECT user_id FROM users_outbox AS o
                WHERE NOT EXISTS (SELECT 1 FROM users_outbox_leases AS l WHERE l.user_id = o.user_id AND l.until > {now})
                ORDER BY position LIMIT {EVENTS_MAX}) AS first
             WHERE true ORDER BY user_id
             ON CONFLICT (user_id) DO UPDATE SET holder = excluded.holder, until = excluded.until
             WHERE users_outbox_leases.until <= {now}"
        );
        self.run(&sql, vec![lease.holder.as_str().into()]).await?;
        Ok(())
    }

    async fn taken(&self, lease: &Lease) -> Result<Vec<Waiting>, StoreError> {
        let sql = format!(
            "SELECT o.position, l.failures, o.happened, o.at, o.user_id, o.name, o.email, o.issuer, o.subject,
                o.created_at, o.updated_at, o.version
             FROM users_outbox_leases AS l JOIN users_outbox AS o ON o.user_id = l.user_id
             WHERE l.holder = $1 ORDER BY o.position LIMIT {EVENTS_MAX}"
        );
        waiting(self.run(&sql, vec![lease.holder.as_str().into()]).await?)
    }

    async fn delivered(&self, positions: &[u64]) -> Result<(), StoreError> {
        let listed = match self.dialect {
            Dialect::Sqlite => "SELECT value FROM json_each($1)",
            Dialect::Postgres => {
                "SELECT CAST(value AS bigint) FROM json_array_elements_text(CAST(CAST($1 AS text) AS json))"
            }
        };
        let sql = format!("DELETE FROM users_outbox WHERE position IN ({listed})");
        // Numbers alone are JSON as they are shown.
        let positions = format!("{positions:?}");
        self.run(&sql, vec![positions.as_str().into()]).await?;
        Ok(())
    }

    async fn put_off(
        &self,
        lease: &Lease,
        user: Uuid,
        pause_ms: u64,
        failures: u32,
    ) -> Result<(), StoreError> {
        let now = self.dialect.now_ms();
        let sql = format!(
            "UPDATE users_outbox_leases SET holder = '', until = {now} + CAST($3 AS bigint), failures = $4
             WHERE user_id = $1 AND holder = $2"
        );
        let given = vec![
            user.into(),
            lease.holder.as_str().into(),
            pause_ms.into(),
            u64::from(failures).into(),
        ];
        self.run(&sql, given).await?;
        Ok(())
    }

    async fn give_back(&self, lease: &Lease) -> Result<(), StoreError> {
        // Who has failed before and was not tried is kept with that. Who has nothing to be told of any more goes, also
        // where a holder has died.
        let now = self.dialect.now_ms();
        let sql = format!(
            "DELETE FROM users_outbox_leases WHERE (holder = $1 AND failures = 0) OR ((holder = $1 OR until <= {now})
                AND NOT EXISTS (SELECT 1 FROM users_outbox AS o WHERE o.user_id = users_outbox_leases.user_id))"
        );
        self.run(&sql, vec![lease.holder.as_str().into()]).await?;
        let sql = "UPDATE users_outbox_leases SET holder = '', until = 0 WHERE holder = $1";
        self.run(sql, vec![lease.holder.as_str().into()]).await?;
        Ok(())
    }

    async fn forget(&self, before_ms: u64) -> Result<(), StoreError> {
        let sql = format!(
            "DELETE FROM users_outbox WHERE position IN (
                SELECT position FROM users_outbox WHERE at < $1 ORDER BY position LIMIT {FORGOTTEN_MAX})"
        );
        self.run(&sql, vec![before_ms.into()]).await?;
        Ok(())
    }
}
