//! `spin new -t doorward-gate`, by a real Spin.

use doorward_host::manifest;
use doorward_runtime_tests::app::{AppSpec, built};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::Ask;
use doorward_runtime_tests::gated::{seen, status};
use doorward_runtime_tests::host::Host;
use doorward_runtime_tests::issuer::{AUDIENCE, Issuer};
use doorward_runtime_tests::run::Group;
use doorward_tests::spin_template::{files, rendered};
use doorward_tests::tree::root;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Those that need no Spin.
pub const RENDERED: Group<'_> = Group {
    prepare: || Ok(()),
    cases: cases![
        what_the_template_makes_admits_who_has_a_token_and_nobody_else;
        in_process: the_host_loads_what_the_template_makes,
    ],
};

pub const BY_SPIN: Group<'_> = Group {
    prepare: || spin().map(|_| ()),
    cases: cases![
        ; in_process: a_real_spin_makes_of_the_template_what_the_other_tests_check,
        a_real_spin_refuses_answers_that_would_not_be_toml_or_no_url,
    ],
};

/// The variable that names a spin binary.
const SPIN: &str = "DOORWARD_SPIN";

fn spin() -> Result<PathBuf, String> {
    let named = std::env::var_os(SPIN).map(PathBuf::from);
    named.ok_or_else(|| format!("{SPIN} names no spin binary"))
}

/// Runs Spin with a home of its own, and says how it ended and what it said.
fn run(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let home = folder.join("home");
    std::fs::create_dir_all(&home).unwrap();
    let output = Command::new(spin().unwrap())
        .args(arguments)
        .current_dir(folder)
        .env("HOME", &home)
        .env("XDG_DATA_HOME", &home)
        .env("XDG_CONFIG_HOME", &home)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

fn with_template() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let source = root();
    let install = ["templates", "install", "--dir", source.to_str().unwrap()];
    let (installed, said) = run(folder.path(), &install);
    assert!(installed && said.contains("doorward-gate"), "{said}");
    folder
}

fn new(folder: &Path, name: &str, answers: &[(&str, &str)]) -> (bool, String) {
    let mut arguments = vec![
        "new",
        "-t",
        "doorward-gate",
        name,
        "--accept-defaults",
        "--no-vcs",
    ];
    let answers: Vec<String> = answers
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    for answer in &answers {
        arguments.extend(["-v", answer.as_str()]);
    }
    run(folder, &arguments)
}

async fn what_the_template_makes_admits_who_has_a_token_and_nobody_else(host: &dyn Host) {
    let issuer = Issuer::start().await;
    let (url, gate, service) = (issuer.url(), built("gate"), built("echo"));
    let answers = [
        ("issuer", url.as_str()),
        ("audience", AUDIENCE),
        ("gate", gate.to_str().unwrap()),
        ("component", service.to_str().unwrap()),
    ];
    let app = AppSpec::gated("echo", "").write();
    for file in files() {
        std::fs::write(app.folder().join(&file), rendered(&file, "shop", &answers)).unwrap();
    }
    let running = host.start(&app).await;
    let ask = || Ask::get("/a").header("x-auth-subject", "mallory");
    status(&ask().send(running.address).await, 401, "no token");
    let token = issuer.token("ada", "read");
    let answer = ask().bearer(&token).send(running.address).await;
    status(&answer, 200, "a token");
    assert_eq!(
        seen(&answer, "x-auth-subject"),
        ["ada"],
        "and nobody's word but its own"
    );
}

async fn the_host_loads_what_the_template_makes() {
    let digest = format!("sha256:{}", "0a".repeat(32));
    let plain = [
        ("issuer", "https://login.acme.example/realms/acme"),
        ("audience", "shop"),
    ];
    let by_address = [
        plain[0],
        plain[1],
        ("gate", "https://releases.acme.example/gate.wasm"),
        ("gate-digest", &digest),
    ];
    for answers in [&plain[..], &by_address] {
        let folder = tempfile::tempdir().unwrap();
        for file in files() {
            std::fs::write(folder.path().join(&file), rendered(&file, "shop", answers)).unwrap();
        }
        let application = manifest::load(&folder.path().join("spin.toml")).unwrap();
        assert_eq!(application.notices.len(), 0, "{:?}", application.notices);
        assert_eq!(application.triggers.len(), 1);
        assert_eq!(
            application.components.len(),
            2,
            "the component, and the gate"
        );
    }
}

async fn a_real_spin_makes_of_the_template_what_the_other_tests_check() {
    let folder = with_template();
    let digest = format!("sha256:{}", "0a".repeat(32));
    let plain = [
        ("issuer", "https://login.acme.example/realms/acme"),
        ("audience", "https://api.acme.example"),
    ];
    let every = [
        ("project-description", "A shop"),
        ("issuer", "https://acme.eu.auth0.example/"),
        ("audience", "shop"),
        ("keys-origin", "https://keys.acme.example:8443"),
        ("gate", "https://releases.acme.example/gate.wasm"),
        ("gate-digest", &digest),
        ("component", "target/shop.wasm"),
    ];
    for (name, answers) in [("plain", &plain[..]), ("every-answer", &every)] {
        let (made, said) = new(folder.path(), name, answers);
        assert!(made, "{name}: {said}");
        for file in files() {
            let by_spin = std::fs::read_to_string(folder.path().join(name).join(&file)).unwrap();
            // Who it is by is what the machine says.
            let by_spin = by_spin
                .lines()
                .filter(|line| !line.starts_with("authors ="));
            let ours = rendered(&file, name, answers);
            let ours = ours.lines().filter(|line| !line.starts_with("authors ="));
            assert_eq!(
                by_spin.collect::<Vec<_>>(),
                ours.collect::<Vec<_>>(),
                "{file} of {name}"
            );
        }
        let application = manifest::load(&folder.path().join(name).join("spin.toml")).unwrap();
        assert_eq!(application.triggers.len(), 1, "{name}");
    }
}

async fn a_real_spin_refuses_answers_that_would_not_be_toml_or_no_url() {
    let folder = with_template();
    let good = ("https://login.acme.example", "shop");
    for (number, (name, value)) in [
        ("issuer", "login.acme.example"),
        ("issuer", "https://a\"b"),
        ("issuer", "https://login.acme.example/?a=b"),
        ("audience", "a\"b"),
        ("audience", ""),
        ("keys-origin", "https://keys.acme.example/path"),
        ("gate-digest", "sha256:1"),
        ("component", "a b"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut answers = vec![("issuer", good.0), ("audience", good.1)];
        answers.retain(|(other, _)| *other != name);
        answers.push((name, value));
        let project = format!("bad-n{number}");
        let (made, said) = new(folder.path(), &project, &answers);
        assert!(!made && said.contains(name), "{name}={value}: {said}");
    }
}
