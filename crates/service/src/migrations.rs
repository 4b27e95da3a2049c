//! How tables come to be what a release needs, version after version.
//!
//! A migration that was released is never changed: a later one goes after it. They are applied under a lock, so that
//! many instances may begin at once, and all of them or none, so that an instance may end in between.

use std::fmt::Write as _;

use crate::database::{Database, Dialect};
use crate::rows::first_number;
use crate::store::StoreError;

/// One version of the tables: the statements that make it of the version before.
pub type Migration = &'static [&'static str];

/// The versions of an application's tables. The first of each list is version 1.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// The table that says which of them were applied. It has the application's prefix.
    pub table: &'static str,
    /// The lock that PostgreSQL's migrations take. Any number will do that no other application takes.
    pub postgres_lock: i64,
    /// Those of SQLite.
    pub sqlite: &'static [Migration],
    /// Those of PostgreSQL.
    pub postgres: &'static [Migration],
}

impl Migrations {
    /// Applies to a database what it does not have yet.
    ///
    /// # Errors
    /// That fails, or the database is newer.
    pub async fn apply(&self, database: &dyn Database, dialect: Dialect) -> Result<(), StoreError> {
        let versions = match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        };
        let known = u64::try_from(versions.len()).unwrap_or(u64::MAX);
        // Most often there is nothing to do, and then no lock is taken.
        let mut version = self.version(database, dialect).await?;
        if version < known {
            match dialect {
                Dialect::Sqlite => self.apply_sqlite(database).await?,
                Dialect::Postgres => {
                    database.run(&self.postgres_block(), vec![]).await?;
                }
            }
            version = self.version(database, dialect).await?;
        }
        match version == known {
            true => Ok(()),
            false => Err(StoreError::Newer { version, known }),
        }
    }

    /// The version of the tables. 0: there are none.
    async fn version(&self, database: &dyn Database, dialect: Dialect) -> Result<u64, StoreError> {
        let table = self.table;
        let exists = match dialect {
            Dialect::Sqlite => {
                format!("SELECT count(*) FROM sqlite_schema WHERE name = '{table}'")
            }
            Dialect::Postgres => {
                format!("SELECT (to_regclass('{table}') IS NOT NULL)::integer::bigint")
            }
        };
        if first_number(database.run(&exists, vec![]).await?)? == 0 {
            return Ok(0);
        }
        let version = format!("SELECT coalesce(max(version), 0) FROM {table}");
        first_number(database.run(&version, vec![]).await?)
    }

    async fn apply_sqlite(&self, database: &dyn Database) -> Result<(), StoreError> {
        // From here on nobody else writes.
        database.run("BEGIN IMMEDIATE", vec![]).await?;
        match self.apply_locked(database).await {
            Ok(()) => database.run("COMMIT", vec![]).await?,
            Err(error) => {
                // A connection that is dropped rolls back as well.
                let _ = database.run("ROLLBACK", vec![]).await;
                return Err(error);
            }
        };
        Ok(())
    }

    async fn apply_locked(&self, database: &dyn Database) -> Result<(), StoreError> {
        let table = self.table;
        let create = format!(
            "CREATE TABLE IF NOT EXISTS {table} (version INTEGER PRIMARY KEY NOT NULL) STRICT"
        );
        database.run(&create, vec![]).await?;
        // Somebody else may have been faster.
        let applied = self.version(database, Dialect::Sqlite).await?;
        for (version, statements) in (1_u64..).zip(self.sqlite) {
            if version <= applied {
                continue;
            }
            for statement in *statements {
                database.run(statement, vec![]).await?;
            }
            let insert = format!("INSERT INTO {table} (version) VALUES (?1)");
            database.run(&insert, vec![version.into()]).await?;
        }
        Ok(())
    }

    /// All migrations of PostgreSQL as one statement, so that nothing can be left half done: a block is a transaction.
    fn postgres_block(&self) -> String {
        let (table, lock) = (self.table, self.postgres_lock);
        let mut block = format!(
            "DO $migrations$ BEGIN
        PERFORM pg_advisory_xact_lock({lock});
        CREATE TABLE IF NOT EXISTS {table} (version bigint PRIMARY KEY);\n"
        );
        for (version, statements) in (1_u64..).zip(self.postgres) {
            let _ = writeln!(
                block,
                "IF NOT EXISTS (SELECT FROM {table} WHERE version >= {version}) THEN"
            );
            for statement in *statements {
                let _ = writeln!(block, "{statement};");
            }
            let _ = writeln!(block, "INSERT INTO {table} VALUES ({version}); END IF;");
        }
        block.push_str("END $migrations$");
        block
    }
}
