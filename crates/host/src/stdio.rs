//! What components write to stdout and stderr, line by line.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

use crate::options::{LogLine, LogSink, LogStream};

/// Bytes of a line; a longer one is cut into several.
const LINE_BYTES_MAX: usize = 16 << 10;

/// One output stream of one instance.
#[derive(Clone)]
pub struct LineWriter(Arc<Inner>);

struct Inner {
    component: Arc<str>,
    stream: LogStream,
    sink: LogSink,
    /// The line that has no end yet.
    rest: Mutex<Vec<u8>>,
}

impl LineWriter {
    /// A stream whose lines go to `sink` under the name of `component`.
    #[must_use]
    pub fn new(component: Arc<str>, stream: LogStream, sink: LogSink) -> Self {
        Self(Arc::new(Inner {
            component,
            stream,
            sink,
            rest: Mutex::new(Vec::new()),
        }))
    }

    fn write(&self, bytes: &[u8]) {
        let mut rest = self.0.rest.lock().unwrap_or_else(PoisonError::into_inner);
        // A line that is written whole, as nearly all are, is handed over as it is.
        if rest.is_empty()
            && let Some(line) = bytes.strip_suffix(b"\n")
            && line.len() <= LINE_BYTES_MAX
            && !line.contains(&b'\n')
        {
            return self.0.emit(line);
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            for chunk in text.chunks(LINE_BYTES_MAX) {
                if rest.len().saturating_add(chunk.len()) > LINE_BYTES_MAX {
                    self.0.emit(&rest);
                    rest.clear();
                }
                rest.extend_from_slice(chunk);
            }
            if ends {
                self.0.emit(&rest);
                rest.clear();
            }
        }
    }
}

impl Inner {
    fn emit(&self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // Looked at whole first, which is many times faster than piece by piece.
        let text = match str::from_utf8(line) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(line),
        };
        self.sink.write(LogLine {
            component: &self.component,
            stream: self.stream,
            text: &text,
        });
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let rest = std::mem::take(self.rest.get_mut().unwrap_or_else(PoisonError::into_inner));
        if !rest.is_empty() {
            self.emit(&rest);
        }
    }
}

impl IsTerminal for LineWriter {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LineWriter {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn wasmtime_wasi::p2::OutputStream> {
        Box::new(self.clone())
    }
}

// Nothing here waits, so the stream is written to in place: no task, no buffer in between.
impl AsyncWrite for LineWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[wasmtime_wasi::async_trait]
impl wasmtime_wasi::p2::Pollable for LineWriter {
    async fn ready(&mut self) {}
}

#[wasmtime_wasi::async_trait]
impl wasmtime_wasi::p2::OutputStream for LineWriter {
    fn write(&mut self, bytes: bytes::Bytes) -> wasmtime_wasi::p2::StreamResult<()> {
        LineWriter::write(self, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> wasmtime_wasi::p2::StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> wasmtime_wasi::p2::StreamResult<usize> {
        Ok(LINE_BYTES_MAX)
    }

    // Nothing here waits: what is not overridden asks twice whether it may write.
    async fn blocking_write_and_flush(
        &mut self,
        bytes: bytes::Bytes,
    ) -> wasmtime_wasi::p2::StreamResult<()> {
        LineWriter::write(self, &bytes);
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn lines_of(writes: &[&[u8]]) -> Vec<String> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = LogSink::new({
            let seen = Arc::clone(&seen);
            move |line| seen.lock().unwrap().push(line.text.to_owned())
        });
        let writer = LineWriter::new("gate".into(), LogStream::Stderr, sink);
        for bytes in writes {
            writer.write(bytes);
        }
        drop(writer);
        Arc::into_inner(seen).unwrap().into_inner().unwrap()
    }

    #[test]
    fn a_line_is_handed_over_when_it_ends() {
        assert_eq!(
            lines_of(&[b"one\ntw", b"o\r\n\nthr"]),
            ["one", "two", "", "thr"]
        );
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let long = vec![b'x'; LINE_BYTES_MAX * 2 + 1];
        let lengths: Vec<usize> = lines_of(&[&long]).iter().map(String::len).collect();
        assert_eq!(lengths, [LINE_BYTES_MAX, LINE_BYTES_MAX, 1]);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        assert_eq!(lines_of(&[b"a\xffb\n"]), ["a\u{fffd}b"]);
    }
}
