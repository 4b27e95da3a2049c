//! The origin that the gateway asks, and who takes events: a process of its own that gives everybody the same answer.

use std::convert::Infallible;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};

use anyhow::{Context as _, Result};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

/// The flag with which this program is the origin.
pub(super) const FLAG: &str = "--be-origin";
/// What it answers.
const ANSWER: &[u8] = b"{\"id\":17,\"state\":\"shipped\",\"items\":[{\"sku\":\"A-1\",\"count\":2},{\"sku\":\"B-9\",\"count\":1}]}\n";

/// The origin as a process. It ends with this one, whatever ends it: its standard input ends then.
pub(super) struct Origin {
    child: Child,
    _input: Option<ChildStdin>,
    /// Where it is.
    pub(super) url: String,
}

impl Origin {
    /// Starts one on a port that the system chooses.
    pub(super) fn start() -> Result<Self> {
        let program = std::env::current_exe().context("this program does not find itself")?;
        let mut child = Command::new(program)
            .args(["bench", FLAG])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the origin cannot be started")?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("the origin says nothing")?;
        let mut origin = Self {
            child,
            _input: input,
            url: String::new(),
        };
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .context("the origin does not say where it is")?;
        line.trim().clone_into(&mut origin.url);
        Ok(origin)
    }

    /// The process.
    pub(super) fn process_id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the origin, until standard input ends.
pub(super) fn serve() -> Result<ExitCode> {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the origin cannot be started")?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("the origin cannot listen")?;
        println!("http://{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await.context("the origin failed")?;
            tokio::spawn(connection(stream));
        }
    })
}

async fn connection(stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    // Who breaks off is no concern of anybody else.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await;
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    // The whole request is read, as whoever takes events does.
    let _ = request.into_body().collect().await;
    let mut response = Response::new(Full::new(Bytes::from_static(ANSWER)));
    let json = hyper::header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}
