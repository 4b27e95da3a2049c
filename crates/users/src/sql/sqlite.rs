//! Users in SQLite.

use doorward_service::database::{Database, Dialect, ErrorKind};
use doorward_service::rows::first_text;
use uuid::Uuid;

use super::lists::statement;
use super::outbox::SqlOutbox;
use super::rows::{
    USER_COLUMNS, first_answer, first_user, page, taken, unique_values, users, values,
};
use crate::cursor::Place;
use crate::idempotency::Once;
use crate::query::ListQuery;
use crate::store::{Change, Creation, KeptAnswer, Page, Store, StoreError};
use crate::user::{Identity, User};

/// Users in SQLite.
pub struct Sqlite(Box<dyn Database>);

impl Sqlite {
    /// The store in a database that was migrated before.
    pub fn migrated(database: Box<dyn Database>) -> Self {
        Self(database)
    }

    /// The events that wait.
    pub fn outbox(&self) -> SqlOutbox<'_> {
        SqlOutbox {
            database: &*self.0,
            dialect: Dialect::Sqlite,
        }
    }

    /// What another user than this one has of what only one may have.
    async fn taken(&self, user: &User) -> Result<crate::store::Taken, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM users WHERE email = ?2 AND id <> ?1),
                          EXISTS (SELECT 1 FROM users WHERE issuer = ?3 AND subject = ?4 AND id <> ?1)";
        taken(self.0.run(sql, unique_values(user)).await?)
    }
}

impl Store for Sqlite {
    async fn find(&self, id: Uuid) -> Result<Option<User>, StoreError> {
        let sql = format!("SELECT {USER_COLUMNS} FROM users WHERE id = ?1");
        first_user(self.0.run(&sql, vec![id.into()]).await?)
    }

    async fn find_by_identity(&self, identity: &Identity) -> Result<Option<User>, StoreError> {
        let sql = format!("SELECT {USER_COLUMNS} FROM users WHERE issuer = ?1 AND subject = ?2");
        let given = vec![
            identity.issuer.as_str().into(),
            identity.subject.as_str().into(),
        ];
        first_user(self.0.run(&sql, given).await?)
    }

    async fn page(&self, offset: u64, limit: u64) -> Result<Page, StoreError> {
        let sql = format!(
            "SELECT total, {USER_COLUMNS} FROM (SELECT count(*) AS total FROM users)
             LEFT JOIN (SELECT * FROM users ORDER BY id LIMIT ?1 OFFSET ?2) ON true ORDER BY id"
        );
        page(self.0.run(&sql, vec![limit.into(), offset.into()]).await?)
    }

    async fn list(
        &self,
        query: &ListQuery,
        after: Option<&Place>,
    ) -> Result<Vec<User>, StoreError> {
        let (sql, given) = statement('?', query, after);
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
        let mut given = values(user);
        let sql = match once {
            None => format!(
                "INSERT INTO users ({USER_COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
            ),
            Some((once, answer)) => {
                given.extend([
                    once.key.as_str().into(),
                    answer.fingerprint.as_str().into(),
                    answer.body.as_deref().into(),
                    answer.expires_at_ms.into(),
                ]);
                format!(
                    "INSERT INTO users_created_once ({USER_COLUMNS}, key, fingerprint, answer, expires_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
                )
            }
        };
        match self.0.run(&sql, given).await {
            Ok(_) => Ok(Creation::Created),
            Err(error) if error.kind == ErrorKind::Conflict => {
                if let Some((once, _)) = once {
                    // One writes after the other here, so whoever sent the key first has ended.
                    let sql = "SELECT fingerprint, user_id, answer, expires_at FROM users_idempotency_keys
                               WHERE key = ?1 AND expires_at > ?2";
                    let given = vec![once.key.as_str().into(), user.created_at_ms.into()];
                    let rows = self.0.run(sql, given).await?;
                    if let Some(answer) = first_answer(rows)? {
                        return Ok(Creation::Repeated(answer));
                    }
                }
                Ok(Creation::Taken(self.taken(user).await?))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn change(&self, user: &User) -> Result<Change, StoreError> {
        let sql = "UPDATE users SET name = ?2, email = ?3, issuer = ?4, subject = ?5, updated_at = ?7, version = ?8
                   WHERE id = ?1 AND version = ?8 - 1 AND created_at = ?6 RETURNING 1";
        match self.0.run(sql, values(user)).await {
            Ok(rows) if rows.is_empty() => Ok(Change::Stale),
            Ok(_) => Ok(Change::Changed),
            Err(error) if error.kind == ErrorKind::Conflict => {
                Ok(Change::Taken(self.taken(user).await?))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn delete(&self, id: Uuid, version: u64) -> Result<bool, StoreError> {
        let sql = "DELETE FROM users WHERE id = ?1 AND version = ?2 RETURNING 1";
        let rows = self.0.run(sql, vec![id.into(), version.into()]).await?;
        Ok(!rows.is_empty())
    }
}
