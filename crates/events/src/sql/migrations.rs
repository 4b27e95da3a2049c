//! The versions of the tables. How they are applied is in [`doorward_service::migrations`].

use doorward_service::migrations::{Migration, Migrations};

/// The tables of events.
pub const EVENTS: Migrations = Migrations {
    table: "events_migrations",
    postgres_lock: 0x646f_6f72_6576_6e74,
    sqlite: SQLITE,
    postgres: POSTGRES,
};

/// The versions of SQLite's tables. The first is version 1.
const SQLITE: &[Migration] = &[&[
    // No number is given twice, also where the last events were deleted.
    "CREATE TABLE events (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL,
        id TEXT NOT NULL,
        type TEXT NOT NULL,
        time INTEGER,
        recorded_at INTEGER NOT NULL,
        event TEXT NOT NULL,
        UNIQUE (source, id)
    ) STRICT",
    "CREATE INDEX events_by_type ON events (type, position)",
]];

/// The versions of PostgreSQL's tables. The first is version 1.
const POSTGRES: &[Migration] = &[&[
    // `jsonb` would write the event anew: its numbers, and the order of its members.
    "CREATE TABLE events (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        source text COLLATE \"C\" NOT NULL,
        id text COLLATE \"C\" NOT NULL,
        type text COLLATE \"C\" NOT NULL,
        time bigint,
        recorded_at bigint NOT NULL,
        event text NOT NULL,
        UNIQUE (source, id)
    )",
    "CREATE INDEX events_by_type ON events (type, position)",
]];
