#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::redis_client::address::Address;

const ENTRY: &str = "[[client_tls]]\ncomponent_ids = [\"a\"]\nhosts = [\"A.example\"]\n";

fn config(text: &str) -> Result<RuntimeConfig, ManifestError> {
    parse(text, Path::new("/run/runtime-config.toml"))
}

fn read(text: &str) -> Result<Vec<ClientTlsEntry>, ManifestError> {
    Ok(config(text)?.client_tls)
}

#[test]
fn client_tls_is_read_as_spin_reads_it() {
    assert_eq!(read("").unwrap(), []);
    let text = format!(
        "{ENTRY}ca_roots_file = \"a/roots.pem\"\nclient_cert_file = \"/b.pem\"\nclient_private_key_file = \"b.key\"\n"
    );
    let entries = read(&text).unwrap();
    let entry = entries.first().unwrap();
    assert_eq!(entry.hosts, ["a.example"]);
    assert_eq!(
        entry.ca_roots_file.as_deref(),
        Some(Path::new("/run/a/roots.pem"))
    );
    assert_eq!(entry.client_cert_file.as_deref(), Some(Path::new("/b.pem")));
    for (more, roots) in [
        ("", (true, false)),
        ("ca_roots_file = \"a\"", (false, false)),
        ("ca_use_platform_roots = true", (true, false)),
        ("ca_use_webpki_roots = true", (false, true)),
        (
            "ca_use_platform_roots = true\nca_use_webpki_roots = true",
            (true, true),
        ),
    ] {
        let entries = read(&format!("{ENTRY}{more}\n")).unwrap();
        assert_eq!(entries.first().unwrap().usual_roots(), roots, "{more}");
    }
}

#[test]
fn databases_are_read_as_spin_reads_them() {
    let databases = config(
        "[sqlite_database.default]\ntype = \"spin\"\n\
         [sqlite_database.orders]\ntype = \"spin\"\npath = \"data/orders.db\"\nallow_attach_file = true\n",
    );
    let databases = databases.unwrap().sqlite_databases;
    let default = SqliteDatabase {
        path: None,
        allow_attach_file: false,
    };
    let orders = SqliteDatabase {
        path: Some(PathBuf::from("data/orders.db")),
        allow_attach_file: true,
    };
    let expected = [
        ("default".to_owned(), default),
        ("orders".to_owned(), orders),
    ];
    assert_eq!(databases, BTreeMap::from(expected));
}

#[test]
fn stores_are_read_as_spin_reads_them() {
    let stores = config(
        "[key_value_store.default]\ntype = \"redis\"\nurl = \"redis://:hidden@db:7/3\"\n\
         [key_value_store.beside]\ntype = \"spin\"\npath = \"data/beside.db\"\n\
         [key_value_store.absolute]\ntype = \"spin\"\npath = \"/a/b.db\"\n\
         [key_value_store.kept-nowhere]\ntype = \"spin\"\n",
    );
    let stores = stores.unwrap().key_value_stores;
    let said = format!("{stores:?}");
    assert!(
        said.contains("redis://db:7") && !said.contains("hidden"),
        "{said}"
    );
    let url = Address::parse("redis://:hidden@db:7/3").unwrap();
    let file = |path: &str| KeyValueStore::Spin {
        path: Some(PathBuf::from(path)),
    };
    let expected = [
        ("default", KeyValueStore::Redis { url }),
        ("beside", file("/run/data/beside.db")),
        ("absolute", file("/a/b.db")),
        ("kept-nowhere", KeyValueStore::Spin { path: None }),
    ];
    let expected = expected.map(|(label, store)| (label.to_owned(), store));
    assert_eq!(stores, BTreeMap::from(expected));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, parts) in [
        ("a = ", ["runtime-config.toml:1:", "TOML"]),
        ("[client_tls]\n", [":1:1:", "has to be a list"]),
        (
            "[[client_tls]]\nhosts = [\"a\"]\n",
            [":1:1:", "no `component_ids`"],
        ),
        (
            "[[client_tls]]\ncomponent_ids = [\"a\"]\nhosts = []\n",
            [":1:1:", "no `hosts`"],
        ),
        (
            "[[client_tls]]\ncomponent_ids = [\"a\"]\nhosts = [\"a:443\"]\n",
            [":3:10:", "without a port"],
        ),
        (
            &format!("{ENTRY}ca_root_file = \"a\"\n"),
            [":4:1:", "did you mean `ca_roots_file`?"],
        ),
        (
            &format!("{ENTRY}cert_chain_file = \"a\"\n"),
            [":4:1:", "it is `client_cert_file` now"],
        ),
        (
            "[key_value_store.default]\ntype = \"redis\"\n",
            [":1:1:", "[key_value_store.default] has no `url`"],
        ),
        (
            "[key_value_store.default]\ntype = \"redis\"\nurl = 1\n",
            [":3:7:", "`url` has to be a string, not an integer"],
        ),
        (
            "[key_value_store.default]\ntype = \"redis\"\nurl = \"http://:hidden@db\"\n",
            [":3:7:", "`url` is no address of a Redis"],
        ),
        (
            "[key_value_store.default]\ntype = \"redis\"\nurl = \"redis://a\"\npath = \"b\"\n",
            [":4:1:", "unknown key `path` in [key_value_store.default]"],
        ),
        (
            "[key_value_store.default]\nurl = \"redis://a\"\n",
            [":1:1:", "[key_value_store.default] has no `type`"],
        ),
        (
            "[key_value_store.a]\ntype = \"azure_cosmos\"\naccount = \"b\"\n",
            [":2:8:", "`type = \"azure_cosmos\"` are not served"],
        ),
        (
            "[key_value_store.a]\ntype = \"aws_dynamo\"\n",
            [":2:8:", "`type = \"aws_dynamo\"` are not served"],
        ),
        (
            "[key_value_store.a]\ntype = \"valkey\"\n",
            [":2:8:", "no `type = \"valkey\"`"],
        ),
        ("[key_value_store]\na = \"redis\"\n", [":2:5:", "a table"]),
        (
            "[outbound_networking]\nblock_networks = [\"private\"]\n",
            [":1:2:", "allowed_outbound_hosts"],
        ),
        (
            "[sqlite_database.default]\ntype = \"libsql\"\nurl = \"https://a\"\n",
            [":2:8:", "`type = \"libsql\"` are not served"],
        ),
        (
            "[sqlite_database.default]\ntype = \"mysql\"\n",
            [":2:8:", "no `type = \"mysql\"`"],
        ),
        (
            "[sqlite_database.default]\npath = \"a.db\"\n",
            [":1:1:", "[sqlite_database.default] has no `type`"],
        ),
        (
            "[sqlite_database.default]\ntype = \"spin\"\npaht = \"a.db\"\n",
            [":3:1:", "did you mean `path`?"],
        ),
        ("sqlite_database = 1\n", [":1:19:", "a table"]),
        ("[something]\n", [":1:2:", "unknown key `something`"]),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(!error.contains("hidden"), "a password is in {error}");
        for part in parts {
            assert!(
                error.contains(part),
                "expected {part:?} of {error} for {text:?}"
            );
        }
    }
}
