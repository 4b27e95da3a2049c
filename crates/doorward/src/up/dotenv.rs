//! `.env`: values of variables that need not be on a command line, read where Spin reads them.
//!
//! Lines `SPIN_VARIABLE_NAME=VALUE` count, also after `export`; the last one of a name wins. A value is
//! plain up to a `#` after a space, or in single quotes as it is, or in double quotes with `\n`, `\"`,
//! `\\` and `\$`. All other lines belong to somebody else.
//!
//! Values are read by `dotenvy`, as Spin reads them, and one line at a time, so that an error can say which
//! line it is and nothing in somebody else's line changes what a value is. What `dotenvy` would fill in from
//! the environment (`$NAME`), join of several pieces or continue in the next line is refused before: a secret
//! would silently be another one than the file says.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use doorward_host::variables::ENVIRONMENT_PREFIX;

/// The file in the current folder.
pub(super) const FILE: &str = ".env";
/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The values in the file for the environment variables that Spin's are made of; none where there is no
/// file. An error never shows a value.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, String>> {
    let mut text = String::new();
    match fs::File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        file => file.and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text)),
    }
    .with_context(|| format!("{} cannot be read", path.display()))?;
    let mut values = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let Some((name, text)) = line.split_once('=') else {
            continue;
        };
        let name = name.trim_end();
        if !name.starts_with(ENVIRONMENT_PREFIX) {
            continue;
        }
        let Some(value) = value(text.trim_start()) else {
            bail!(
                "{}:{}: the value of {name} cannot be read; write it in single quotes, on one line",
                path.display(),
                index + 1
            );
        };
        values.insert(name.to_owned(), value);
    }
    Ok(values)
}

fn value(text: &str) -> Option<String> {
    if !stands_alone(text) {
        return None;
    }
    // The library's error has the value in it.
    let (_, value) = dotenvy::Iter::new(format!("V={text}").as_bytes())
        .next()?
        .ok()?;
    Some(value)
}

/// Whether the value is one piece that refers to nothing, with at most a comment after it.
fn stands_alone(text: &str) -> bool {
    let rest = if let Some(quoted) = text.strip_prefix('\'') {
        quoted.split_once('\'').map(|(_, rest)| rest.to_owned())
    } else if let Some(quoted) = text.strip_prefix('"') {
        // Without what is escaped, the first quote ends the value.
        let unescaped = [r"\\", r"\$", "\\\""]
            .iter()
            .fold(quoted.to_owned(), |text, escape| text.replace(escape, ""));
        let split = unescaped.split_once('"');
        split
            .filter(|(value, _)| !value.contains('$'))
            .map(|(_, rest)| rest.to_owned())
    } else {
        let value = text.split_once(" #").map_or(text, |(value, _)| value);
        (!value.contains(['\'', '"', '\\', '$'])).then(String::new)
    };
    rest.is_some_and(|rest| rest.trim().is_empty() || rest.trim_start().starts_with('#'))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<BTreeMap<String, String>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn a_value_is_plain_or_quoted() {
        for (line, expected) in [
            ("SPIN_VARIABLE_A=plain", "plain"),
            ("  export SPIN_VARIABLE_A = plain # said", "plain"),
            ("SPIN_VARIABLE_A=a#b=c", "a#b=c"),
            ("SPIN_VARIABLE_A=", ""),
            (
                "SPIN_VARIABLE_A='{\"kty\": \"OKP\"} $x \\n'",
                "{\"kty\": \"OKP\"} $x \\n",
            ),
            (
                "SPIN_VARIABLE_A=\"a \\\"b\\\" \\$c \\\\ \\n\" # d",
                "a \"b\" $c \\ \n",
            ),
            ("SPIN_VARIABLE_A=first\r\nSPIN_VARIABLE_A=last\r\n", "last"),
        ] {
            let values = read_text(line).unwrap();
            let found = values.get("SPIN_VARIABLE_A").map(String::as_str);
            assert_eq!(found, Some(expected), "{line}");
        }
    }

    #[test]
    fn a_value_that_would_be_read_differently_elsewhere_is_refused_and_not_shown() {
        for line in [
            "SPIN_VARIABLE_A=secret$HOME",
            "SPIN_VARIABLE_A=secret value",
            "SPIN_VARIABLE_A='secret",
            "SPIN_VARIABLE_A=\"secret",
            "SPIN_VARIABLE_A=\"secret$HOME\"",
            "SPIN_VARIABLE_A=\"secret\\t\"",
            "SPIN_VARIABLE_A='secret'more",
            "SPIN_VARIABLE_A=secret\\",
        ] {
            let error = format!("{:#}", read_text(&format!("\n{line}")).unwrap_err());
            assert!(
                error.contains(".env:2: the value of SPIN_VARIABLE_A"),
                "{error}"
            );
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn lines_of_others_and_a_missing_file_are_nothing() {
        let text = "# SPIN_VARIABLE_B=1\nOTHER='unclosed\n\nSPIN=1\nSPIN_VARIABLE_A=1\nnonsense";
        assert_eq!(read_text(text).unwrap().len(), 1);
        let folder = tempfile::tempdir().unwrap();
        assert!(read(&folder.path().join(FILE)).unwrap().is_empty());
    }
}
