//! The origin's side of a connection.

use super::reply::{End, Framing, Head, Part, head_bytes};
use super::{BODY_KEPT_BYTES_MAX, Gate, Reply, Seen, Shared};
use crate::wire::{Body, Fields, PIECE_BYTES, Trouble, Wire, asks_to_close};
use aws_lc_rs::digest::{Context, SHA256};
use serde_json::json;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Answers one request after the other, until one side ends it or the origin is stopped.
pub(super) async fn connection(
    stream: TcpStream,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    let number = {
        let mut state = shared.state();
        state.connections += 1;
        state.connections_open += 1;
        state.connections - 1
    };
    let _open = Open(Arc::clone(&shared));
    shared.changed();
    let mut wire = Wire::new(stream);
    let is_reset = tokio::select! {
        end = requests(&mut wire, &shared, number) => end == End::Reset,
        _ = stopped.wait_for(|stopped| *stopped) => true,
    };
    if is_reset {
        wire.ends_with_reset();
    }
}

/// A connection among those that are open.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.state().connections_open -= 1;
        self.0.changed();
    }
}

async fn requests(wire: &mut Wire, shared: &Shared, connection: usize) -> End {
    loop {
        let read = match wire.head().await {
            Ok(None) | Err(Trouble::Closed | Trouble::Reset) => return End::Close,
            Ok(Some(lines)) => Seen::parse(&lines),
            Err(Trouble::Malformed(fault)) => Err(fault),
        };
        let (mut seen, body, fault) = match read {
            Ok((seen, body)) => (seen, body, None),
            Err(fault) => {
                let seen = Seen::faulty(fault.clone());
                (seen, Body::of_length(0), Some(fault))
            }
        };
        seen.connection = connection;
        let (index, number, script) = {
            let mut state = shared.state();
            let number = state.requests - state.before_script;
            state.requests += 1;
            let index = state.is_kept.then_some(state.seen.len());
            if state.is_kept {
                state.seen.push(seen.clone());
            }
            (index, number, state.script.clone())
        };
        shared.changed();
        let reply = match fault {
            None => script.reply(&seen, number),
            Some(fault) => Reply::status(400).body(fault).early().closing(),
        };
        let mut exchange = Exchange {
            wire,
            shared,
            index,
            seen,
            body,
            digest: Some(Context::new(&SHA256)),
        };
        match exchange.answer(reply).await {
            Ok(End::Keep) => {}
            Ok(end) => return end,
            Err(Trouble::Malformed(fault)) => {
                exchange.note(|seen| seen.fault = Some(fault));
                return End::Close;
            }
            Err(Trouble::Closed | Trouble::Reset) => {
                exchange.note(|seen| seen.abandoned = !seen.answered);
                return End::Close;
            }
        }
    }
}

/// One request and its answer.
struct Exchange<'c> {
    wire: &'c mut Wire,
    shared: &'c Shared,
    /// Where the request is kept, if it is.
    index: Option<usize>,
    /// The request as its head was.
    seen: Seen,
    body: Body,
    /// Of the body so far, until its end.
    digest: Option<Context>,
}

impl Exchange<'_> {
    async fn answer(&mut self, reply: Reply) -> Result<End, Trouble> {
        if !reply.interim.is_empty() {
            self.write(&reply.interim).await?;
        }
        if !reply.early {
            self.read_to_end().await?;
        }
        if let Some(gate) = &reply.held_by {
            self.pass(gate).await?;
        }
        let is_chunked = self.write_head(&reply).await?;
        if self.has_body(&reply) {
            for part in reply.body {
                self.write_part(part, is_chunked).await?;
            }
            if let Head::Present {
                framing: Framing::Chunked(trailers),
                ..
            } = reply.head
            {
                self.write_last_chunk(trailers).await?;
            }
        }
        if reply.end == End::Stall {
            return Err(self.wire.gone().await);
        }
        self.note(|seen| seen.answered = true);
        if reply.end != End::Keep {
            return Ok(reply.end);
        }
        self.read_to_end().await?;
        match asks_to_close(&self.seen.fields) {
            true => Ok(End::Close),
            false => Ok(End::Keep),
        }
    }

    /// Writes the head, if there is one. Returns whether the body comes in chunks.
    async fn write_head(&mut self, reply: &Reply) -> Result<bool, Trouble> {
        let Head::Present {
            status,
            fields,
            framing,
        } = &reply.head
        else {
            return Ok(false);
        };
        let mut fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (&**n, &**v)).collect();
        let length: u64 = reply.body.iter().map(|part| self.length(part)).sum();
        let length = match framing {
            Framing::Length(announced) => announced.unwrap_or(length).to_string(),
            _ => String::new(),
        };
        match framing {
            // These have no length (RFC 9110 §8.6, §15.4.5).
            Framing::Length(None) if matches!(status, 204 | 304) => {}
            Framing::Length(_) => fields.push(("Content-Length", &length)),
            Framing::Chunked(_) => fields.push(("Transfer-Encoding", "chunked")),
            Framing::UntilClosed | Framing::Own => {}
        }
        let head = head_bytes(*status, fields.into_iter());
        self.write(&head).await?;
        Ok(matches!(framing, Framing::Chunked(_)))
    }

    /// Whether the body is written: not after HEAD, 204 and 304 (RFC 9112 §6.3).
    fn has_body(&self, reply: &Reply) -> bool {
        match reply.head {
            Head::Absent => true,
            Head::Present { status, .. } => {
                self.seen.method != "HEAD" && !matches!(status, 204 | 304)
            }
        }
    }

    fn length(&self, part: &Part) -> u64 {
        match part {
            Part::Bytes(bytes) => bytes.len() as u64,
            Part::Zeros(bytes) => *bytes,
            Part::RequestHead => self.head_as_json().len() as u64,
            Part::Wait(_) | Part::RequestBody => 0,
        }
    }

    fn head_as_json(&self) -> Vec<u8> {
        let seen = &self.seen;
        let head = json!({
            "method": seen.method, "target": seen.target, "headers": seen.fields,
        });
        head.to_string().into_bytes()
    }

    async fn write_part(&mut self, part: Part, is_chunked: bool) -> Result<(), Trouble> {
        match part {
            Part::Bytes(bytes) => self.write_piece(&bytes, is_chunked).await,
            Part::Zeros(mut left) => {
                let zeros = [0; PIECE_BYTES];
                while left > 0 {
                    let count = usize::try_from(left).map_or(PIECE_BYTES, |n| n.min(PIECE_BYTES));
                    self.write_piece(&zeros[..count], is_chunked).await?;
                    left -= count as u64;
                }
                Ok(())
            }
            Part::Wait(gate) => self.pass(&gate).await,
            Part::RequestHead => {
                let json = self.head_as_json();
                self.write_piece(&json, is_chunked).await
            }
            Part::RequestBody => {
                while let Some(piece) = self.read_piece().await? {
                    self.write_piece(&piece, is_chunked).await?;
                }
                Ok(())
            }
        }
    }

    async fn write_piece(&mut self, piece: &[u8], is_chunked: bool) -> Result<(), Trouble> {
        if !is_chunked {
            return self.write(piece).await;
        }
        // An empty chunk would be the last one.
        if piece.is_empty() {
            return Ok(());
        }
        let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
        chunk.extend_from_slice(piece);
        chunk.extend_from_slice(b"\r\n");
        self.write(&chunk).await
    }

    /// Ends an answer in chunks. The trailers of a body that was sent back go with it.
    async fn write_last_chunk(&mut self, mut trailers: Fields) -> Result<(), Trouble> {
        trailers.extend(self.body.trailers.iter().cloned());
        let mut last = "0\r\n".to_owned();
        for (name, value) in trailers {
            last.push_str(&format!("{name}: {value}\r\n"));
        }
        last.push_str("\r\n");
        self.write(last.as_bytes()).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        for piece in bytes.chunks(PIECE_BYTES) {
            self.wire.write(piece).await?;
            self.note(|seen| seen.answer_bytes += piece.len() as u64);
        }
        Ok(())
    }

    async fn read_to_end(&mut self) -> Result<(), Trouble> {
        while self.read_piece().await?.is_some() {}
        Ok(())
    }

    /// The next piece of the request's body; none at its end.
    async fn read_piece(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        let piece = self.body.piece(self.wire).await?;
        match (&piece, &mut self.digest) {
            (Some(piece), Some(digest)) => {
                digest.update(piece);
                self.note(|seen| {
                    seen.body_bytes += piece.len() as u64;
                    let kept = piece.len().min(BODY_KEPT_BYTES_MAX - seen.body.len());
                    seen.body.extend_from_slice(&piece[..kept]);
                });
            }
            (None, digest) => {
                if let Some(digest) = digest.take() {
                    let digest = digest.finish();
                    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
                    let digits: String = digits.collect();
                    let trailers = self.body.trailers.clone();
                    self.note(|seen| {
                        seen.body_digest = Some(digits);
                        seen.trailers = trailers;
                    });
                }
            }
            (Some(_), None) => {}
        }
        Ok(piece)
    }

    async fn pass(&mut self, gate: &Gate) -> Result<(), Trouble> {
        tokio::select! {
            () = gate.pass() => Ok(()),
            trouble = self.wire.gone() => Err(trouble),
        }
    }

    /// Keeps something about the request.
    fn note(&self, about: impl FnOnce(&mut Seen)) {
        if let Some(index) = self.index {
            // It is not there where it was forgotten.
            if let Some(seen) = self.shared.state().seen.get_mut(index) {
                about(seen);
            }
        }
        self.shared.changed();
    }
}
