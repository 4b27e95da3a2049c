//! Stores in files that the runtime configuration names, and labels that it does not.

use crate::scene::{given, spec};
use doorward_host::kv::StoreFile;
use doorward_host::options::HostOptions;
use doorward_host::server::Server;
use doorward_host::{manifest, manifest::runtime_config};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::run::Case;
use serde_json::json;

pub const CASES: &[Case] = cases![
    a_store_is_in_the_file_that_is_named_or_in_memory;
    in_process:
    without_a_configuration_every_label_is_a_store_and_with_one_those_that_it_has,
];

async fn a_store_is_in_the_file_that_is_named_or_in_memory(host: &dyn Host) {
    let mut spec = spec(&["default", "named", "memory"]);
    spec.runtime_config = Some(
        "[key_value_store.named]\ntype = \"spin\"\npath = \"data/named.db\"\n\
         [key_value_store.memory]\ntype = \"spin\"\n"
            .to_owned(),
    );
    let app = spec.write();
    let steps = |value: &str| {
        let labels = ["default", "named", "memory"];
        let steps = labels.iter().flat_map(|of| {
            [
                json!(["open-3", of, of]),
                json!(["get", of, "key"]),
                json!(["set", of, "key", format!("{value} {of}")]),
            ]
        });
        steps.collect()
    };
    let running = host.start(&app).await;
    let had = given(running.address, &steps("first")).await;
    assert_eq!(had, json!(vec![json!(null); 9]), "they are apart");
    let had = given(running.address, &steps("second")).await;
    let had = [&had[1], &had[4], &had[7]];
    let expected = ["first default", "first named", "first memory"].map(|of| json!(of));
    assert_eq!(had, expected.each_ref());
    running.stop().await;
    let running = host.start(&app).await;
    let had = given(running.address, &steps("third")).await;
    let had = [&had[1], &had[4], &had[7]];
    let expected = [json!("second default"), json!("second named"), json!(null)];
    assert_eq!(had, expected.each_ref());
    let file = StoreFile::open_at(&app.folder().join("data/named.db")).unwrap();
    assert_eq!(file.get("named", "key").unwrap().unwrap(), b"third named");
}

async fn without_a_configuration_every_label_is_a_store_and_with_one_those_that_it_has() {
    for (config, told) in [
        (None, None),
        (Some(""), None),
        (Some("[key_value_store.other]\ntype = \"spin\"\n"), None),
        (
            Some("[key_value_store.othr]\ntype = \"spin\"\n"),
            Some("did you mean `othr`?"),
        ),
        (
            Some("[key_value_store.default]\ntype = \"redis\"\nurl = \"redis://db\"\n"),
            Some("[key_value_store.other] with type"),
        ),
    ] {
        let mut spec = spec(&["default", "other"]);
        spec.runtime_config = config.map(str::to_owned);
        let app = spec.write();
        let listen = "127.0.0.1:0".parse().unwrap();
        let mut options = HostOptions::new(listen, app.folder().join("state"));
        if let Some(file) = app.runtime_config() {
            options.key_value_stores = runtime_config::load(&file).unwrap().key_value_stores;
        }
        let application = manifest::load(&app.manifest()).unwrap();
        let said = match Server::bind(application, options).await {
            Ok(_) => None,
            Err(error) => Some(format!("{error:#}")),
        };
        match (told, said) {
            (None, None) => {}
            (Some(told), Some(said)) => {
                let place = "spin.toml:";
                let what = "`key_value_stores` names `other`";
                for part in [place, what, told] {
                    assert!(said.contains(part), "{part}: {said}");
                }
            }
            (told, said) => panic!("{config:?}: {told:?}, and it is {said:?}"),
        }
    }
}
