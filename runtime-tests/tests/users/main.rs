//! The user service by its HTTP, on SQLite. The same cases are run on PostgreSQL in `users_postgres`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod access;
mod crowd;
mod hostile;
mod outages;
mod outbox;
mod rest;
mod scene;
mod versions;

use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::host::{Host, How};
use doorward_runtime_tests::run::{self, Case};
use outages::assert_unavailable;
use scene::{Kind, admin, create, etag, location, named, spec};
use std::process::ExitCode;

/// Where users are kept.
const KIND: Kind = Kind::Sqlite;

/// What is only so on SQLite.
const CASES: &[Case] = cases![;
    both_manners:
    a_database_that_cannot_be_opened_is_a_503_until_it_can,
];

fn main() -> ExitCode {
    run::main(&all())
}

fn all() -> Vec<Case> {
    let on_both = [rest::CASES, versions::CASES, access::CASES];
    let of_many = [hostile::CASES, crowd::CASES, outages::CASES];
    let rest = [outbox::CASES, CASES];
    [on_both.concat(), of_many.concat(), rest.concat()].concat()
}

/// Spin needs the folder for more than databases.
async fn a_database_that_cannot_be_opened_is_a_503_until_it_can(host: &dyn Host) {
    let app = spec(None).write();
    let running = host.serve(&app, How::forgetful()).await;
    let at = running.address;
    let created = create(&named("ada")).send(at).await;
    let path = location(&created);
    let (state, aside) = (app.folder().join("state"), app.folder().join("aside"));
    std::fs::rename(&state, &aside).unwrap();
    std::fs::write(&state, "no folder").unwrap();
    assert_unavailable(&admin(Ask::get(&path)).send(at).await);
    std::fs::remove_file(&state).unwrap();
    std::fs::rename(&aside, &state).unwrap();
    let got = admin(Ask::get(&path)).send(at).await;
    assert_eq!((got.status, etag(&got)), (200, etag(&created)));
}
