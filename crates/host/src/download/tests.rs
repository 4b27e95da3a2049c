#![expect(
    clippy::unwrap_used,
    clippy::unreachable,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::manifest::parse_text;
use crate::options::HostOptions;

const BODY: &[u8] = b"what is fetched";
const LIMIT: u64 = 1000;

/// Answers by path, and remembers what it was asked for.
struct Files {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Files {
    async fn start(answers: &[(&str, Vec<u8>)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answers: BTreeMap<String, Vec<u8>> = answers
            .iter()
            .map(|(path, answer)| ((*path).to_owned(), answer.clone()))
            .collect();
        let seen = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let path = answer(stream, &answers).await;
                seen.lock().unwrap().extend(path);
            }
        });
        Self { address, asked }
    }

    fn download(&self, path: &str, digest: &str) -> Download {
        download(&format!("http://{}{path}", self.address), digest)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(mut stream: TcpStream, answers: &BTreeMap<String, Vec<u8>>) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let missing = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec();
    // The client may have enough before it has everything.
    let _ = stream
        .write_all(answers.get(&path).unwrap_or(&missing))
        .await;
    Some(path)
}

fn ok(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn redirect(location: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    Digest::from_bytes(digest.as_ref()).unwrap().to_string()
}

/// As the manifest reads it.
fn download(url: &str, digest: &str) -> Download {
    application(url, digest)
        .components
        .get("main")
        .unwrap()
        .download
        .clone()
        .unwrap()
}

fn application(url: &str, digest: &str) -> Application {
    let text = format!(
        "spin_manifest_version = 2\napplication.name = \"test\"\n[[trigger.http]]\nroute = \"/...\"\n\
         component = \"main\"\n[component.main]\nsource = {{ url = \"{url}\", digest = \"{digest}\" }}\n\
         [component.unused]\nsource = {{ url = \"http://127.0.0.1:1/\", digest = \"{digest}\" }}\n"
    );
    parse_text(&text, Path::new("/app/spin.toml")).unwrap()
}

fn folder() -> ScratchDir {
    ScratchDir::new(&std::env::temp_dir(), "download-test").unwrap()
}

async fn fetched(download: &Download, folder: &Path) -> Result<PathBuf> {
    let roots = RootSources::default();
    kept_or_fetched(download, folder, &roots, LIMIT, &|_| {}).await
}

/// What is in a folder, by name.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[tokio::test]
async fn what_has_the_digest_is_kept_and_not_fetched_again() {
    let files = Files::start(&[("/a.wasm", ok(BODY))]).await;
    let folder = folder();
    for digest in [
        sha256(BODY),
        sha256(BODY)
            .to_ascii_uppercase()
            .replace("SHA256", "sha256"),
    ] {
        let file = fetched(&files.download("/a.wasm", &digest), folder.path())
            .await
            .unwrap();
        assert_eq!(fs::read(file).unwrap(), BODY);
    }
    assert_eq!(files.asked(), ["/a.wasm"]);
    assert_eq!(names(folder.path()).len(), 1, "nothing half is left");
}

#[tokio::test]
async fn a_kept_copy_serves_where_nothing_can_be_reached() {
    let files = Files::start(&[("/a.wasm", ok(BODY))]).await;
    let folder = folder();
    fetched(&files.download("/a.wasm", &sha256(BODY)), folder.path())
        .await
        .unwrap();
    let gone = nobody().await;
    let download = download(&format!("http://{gone}/other.wasm"), &sha256(BODY));
    let file = fetched(&download, folder.path()).await.unwrap();
    assert_eq!(fs::read(file).unwrap(), BODY);
}

#[tokio::test]
async fn a_kept_copy_that_was_changed_is_fetched_again() {
    let files = Files::start(&[("/a.wasm", ok(BODY))]).await;
    let folder = folder();
    let download = files.download("/a.wasm", &sha256(BODY));
    let file = fetched(&download, folder.path()).await.unwrap();
    fs::write(&file, "something else").unwrap();
    let file = fetched(&download, folder.path()).await.unwrap();
    assert_eq!(fs::read(file).unwrap(), BODY);
    assert_eq!(files.asked(), ["/a.wasm", "/a.wasm"]);
}

/// Each case: the path, and what the error has to say. Whatever is wrong, nothing is kept.
#[tokio::test]
async fn what_is_not_what_the_manifest_says_is_not_kept() {
    let large = vec![b'x'; 1001];
    let chunked = [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
        b"1f4\r\n".to_vec(),
        vec![b'x'; 500],
        b"\r\n1f5\r\n".to_vec(),
        vec![b'x'; 501],
        b"\r\n0\r\n\r\n".to_vec(),
    ]
    .concat();
    let files = Files::start(&[
        ("/other.wasm", ok(b"something else")),
        ("/large.wasm", ok(&large)),
        ("/chunked.wasm", chunked),
        (
            "/short.wasm",
            b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\nwhat".to_vec(),
        ),
        (
            "/no-content.wasm",
            b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        ),
        ("/no-http.wasm", b"what\r\n\r\n".to_vec()),
        ("/loop.wasm", redirect("/loop.wasm")),
        ("/file.wasm", redirect("file:///etc/passwd")),
        ("/user.wasm", redirect("http://user@127.0.0.1/")),
        (
            "/nowhere.wasm",
            b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
        ),
    ])
    .await;
    let wanted = sha256(BODY);
    for (path, expected) in [
        (
            "/other.wasm",
            vec![
                "the digest sha256:".to_owned(),
                sha256(b"something else"),
                format!("the manifest says {wanted}"),
                "not used".to_owned(),
            ],
        ),
        ("/large.wasm", vec!["more than 1000 bytes".to_owned()]),
        ("/chunked.wasm", vec!["more than 1000 bytes".to_owned()]),
        ("/short.wasm", vec!["ended early".to_owned()]),
        ("/missing.wasm?key=secret", vec!["answered 404".to_owned()]),
        ("/no-content.wasm", vec!["answered 204".to_owned()]),
        ("/no-http.wasm", vec!["there is no answer".to_owned()]),
        ("/loop.wasm", vec!["more than 10 times".to_owned()]),
        ("/file.wasm", vec!["not fetched".to_owned()]),
        ("/user.wasm", vec!["not fetched".to_owned()]),
        ("/nowhere.wasm", vec!["answered 302".to_owned()]),
    ] {
        // What is as large as may be is the digest's business, so each has its own.
        let digest = match path {
            "/large.wasm" | "/chunked.wasm" => sha256(&large),
            _ => wanted.clone(),
        };
        let folder = folder();
        let error = fetched(&files.download(path, &digest), folder.path())
            .await
            .unwrap_err();
        let error = format!("{error:#}");
        for part in expected {
            assert!(error.contains(&part), "expected {part:?} of {error}");
        }
        assert!(!error.contains("secret"), "{error}");
        assert!(names(folder.path()).is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_redirection_is_followed_to_what_has_the_digest() {
    let files = Files::start(&[
        ("/x/a.wasm", redirect("/y/b.wasm")),
        ("/y/b.wasm", redirect("c.wasm?signed=1")),
        ("/y/c.wasm?signed=1", ok(BODY)),
    ])
    .await;
    let folder = folder();
    let download = files.download("/x/a.wasm", &sha256(BODY));
    let file = fetched(&download, folder.path()).await.unwrap();
    assert_eq!(fs::read(file).unwrap(), BODY);
    assert_eq!(
        files.asked(),
        ["/x/a.wasm", "/y/b.wasm", "/y/c.wasm?signed=1"]
    );
}

#[test]
fn a_location_is_read_from_where_it_was_said() {
    let base = "https://a.example:8443/x/y.wasm?q".parse().unwrap();
    for (location, target) in [
        ("https://b.example/z?k=1", Some("https://b.example/z?k=1")),
        ("http://b.example/z", Some("http://b.example/z")),
        ("//b.example/z", Some("https://b.example/z")),
        ("/z", Some("https://a.example:8443/z")),
        ("z", Some("https://a.example:8443/x/z")),
        // Only what is before the first `/`, `?` or `#` can be a scheme.
        (
            "/z?from=http://b.example/",
            Some("https://a.example:8443/z?from=http://b.example/"),
        ),
        ("z?u=a://b", Some("https://a.example:8443/x/z?u=a://b")),
        ("?k=1", Some("https://a.example:8443/x/y.wasm?k=1")),
        ("file:z", None),
        ("ftp://b.example/z", None),
        ("file:///z", None),
        ("https://user:secret@b.example/z", None),
        ("https://", None),
    ] {
        let found = resolve(&base, location).map(|uri| uri.to_string());
        assert_eq!(found.as_deref(), target, "{location}");
    }
}

/// A component that no trigger uses is not fetched, so that its address may be wrong.
#[tokio::test]
async fn the_components_that_are_used_get_their_files() {
    let files = Files::start(&[("/a.wasm", ok(BODY))]).await;
    let folder = folder();
    let url = format!("http://{}/a.wasm", files.address);
    let mut application = application(&url, &sha256(BODY));
    let told = Mutex::new(Vec::new());
    for _ in 0..2 {
        fetch_all(&mut application, &options(folder.path()), &|line| {
            told.lock().unwrap().push(line.to_owned());
        })
        .await
        .unwrap();
    }
    let source = &application.components.get("main").unwrap().source;
    assert_eq!(fs::read(source).unwrap(), BODY);
    let unused = &application.components.get("unused").unwrap().source;
    assert_eq!(unused, Path::new(""));
    assert_eq!(*told.lock().unwrap(), [format!("Fetching {url}")]);
}

/// Somebody may write to the folder after it was looked at.
#[tokio::test]
async fn what_is_loaded_is_what_has_the_digest() {
    let folder = folder();
    let mut application = application("http://127.0.0.1/a.wasm", &sha256(BODY));
    let file = folder.path().join("a.wasm");
    fs::write(&file, "(component)").unwrap();
    application.components.get_mut("main").unwrap().source = file;
    let options = options(folder.path());
    let term = crate::term::Term::begin(crate::course::Course::begin());
    let loaded = crate::application::Application::load(&application, &options, &term, None, None);
    let Err(error) = loaded else {
        unreachable!("it should not be loaded");
    };
    let error = format!("{error:#}");
    for part in ["`main`", &sha256(b"(component)"), &sha256(BODY), "not used"] {
        assert!(error.contains(part), "expected {part:?} of {error}");
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_reached_is_named_with_its_component() {
    let gone = nobody().await;
    let folder = folder();
    let mut application = application(&format!("http://{gone}/a.wasm"), &sha256(BODY));
    let error = fetch_all(&mut application, &options(folder.path()), &|_| {})
        .await
        .unwrap_err();
    let error = format!("{error:#}");
    for part in ["`main`", &format!("http://{gone}/a.wasm"), "refused"] {
        assert!(error.contains(part), "expected {part:?} of {error}");
    }
}

fn options(cache: &Path) -> HostOptions {
    let mut options = HostOptions::new("127.0.0.1:0".parse().unwrap(), cache);
    options.cache_dir = Some(cache.to_owned());
    options
}

/// An address where nobody listens.
async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}
