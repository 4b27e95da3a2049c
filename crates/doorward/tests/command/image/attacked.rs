//! The image as a Deployment runs it, under full load and attacked: its memory stays below what the Deployment asks for.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::attacks::{Attack, attack};
use super::bundle::Bundle;
use super::issuer::HttpsIssuer;
use super::{attacks, made};
use crate::deploy::{flags, text_of};
use crate::serve::{built_workspace, free_address};

/// Resident memory of the host, in bytes: 256 MiB.
const MEMORY_BYTES_MAX: u64 = 256 << 20;
/// How long each attack goes on, and all of them together.
const EACH: Duration = Duration::from_secs(1);
const TOGETHER: Duration = Duration::from_secs(3);
/// When it has to serve again.
const AFTER_MAX: Duration = Duration::from_secs(20);
/// How often is looked how much memory there is.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Tokens that are believed.
const TOKENS: usize = 16;

/// The application of `deploy/kubernetes/single`, which believes this issuer and asks this upstream.
fn application(issuer: &str, upstream: SocketAddr) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let built = "target/wasm32-wasip2/release/gateway.wasm";
    let component = folder.path().join("gateway.wasm");
    fs::copy(built_workspace().join(built), component).unwrap();
    for (file, changes) in [
        ("runtime-config.toml", &[][..]),
        (
            "spin.toml",
            &[
                (format!("../../../{built}"), "gateway.wasm".to_owned()),
                ("https://login.example".to_owned(), issuer.to_owned()),
                (
                    "shop.shop.svc.cluster.local:8080".to_owned(),
                    upstream.to_string(),
                ),
            ],
        ),
        (
            "doorward.toml",
            &[
                ("https://login.example".to_owned(), issuer.to_owned()),
                (
                    "https://shop.example".to_owned(),
                    "http://127.0.0.1:3000".to_owned(),
                ),
                (
                    "shop.shop.svc.cluster.local:8080".to_owned(),
                    upstream.to_string(),
                ),
                // Here all tokens are of one subject.
                ("requests = 600".to_owned(), "requests = 1000000".to_owned()),
                ("burst = 100".to_owned(), "burst = 1000000".to_owned()),
            ],
        ),
    ] {
        let mut text = text_of(&format!("single/{file}"));
        for (from, to) in changes {
            assert!(text.contains(from), "{file} has {from}");
            text = text.replace(from, to);
        }
        fs::write(folder.path().join(file), text).unwrap();
    }
    folder
}

/// Looks at the memory of a process for as long as it is there.
struct Watch {
    process: u32,
    /// The most since it was last asked: all resident memory, and what of it is no file.
    most: [AtomicU64; 2],
    ends: AtomicBool,
}

impl Watch {
    fn begin(process: u32) -> Arc<Self> {
        let watch = Arc::new(Self {
            process,
            most: [AtomicU64::new(0), AtomicU64::new(0)],
            ends: AtomicBool::new(false),
        });
        let looking = Arc::clone(&watch);
        std::thread::spawn(move || {
            while !looking.ends.load(SeqCst) {
                for (most, name) in looking.most.iter().zip(["VmRSS:", "RssAnon:"]) {
                    most.fetch_max(looking.bytes(name).unwrap_or(0), SeqCst);
                }
                std::thread::sleep(LOOK_EVERY);
            }
        });
        watch
    }

    /// A line of what Linux says; nothing where the process has ended.
    fn bytes(&self, name: &str) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
        Some(kibibytes << 10)
    }

    /// The most since this was last asked, in MiB.
    fn most(&self) -> [u64; 2] {
        [0, 1].map(|at: usize| self.most[at].swap(0, SeqCst) >> 20)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ends.store(true, SeqCst);
    }
}

#[test]
fn under_full_load_and_attacked_it_keeps_below_256_mib() {
    let runtime = Runtime::new().unwrap();
    let upstream = runtime.block_on(attacks::origin());
    let issuer = HttpsIssuer::start();
    let folder = application(&issuer.url, upstream);
    let folder = folder.path();
    made(folder, "layout");
    let Some(mut bundle) = Bundle::unpack(folder, "layout") else {
        return;
    };
    let address = free_address();
    for file in ["spin.toml", "doorward.toml", "runtime-config.toml"] {
        let text = fs::read(folder.join(file)).unwrap();
        bundle.add(&format!("etc/doorward/{file}"), &text);
    }
    let authority = built_workspace().join("crates/host/testdata/authority.pem");
    bundle.add("etc/doorward/authority.pem", &fs::read(authority).unwrap());
    bundle.mount("/var/lib/doorward");
    bundle.set("RUNTIME_CONFIG_FILE", "/etc/doorward/runtime-config.toml");
    let limited = bundle.limit(MEMORY_BYTES_MAX);
    if !limited {
        eprintln!("note: this machine lets nobody limit memory here, so it is measured alone");
    }
    let management = free_address();
    let mut arguments = vec!["/doorward".to_owned(), "up".to_owned()];
    for flag in flags() {
        let (name, value) = flag.split_once('=').unwrap();
        let value = match name {
            "--listen" => &address,
            "--health" | "--metrics" => &management,
            _ => value,
        };
        arguments.push(format!("{name}={value}"));
    }
    arguments.push("--ca-file=/etc/doorward/authority.pem".to_owned());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let running = bundle.run(&arguments);

    let tokens: Arc<[String]> = (0..TOKENS).map(|_| issuer.token("shop")).collect();
    let field = format!("Authorization: Bearer {}\r\n", tokens[0]);
    let first = running.answered_at(&address, "/shop/a", &field);
    assert_eq!(first, 200, "{}", running.said());
    let watch = Watch::begin(running.process());
    let before = watch.bytes("VmRSS:").unwrap() >> 20;
    println!("before: {before} MiB");

    let to: SocketAddr = address.parse().unwrap();
    let wrong: Arc<[String]> = tokens.iter().flat_map(|token| guesses(token)).collect();
    type Begin<'a> = Box<dyn Fn() -> Attack + 'a>;
    let begin: [(&str, Begin<'_>); 9] = [
        (
            "full load",
            Box::new(|| attack(64, |n, told| attacks::asks(n, to, tokens.clone(), told))),
        ),
        (
            "1,000 connections under load",
            Box::new(|| attack(1000, |n, told| attacks::asks(n, to, tokens.clone(), told))),
        ),
        (
            "credentials that are guessed",
            Box::new(|| attack(64, |n, told| attacks::asks(n, to, wrong.clone(), told))),
        ),
        (
            "heads that do not end",
            Box::new(|| attack(1000, |n, told| attacks::begins(n, to, told))),
        ),
        (
            "idle HTTP/2 connections",
            Box::new(|| attack(4200, |n, told| attacks::idles(n, to, tokens.clone(), told))),
        ),
        (
            "trickled uploads",
            Box::new(|| {
                attack(600, |n, told| {
                    attacks::trickles(n, to, tokens.clone(), told)
                })
            }),
        ),
        (
            "readers that do not read",
            Box::new(|| {
                attack(600, |n, told| {
                    attacks::reads_nothing(n, to, tokens.clone(), told)
                })
            }),
        ),
        (
            "large bodies",
            Box::new(|| attack(64, |n, told| attacks::uploads(n, to, tokens.clone(), told))),
        ),
        (
            "bodies that nobody reads",
            Box::new(|| attack(300, |n, told| attacks::floods(n, to, tokens.clone(), told))),
        ),
    ];
    let _entered = runtime.enter();
    for (what, begin) in &begin {
        let attack = begin();
        std::thread::sleep(EACH);
        let [all, own] = watch.most();
        println!(
            "{what}: {all} MiB, {own} MiB of it no files; answers {:?}",
            attack.told.counts()
        );
    }
    let attacks: Vec<Attack> = begin.iter().map(|(_, begin)| begin()).collect();
    std::thread::sleep(TOGETHER);
    let [all, own] = watch.most();
    let counts: Vec<_> = attacks.iter().map(|attack| attack.told.counts()).collect();
    println!("all at once: {all} MiB, {own} MiB of it no files; answers {counts:?}");
    drop(attacks);
    let peak = watch.bytes("VmHWM:").expect("it runs on");
    println!("at most {} MiB", peak >> 20);
    // What was under way may take its time to end.
    let begun = Instant::now();
    while running.answered_at(&address, "/shop/a", &field) != 200 {
        assert!(begun.elapsed() < AFTER_MAX, "it serves on");
        std::thread::sleep(EACH / 10);
    }
    assert!(peak < MEMORY_BYTES_MAX, "{peak} bytes");
}

/// What somebody tries who has no key: the token with another signature, of another key, and none at all.
fn guesses(token: &str) -> [String; 3] {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let turned: String = signature.chars().rev().collect();
    [
        format!("{signed}.{turned}"),
        format!("{signed}."),
        "guessed".to_owned(),
    ]
}
