//! The versions of the tables. How they are applied is in [`doorward_service::migrations`].

use doorward_service::migrations::{Migration, Migrations};

/// The tables of users.
pub const USERS: Migrations = Migrations {
    table: "users_migrations",
    postgres_lock: 0x646f_6f72_7573_6572,
    sqlite: SQLITE,
    postgres: POSTGRES,
};

/// The versions of SQLite's tables. The first is version 1.
const SQLITE: &[Migration] = &[&[
    "CREATE TABLE users (
        id TEXT PRIMARY KEY NOT NULL,
        name TEXT NOT NULL,
        email TEXT NOT NULL UNIQUE,
        issuer TEXT,
        subject TEXT,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        version INTEGER NOT NULL,
        UNIQUE (issuer, subject),
        CHECK ((issuer IS NULL) = (subject IS NULL))
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE users_idempotency_keys (
        key TEXT PRIMARY KEY NOT NULL,
        fingerprint TEXT NOT NULL,
        user_id TEXT NOT NULL,
        answer TEXT,
        expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
    "CREATE INDEX users_by_name ON users (name, id)",
    "CREATE INDEX users_idempotency_keys_by_end ON users_idempotency_keys (expires_at)",
    "CREATE INDEX users_idempotency_keys_by_user ON users_idempotency_keys (user_id)",
    "CREATE TABLE users_secrets (name TEXT PRIMARY KEY NOT NULL, secret TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "INSERT INTO users_secrets (name, secret) VALUES ('cursor', hex(randomblob(32)))",
    // A new user with its key is one statement: a row of this view, which is never kept.
    "CREATE VIEW users_created_once AS
        SELECT u.*, k.key, k.fingerprint, k.answer, k.expires_at
        FROM users u JOIN users_idempotency_keys k ON k.user_id = u.id",
    "CREATE TRIGGER users_created_once_insert INSTEAD OF INSERT ON users_created_once BEGIN
        DELETE FROM users_idempotency_keys WHERE key = NEW.key AND expires_at <= NEW.created_at;
        -- Some of the others, so that no request pays for many.
        DELETE FROM users_idempotency_keys WHERE key IN
            (SELECT key FROM users_idempotency_keys WHERE expires_at <= NEW.created_at LIMIT 100);
        INSERT INTO users_idempotency_keys (key, fingerprint, user_id, answer, expires_at)
            VALUES (NEW.key, NEW.fingerprint, NEW.id, NEW.answer, NEW.expires_at);
        INSERT INTO users (id, name, email, issuer, subject, created_at, updated_at, version)
            VALUES (NEW.id, NEW.name, NEW.email, NEW.issuer, NEW.subject, NEW.created_at, NEW.updated_at,
                NEW.version);
    END",
    // Nothing of a user is kept who was deleted, in answers neither.
    "CREATE TRIGGER users_deleted AFTER DELETE ON users BEGIN
        UPDATE users_idempotency_keys SET answer = NULL WHERE user_id = OLD.id;
    END",
], &[
    // What happened to users and is to be told: those of one user in the order of their positions.
    "CREATE TABLE users_outbox (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        happened TEXT NOT NULL,
        at INTEGER NOT NULL,
        user_id TEXT NOT NULL,
        name TEXT,
        email TEXT,
        issuer TEXT,
        subject TEXT,
        created_at INTEGER,
        updated_at INTEGER,
        version INTEGER NOT NULL
    ) STRICT",
    "CREATE INDEX users_outbox_by_user ON users_outbox (user_id, position)",
    // Who tells what happened to a user, and until when nobody else does.
    "CREATE TABLE users_outbox_leases (
        user_id TEXT PRIMARY KEY NOT NULL,
        holder TEXT NOT NULL,
        until INTEGER NOT NULL,
        failures INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
    "CREATE INDEX users_outbox_leases_by_holder ON users_outbox_leases (holder)",
    "CREATE TRIGGER users_told_created AFTER INSERT ON users BEGIN
        INSERT INTO users_outbox (happened, at, user_id, name, email, issuer, subject, created_at, updated_at, version)
        VALUES ('created', NEW.created_at, NEW.id, NEW.name, NEW.email, NEW.issuer, NEW.subject, NEW.created_at,
            NEW.updated_at, NEW.version);
    END",
    "CREATE TRIGGER users_told_changed AFTER UPDATE ON users BEGIN
        INSERT INTO users_outbox (happened, at, user_id, name, email, issuer, subject, created_at, updated_at, version)
        VALUES ('changed', NEW.updated_at, NEW.id, NEW.name, NEW.email, NEW.issuer, NEW.subject, NEW.created_at,
            NEW.updated_at, NEW.version);
    END",
    // Days since the beginning of the Julian calendar, as milliseconds since 1970.
    "CREATE TRIGGER users_told_deleted AFTER DELETE ON users BEGIN
        INSERT INTO users_outbox (happened, at, user_id, version)
        VALUES ('deleted', CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), OLD.id, OLD.version + 1);
    END",
]];

/// The versions of PostgreSQL's tables. The first is version 1.
const POSTGRES: &[Migration] = &[
    &[
        "CREATE TABLE users (
        id uuid PRIMARY KEY,
        -- In the order of SQLite, whatever the language of the database is.
        name text COLLATE \"C\" NOT NULL,
        email text COLLATE \"C\" NOT NULL UNIQUE,
        issuer text,
        subject text,
        created_at bigint NOT NULL,
        updated_at bigint NOT NULL,
        version bigint NOT NULL,
        UNIQUE (issuer, subject),
        CHECK ((issuer IS NULL) = (subject IS NULL))
    )",
        "CREATE TABLE users_idempotency_keys (
        key text PRIMARY KEY,
        fingerprint text NOT NULL,
        user_id uuid NOT NULL,
        answer text,
        expires_at bigint NOT NULL
    )",
        "CREATE INDEX users_by_name ON users (name, id)",
        "CREATE INDEX users_idempotency_keys_by_end ON users_idempotency_keys (expires_at)",
        "CREATE INDEX users_idempotency_keys_by_user ON users_idempotency_keys (user_id)",
        "CREATE TABLE users_secrets (name text PRIMARY KEY, secret text NOT NULL)",
        // 244 random bits.
        "INSERT INTO users_secrets (name, secret)
        VALUES ('cursor', gen_random_uuid()::text || gen_random_uuid()::text)",
    ],
    &[
        // What happened to users and is to be told: those of one user in the order of their positions.
        "CREATE TABLE users_outbox (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        happened text NOT NULL,
        at bigint NOT NULL,
        user_id uuid NOT NULL,
        name text,
        email text,
        issuer text,
        subject text,
        created_at bigint,
        updated_at bigint,
        version bigint NOT NULL
    )",
        "CREATE INDEX users_outbox_by_user ON users_outbox (user_id, position)",
        // Who tells what happened to a user, and until when nobody else does.
        "CREATE TABLE users_outbox_leases (
        user_id uuid PRIMARY KEY,
        holder text NOT NULL,
        until bigint NOT NULL,
        failures bigint NOT NULL
    )",
        "CREATE INDEX users_outbox_leases_by_holder ON users_outbox_leases (holder)",
    ],
];
