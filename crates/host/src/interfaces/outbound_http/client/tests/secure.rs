//! Who is believed to be a server, and what is shown to it.

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::client_tls;
use crate::manifest::runtime_config;
use crate::trust::{RootSources, certificates, private_key};

pub(super) const TESTDATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata");

/// A server of either version that tells what it saw.
pub(super) struct Origin {
    pub(super) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Origin {
    pub(super) async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let tls = tls.clone();
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, 0).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                let shown = stream.get_ref().1.peer_certificates();
                                let shown = shown.map_or(0, <[_]>::len);
                                serve(stream, shown).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            connections,
        }
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn serve<S>(stream: S, shown: usize)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| async move {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap();
        let of = |fields: &HeaderMap, name: &str| fields.get(name).cloned();
        let none = HeaderValue::from_static("");
        let authority = parts.uri.authority().map_or("", Authority::as_str);
        let trailer = body.trailers().and_then(|trailers| of(trailers, "x-sum"));
        let response = Response::builder()
            .header("trailer", "grpc-status")
            .header("x-version", format!("{:?}", parts.version))
            .header("x-te", of(&parts.headers, "te").unwrap_or(none.clone()))
            .header("x-host", of(&parts.headers, "host").unwrap_or(none.clone()))
            .header("x-authority", authority)
            .header("x-trailer", trailer.unwrap_or(none))
            .header("x-shown", shown);
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        let body = Full::new(Bytes::from_static(b"hi"))
            .with_trailers(async { Some(Ok::<_, Infallible>(trailers)) });
        Ok::<_, Infallible>(response.body(body.boxed_unsync()).unwrap())
    });
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// A server with the certificate of the tests, which asks for one of the client where it `asks`.
pub(super) fn acceptor(protocols: &[&str], asks: bool) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if asks {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates(&file("authority.pem")).unwrap());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let chain = certificates(&file("server.pem")).unwrap();
    let mut config = builder
        .with_single_cert(chain, private_key(&file("server.key")).unwrap())
        .unwrap();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    TlsAcceptor::from(Arc::new(config))
}

fn file(name: &str) -> PathBuf {
    Path::new(TESTDATA).join(name)
}

#[tokio::test]
async fn servers_are_believed_that_an_authority_of_the_operators_vouches_for() {
    let origin = Origin::start(Some(acceptor(&[], false))).await;
    let url = format!("https://localhost:{}/", origin.address.port());
    let authority = || vec![file("authority.pem")];
    for (what, replaced_by, added, believed) in [
        ("the usual roots", None, vec![], false),
        ("one that is added", None, authority(), true),
        (
            "one in their place",
            Some(file("authority.pem")),
            vec![],
            true,
        ),
        (
            "another one in their place",
            Some(file("client.pem")),
            vec![],
            false,
        ),
        ("both", Some(file("client.pem")), authority(), true),
    ] {
        let client = client(|options| options.roots = RootSources { replaced_by, added });
        match ask(&client, Method::GET, &url).await {
            Ok(status) => assert!(believed && status == 200, "{what}"),
            Err(error) => assert!(
                !believed && error.contains("UnknownIssuer"),
                "{what}: {error}"
            ),
        }
    }
}

/// A runtime configuration with one entry, that has `more` in it.
fn options(folder: &Path, more: &str) -> anyhow::Result<OutboundOptions> {
    let path = folder.join("runtime-config.toml");
    let text =
        format!("[[client_tls]]\ncomponent_ids = [\"main\"]\nhosts = [\"LocalHost\"]\n{more}\n");
    fs::write(&path, text).unwrap();
    for name in ["authority.pem", "client.pem", "client.key", "server.key"] {
        fs::copy(file(name), folder.join(name)).unwrap();
    }
    fs::write(folder.join("empty.pem"), "no certificate").unwrap();
    let roots = RootSources::default();
    Ok(OutboundOptions {
        client_tls: client_tls::load(
            runtime_config::load(&path)?.client_tls,
            &path,
            &roots.load()?,
        )?,
        ..OutboundOptions::default()
    })
}

const OWN: &str = "ca_roots_file = \"authority.pem\"\n\
    client_cert_file = \"client.pem\"\nclient_private_key_file = \"client.key\"";

/// Whoever asks first: a connection on which a certificate was shown is for nobody else.
#[tokio::test]
async fn a_certificate_is_shown_for_its_component_to_its_host_alone() {
    let folder = tempfile::tempdir().unwrap();
    let origin = Origin::start(Some(acceptor(&["h2", "http/1.1"], true))).await;
    let port = origin.address.port();
    let mut options = options(folder.path(), OWN).unwrap();
    options.roots.added = vec![file("authority.pem")];
    let client = OutboundClient::new(&options).unwrap();
    for (component, host, shown) in [
        ("main", "localhost", true),
        ("other", "localhost", false),
        ("main", "127.0.0.1", false),
        ("main", "LOCALHOST", true),
    ] {
        let request = Request::get(format!("https://{host}:{port}/"))
            .body(Full::default().map_err(Error::from).boxed_unsync())
            .unwrap();
        let pool = client.pool(component, request.uri()).clone();
        match pool.send(request, PATIENCE).await {
            Ok(response) => {
                assert!(shown, "{component} at {host}");
                assert_eq!(response.headers().get("x-shown").unwrap(), "1");
            }
            Err(error) => assert!(!shown, "{component} at {host}: {error:?}"),
        }
    }
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let of = |ca: &str, chain: &str, key: &str| {
        format!(
            "ca_roots_file = \"{ca}\"\nclient_cert_file = \"{chain}\"\nclient_private_key_file = \"{key}\""
        )
    };
    let (ca, pem, key) = ("authority.pem", "client.pem", "client.key");
    for (more, parts) in [
        (
            of("no.pem", pem, key),
            ["`ca_roots_file`", "no.pem cannot be read"],
        ),
        (
            of("empty.pem", pem, key),
            ["empty.pem", "BEGIN CERTIFICATE"],
        ),
        (of(key, pem, key), ["client.key", "no certificate"]),
        (of(ca, "no.pem", key), ["`client_cert_file`", "no.pem"]),
        (
            of(ca, pem, pem),
            ["`client_private_key_file`", "BEGIN PRIVATE KEY"],
        ),
        (
            of(ca, pem, "server.key"),
            ["server.key is not that of", "client.pem"],
        ),
        (
            "client_cert_file = \"client.pem\"".to_owned(),
            ["runtime-config.toml:1", "no `client_private_key_file`"],
        ),
        (
            "client_private_key_file = \"client.key\"".to_owned(),
            ["runtime-config.toml:1", "no `client_cert_file`"],
        ),
        (
            "ca_use_platform_roots = false".to_owned(),
            ["`[[client_tls]]`", "no root certificate"],
        ),
    ] {
        let error = format!("{:#}", options(folder.path(), &more).expect_err(&more));
        for part in parts {
            assert!(error.contains(part), "expected {part:?} of {error}");
        }
        let key = fs::read_to_string(file("client.key")).unwrap();
        let secret = key.lines().nth(1).unwrap();
        assert!(!error.contains(secret), "a key is in {error}");
    }
    for (replaced_by, added, parts) in [
        (Some("no.pem"), None, ["SSL_CERT_FILE", "no.pem"]),
        (None, Some("client.key"), ["--ca-file", "client.key"]),
    ] {
        let sources = RootSources {
            replaced_by: replaced_by.map(file),
            added: added.map(file).into_iter().collect(),
        };
        let error = format!("{:#}", sources.load().unwrap_err());
        for part in parts {
            assert!(error.contains(part), "expected {part:?} of {error}");
        }
    }
}
