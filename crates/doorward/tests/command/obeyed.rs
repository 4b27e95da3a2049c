//! What the command writes is what gates obey that run at the same time, with the store in their file or on a Redis. The
//! hours are those of a clock that the test moves; the gates reread their store as their policy says.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_host::manifest::{self, runtime_config};
use doorward_host::{HostOptions, LogSink, Server, WallClock};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::redis::Redis;
use crate::run::{Issuer, feed, succeeds};
use crate::serve::{built_workspace, mount_shipped};

/// Of the Redis.
const PASSWORD: &str = "a-secret";
/// The file that says where the store is, where it is not in the state folder.
const RUNTIME_CONFIG: &str = "runtime-config.toml";
/// `refresh_s` of the policy.
const REFRESH_S: u64 = 5;

/// The shipped components in this process, with a policy that has everything, and a clock.
struct Gate {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
    _runtime: tokio::runtime::Runtime,
}

impl Gate {
    fn start(folder: &Path, issuer: &Issuer, clock: &WallClock) -> Self {
        let workspace = built_workspace();
        let text = std::fs::read_to_string(workspace.join("spin.toml")).unwrap();
        let text = text
            .replace("127.0.0.1:3001", issuer.authority())
            .replace("\"target/", &format!("\"{}/target/", workspace.display()));
        std::fs::write(folder.join("spin.toml"), text).unwrap();
        mount_shipped(workspace, folder);
        let policy = format!(
            "[issuer.local]\nurl = \"{}\"\naudience = \"http://127.0.0.1:3000\"\n\n[store]\n\
             refresh_s = {REFRESH_S}\n\n[revocation]\n\n[api_keys]\nheader = \"x-api-key\"\n\n\
             [[route]]\npath = \"/**\"\naccept = [\"jwt\", \"api-key\", \"basic\"]\nscope = \
             [\"read\"]\n",
            issuer.url
        );
        std::fs::write(folder.join("doorward.toml"), policy).unwrap();
        let application = manifest::load(&folder.join("spin.toml")).unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let mut options = HostOptions::new(listen, folder.join("state"));
        options.cache_dir = Some(workspace.join("target/doorward-test-cache"));
        options.clock = Some(clock.clone());
        options.log = Some(LogSink::new(|_| {}));
        let configured = folder.join(RUNTIME_CONFIG);
        if configured.is_file() {
            options.key_value_stores = runtime_config::load(&configured).unwrap().key_value_stores;
        }
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let server = runtime
            .block_on(Server::bind(application, options))
            .unwrap();
        let address = server.local_addr();
        let (stop, stopped) = oneshot::channel::<()>();
        runtime.spawn(server.serve(async {
            let _ = stopped.await;
        }));
        Self {
            address,
            _stop: stop,
            _runtime: runtime,
        }
    }

    /// The status of a request with this header field.
    fn status(&self, field: &str) -> u16 {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let request =
            format!("GET /whoami HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{field}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

/// Gates with one store, and how the command finds that.
struct Gates {
    gates: Vec<Gate>,
    clock: WallClock,
    flags: [&'static str; 2],
    // What they need until the end.
    _folder: TempDir,
    _redis: Option<Redis>,
}

impl Gates {
    /// One with its store in its file, and two replicas with theirs on a Redis, where there is one.
    fn each(mut test: impl FnMut(&Path, &Issuer, &Self)) {
        for redis in [None, Some(Redis::start(PASSWORD))] {
            let (redis, replicas) = match redis {
                None => (None, 1),
                Some(Some(redis)) => (Some(redis), 2),
                Some(None) => return,
            };
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().to_owned();
            let issuer = Issuer::start(&path);
            let gates = Self::start(folder, &issuer, redis, replicas);
            test(&path, &issuer, &gates);
        }
    }

    fn start(folder: TempDir, issuer: &Issuer, redis: Option<Redis>, replicas: usize) -> Self {
        let clock = WallClock::fixed_at(now());
        let folders: Vec<PathBuf> = match replicas {
            1 => vec![folder.path().to_owned()],
            _ => (0..replicas)
                .map(|replica| folder.path().join(replica.to_string()))
                .collect(),
        };
        let config = redis.as_ref().map(|redis| {
            let url = redis.url(PASSWORD);
            format!("[key_value_store.default]\ntype = \"redis\"\nurl = \"{url}\"\n")
        });
        let gates = folders.iter().map(|own| {
            std::fs::create_dir_all(own).unwrap();
            for folder in [own.as_path(), folder.path()] {
                if let Some(config) = &config {
                    std::fs::write(folder.join(RUNTIME_CONFIG), config).unwrap();
                }
            }
            let gate = Gate::start(own, issuer, &clock);
            // The command goes by the same policy.
            let policy = std::fs::read(own.join("doorward.toml")).unwrap();
            std::fs::write(folder.path().join("doorward.toml"), policy).unwrap();
            gate
        });
        let gates: Vec<Gate> = gates.collect();
        // Compiling takes a while, and commands go by the real time.
        clock.advance(now() - clock.now());
        Self {
            gates,
            clock,
            flags: match config {
                None => ["--state-dir", "state"],
                Some(_) => ["--runtime-config-file", RUNTIME_CONFIG],
            },
            _folder: folder,
            _redis: redis,
        }
    }

    /// The status of a request with this header field, the same from all of them.
    fn status(&self, field: &str) -> u16 {
        let statuses = self.gates.iter().map(|gate| gate.status(field));
        let statuses: Vec<u16> = statuses.collect();
        let first = statuses[0];
        assert!(statuses.iter().all(|one| *one == first), "{statuses:?}");
        first
    }
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

#[test]
fn a_new_key_is_accepted_and_a_deleted_one_refused_within_the_refresh_of_the_store() {
    Gates::each(|folder, _, gate| keys_are_obeyed(folder, gate));
}

fn keys_are_obeyed(folder: &Path, gate: &Gates) {
    let key =
        |command: &[&str]| succeeds(folder, &[&["key"], command, &gate.flags].concat()).stdout;
    // The gate has read its store before there was a key.
    assert_eq!(gate.status("x-api-key: none"), 401, "no key at all");
    let made = key(&["new", "--name", "ci", "--scope", "read"]);
    let made = made.trim();
    let poor = key(&["new", "--name", "poor", "--scope", "other"]);
    let brief = key(&[
        "new",
        "--name",
        "brief",
        "--scope",
        "read",
        "--expires",
        "1h",
    ]);
    gate.clock.advance(REFRESH_S);
    let in_header = format!("x-api-key: {made}");
    let basic = |name: &str| {
        let pair = STANDARD.encode(format!("{name}:{made}"));
        format!("Authorization: Basic {pair}")
    };
    assert_eq!(gate.status(&in_header), 200, "a new key");
    assert_eq!(gate.status(&basic("ci")), 200, "by Basic");
    assert_eq!(gate.status(&basic("someone")), 401, "under another name");
    assert_eq!(
        gate.status(&format!("x-api-key: {}", poor.trim())),
        403,
        "without the scope"
    );
    let brief = format!("x-api-key: {}", brief.trim());
    assert_eq!(gate.status(&brief), 200, "before it expires");
    gate.clock.advance(2 * 3600);
    assert_eq!(gate.status(&brief), 401, "after it expired");
    assert_eq!(gate.status(&in_header), 200, "the one that does not expire");

    key(&["revoke", "ci"]);
    gate.clock.advance(REFRESH_S);
    assert_eq!(gate.status(&in_header), 401, "a deleted key");
    assert_eq!(gate.status(&basic("ci")), 401, "a deleted key by Basic");
}

#[test]
fn what_is_revoked_is_refused_within_the_refresh_of_the_store_although_it_is_remembered() {
    Gates::each(revocations_are_obeyed);
}

fn revocations_are_obeyed(folder: &Path, issuer: &Issuer, gate: &Gates) {
    let token = |flags: &[&str]| {
        let command = [
            "token",
            "--state-dir",
            "state",
            "--scope",
            "read",
            "--iss",
            &issuer.url,
        ];
        let token = succeeds(folder, &[&command, flags].concat()).stdout;
        token.trim().to_owned()
    };
    let ada = token(&["--sub", "ada"]);
    let second = token(&["--sub", "ada", "--claim", "sid=s-2"]);
    let eve = token(&["--sub", "eve", "--claim", "sid=s-3"]);
    let joe = token(&["--sub", "joe"]);
    let mut admitted = vec![&ada, &second, &eve, &joe];
    for (revoke, input, refused) in [
        (&["token"][..], ada.as_str(), vec![&ada]),
        (&["session", "s-3", "--issuer", "local"], "", vec![&eve]),
        (&["subject", "ada", "--issuer", "local"], "", vec![&second]),
        (&["issuer", "local"], "", vec![&joe]),
    ] {
        for token in &admitted {
            assert_eq!(gate.status(&bearer(token)), 200, "before {revoke:?}");
        }
        let (kind, flags) = revoke.split_first().unwrap();
        let command = [&["revoke", kind], &gate.flags[..], flags].concat();
        let ran = feed(folder, &command, input);
        assert_eq!(ran.status, 0, "{revoke:?}: {}", ran.stderr);
        gate.clock.advance(REFRESH_S);
        for token in &refused {
            assert_eq!(gate.status(&bearer(token)), 401, "after {revoke:?}");
        }
        admitted.retain(|token| !refused.contains(token));
    }
    assert!(admitted.is_empty(), "everything is taken back");
    let shown = succeeds(folder, &[&["issuers"], &gate.flags[..]].concat()).stdout;
    assert!(
        shown.contains("fresh") && shown.contains("discovery"),
        "{shown}"
    );
}
