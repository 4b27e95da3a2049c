//! What counts as HTTP/1.1, and what does not.

use super::*;
use tokio::net::TcpListener;

/// A connection on which these bytes came, after which it was closed.
async fn wire(bytes: &[u8]) -> Wire {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut sender = TcpStream::connect(address).await.unwrap();
    sender.write_all(bytes).await.unwrap();
    Wire::new(listener.accept().await.unwrap().0)
}

/// The body and the trailers in these bytes.
async fn body(fields: &str, bytes: &[u8]) -> Result<(Vec<u8>, Fields), Trouble> {
    let lines: Vec<Vec<u8>> = fields
        .lines()
        .map(|line| line.as_bytes().to_vec())
        .collect();
    let fields = super::fields(&lines).map_err(Trouble::Malformed)?;
    let body = Body::announced(&fields).map_err(Trouble::Malformed)?;
    let mut body = body.unwrap_or_else(Body::until_closed);
    let (mut wire, mut all) = (wire(bytes).await, Vec::new());
    while let Some(piece) = body.piece(&mut wire).await? {
        all.extend(piece);
    }
    Ok((all, body.trailers))
}

#[tokio::test]
async fn a_body_ends_where_its_framing_says() {
    for (fields, bytes, expected) in [
        ("Content-Length: 5", "hello, and more", "hello"),
        ("content-length: 0", "more", ""),
        (
            "Transfer-Encoding: chunked",
            "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n",
            "hello!",
        ),
        ("transfer-encoding: Chunked", "0\r\n\r\nmore", ""),
        ("X-Other: 1", "until the end", "until the end"),
    ] {
        let read = body(fields, bytes.as_bytes()).await;
        assert_eq!(
            read.map(|(body, _)| String::from_utf8(body).unwrap()),
            Ok(expected.to_owned()),
            "the body after {fields}"
        );
    }
}

#[tokio::test]
async fn trailers_come_after_the_last_chunk() {
    let bytes = b"1\r\nx\r\n0\r\nX-One: 1\r\nx-two:\t2 \r\n\r\n";
    let (_, trailers) = body("Transfer-Encoding: chunked", bytes).await.unwrap();
    let expected = [("X-One", "1"), ("x-two", "2")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(trailers, expected, "the trailers of a body in chunks");
}

#[tokio::test]
async fn a_body_that_is_framed_in_a_doubtful_way_is_malformed() {
    for (fields, bytes) in [
        ("Content-Length: 5\nContent-Length: 5", "hello"),
        ("Content-Length: 5, 5", "hello"),
        ("Content-Length: +5", "hello"),
        ("Content-Length:", "hello"),
        ("Content-Length: 99999999999999999999", "hello"),
        ("Content-Length: 5\nTransfer-Encoding: chunked", "0\r\n\r\n"),
        (
            "Transfer-Encoding: chunked\nTransfer-Encoding: chunked",
            "0\r\n\r\n",
        ),
        ("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"),
        ("Transfer-Encoding: xchunked", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "0x1\r\nx\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", " 1\r\nx\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "\r\n"),
        ("Transfer-Encoding: chunked", "10000000000000000\r\nx"),
        ("Transfer-Encoding: chunked", "1\r\nxy\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "1\nx\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "0\r\nX : 1\r\n\r\n"),
        ("X-Folded: 1\n two", ""),
        ("X : 1", ""),
        ("X", ""),
        ("X: \0", ""),
    ] {
        let read = body(fields, bytes.as_bytes()).await;
        assert!(
            matches!(read, Err(Trouble::Malformed(_))),
            "{bytes:?} after {fields:?} is malformed, not {read:?}"
        );
    }
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_not_taken_for_whole() {
    for (fields, bytes) in [
        ("Content-Length: 6", "hello"),
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n"),
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n"),
    ] {
        let read = body(fields, bytes.as_bytes()).await;
        assert_eq!(read, Err(Trouble::Closed), "{bytes:?} after {fields}");
    }
}

#[tokio::test]
async fn the_lines_of_a_head_end_with_crlf_and_nothing_else() {
    let mut good = wire(b"one\r\ntwo\r\n\r\nthree").await;
    let lines = vec![b"one".to_vec(), b"two".to_vec()];
    assert_eq!(good.head().await, Ok(Some(lines)), "a head of two lines");
    assert_eq!(good.buffered(), b"three", "what comes after a head");
    assert_eq!(wire(b"").await.head().await, Ok(None), "no head at all");
    for bytes in [
        "one\ntwo\r\n\r\n",
        "one\rtwo\r\n\r\n",
        "\r\none\r\n\r\n",
        "one\r\ntw",
    ] {
        let read = wire(bytes.as_bytes()).await.head().await;
        assert!(
            matches!(read, Err(Trouble::Malformed(_))),
            "the head {bytes:?} is malformed, not {read:?}"
        );
    }
}
