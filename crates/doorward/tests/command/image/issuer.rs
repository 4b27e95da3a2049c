//! An issuer over TLS that is found by its name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::run::{Issuer, succeeds};

/// The keys of a development issuer under another name, with a certificate of the tests' authority.
pub struct HttpsIssuer {
    pub url: String,
    /// Where the keys are.
    folder: TempDir,
    _runtime: Runtime,
}

impl HttpsIssuer {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = Issuer::start(folder.path()).get("/jwks").body;
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("https://localhost:{port}");
        let about = serde_json::json!({ "issuer": url, "jwks_uri": format!("{url}/jwks") });
        let texts = Arc::new((about.to_string(), keys));
        let acceptor = acceptor();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, texts) = (acceptor.clone(), Arc::clone(&texts));
                tokio::spawn(async move { answer(&acceptor, stream, &texts).await });
            }
        });
        Self {
            url,
            folder,
            _runtime: runtime,
        }
    }

    pub fn token(&self, scope: &str) -> String {
        let of = [
            "token",
            "--iss",
            &self.url,
            "--scope",
            scope,
            "--state-dir",
            "state",
        ];
        succeeds(self.folder.path(), &of).stdout.trim().to_owned()
    }
}

fn acceptor() -> TlsAcceptor {
    let pem = |name: &str| -> PathBuf {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        crates.join("host/testdata").join(name)
    };
    let chain = CertificateDer::pem_file_iter(pem("server.pem")).unwrap();
    let chain = chain.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(pem("server.key")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()))
}

/// Answers one request; who does not believe the certificate sends none.
async fn answer(acceptor: &TlsAcceptor, stream: TcpStream, texts: &(String, String)) {
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return;
    };
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let body = match head.starts_with(b"GET /jwks ") {
        true => &texts.1,
        false => &texts.0,
    };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
    let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}
