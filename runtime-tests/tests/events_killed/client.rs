//! A client that sends its events until they are acknowledged, and goes on where it is told to.

use crate::moments::{Moments, What};
use crate::story::{Break, How, Request};
use doorward_runtime_tests::raw::{Raw, Response, Trouble};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// How often a request is sent. More often, and it gets nowhere.
const SENT_MAX: usize = 20;

/// What all clients share.
#[derive(Debug)]
pub struct Clients {
    /// Where the host serves.
    pub address: SocketAddr,
    /// The events by their numbers, as lines.
    pub lines: Vec<String>,
    pub moments: Moments,
    /// Whether the host is there.
    pub host: watch::Sender<bool>,
    /// Whether the sink is there.
    pub sink: watch::Sender<bool>,
    /// How often the host was killed.
    pub kills: AtomicU64,
    /// The numbers of events that were acknowledged.
    pub acknowledged: Mutex<BTreeSet<usize>>,
    /// How often a client was told that not all could be written.
    pub unwritten: watch::Sender<u64>,
}

/// What became of a request.
enum Ended {
    Answered(Response),
    /// There is no answer.
    Lost,
}

impl Clients {
    /// Sends requests one after the other. One of them breaks once, if one does. Gives how many of the events were there
    /// before.
    pub async fn send_all(
        self: Arc<Self>,
        requests: Vec<Request>,
        breaks: Option<(usize, Break)>,
    ) -> u64 {
        let mut duplicates = 0;
        for (nth, request) in requests.into_iter().enumerate() {
            let breaks = breaks.and_then(|(broken, breaks)| (broken == nth).then_some(breaks));
            duplicates += self.send(request, breaks).await;
            self.moments.pass(What::Answered, 1);
        }
        duplicates
    }

    /// Sends a request until all of its events are acknowledged.
    async fn send(&self, request: Request, mut breaks: Option<Break>) -> u64 {
        let mut left = request.events.clone();
        let mut duplicates = 0;
        for _ in 0..SENT_MAX {
            until(&self.host).await;
            let kills = self.kills.load(Ordering::SeqCst);
            let is_broken = breaks.is_some();
            let ended = self.try_send(&request, left.clone(), breaks.take()).await;
            let response = match ended {
                Ended::Answered(response) => response,
                Ended::Lost => {
                    let is_killed = self.kills.load(Ordering::SeqCst) > kills;
                    assert!(is_killed || is_broken, "no answer of a host that is there");
                    continue;
                }
            };
            let report = response.json();
            let accepted = usize::try_from(number(&report["accepted"])).unwrap();
            duplicates += number(&report["duplicates"]);
            let to = match response.status {
                200 => left.end,
                // What broke off is not what it is said to be.
                400 if is_broken => left.start + resumes(&report),
                503 => left.start + resumes(&report),
                status => panic!("{status}: {}", response.text()),
            };
            assert_eq!(left.start + accepted, to, "nothing is refused: {report}");
            self.acknowledged.lock().unwrap().extend(left.start..to);
            left.start = to;
            if response.status == 200 {
                return duplicates;
            }
            if response.status == 503 {
                self.unwritten.send_modify(|count| *count += 1);
                until(&self.sink).await;
            }
        }
        panic!("nothing is acknowledged: {left:?} of {request:?}");
    }

    async fn try_send(
        &self,
        request: &Request,
        events: Range<usize>,
        breaks: Option<Break>,
    ) -> Ended {
        let Ok(mut connection) = Raw::try_connect(self.address).await else {
            return Ended::Lost;
        };
        let mut body = self.lines[events].concat().into_bytes();
        let mut coding = "";
        if request.is_gzip {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&body).unwrap();
            body = encoder.finish().unwrap();
            coding = "Content-Encoding: gzip\r\n";
        }
        connection
            .send(format!(
                "POST /events HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson\r\n\
                 x-auth-issuer: https://login.example\r\nx-auth-subject: alice\r\nx-auth-scope: write:events\r\n\
                 {coding}Content-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            ))
            .await;
        let bytes = breaks.map_or(body.len(), |breaks| breaks.bytes.min(body.len() - 1));
        for piece in body[..bytes].chunks(request.piece_bytes) {
            // Who is refused early finds the answer below.
            if self.send_piece(&mut connection, piece).await.is_err() {
                break;
            }
        }
        match breaks.map(|breaks| breaks.how) {
            Some(How::Closes) => return Ended::Lost,
            Some(How::Resets) => {
                connection.reset();
                return Ended::Lost;
            }
            Some(How::Listens) => connection.finish().await,
            None => {}
        }
        match connection.response().await {
            Ok(response) => Ended::Answered(response),
            Err(_) => Ended::Lost,
        }
    }

    async fn send_piece(&self, connection: &mut Raw, mut piece: &[u8]) -> Result<(), Trouble> {
        while !piece.is_empty() {
            let may = self.moments.pass(What::Sent, piece.len());
            connection.try_send(&piece[..may]).await?;
            piece = &piece[may..];
            if !piece.is_empty() {
                self.moments.until_released().await;
            }
        }
        Ok(())
    }
}

async fn until(is_there: &watch::Sender<bool>) {
    let waited = is_there
        .subscribe()
        .wait_for(|is_there| *is_there)
        .await
        .is_ok();
    assert!(waited, "the test goes on");
}

/// How many events are in front of the one at which to go on.
fn resumes(report: &Value) -> usize {
    let event = number(&report["resume_from"]["event"]);
    usize::try_from(event).unwrap() - 1
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("a number: {value}"))
}
