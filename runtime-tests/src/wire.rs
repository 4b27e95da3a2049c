//! HTTP/1.1 as bytes on a connection, read strictly: what a library would mend is an error here.

#[cfg(test)]
mod tests;

use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;

/// Bytes that are taken off a connection, or put on it, at a time.
pub(crate) const PIECE_BYTES: usize = 64 * 1024;
/// A head that is longer than this is malformed.
const HEAD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How often [`Wire::gone`] looks while more has come than it keeps.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Header fields or trailer fields in their order, names as they were written.
pub type Fields = Vec<(String, String)>;

/// Why reading ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The other side closed the connection, in order.
    Closed,
    /// The other side reset the connection.
    Reset,
    /// What came is not HTTP/1.1 (RFC 9112).
    Malformed(String),
}

/// A connection, and what was read ahead.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    start: usize,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        // Each write is a packet: nothing waits for more.
        let _ = stream.set_nodelay(true);
        Self {
            stream,
            buffer: Vec::new(),
            start: 0,
        }
    }

    /// What came and was not taken yet.
    pub(crate) fn buffered(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Takes so many of the bytes that came.
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        let taken = self.buffered()[..count].to_vec();
        self.start += count;
        taken
    }

    /// Waits until more has come.
    pub(crate) async fn fill(&mut self) -> Result<(), Trouble> {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.reserve(PIECE_BYTES);
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) => Err(Trouble::Closed),
            Ok(_) => Ok(()),
            Err(_) => Err(Trouble::Reset),
        }
    }

    /// Waits until there is something to take, of which at most `count_max` bytes are given.
    pub(crate) async fn some(&mut self, count_max: u64) -> Result<Vec<u8>, Trouble> {
        if self.buffered().is_empty() {
            self.fill().await?;
        }
        let count = usize::try_from(count_max).unwrap_or(PIECE_BYTES);
        Ok(self.take(count.min(PIECE_BYTES).min(self.buffered().len())))
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let written = self.stream.write_all(bytes).await;
        written.map_err(|_| Trouble::Reset)
    }

    /// Writes as much as the connection takes now.
    pub(crate) async fn write_some(&mut self, bytes: &[u8]) -> Result<usize, Trouble> {
        let written = self.stream.write(bytes).await;
        written.map_err(|_| Trouble::Reset)
    }

    /// Says that nothing more will be written.
    pub(crate) async fn finish(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// From now on the connection ends with a reset (SO_LINGER of no time), not in order.
    pub(crate) fn ends_with_reset(&self) {
        let _ = self.stream.set_zero_linger();
    }

    /// Waits until the other side is gone. What comes until then is kept, up to a bound.
    pub(crate) async fn gone(&mut self) -> Trouble {
        loop {
            if self.buffered().len() < PIECE_BYTES {
                if let Err(trouble) = self.fill().await {
                    return trouble;
                }
                continue;
            }
            match self.stream.ready(Interest::READABLE).await {
                Ok(ready) if ready.is_read_closed() => return Trouble::Closed,
                Ok(_) => tokio::time::sleep(LOOK_EVERY).await,
                Err(_) => return Trouble::Reset,
            }
        }
    }

    /// Takes one line, without its CRLF.
    pub(crate) async fn line(&mut self) -> Result<Vec<u8>, Trouble> {
        let mut looked_at = 0;
        loop {
            let found = self.buffered()[looked_at..].iter();
            if let Some(end) = found.clone().position(|byte| *byte == b'\n') {
                let mut line = self.take(looked_at + end + 1);
                line.pop();
                if line.pop() != Some(b'\r') {
                    return malformed("a line ends with a bare LF");
                }
                if line.contains(&b'\r') {
                    return malformed("a line has a bare CR");
                }
                return Ok(line);
            }
            looked_at = self.buffered().len();
            if looked_at > HEAD_BYTES_MAX {
                return malformed("a line is too long");
            }
            self.fill().await?;
        }
    }

    /// Takes the lines up to the next empty one, which is taken as well; none where the connection was
    /// closed before the first byte. It must not be given up while it waits.
    pub(crate) async fn head(&mut self) -> Result<Option<Vec<Vec<u8>>>, Trouble> {
        if self.buffered().is_empty()
            && let Err(trouble) = self.fill().await
        {
            return match trouble {
                Trouble::Closed => Ok(None),
                trouble => Err(trouble),
            };
        }
        let (mut lines, mut bytes) = (Vec::new(), 0);
        loop {
            let line = match self.line().await {
                Err(Trouble::Closed) => {
                    lines.push(self.buffered().to_vec());
                    let text = lines.join(&b"\r\n"[..]);
                    let text = String::from_utf8_lossy(&text).into_owned();
                    return malformed(&format!("closed within a head: {text:?}"));
                }
                line => line?,
            };
            if line.is_empty() && !lines.is_empty() {
                return Ok(Some(lines));
            }
            bytes += line.len();
            if line.is_empty() || bytes > HEAD_BYTES_MAX {
                return malformed("a head begins with an empty line, or is too long");
            }
            lines.push(line);
        }
    }
}

/// Where a body ends (RFC 9112 §6.3), and how far it was read.
#[derive(Debug)]
pub(crate) struct Body {
    left: Left,
    /// What came after the last chunk.
    pub(crate) trailers: Fields,
}

#[derive(Debug, Clone, Copy)]
enum Left {
    Bytes(u64),
    UntilClosed,
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailers,
}

impl Body {
    fn new(left: Left) -> Self {
        Self {
            left,
            trailers: Fields::new(),
        }
    }

    /// No body, or one of this length.
    pub(crate) fn of_length(bytes: u64) -> Self {
        Self::new(Left::Bytes(bytes))
    }

    /// A body that ends with the connection.
    pub(crate) fn until_closed() -> Self {
        Self::new(Left::UntilClosed)
    }

    /// The body that these fields announce; none where they do not.
    pub(crate) fn announced(fields: &Fields) -> Result<Option<Self>, String> {
        let lengths: Vec<&str> = values(fields, "content-length").collect();
        let codings: Vec<&str> = values(fields, "transfer-encoding").collect();
        match (&lengths[..], &codings[..]) {
            ([], []) => Ok(None),
            ([length], []) if !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit()) => {
                let length = length.parse();
                let length = length.map_err(|_| format!("a length like {lengths:?}"))?;
                Ok(Some(Self::of_length(length)))
            }
            ([], [coding]) if coding.eq_ignore_ascii_case("chunked") => {
                Ok(Some(Self::new(Left::ChunkSize)))
            }
            _ => Err(format!("the lengths {lengths:?} and codings {codings:?}")),
        }
    }

    /// The next piece of the body; none at its end.
    pub(crate) async fn piece(&mut self, wire: &mut Wire) -> Result<Option<Vec<u8>>, Trouble> {
        loop {
            match self.left {
                Left::Bytes(0) => return Ok(None),
                Left::Bytes(left) => {
                    let piece = wire.some(left).await?;
                    self.left = Left::Bytes(left - piece.len() as u64);
                    return Ok(Some(piece));
                }
                Left::UntilClosed => match wire.some(u64::MAX).await {
                    Err(Trouble::Closed) => self.left = Left::Bytes(0),
                    piece => return piece.map(Some),
                },
                Left::ChunkSize => {
                    self.left = match chunk_size(&wire.line().await?)? {
                        0 => Left::Trailers,
                        size => Left::Chunk(size),
                    };
                }
                Left::Chunk(0) => self.left = Left::ChunkEnd,
                Left::Chunk(left) => {
                    let piece = wire.some(left).await?;
                    self.left = Left::Chunk(left - piece.len() as u64);
                    return Ok(Some(piece));
                }
                Left::ChunkEnd => {
                    if !wire.line().await?.is_empty() {
                        return malformed("a chunk is longer than its size");
                    }
                    self.left = Left::ChunkSize;
                }
                Left::Trailers => {
                    let line = wire.line().await?;
                    if line.is_empty() {
                        self.left = Left::Bytes(0);
                        continue;
                    }
                    let field = field(&line).map_err(Trouble::Malformed)?;
                    self.trailers.push(field);
                }
            }
        }
    }
}

/// The values of a field, whose name is given in lower case.
pub(crate) fn values<'f>(fields: &'f Fields, name: &'f str) -> impl Iterator<Item = &'f str> {
    let of_name = move |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
    fields.iter().filter(of_name).map(|(_, value)| &**value)
}

/// Whether these fields ask for the connection to be closed (RFC 9112 §9.6).
pub(crate) fn asks_to_close(fields: &Fields) -> bool {
    let mut options = values(fields, "connection").flat_map(|value| value.split(','));
    options.any(|option| option.trim().eq_ignore_ascii_case("close"))
}

/// Reads field lines (RFC 9112 §5): no folding, no space before the colon.
pub(crate) fn fields(lines: &[Vec<u8>]) -> Result<Fields, String> {
    lines.iter().map(|line| field(line)).collect()
}

fn field(line: &[u8]) -> Result<(String, String), String> {
    let wrong = |what: &str| Err(format!("{what}: {:?}", String::from_utf8_lossy(line)));
    let Some(colon) = line.iter().position(|byte| *byte == b':') else {
        return wrong("a field without a colon");
    };
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if !is_token(name) {
        return wrong("a field's name that is no token");
    }
    let is_wrong = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
    if value.iter().any(is_wrong) {
        return wrong("a control character in a field");
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let value = text(value).trim_matches([' ', '\t']).to_owned();
    Ok((text(name), value))
}

/// Whether this is a token (RFC 9110 §5.6.2).
pub(crate) fn is_token(text: &[u8]) -> bool {
    let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(is_inside)
}

/// The size of a chunk (RFC 9112 §7.1). Extensions are passed over, as §7.1.1 demands.
fn chunk_size(line: &[u8]) -> Result<u64, Trouble> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let text = std::str::from_utf8(digits).unwrap_or_default();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let line = String::from_utf8_lossy(line);
        return malformed(&format!("a chunk of the size {line:?}"));
    }
    let size = u64::from_str_radix(text, 16);
    size.map_err(|_| Trouble::Malformed(format!("a chunk of the size {text}")))
}

pub(crate) fn malformed<T>(what: &str) -> Result<T, Trouble> {
    Err(Trouble::Malformed(what.to_owned()))
}
