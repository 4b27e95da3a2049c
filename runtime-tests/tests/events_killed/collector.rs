//! A collector in a process of its own, which answers once a batch is in its file.

use doorward_runtime_tests::run::runtime;
use doorward_runtime_tests::servers::{At, Kind, in_role};
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// The argument with which this program is the collector.
pub const ROLE: &str = "--collect";
/// What it says when it serves.
const SERVES: &str = "the collector serves";
/// The file in its folder: a batch in each line.
const BATCHES: &str = "batches";

/// A collector.
#[derive(Debug, Default)]
pub struct Collecting;

impl Kind for Collecting {
    const NAME: &'static str = "the collector";
    const STOP: &'static str = "TERM";

    fn program() -> Option<PathBuf> {
        std::env::current_exe().ok()
    }

    fn command(&self, folder: &Path, port: u16) -> Command {
        in_role(ROLE, folder, port)
    }

    fn is_ready(&self, at: &At<'_>) -> bool {
        at.log.contains(SERVES)
    }
}

/// The batches that it has. What it was killed over is none.
pub fn batches(folder: &Path) -> Vec<Vec<u8>> {
    let had = std::fs::read(folder.join(BATCHES)).unwrap_or_default();
    let lines = had.split_inclusive(|byte| *byte == b'\n');
    let whole = lines.filter(|line| line.ends_with(b"\n"));
    whole.map(<[u8]>::to_vec).collect()
}

/// What the other process does, until it is killed.
pub fn collect(folder: &Path, port: &str) -> ExitCode {
    let whole = batches(folder).concat();
    let path = folder.join(BATCHES);
    std::fs::write(&path, whole).expect("write the file");
    let file = OpenOptions::new().append(true).open(path);
    let file = Arc::new(Mutex::new(file.expect("open the file")));
    let address = format!("127.0.0.1:{port}");
    runtime(1).expect("threads").block_on(async {
        let listener = TcpListener::bind(address).await;
        let listener = listener.unwrap_or_else(|error| panic!("{error}"));
        println!("{SERVES}");
        while let Ok((stream, _)) = listener.accept().await {
            let file = Arc::clone(&file);
            let service = service_fn(move |request: http::Request<Incoming>| {
                let file = Arc::clone(&file);
                async move { Ok::<_, Infallible>(take(request, &file).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    ExitCode::SUCCESS
}

/// Takes a batch. One that breaks off is none.
async fn take(request: http::Request<Incoming>, file: &Mutex<File>) -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = match request.into_body().collect().await {
        Ok(body) => {
            let line = [&body.to_bytes()[..], b"\n"].concat();
            let written = file.lock().expect("the file").write_all(&line);
            written.expect("write a batch");
            StatusCode::NO_CONTENT
        }
        Err(_) => StatusCode::BAD_REQUEST,
    };
    response
}
