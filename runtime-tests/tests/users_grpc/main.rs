//! The user service by gRPC, behind the gate with the policy that is shipped, called by Python's `grpcio`: a client that
//! nobody here wrote. What is the same by REST is shown there (`users`).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod calls;
mod gate;
mod hostile;
mod lists;
mod scene;
mod tools;

use doorward_runtime_tests::grpc;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::{self, Case, Group, cases};
use doorward_runtime_tests::servers::{Kind as _, PostgreSql, Server};
use scene::Scene;
use serde_json::json;
use std::process::ExitCode;

/// On SQLite.
fn on_sqlite() -> Vec<Case> {
    let all = [calls::CASES, lists::CASES, gate::CASES];
    [all.concat(), tools::CASES.to_vec(), hostile::CASES.to_vec()].concat()
}

/// On PostgreSQL.
const ON_POSTGRES: &[Case] = cases![on_postgres_users_are_created_once_and_listed];

fn main() -> ExitCode {
    run::main_of(&[
        Group {
            prepare: grpc::prepare,
            cases: &on_sqlite(),
        },
        Group {
            prepare: || grpc::prepare().and_then(|()| PostgreSql::available()),
            cases: ON_POSTGRES,
        },
    ])
}

async fn on_postgres_users_are_created_once_and_listed(host: &dyn Host) {
    let server = Server::start(PostgreSql::default()).await;
    let scene = Scene::on(host, &server.url()).await;
    let admin = scene.admin();
    let mut once = admin.clone();
    once.push(json!(["idempotency-key", "k"]));
    let ada = json!({ "name": "Ada", "email": "ada@example.com" });
    let told = scene
        .calls(json!([
            { "health": "" },
            { "create": ada, "metadata": once },
            { "create": ada, "metadata": once },
            { "create": ada, "metadata": admin },
            { "many": 250, "metadata": admin },
            { "list": {}, "metadata": admin },
        ]))
        .await;
    assert_eq!(told[0]["answers"], json!([{ "status": "SERVING" }]));
    assert_eq!(told[1]["code"], "OK", "{}", told[1]);
    assert_eq!(told[2]["answers"], told[1]["answers"], "the same key again");
    assert_eq!(told[3]["code"], "ALREADY_EXISTS", "{}", told[3]);
    assert_eq!(told[4], json!({ "OK": 250 }));
    assert_eq!(told[5]["code"], "OK");
    assert_eq!(told[5]["answers"].as_array().unwrap().len(), 251);
}
