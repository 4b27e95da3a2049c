//! The built `doorward` command, driven as a person drives it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod audit;
mod bench;
mod bundle;
mod check;
mod compose;
mod deploy;
mod explain;
mod image;
mod init;
mod issuer;
mod issuers;
mod key;
mod obeyed;
mod redis;
mod reload;
mod replay;
mod replicas;
mod revoke;
mod run;
mod schemas;
mod serve;
mod serving;
mod shared_store;
mod stopping;
mod timers;
mod token;
mod up;
