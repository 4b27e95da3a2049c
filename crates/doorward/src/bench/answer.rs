//! Where an HTTP/1.1 answer ends (RFC 9112 §6).

/// The longest line of a chunk's size that is read, in bytes.
const CHUNK_LINE_BYTES_MAX: usize = 1024;

/// What is known of an answer by the bytes that have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// More bytes are needed.
    Unfinished,
    /// It is there: its status, and whether the connection can be used again.
    Whole { status: u16, is_kept: bool },
    /// It ends with its connection, or is none.
    Unusable,
}

/// Looks at the bytes of one answer to a request that is no HEAD, without any that follow it.
pub(super) fn answer(bytes: &[u8]) -> Answer {
    let Some(head_end) = find(bytes, b"\r\n\r\n") else {
        return Answer::Unfinished;
    };
    let (head, rest) = bytes.split_at(head_end);
    let body = rest.get(4..).unwrap_or_default();
    let Ok(head) = std::str::from_utf8(head) else {
        return Answer::Unusable;
    };
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| {
        let rest = line.strip_prefix("HTTP/1.1 ")?;
        rest.get(..3)?.parse().ok()
    });
    let Some(status) = status else {
        return Answer::Unusable;
    };
    let (mut length, mut is_chunked, mut is_kept) = (None, false, true);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse::<usize>().ok();
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            is_chunked = value.eq_ignore_ascii_case("chunked");
        } else if name.eq_ignore_ascii_case("connection") {
            is_kept &= !value.eq_ignore_ascii_case("close");
        }
    }
    let has_no_body = matches!(status, 204 | 304);
    let is_whole = match (is_chunked, length) {
        _ if has_no_body => Some(true),
        (true, _) => is_last_chunk_there(body),
        (false, Some(length)) => Some(body.len() >= length),
        (false, None) => None,
    };
    match is_whole {
        Some(true) => Answer::Whole { status, is_kept },
        Some(false) => Answer::Unfinished,
        None => Answer::Unusable,
    }
}

/// The value of a field in the head of an answer.
pub(super) fn field<'a>(bytes: &'a [u8], name: &str) -> Option<&'a str> {
    let head = bytes.get(..find(bytes, b"\r\n\r\n")?)?;
    let fields = std::str::from_utf8(head).ok()?.split("\r\n").skip(1);
    let mut fields = fields.filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(value.trim())
}

/// Whether a chunked body (RFC 9112 §7.1) is there up to its end; none where it is not one.
fn is_last_chunk_there(mut body: &[u8]) -> Option<bool> {
    loop {
        let Some(line_end) = find(body, b"\r\n") else {
            return (body.len() < CHUNK_LINE_BYTES_MAX).then_some(false);
        };
        let (line, rest) = body.split_at(line_end);
        let size = std::str::from_utf8(line).ok()?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        let rest = rest.get(2..)?;
        if size == 0 {
            // Trailers, then an empty line.
            return Some(rest.starts_with(b"\r\n") || find(rest, b"\r\n\r\n").is_some());
        }
        let Some(next) = rest.get(size.checked_add(2)?..) else {
            return Some(false);
        };
        body = next;
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Answer = Answer::Whole {
        status: 200,
        is_kept: true,
    };

    /// At each length what is known of it; the last one is of the whole.
    fn by_length(text: &str) -> Vec<Answer> {
        (0..=text.len())
            .map(|length| answer(text.as_bytes().get(..length).unwrap_or_default()))
            .collect()
    }

    #[test]
    fn an_answer_is_whole_with_its_last_byte_and_not_before() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7\r\n0\r\n\r\n\r\n\r\n0\r\nx: y\r\n\r\n",
        ] {
            let answers = by_length(text);
            let (last, before) = (answers.last(), answers.split_last().map(|(_, rest)| rest));
            assert_eq!(last, Some(&WHOLE), "{text}");
            let before = before.unwrap_or_default();
            assert!(
                before.iter().all(|one| *one == Answer::Unfinished),
                "{text}"
            );
        }
    }

    #[test]
    fn an_answer_says_whether_its_connection_stays() {
        let kept = |is_kept, status| Answer::Whole { status, is_kept };
        let close = b"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(answer(close), kept(false, 503));
        assert_eq!(answer(b"HTTP/1.1 204 Gone\r\n\r\n"), kept(true, 204));
    }

    #[test]
    fn what_ends_with_its_connection_is_of_no_use() {
        for text in [
            "HTTP/1.1 200 OK\r\n\r\nhello",
            "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "SSH-2.0\r\n\r\n",
        ] {
            assert_eq!(answer(text.as_bytes()), Answer::Unusable, "{text}");
        }
    }

    #[test]
    fn a_field_is_found_by_its_name() {
        let text =
            b"HTTP/1.1 201 Created\r\nETag: \"a\"\r\nLocation: /users/1 \r\n\r\nLocation: /no";
        assert_eq!(field(text, "location"), Some("/users/1"));
        assert_eq!(field(text, "age"), None);
    }
}
