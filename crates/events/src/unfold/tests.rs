use std::io::Write as _;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

use super::{
    Coding, PIECE_BYTES_MAX, RATIO_FROM_BYTES, RATIO_MAX, UNFOLDED_BYTES_MAX, Unfold, UnfoldError,
};

fn gzip(content: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstd(content: &[u8], level: i32) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), level).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// What to unfold: events that differ in some places, as they do.
fn lines(count: usize) -> Vec<u8> {
    let mut random = doorward_retry::Random::seeded(7);
    let line = |nth| {
        format!(
            "{{\"id\":\"{nth}\",\"source\":\"urn:test\",\"type\":\"a\",\"data\":{}}}\n",
            random.next()
        )
    };
    (0..count).map(line).collect::<String>().into_bytes()
}

/// What a body that comes in such pieces unfolds to.
fn unfold(coding: Coding, body: &[u8], length: usize) -> Result<Vec<u8>, UnfoldError> {
    let mut unfold = Unfold::new(coding, UNFOLDED_BYTES_MAX);
    let mut content = Vec::new();
    for piece in body.chunks(length) {
        let mut at = 0;
        while let Some(found) = unfold.next(piece, &mut at)? {
            assert!(!found.is_empty());
            assert!(found.len() <= PIECE_BYTES_MAX || coding == Coding::Identity);
            content.extend_from_slice(found);
        }
        assert_eq!(at, piece.len(), "a piece is used up");
    }
    unfold.finish()?;
    Ok(content)
}

/// All that is compressed in an ordinary way.
fn compressed(content: &[u8]) -> Vec<(Coding, Vec<u8>)> {
    let mut bodies = vec![(Coding::Identity, content.to_vec())];
    bodies.extend([0, 1, 6, 9].map(|level| (Coding::Gzip, gzip(content, level))));
    bodies.extend([-5, 1, 3, 9, 19].map(|level| (Coding::Zstd, zstd(content, level))));
    // Without a sum, with its length, and in one segment.
    bodies.push((Coding::Zstd, zstd::bulk::compress(content, 3).unwrap()));
    bodies
}

#[test]
fn what_was_compressed_comes_out_whatever_its_pieces() {
    let long = lines(40_000);
    let noise: Vec<u8> = {
        let mut random = doorward_retry::Random::seeded(1);
        (0..300_000).map(|_| random.next() as u8).collect()
    };
    for content in [&b""[..], b"a", &lines(3), &long, &noise] {
        for (coding, body) in compressed(content) {
            for length in [1, 2, 3, 7, 1_000, 65_536, usize::MAX] {
                if length < 7 && body.len() > 100_000 {
                    continue;
                }
                let length = length.min(body.len().max(1));
                let found = unfold(coding, &body, length);
                assert!(found.as_deref() == Ok(content), "{coding:?} by {length}");
            }
        }
    }
}

#[test]
fn it_comes_out_wherever_the_body_is_split() {
    let content = lines(60);
    for (coding, body) in compressed(&content) {
        for at in 0..=body.len() {
            let (one, other) = body.split_at(at);
            let mut unfold = Unfold::new(coding, UNFOLDED_BYTES_MAX);
            let mut found = Vec::new();
            for piece in [one, other] {
                let mut at = 0;
                while let Some(some) = unfold.next(piece, &mut at).unwrap() {
                    found.extend_from_slice(some);
                }
            }
            assert_eq!(unfold.finish(), Ok(()));
            assert!(found == content, "{coding:?} at {at}");
        }
    }
}

#[test]
fn several_members_and_frames_are_one_body() {
    let skipped = |content: &[u8]| {
        let mut frame = vec![0x5a, 0x2a, 0x4d, 0x18];
        frame.extend_from_slice(&(content.len() as u32).to_le_bytes());
        frame.extend_from_slice(content);
        frame
    };
    let with_fields = GzBuilder::new()
        .filename("a.ndjson")
        .comment("b")
        .extra("cc")
        .write(Vec::new(), Compression::fast());
    let named = {
        let mut encoder = with_fields;
        encoder.write_all(b"named").unwrap();
        encoder.finish().unwrap()
    };
    for (coding, parts, expected) in [
        (
            Coding::Gzip,
            vec![gzip(b"a", 6), gzip(b"", 6), named, gzip(b"b", 1)],
            "anamedb",
        ),
        (
            Coding::Zstd,
            vec![
                skipped(b""),
                zstd(b"a", 3),
                skipped(b"xyz"),
                zstd(b"", 3),
                zstd(b"b", 1),
            ],
            "ab",
        ),
    ] {
        let body = parts.concat();
        for length in 1..=body.len() {
            let found = unfold(coding, &body, length).unwrap();
            assert_eq!(String::from_utf8(found).unwrap(), expected, "{length}");
        }
    }
}

#[test]
fn a_body_that_ends_early_or_goes_on_is_broken() {
    let content = lines(50);
    for (coding, body) in compressed(&content) {
        if coding == Coding::Identity {
            continue;
        }
        for length in 0..body.len() {
            let found = unfold(coding, &body[..length], 64);
            let is_missing = matches!(
                found,
                Err(UnfoldError::Broken("the body ends within what is compressed,", at)) if at == length as u64
            );
            assert!(
                is_missing,
                "{coding:?}: {length} of {}: {found:?}",
                body.len()
            );
        }
        for garbage in [
            &b"\0"[..],
            b"x",
            b"{}\n",
            b"\x1f\x8b\x07",
            b"\x28\xb5\x2f\xfe",
        ] {
            let long = [&body, garbage].concat();
            let found = unfold(coding, &long, 64);
            assert!(
                matches!(found, Err(UnfoldError::Broken(..))),
                "{coding:?} {garbage:?}"
            );
        }
    }
}

#[test]
fn what_is_not_so_compressed_is_refused_and_what_was_changed_is_seen() {
    for (coding, body, reason) in [
        (Coding::Gzip, &b"{}"[..], "the body is not gzip"),
        (Coding::Zstd, b"{}\n{}\n", "the body is not zstd"),
        (
            Coding::Gzip,
            b"\x1f\x8b\x08\x80",
            "gzip has flags that nobody knows",
        ),
        (
            Coding::Gzip,
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x07",
            "what is in gzip cannot be read",
        ),
        (
            Coding::Zstd,
            b"\x28\xb5\x2f\xfd\x08",
            "the header of zstd has a bit that nobody knows",
        ),
        // A window of 16 MiB; a single segment of 9 MiB; a dictionary.
        (
            Coding::Zstd,
            b"\x28\xb5\x2f\xfd\x00\x70",
            "zstd asks for a window of more than 8 MiB",
        ),
        (
            Coding::Zstd,
            b"\x28\xb5\x2f\xfd\x00\x69",
            "zstd asks for a window of more than 8 MiB",
        ),
        (
            Coding::Zstd,
            b"\x28\xb5\x2f\xfd\xa0\x00\x00\x90\x00",
            "zstd asks for a window of more than 8 MiB",
        ),
        (
            Coding::Zstd,
            b"\x28\xb5\x2f\xfd\x00\xff",
            "zstd asks for a window of more than 8 MiB",
        ),
        (
            Coding::Zstd,
            b"\x28\xb5\x2f\xfd\x01\x58\x07",
            "zstd asks for a dictionary",
        ),
        (
            Coding::Zstd,
            b"\x28\xb5\x2f\xfd\x00\x58\xff\xff\xff",
            "a block of zstd is too long",
        ),
        // One byte where the header says that there are two.
        (
            Coding::Zstd,
            b"\x28\xb5\x2f\xfd\x20\x02\x09\0\0a",
            "the content is not as long as it says,",
        ),
    ] {
        for length in [1, 100] {
            let found = unfold(coding, body, length);
            let is_due = matches!(found, Err(UnfoldError::Broken(why, _)) if why == reason);
            assert!(is_due, "{reason}: {found:?}");
        }
    }
    // The sums and the lengths at the end.
    let content = lines(50);
    for (coding, body) in compressed(&content) {
        if coding == Coding::Identity {
            continue;
        }
        let ends = if coding == Coding::Gzip { 8 } else { 4 };
        for back in 1..=ends {
            let mut changed = body.clone();
            let at = changed.len() - back;
            changed[at] ^= 1;
            let found = unfold(coding, &changed, 1_000);
            assert!(
                found.as_deref() != Ok(&content),
                "{coding:?}: {back} from its end"
            );
        }
    }
}

#[test]
fn a_window_of_8_mib_is_taken() {
    let content = lines(150_000);
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(23).unwrap();
    encoder.write_all(&content).unwrap();
    let body = encoder.finish().unwrap();
    assert!(unfold(Coding::Zstd, &body, 65_536).unwrap() == content);
}

#[test]
fn a_bomb_is_refused_and_events_that_hardly_differ_are_not() {
    let bomb = vec![b'a'; 40_000_000];
    for (coding, body) in compressed(&bomb) {
        let is_bomb = body.len() * (RATIO_MAX as usize) < bomb.len();
        let found = unfold(coding, &body, 65_536).map(|content| content.len());
        let expected = match is_bomb {
            true => Err(UnfoldError::Ratio),
            false => Ok(bomb.len()),
        };
        assert_eq!(found, expected, "{coding:?} of {} bytes", body.len());
    }
    // Bombs in small members, none of which is one.
    let member = gzip(&vec![b'\n'; 4_000_000], 9);
    let found = unfold(Coding::Gzip, &member.repeat(20), 1_000);
    assert_eq!(found, Err(UnfoldError::Ratio));
    let frame = zstd(&vec![b'\n'; 4_000_000], 3);
    let found = unfold(Coding::Zstd, &frame.repeat(20), 1_000);
    assert_eq!(found, Err(UnfoldError::Ratio));

    let rest = "x".repeat(240);
    let line = |nth| format!("{{\"id\":\"{nth}\",\"source\":\"urn:test\",\"data\":\"{rest}\"}}\n");
    let alike = (1_000_000..1_060_000).map(line).collect::<String>();
    let mut ratios = Vec::new();
    for (coding, body) in compressed(alike.as_bytes()) {
        let found = unfold(coding, &body, 65_536).map(|content| content.len());
        ratios.push((coding, alike.len() / body.len(), found == Ok(alike.len())));
    }
    assert!(alike.len() as u64 > 3 * RATIO_FROM_BYTES);
    assert!(
        ratios.iter().all(|(_, _, is_taken)| *is_taken),
        "{ratios:?}"
    );
}

#[test]
fn a_body_becomes_no_more_than_the_caller_allows() {
    let content = lines(1_000);
    let length = content.len() as u64;
    for (coding, body) in compressed(&content) {
        for (max, is_good) in [(length, true), (length - 1, false), (0, false)] {
            let mut unfold = Unfold::new(coding, max);
            let mut at = 0;
            let mut result = Ok(());
            while result.is_ok() {
                match unfold.next(&body, &mut at) {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(error) => result = Err(error),
                }
            }
            let expected = if is_good {
                Ok(())
            } else {
                Err(UnfoldError::TooMuch(max))
            };
            assert_eq!(result, expected, "{coding:?} to {max}");
        }
    }
}

#[test]
fn what_says_nothing_for_ever_takes_no_memory_and_what_is_changed_anyhow_never_panics() {
    // Frames to be skipped, and empty blocks.
    let mut unfold = Unfold::new(Coding::Zstd, UNFOLDED_BYTES_MAX);
    let skipped = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4].repeat(1_000);
    for _ in 0..100 {
        assert_eq!(unfold.next(&skipped, &mut 0), Ok(None));
    }
    assert_eq!(unfold.next(b"\x28\xb5\x2f\xfd\x00\x58", &mut 0), Ok(None));
    let empty = [0, 0, 0].repeat(10_000);
    for _ in 0..100 {
        assert_eq!(unfold.next(&empty, &mut 0), Ok(None));
    }

    let content = lines(200);
    let mut random = doorward_retry::Random::seeded(99);
    let mut refused = 0;
    for (coding, body) in compressed(&content) {
        for _ in 0..300 {
            let mut changed = body.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(changed.len() as u64) as usize;
                changed[at] = random.next() as u8;
            }
            let length = 1 + random.below(500) as usize;
            refused += u32::from(super::tests::unfold(coding, &changed, length).is_err());
        }
    }
    assert!(refused > 2_000, "{refused} were refused");
}
