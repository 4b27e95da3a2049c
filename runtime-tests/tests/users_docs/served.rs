//! The document and its page over HTTP.

use doorward_runtime_tests::app::{App, AppSpec, workspace};
use doorward_runtime_tests::cases;
use doorward_runtime_tests::client::{Answer, Ask};
use doorward_runtime_tests::host::{Host, Running};
use doorward_runtime_tests::run::Group;

pub const GROUP: Group<'_> = Group {
    prepare: || Ok(()),
    cases: cases![
        the_document_is_the_committed_one_and_known_by_its_tag,
        a_page_says_what_is_missing_where_nothing_draws_it,
        nothing_is_served_but_what_is_listed,
        a_page_may_load_from_here_alone,
    ],
};

const DOCUMENT: &str = "/api/openapi.json";

/// The component without the npm package. Its folder has to be there while it runs.
async fn running(host: &dyn Host) -> (App, Running) {
    let mut spec = AppSpec::gated("users-docs", "");
    spec.middleware = vec![];
    // It must not be served, although it is mounted.
    spec.policy = None;
    spec.files = vec![("secret.txt".to_owned(), b"a secret".to_vec())];
    let app = spec.write();
    let running = host.start(&app).await;
    (app, running)
}

fn csp(answer: &Answer) -> String {
    let policy = answer.header("content-security-policy");
    policy.unwrap_or_default().to_owned()
}

async fn the_document_is_the_committed_one_and_known_by_its_tag(host: &dyn Host) {
    let (_app, running) = running(host).await;
    let got = Ask::get(DOCUMENT).send(running.address).await;
    let file = workspace().join("components/users-docs/openapi.json");
    let committed = std::fs::read_to_string(file).unwrap();
    assert_eq!(got.status, 200, "{:?}", running.log());
    assert!(got.text() == committed, "it is another one");
    assert_eq!(got.header("content-type"), Some("application/json"));
    let tag = got.header("etag").unwrap().to_owned();
    for known in [&tag, &format!("\"other\", W/{tag}"), "*"] {
        let again = Ask::get(DOCUMENT).header("If-None-Match", known);
        let again = again.send(running.address).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{known}");
        assert_eq!(again.header("etag"), Some(tag.as_str()), "{known}");
    }
    let other = Ask::get(DOCUMENT).header("If-None-Match", "\"other\"");
    assert_eq!(other.send(running.address).await.status, 200);
    let head = Ask::new("HEAD", DOCUMENT).send(running.address).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), got.header("content-length"));
}

async fn a_page_says_what_is_missing_where_nothing_draws_it(host: &dyn Host) {
    let (_app, running) = running(host).await;
    for (path, status) in [("/api/docs", 503), ("/api/docs/swagger-ui.css", 404)] {
        let answer = Ask::get(path).send(running.address).await;
        assert_eq!(answer.status, status, "{path}");
        let text = answer.text();
        assert!(
            text.contains("npm ci --prefix components/users-docs/renderer"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

async fn nothing_is_served_but_what_is_listed(host: &dyn Host) {
    let (_app, running) = running(host).await;
    for path in [
        "/",
        "/secret.txt",
        "/api/docs/",
        "/api/docs/secret.txt",
        "/api/docs/../../secret.txt",
        "/api/docs/%2e%2e/%2e%2e/secret.txt",
        "/api/docs/..%2f..%2fsecret.txt",
        "/api/docs//secret.txt",
        "/api/docs/package.json",
        "/api/openapi.json/",
        "/API/DOCS",
    ] {
        let answer = Ask::get(path).send(running.address).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        assert!(!answer.text().contains("a secret"), "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = Ask::new(method, DOCUMENT).send(running.address).await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("GET, HEAD")),
            "{method}"
        );
    }
}

async fn a_page_may_load_from_here_alone(host: &dyn Host) {
    let (_app, running) = running(host).await;
    for path in [
        DOCUMENT,
        "/api/docs",
        "/api/docs/page.js",
        "/api/docs/other",
    ] {
        let answer = Ask::get(path).send(running.address).await;
        let policy = csp(&answer);
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{path}: {policy}"
        );
        for word in ["unsafe", "http:", "https:", " *"] {
            assert!(!policy.contains(word), "{path}: {policy}");
        }
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
    }
}
