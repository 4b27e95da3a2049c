//! The database that the operator names.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use doorward_service::database::{Database, Dialect};
use doorward_service::migrations::Migrations;
use doorward_service::store::StoreError;

use crate::postgres::PostgresDatabase;
use crate::sqlite::{SqliteDatabase, Which};
use crate::variables::variable;

/// Before the label of an SQLite database.
const SQLITE_PREFIX: &str = "sqlite:";
/// The SQLite database that is used where nothing is said.
const SQLITE_LABEL: &str = "default";

/// A database that a variable names: nothing for the SQLite database `default`, `sqlite:LABEL`, or the URL of a PostgreSQL.
/// It is for a `static`: what is known of the database is known as long as the instance lives.
pub struct NamedDatabase {
    variable: &'static str,
    migrations: Migrations,
    /// Read once in an instance.
    place: OnceLock<Place>,
    /// Whether this instance has seen to it that the tables are as they have to be.
    is_migrated: AtomicBool,
}

/// Where a database is.
enum Place {
    /// The SQLite database with this label.
    Sqlite(String),
    /// The PostgreSQL at this URL.
    Postgres(String),
}

impl NamedDatabase {
    /// The one that this variable names, with these tables.
    pub const fn new(variable: &'static str, migrations: Migrations) -> Self {
        Self {
            variable,
            migrations,
            place: OnceLock::new(),
            is_migrated: AtomicBool::new(false),
        }
    }

    /// Opens it. Its tables are as they have to be.
    ///
    /// # Errors
    /// It cannot be had, or a later release was here before.
    pub async fn open(&'static self) -> Result<(Box<dyn Database>, Dialect), StoreError> {
        let (database, dialect): (Box<dyn Database>, _) = match self.place().await? {
            Place::Sqlite(label) => {
                let database = SqliteDatabase::open(Which {
                    label,
                    variable: self.variable,
                    is_migrated: &self.is_migrated,
                });
                let database = database.await?;
                (Box::new(database), Dialect::Sqlite)
            }
            Place::Postgres(url) => {
                let database = PostgresDatabase::open(url, self.variable).await?;
                (Box::new(database), Dialect::Postgres)
            }
        };
        if !self.is_migrated.load(Ordering::Relaxed) {
            self.migrations.apply(&*database, dialect).await?;
            self.is_migrated.store(true, Ordering::Relaxed);
        }
        Ok((database, dialect))
    }

    /// Where it is. Where that cannot be read nothing is assumed: what is written into another database than the one that is
    /// meant would be there for nobody else.
    async fn place(&self) -> Result<&Place, StoreError> {
        if let Some(place) = self.place.get() {
            return Ok(place);
        }
        let said = variable(self.variable).await?;
        let place = match said.strip_prefix(SQLITE_PREFIX) {
            Some(label) => Place::Sqlite(label.to_owned()),
            None if said.is_empty() => Place::Sqlite(SQLITE_LABEL.to_owned()),
            None => Place::Postgres(said),
        };
        Ok(self.place.get_or_init(|| place))
    }
}
