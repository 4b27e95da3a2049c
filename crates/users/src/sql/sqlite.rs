//! Users in SQLite.

use uuid::Uuid;

use super::lists::statement;
use super::migrations;
use super::outbox::{Dialect, SqlOutbox};
use super::rows::{
    USER_COLUMNS, first_answer, first_number, first_text, first_user, page, taken, unique_values,
    users, values,
};
use crate::cursor::Place;
use crate::database::{Database, ErrorKind};
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

    /// The store in a database that is migrated now, where it has to be.
    ///
    /// # Errors
    /// Where that fails, or the database is newer.
    pub async fn migrate(database: Box<dyn Database>) -> Result<Self, StoreError> {
        let store = Self(database);
        let latest = migrations::latest(migrations::SQLITE);
        // Most often there is nothing to do, and then no lock is taken.
        let mut version = store.version().await?;
        if version < latest {
            // From here on nobody else writes.
            store.0.run("BEGIN IMMEDIATE", vec![]).await?;
            match store.apply_migrations().await {
                Ok(()) => store.0.run("COMMIT", vec![]).await?,
                Err(error) => {
                    // A connection that is dropped rolls back as well.
                    let _ = store.0.run("ROLLBACK", vec![]).await;
                    return Err(error);
                }
            };
            version = store.version().await?;
        }
        match version == latest {
            true => Ok(store),
            false => Err(StoreError::Newer {
                version,
                known: latest,
            }),
        }
    }

    /// The version of the tables. 0: there are none.
    async fn version(&self) -> Result<u64, StoreError> {
        let exists = "SELECT count(*) FROM sqlite_schema WHERE name = 'users_migrations'";
        if self.one(exists).await? == 0 {
            return Ok(0);
        }
        self.one("SELECT coalesce(max(version), 0) FROM users_migrations")
            .await
    }

    async fn apply_migrations(&self) -> Result<(), StoreError> {
        let table = "CREATE TABLE IF NOT EXISTS users_migrations (version INTEGER PRIMARY KEY NOT NULL) STRICT";
        self.0.run(table, vec![]).await?;
        // Somebody else may have been faster.
        let applied = self.version().await?;
        for (version, statements) in (1_u64..).zip(migrations::SQLITE) {
            if version <= applied {
                continue;
            }
            for statement in *statements {
                self.0.run(statement, vec![]).await?;
            }
            let insert = "INSERT INTO users_migrations (version) VALUES (?1)";
            self.0.run(insert, vec![version.into()]).await?;
        }
        Ok(())
    }

    /// The number that a statement gives.
    async fn one(&self, statement: &str) -> Result<u64, StoreError> {
        let rows = self.0.run(statement, vec![]).await?;
        first_number(rows)
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
