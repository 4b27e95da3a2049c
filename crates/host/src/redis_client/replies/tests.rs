#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

const REPLY_BYTES_MAX: u64 = 16 << 20;

/// Counts the bytes, split after every so many.
fn count(bytes: &[u8], piece: usize) -> (Replies, Result<(), TooLarge>) {
    let mut replies = Replies::new(REPLY_BYTES_MAX);
    let counted = bytes
        .chunks(piece)
        .try_for_each(|piece| replies.count(piece));
    (replies, counted)
}

/// How a text of so many bytes is announced.
fn text(length: u64) -> Vec<u8> {
    format!("${length}\r\n").into_bytes()
}

#[test]
fn after_each_reply_counting_begins_anew_however_it_is_split() {
    for reply in [
        "+OK\r\n",
        "-ERR wrong\r\n",
        ":-12\r\n",
        "$-1\r\n",
        "$0\r\n\r\n",
        "$5\r\nva\r\ne\r\n",
        "*-1\r\n",
        "*0\r\n",
        "*2\r\n$1\r\na\r\n*2\r\n:1\r\n*1\r\n+a\r\n",
        "_\r\n",
        "#t\r\n",
        ",1.5e3\r\n",
        "(12345678901234567890123\r\n",
        "=7\r\ntxt:abc\r\n",
        "!5\r\nERR a\r\n",
        "~1\r\n+a\r\n",
        "%1\r\n+key\r\n*1\r\n:1\r\n",
        "|1\r\n+key\r\n+value\r\n:1\r\n",
        ">2\r\n+message\r\n$1\r\na\r\n",
    ] {
        for piece in 1..=reply.len() {
            let (replies, counted) = count(reply.as_bytes(), piece);
            assert_eq!(counted, Ok(()), "{reply:?}");
            let is_over = replies.bytes == 0 && replies.open.is_empty();
            assert!(is_over, "{reply:?} by {piece}: {replies:?}");
        }
        let (_, but_the_last) = reply.as_bytes().split_last().unwrap();
        let (replies, _) = count(but_the_last, 1);
        assert!(replies.bytes > 0, "{reply:?} is not over: {replies:?}");
    }
}

#[test]
fn a_reply_that_says_that_it_is_too_large_is_known_by_that() {
    // Of the line that says it, eight digits and the return count as well.
    let most = REPLY_BYTES_MAX - ELEMENT_BYTES - 9;
    for (said, is_too_large) in [
        (text(most), false),
        (text(REPLY_BYTES_MAX), true),
        (text(u64::MAX), true),
        (b"$99999999999999999999999\r\n".to_vec(), true),
        (
            format!("*{}\r\n", REPLY_BYTES_MAX / ELEMENT_BYTES - 2).into_bytes(),
            false,
        ),
        (
            format!("*{}\r\n", REPLY_BYTES_MAX / ELEMENT_BYTES).into_bytes(),
            true,
        ),
        (
            format!("%{}\r\n", REPLY_BYTES_MAX / ELEMENT_BYTES / 2).into_bytes(),
            true,
        ),
        (b"*1\r\n".repeat(DEPTH_MAX), false),
        (b"*1\r\n".repeat(DEPTH_MAX + 1), true),
    ] {
        let (_, counted) = count(&said, 7);
        assert_eq!(counted.is_err(), is_too_large, "{}", said.escape_ascii());
    }
}

#[test]
fn many_small_elements_are_as_large_as_what_they_take() {
    // An array of arrays, each of which says that it has few.
    let inner = [b"*1000\r\n".to_vec(), b":1\r\n".repeat(1000)].concat();
    let reply = [b"*1000\r\n".to_vec(), inner.repeat(1000)].concat();
    let (_, counted) = count(&reply, 4096);
    assert_eq!(counted, Err(TooLarge), "of {} bytes", reply.len());
}

#[test]
fn a_line_that_does_not_end_is_too_large_at_last() {
    let mut replies = Replies::new(REPLY_BYTES_MAX);
    let line = [b'a'; 4096];
    assert_eq!(replies.count(b"+"), Ok(()));
    let mut counted = Ok(());
    let mut times = 0;
    while counted.is_ok() && times <= REPLY_BYTES_MAX / 4096 {
        counted = replies.count(&line);
        times += 1;
    }
    assert_eq!(counted, Err(TooLarge));
}
