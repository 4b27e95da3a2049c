//! Users in PostgreSQL.

use doorward_service::database::{Database, Dialect, ErrorKind, Value};
use doorward_service::rows::{first_text, number};
use uuid::Uuid;

use super::lists::statement;
use super::outbox::SqlOutbox;
use super::rows::{
    USER_COLUMNS, first_answer, first_user, page, taken, unique_values, users, values,
};
use crate::cursor::Place;
use crate::idempotency::Once;
use crate::query::ListQuery;
use crate::store::{Change, Creation, KeptAnswer, Page, Store, StoreError, Taken};
use crate::user::{Identity, User};

/// Most keys that are forgotten with one that is kept.
const ENDED_KEYS_MAX: u32 = 100;

/// Users in PostgreSQL.
pub struct Postgres(Box<dyn Database>);

impl Postgres {
    /// The store in a database that was migrated before.
    pub fn migrated(database: Box<dyn Database>) -> Self {
        Self(database)
    }

    /// The events that wait.
    pub fn outbox(&self) -> SqlOutbox<'_> {
        SqlOutbox {
            database: &*self.0,
            dialect: Dialect::Postgres,
        }
    }

    /// What another user than this one has of what only one may have.
    async fn taken(&self, user: &User) -> Result<Taken, StoreError> {
        let sql = "SELECT EXISTS (SELECT FROM users WHERE email = $2 AND id <> $1)::integer::bigint,
                          EXISTS (SELECT FROM users WHERE issuer = $3 AND subject = $4 AND id <> $1)::integer::bigint";
        taken(self.0.run(sql, unique_values(user)).await?)
    }

    async fn create_once(
        &self,
        user: &User,
        once: &Once,
        answer: &KeptAnswer,
    ) -> Result<Creation, StoreError> {
        // Whoever does not get the lock has met a request with the same key that is under way. Whoever gets it either
        // writes the key, and then the user, or finds that it was written before.
        let told = told("created", "created_at", "created");
        let sql = format!(
            "WITH mine AS MATERIALIZED (SELECT pg_try_advisory_xact_lock($13::bigint) AS is_mine),
             ended AS (
                DELETE FROM users_idempotency_keys WHERE key IN (
                    SELECT key FROM users_idempotency_keys WHERE expires_at <= $6::bigint AND key <> $9::text
                    LIMIT {ENDED_KEYS_MAX} FOR UPDATE SKIP LOCKED)),
             kept AS (
                INSERT INTO users_idempotency_keys AS k (key, fingerprint, user_id, answer, expires_at)
                SELECT $9::text, $10::text, $1::uuid, $11::text, $12::bigint FROM mine WHERE is_mine
                ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint,
                    user_id = excluded.user_id, answer = excluded.answer, expires_at = excluded.expires_at
                WHERE k.expires_at <= $6::bigint
                RETURNING key),
             created AS (
                INSERT INTO users ({USER_COLUMNS})
                SELECT $1::uuid, $2::text, $3::text, $4::text, $5::text, $6::bigint, $7::bigint, $8::bigint FROM kept
                RETURNING *),
             told AS ({told})
             SELECT is_mine::integer::bigint, (SELECT count(*) FROM created) FROM mine"
        );
        let mut given = values(user);
        given.extend([
            once.key.as_str().into(),
            answer.fingerprint.as_str().into(),
            answer.body.as_deref().into(),
            answer.expires_at_ms.into(),
            Value::Integer(once.lock),
        ]);
        let rows = self.0.run(&sql, given).await?;
        let mut values = rows.into_iter().next().unwrap_or_default().into_iter();
        let is_mine = number(values.next())? != 0;
        let is_created = number(values.next())? != 0;
        match (is_mine, is_created) {
            (_, true) => Ok(Creation::Created),
            (false, false) => Ok(Creation::Running),
            (true, false) => {
                let answer = self.answer(once).await?;
                answer
                    .map(Creation::Repeated)
                    .ok_or(StoreError::Unreadable("a key"))
            }
        }
    }

    /// The answer that was kept for this key.
    async fn answer(&self, once: &Once) -> Result<Option<KeptAnswer>, StoreError> {
        let sql = "SELECT fingerprint, user_id, answer, expires_at FROM users_idempotency_keys WHERE key = $1";
        first_answer(self.0.run(sql, vec![once.key.as_str().into()]).await?)
    }
}

impl Store for Postgres {
    async fn find(&self, id: Uuid) -> Result<Option<User>, StoreError> {
        let sql = format!("SELECT {USER_COLUMNS} FROM users WHERE id = $1");
        first_user(self.0.run(&sql, vec![id.into()]).await?)
    }

    async fn find_by_identity(&self, identity: &Identity) -> Result<Option<User>, StoreError> {
        let sql = format!("SELECT {USER_COLUMNS} FROM users WHERE issuer = $1 AND subject = $2");
        let given = vec![
            identity.issuer.as_str().into(),
            identity.subject.as_str().into(),
        ];
        first_user(self.0.run(&sql, given).await?)
    }

    async fn page(&self, offset: u64, limit: u64) -> Result<Page, StoreError> {
        let sql = format!(
            "SELECT total, {USER_COLUMNS} FROM (SELECT count(*) AS total FROM users) AS counted
             LEFT JOIN (SELECT * FROM users ORDER BY id LIMIT $1 OFFSET $2) AS paged ON true ORDER BY id"
        );
        page(self.0.run(&sql, vec![limit.into(), offset.into()]).await?)
    }

    async fn list(
        &self,
        query: &ListQuery,
        after: Option<&Place>,
    ) -> Result<Vec<User>, StoreError> {
        let (sql, given) = statement('$', query, after);
        users(self.0.run(&sql, given).await?)
    }

    async fn cursor_secret(&self) -> Result<String, StoreError> {
        let sql = "SELECT secret FROM users_secrets WHERE name = 'cursor'";
        first_text(self.0.run(sql, vec![]).await?)
    }

    async fn create(
        &self,
        user: &User,
        once: Option<(&Once, &KeptAnswer)>,
    ) -> Result<Creation, StoreError> {
        let created = match once {
            None => {
                let told = told("created", "created_at", "created");
                let sql = format!(
                    "WITH created AS (
                        INSERT INTO users ({USER_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *)
                     {told}"
                );
                let ran = self.0.run(&sql, values(user)).await;
                ran.map(|_| Creation::Created).map_err(StoreError::from)
            }
            Some((once, answer)) => self.create_once(user, once, answer).await,
        };
        match created {
            Err(StoreError::Database(error)) if error.kind == ErrorKind::Conflict => {
                Ok(Creation::Taken(self.taken(user).await?))
            }
            created => created,
        }
    }

    async fn change(&self, user: &User) -> Result<Change, StoreError> {
        let told = told("changed", "updated_at", "changed");
        let sql = format!(
            "WITH changed AS (
                UPDATE users SET name = $2, email = $3, issuer = $4, subject = $5, updated_at = $7, version = $8
                WHERE id = $1 AND version = $8::bigint - 1 AND created_at = $6 RETURNING *)
             {told} RETURNING version"
        );
        match self.0.run(&sql, values(user)).await {
            Ok(rows) if rows.is_empty() => Ok(Change::Stale),
            Ok(_) => Ok(Change::Changed),
            Err(error) if error.kind == ErrorKind::Conflict => {
                Ok(Change::Taken(self.taken(user).await?))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn delete(&self, id: Uuid, version: u64) -> Result<bool, StoreError> {
        // Nothing of a user is kept who was deleted, in answers neither.
        let sql = "WITH gone AS (DELETE FROM users WHERE id = $1 AND version = $2 RETURNING id, version),
                   emptied AS (UPDATE users_idempotency_keys SET answer = NULL
                       WHERE user_id IN (SELECT id FROM gone))
                   INSERT INTO users_outbox (happened, at, user_id, version)
                   SELECT 'deleted', (extract(epoch FROM clock_timestamp()) * 1000)::bigint, id, version + 1 FROM gone
                   RETURNING version";
        let rows = self.0.run(sql, vec![id.into(), version.into()]).await?;
        Ok(!rows.is_empty())
    }
}

/// The part of a statement that leaves for the outbox what happened to the users of another part, at the time of a column.
fn told(happened: &str, at: &str, users: &str) -> String {
    format!(
        "INSERT INTO users_outbox
            (happened, at, user_id, name, email, issuer, subject, created_at, updated_at, version)
         SELECT '{happened}', {at}, {USER_COLUMNS} FROM {users}"
    )
}
