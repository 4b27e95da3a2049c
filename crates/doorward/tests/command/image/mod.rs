//! `doorward image`: what it writes is an image layout, the same each time, and what is in it serves as nobody on a
//! read-only root.

mod attacked;
mod attacks;
mod bundle;
mod cage;
mod issuer;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use flate2::read::GzDecoder;
use serde_json::Value;
use tempfile::TempDir;

use crate::run::{fails, is_built_to_serve, succeeds};
use crate::serve::{built_workspace, free_address};
use bundle::Bundle;
use issuer::HttpsIssuer;

/// All layers together, compressed.
const PACKED_BYTES_MAX: u64 = 20_000_000;
/// From the start of the process to its first answer, with a host that is built to serve.
const START_MAX: Duration = Duration::from_millis(50);
/// How often it is started.
const STARTS: usize = 10;

/// An application in a folder of its own: the gate before `whoami`, which believes an issuer that has to be found by
/// its name and whose certificate is from the authority of the tests.
fn application(issuer: &str) -> TempDir {
    let workspace = built_workspace();
    let folder = tempfile::tempdir().unwrap();
    let inside = |name: &str| folder.path().join(name);
    for name in ["gate", "whoami"] {
        let built = workspace.join(format!("target/wasm32-wasip2/release/{name}.wasm"));
        fs::copy(built, inside(&format!("{name}.wasm"))).unwrap();
    }
    let authority = workspace.join("crates/host/testdata/authority.pem");
    fs::copy(authority, inside("authority.pem")).unwrap();
    let manifest = format!(
        r#"spin_manifest_version = 2
[application]
name = "tried"
version = "1.2.3"
[[trigger.http]]
route = "/..."
component = "whoami"
dependencies.middleware = [{{ component = "gate", inherit_configuration = ["allowed_outbound_hosts", "environment", "files", "key_value_stores", "variables"] }}]
[component.gate]
source = "gate.wasm"
[component.whoami]
source = "whoami.wasm"
files = [
    {{ source = "doorward.toml", destination = "/doorward.toml" }},
    {{ source = "authority.pem", destination = "/authority.pem" }},
]
allowed_outbound_hosts = ["{issuer}"]
key_value_stores = ["default"]
"#
    );
    fs::write(inside("spin.toml"), manifest).unwrap();
    let policy = format!(
        "[issuer.tried]\nurl = \"{issuer}\"\naudience = \"http://127.0.0.1:3000\"\n\n[[route]]\npath = \"/**\"\n\
         scope = [\"read\"]\n"
    );
    fs::write(inside("doorward.toml"), policy).unwrap();
    folder
}

/// Makes the image of the application in `folder` as `layout` there, by gzip: with an executable that is built to be
/// tested, zstd takes longer. Gives what the command said.
fn made(folder: &Path, layout: &str) -> String {
    made_with(folder, layout, &["--compression", "gzip"])
}

/// The same with these flags.
fn made_with(folder: &Path, layout: &str, flags: &[&str]) -> String {
    let arguments = [
        "image",
        "--output",
        layout,
        "--label",
        "org.opencontainers.image.source=here",
    ];
    succeeds(folder, &[&arguments, flags].concat()).stdout
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The blob of a descriptor, which has to be as the descriptor says.
fn blob(layout: &Path, descriptor: &Value) -> PathBuf {
    let shown = descriptor["digest"].as_str().unwrap();
    let hex = shown.strip_prefix("sha256:").unwrap();
    let path = layout.join("blobs/sha256").join(hex);
    let bytes = fs::read(&path).unwrap();
    assert_eq!(descriptor["size"], bytes.len(), "{shown}");
    assert_eq!(hex_of(&bytes), hex);
    path
}

fn hex_of(bytes: &[u8]) -> String {
    let digest = digest(&SHA256, bytes);
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// Everything in a folder, by its path in there.
fn all_files(folder: &Path) -> BTreeSet<(PathBuf, Vec<u8>)> {
    let mut found = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => {
                    let name = path.strip_prefix(folder).unwrap().to_owned();
                    found.insert((name, fs::read(&path).unwrap()));
                }
            }
        }
    }
    found
}

/// The archive that a layer is before it is compressed.
fn archive(layout: &Path, layer: &Value) -> Vec<u8> {
    let packed = fs::read(blob(layout, layer)).unwrap();
    let mut archive = Vec::new();
    match layer["mediaType"].as_str().unwrap() {
        "application/vnd.oci.image.layer.v1.tar+zstd" => {
            zstd::stream::copy_decode(&*packed, &mut archive).unwrap();
        }
        "application/vnd.oci.image.layer.v1.tar+gzip" => {
            GzDecoder::new(&*packed).read_to_end(&mut archive).unwrap();
        }
        other => panic!("{other}"),
    }
    archive
}

/// Has `tar` read an archive. What it prints.
fn tar(archive: &[u8], arguments: &[&OsStr]) -> String {
    let mut child = Command::new("tar")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let printed = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(archive));
        child.wait_with_output().unwrap()
    });
    assert!(printed.status.success(), "tar {arguments:?}");
    String::from_utf8(printed.stdout).unwrap()
}

#[test]
fn an_image_is_a_layout_that_is_the_same_each_time() {
    let folder = application("https://localhost:1");
    let folder = folder.path();
    for layout in ["one", "two"] {
        made(folder, layout);
    }
    assert!(
        all_files(&folder.join("one")) == all_files(&folder.join("two")),
        "two runs write the same"
    );
    let said = made_with(folder, "layout", &[]);
    is_read_by_skopeo(folder, "layout");
    let layout = folder.join("layout");

    assert_eq!(
        json(&layout.join("oci-layout"))["imageLayoutVersion"],
        "1.0.0"
    );
    let index = json(&layout.join("index.json"));
    let [image, bom] = index["manifests"].as_array().unwrap().as_slice() else {
        panic!("an image and its bill: {index}");
    };
    let named = &image["annotations"]["org.opencontainers.image.ref.name"];
    assert_eq!(named, "latest");
    let manifest = json(&blob(&layout, image));
    let config = json(&blob(&layout, &manifest["config"]));
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(config["config"]["StopSignal"], "SIGTERM");
    let labels = &config["config"]["Labels"];
    assert_eq!(labels["org.opencontainers.image.version"], "1.2.3");
    assert_eq!(labels["org.opencontainers.image.source"], "here");
    assert!(said.contains(image["digest"].as_str().unwrap()), "{said}");

    let mut packed = 0;
    let mut files = Vec::new();
    let layers = manifest["layers"].as_array().unwrap();
    let plain = config["rootfs"]["diff_ids"].as_array().unwrap();
    assert_eq!(layers.len(), plain.len());
    for (layer, plain) in layers.iter().zip(plain) {
        packed += layer["size"].as_u64().unwrap();
        let archive = archive(&layout, layer);
        assert_eq!(*plain, format!("sha256:{}", hex_of(&archive)));
        let listed = tar(&archive, &["-t".as_ref()]);
        files.extend(listed.lines().map(str::to_owned));
    }
    println!("{packed} bytes compressed");
    assert!(packed <= PACKED_BYTES_MAX, "{packed} bytes are too many");
    let programs = ["sh", "bash", "busybox", "env", "ls"];
    let is_program = |file: &&String| programs.contains(&file.rsplit('/').next().unwrap());
    assert_eq!(files.iter().find(is_program), None, "no shell in {files:?}");

    // The bill refers to the image, and has the crates, the libraries and the components.
    let about = json(&blob(&layout, bom));
    assert_eq!(about["subject"]["digest"], image["digest"]);
    assert_eq!(about["artifactType"], "application/vnd.cyclonedx+json");
    blob(&layout, &about["config"]);
    let bill = json(&blob(&layout, &about["layers"][0]));
    let listed = bill["components"].as_array().unwrap();
    for wanted in [
        "wasmtime",
        "rustls",
        "libc.so.6",
        "gate.wasm",
        "whoami.wasm",
    ] {
        assert!(listed.iter().any(|one| one["name"] == wanted), "{wanted}");
    }
    let licensed = |one: &&Value| one["licenses"][0]["expression"].is_string();
    assert!(listed.iter().filter(licensed).count() > 300, "{bill}");
    let refs: BTreeSet<&str> =
        (listed.iter().map(|one| one["bom-ref"].as_str().unwrap())).collect();
    assert_eq!(refs.len(), listed.len(), "each is named once");
    for entry in bill["dependencies"].as_array().unwrap() {
        let needed = entry["dependsOn"].as_array().unwrap();
        assert!(
            needed
                .iter()
                .all(|one| refs.contains(one.as_str().unwrap()))
        );
    }
}

/// Has skopeo read the image, each blob of it.
fn is_read_by_skopeo(folder: &Path, layout: &str) {
    let image = format!("oci:{}:latest", folder.join(layout).display());
    let Some(config) = asked("skopeo", &["inspect", "--config", &image]) else {
        return;
    };
    let config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["os"], "linux");
    assert_eq!(config["config"]["Entrypoint"][0], "/doorward");
    let copy = format!("dir:{}", folder.join(format!("{layout}-copy")).display());
    let arguments = [
        "--insecure-policy",
        "copy",
        "--dest-decompress",
        &image,
        &copy,
    ];
    asked("skopeo", &arguments).unwrap();
}

#[test]
fn others_read_the_image_as_it_is() {
    let folder = application("https://localhost:1");
    let folder = folder.path();
    made(folder, "layout");
    is_read_by_skopeo(folder, "layout");
    // This one takes gzip alone.
    let image = format!("{}:latest", folder.join("layout").display());
    let bundle = folder.join("bundle").display().to_string();
    let unpack = ["unpack", "--rootless", "--image", &image, &bundle];
    if asked("umoci", &unpack).is_some() {
        let root = folder.join("bundle/rootfs");
        let gate = fs::read(root.join("app/components/gate.wasm")).unwrap();
        assert!(gate == fs::read(folder.join("gate.wasm")).unwrap());
        let config = json(&folder.join("bundle/config.json"));
        assert_eq!(config["process"]["args"][3], "/app");
        assert_eq!(config["process"]["user"]["uid"], 65_532);
    }
}

/// What a program prints; nothing, and a word about it, where there is none.
fn asked(program: &str, arguments: &[&str]) -> Option<String> {
    let Ok(output) = Command::new(program).args(arguments).output() else {
        eprintln!("SKIPPED: there is no {program}, so it does not read the image");
        return None;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn an_image_serves_as_nobody_on_a_read_only_root() {
    let issuer = HttpsIssuer::start();
    let folder = application(&issuer.url);
    let folder = folder.path();
    made(folder, "layout");
    let Some(bundle) = Bundle::unpack(folder, "layout") else {
        return;
    };
    let mut starts = Vec::new();
    let started = || {
        let address = free_address();
        let began = Instant::now();
        let running = bundle.start(&address, &["--ca-file", "/app/authority.pem"]);
        let first = running.answered(&address, "");
        assert_eq!(first, 401, "without a token: {}", running.said());
        (running, address, began.elapsed())
    };
    for _ in 0..STARTS {
        starts.push(started().2);
    }
    starts.sort();
    println!("from the start to the first answer: {starts:?}");
    if is_built_to_serve() {
        // Others may use the machine as well: what it can is what it once does.
        assert!(starts[0] <= START_MAX, "{starts:?}");
    }
    let (mut running, address, _) = started();
    // The issuer's name is looked up and its certificate verified in there.
    for (scope, status) in [("read", 200), ("write", 403)] {
        let token = issuer.token(scope);
        let field = format!("Authorization: Bearer {token}\r\n");
        let answered = running.answered(&address, &field);
        assert_eq!(answered, status, "with {scope}: {}", running.said());
    }
    let identity = running.identity();
    assert!(identity.contains("Uid:\t65532\t65532"), "{identity}");
    let ended = running.ends_in_good_order();
    assert!(ended, "{}", running.said());
}

#[test]
fn code_is_run_only_where_it_cannot_be_changed_and_as_it_was_written() {
    let folder = application("https://localhost:1");
    let folder = folder.path();
    made(folder, "layout");
    let Some(bundle) = Bundle::unpack(folder, "layout") else {
        return;
    };
    // Here it belongs to who runs the test.
    let application = bundle.root().join("app").display().to_string();
    let up = ["up", "--image", &application, "--listen", "127.0.0.1:0"];
    fails(
        folder,
        &up,
        1,
        &["could be changed by this process", "65532"],
    );

    for (file, said) in [
        (
            "app/components/gate.wasm",
            "is not the file that was compiled",
        ),
        (
            "app/compiled/0.cwasm",
            "is not the file that `doorward image` wrote",
        ),
        ("app/spin.toml", "was changed after the image was made"),
    ] {
        let path = bundle.root().join(file);
        let kept = fs::read(&path).unwrap();
        let changed = match file.ends_with(".toml") {
            true => String::from_utf8(kept.clone())
                .unwrap()
                .replace("\"environment\", ", "")
                .into_bytes(),
            false => [kept.as_slice(), b"\0"].concat(),
        };
        bundle.put(file, &changed);
        let running = bundle.start("127.0.0.1:0", &[]);
        let told = running.refused();
        assert!(told.contains(said), "{file} should be {said:?}: {told}");
        bundle.put(file, &kept);
    }
}

#[test]
fn the_containerfile_makes_an_image_that_says_the_same() {
    let folder = application("https://localhost:1");
    made(folder.path(), "layout");
    let layout = folder.path().join("layout");
    let index = json(&layout.join("index.json"));
    let manifest = json(&blob(&layout, &index["manifests"][0]));
    let config = json(&blob(&layout, &manifest["config"]))["config"].clone();
    let workspace = built_workspace();
    let text = fs::read_to_string(workspace.join("deploy/Containerfile")).unwrap();
    let (build, image) = text.split_once("\nFROM scratch\n").unwrap();
    let said = |name: &str| -> Vec<&str> {
        let lines = image
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        lines.collect()
    };
    let array = |key: &str| -> Vec<String> {
        let values = config[key].as_array().unwrap().iter();
        values
            .map(|value| value.as_str().unwrap().to_owned())
            .collect()
    };
    let entrypoint: Vec<String> = serde_json::from_str(said("ENTRYPOINT")[0]).unwrap();
    assert_eq!(entrypoint, array("Entrypoint"));
    assert_eq!(said("ENV"), array("Env"));
    assert_eq!(said("USER"), [config["User"].as_str().unwrap()]);
    assert_eq!(said("WORKDIR"), [config["WorkingDir"].as_str().unwrap()]);
    assert_eq!(said("STOPSIGNAL"), [config["StopSignal"].as_str().unwrap()]);
    let ports: Vec<&String> = config["ExposedPorts"].as_object().unwrap().keys().collect();
    assert_eq!(said("EXPOSE"), ports);
    // Every line begins, or goes on with, something that is known; and what is copied comes from the first stage.
    let known = [
        "FROM",
        "WORKDIR",
        "RUN",
        "COPY",
        "ARG",
        "ENV",
        "EXPOSE",
        "USER",
        "STOPSIGNAL",
        "ENTRYPOINT",
    ];
    let mut goes_on = false;
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let first = line.split(' ').next().unwrap();
        assert!(goes_on || known.contains(&first), "{line}");
        goes_on = line.ends_with('\\');
    }
    assert!(!goes_on && build.contains(" AS build\n"));
    assert_eq!(said("COPY"), ["--from=build /rootfs/ /"]);
    // What it builds by is there.
    let profiles = fs::read_to_string(workspace.join("Cargo.toml")).unwrap();
    assert!(build.contains("--profile serve") && profiles.contains("[profile.serve]"));
    let minimum = profiles
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "));
    let minimum = minimum.unwrap().trim_matches('"');
    assert!(
        build.contains(&format!("rust:{minimum}-")),
        "Rust {minimum}"
    );
}

#[test]
fn what_cannot_be_in_an_image_is_an_error_that_says_so() {
    let folder = application("https://localhost:1");
    let folder = folder.path();
    fs::create_dir(folder.join("full")).unwrap();
    fs::write(folder.join("full/file"), "x").unwrap();
    fails(folder, &["image", "--output", "full"], 1, &["is not empty"]);
    let other = ["image", "--output", "new", "--cpu", "pentium"];
    fails(folder, &other, 2, &["pentium", "here it can be"]);
    let manifest = fs::read_to_string(folder.join("spin.toml")).unwrap();
    let manifest = manifest.replace("\"authority.pem\"", "\"../authority.pem\"");
    fs::create_dir(folder.join("inner")).unwrap();
    for name in ["gate.wasm", "whoami.wasm", "doorward.toml"] {
        fs::copy(folder.join(name), folder.join("inner").join(name)).unwrap();
    }
    fs::write(folder.join("inner/spin.toml"), manifest).unwrap();
    let outside = ["image", "--from", "inner", "--output", "new"];
    fails(
        folder,
        &outside,
        1,
        &["authority.pem is not in the folder of"],
    );
    let half = folder.join("new/index.json").exists();
    assert!(!half, "what is not made whole is no image");
}
