//! What is put into a built component: files that it would be mounted otherwise, and what its host is like.
//!
//! A component has a [place](PLACE_BYTES) for it: where it is in the component's memory and how long it is, two numbers
//! of 32 bits with the low byte first, and after them a [mark](MARK) by which the place is found. Where the length is 0
//! there is nothing. What is there is [written](Contents::write) once, when the component is composed, and
//! [read](Contents::read) by the component where it lies.
//!
//! It begins with a byte for the version and one for what the host is like. Files follow: the length of the
//! path and that of the file, 32 bits each with the low byte first, the path, and the file.

/// By which the place in a component is found. It comes after the two numbers, which are 0 before anything is put in:
/// at the end of the data of a component zeros may be left out.
pub const MARK: [u8; 24] = *b"doorward:embedded@0.1.0\n";
/// Bytes of the place without its mark.
pub const PLACE_BYTES: usize = 8;
/// Most bytes of all files together, with their paths.
pub const CONTENTS_BYTES_MAX: usize = 16 << 20;

/// The version of what is written.
const VERSION: u8 = 1;
/// The host does not say who is connected.
const NAMELESS_CLIENTS: u8 = 1;

/// What is embedded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents<'a> {
    /// Whether the host does not say who is connected, so that whatever says so is the client's.
    pub nameless_clients: bool,
    /// Each file by the path under which it would be mounted. No path comes twice.
    pub files: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Contents<'a> {
    /// The bytes to put into a component; `None` where they are more than [`CONTENTS_BYTES_MAX`].
    #[must_use]
    pub fn write(&self) -> Option<Vec<u8>> {
        let flags = if self.nameless_clients {
            NAMELESS_CLIENTS
        } else {
            0
        };
        let mut out = vec![VERSION, flags];
        for (path, file) in &self.files {
            for part in [path.as_bytes(), file] {
                out.extend_from_slice(&u32::try_from(part.len()).ok()?.to_le_bytes());
            }
            out.extend_from_slice(path.as_bytes());
            out.extend_from_slice(file);
            if out.len() > CONTENTS_BYTES_MAX {
                return None;
            }
        }
        Some(out)
    }

    /// What is in these bytes; `None` where they were not [written](Self::write) by this version.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (flags, mut rest) = head(bytes)?;
        let mut files = Vec::new();
        while !rest.is_empty() {
            let (path, file) = next(&mut rest)?;
            files.push((core::str::from_utf8(path).ok()?, file));
        }
        Some(Self {
            nameless_clients: flags == NAMELESS_CLIENTS,
            files,
        })
    }
}

/// What was written by another version, or is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Whether the host does not say who is connected, by what is embedded: where nothing is, it does.
///
/// # Errors
/// See [`Malformed`].
pub fn are_clients_nameless(bytes: &[u8]) -> Result<bool, Malformed> {
    match bytes {
        [] => Ok(false),
        bytes => head(bytes).map_or(Err(Malformed), |(flags, _)| Ok(flags == NAMELESS_CLIENTS)),
    }
}

/// The file that would be mounted at this path, by what is embedded; `None`: there is none.
///
/// # Errors
/// See [`Malformed`].
pub fn file_of<'a>(bytes: &'a [u8], path: &str) -> Result<Option<&'a [u8]>, Malformed> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let (_, mut rest) = head(bytes).ok_or(Malformed)?;
    while !rest.is_empty() {
        let (of, file) = next(&mut rest).ok_or(Malformed)?;
        if of == path.as_bytes() {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// The flags, and what comes after them.
fn head(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (&[version, flags], rest) = bytes.split_first_chunk()?;
    (version == VERSION && flags & !NAMELESS_CLIENTS == 0).then_some((flags, rest))
}

/// The next path and its file.
fn next<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let path_bytes = number(rest)?;
    let file_bytes = number(rest)?;
    Some((part(rest, path_bytes)?, part(rest, file_bytes)?))
}

fn number(rest: &mut &[u8]) -> Option<usize> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

fn part<'a>(rest: &mut &'a [u8], bytes: usize) -> Option<&'a [u8]> {
    let (part, after) = rest.split_at_checked(bytes)?;
    *rest = after;
    Some(part)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    fn contents() -> Contents<'static> {
        Contents {
            nameless_clients: true,
            files: vec![
                ("/doorward.toml", b"[issuer]\n"),
                ("/empty", b""),
                ("/keys.json", &[0, 255, 10]),
            ],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for contents in [contents(), Contents::default()] {
            let bytes = contents.write().unwrap();
            assert_eq!(Contents::read(&bytes), Some(contents));
        }
    }

    #[test]
    fn a_file_is_found_by_its_whole_path() {
        let bytes = contents().write().unwrap();
        assert_eq!(file_of(&bytes, "/empty"), Ok(Some(&b""[..])));
        assert_eq!(
            file_of(&bytes, "/doorward.toml"),
            Ok(Some(&b"[issuer]\n"[..]))
        );
        for path in ["doorward.toml", "/doorward", "/doorward.toml/", ""] {
            assert_eq!(file_of(&bytes, path), Ok(None), "{path}");
            assert_eq!(file_of(&[], path), Ok(None), "{path} of nothing");
        }
    }

    #[test]
    fn who_is_connected_is_told_unless_it_is_written_that_it_is_not() {
        for nameless_clients in [true, false] {
            let contents = Contents {
                nameless_clients,
                files: Vec::new(),
            };
            let bytes = contents.write().unwrap();
            assert_eq!(are_clients_nameless(&bytes), Ok(nameless_clients));
        }
        assert_eq!(are_clients_nameless(&[]), Ok(false));
    }

    #[test]
    fn bytes_that_end_early_are_not_read() {
        let contents = contents();
        let bytes = contents.write().unwrap();
        // Between two files it could be the end.
        let ends: Vec<usize> = (0..=contents.files.len())
            .map(|count| {
                let files = contents.files[..count].to_vec();
                let less = Contents {
                    files,
                    ..contents.clone()
                };
                less.write().unwrap().len()
            })
            .collect();
        for length in 0..bytes.len() {
            let read = Contents::read(&bytes[..length]);
            assert_eq!(read.is_some(), ends.contains(&length), "{length} bytes");
            let found = file_of(&bytes[..length], "/none");
            let is_whole = length == 0 || ends.contains(&length);
            assert_eq!(found.is_ok(), is_whole, "{length} bytes");
        }
    }

    #[test]
    fn another_version_and_an_unknown_flag_are_not_read() {
        let bytes = contents().write().unwrap();
        for (at, value) in [(0, 0), (0, 2), (1, 2), (1, 3), (1, 255)] {
            let mut other = bytes.clone();
            other[at] = value;
            assert_eq!(Contents::read(&other), None, "byte {at} is {value}");
            assert_eq!(
                file_of(&other, "/empty"),
                Err(Malformed),
                "byte {at} is {value}"
            );
            assert_eq!(
                are_clients_nameless(&other),
                Err(Malformed),
                "byte {at} is {value}"
            );
        }
    }

    #[test]
    fn more_than_the_bound_is_not_written() {
        let file = vec![0; CONTENTS_BYTES_MAX];
        let contents = Contents {
            nameless_clients: false,
            files: vec![("/large", &file)],
        };
        assert_eq!(contents.write(), None);
    }
}
