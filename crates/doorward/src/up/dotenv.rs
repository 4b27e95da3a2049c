//! `.env`: values of variables that need not be on a command line, read where Spin reads them.
//!
//! Lines `SPIN_VARIABLE_NAME=VALUE` count, also after `export`; the last one of a name wins. A value is
//! plain up to a `#` after a space, or in single quotes as it is, or in double quotes with `\n`, `\"`,
//! `\\` and `\$`. A value that refers to another variable, or goes on in the next line, is refused. All
//! other lines belong to somebody else.

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
    let (value, rest) = match text.split_at_checked(1) {
        Some(("'", quoted)) => {
            let (value, rest) = quoted.split_once('\'')?;
            (value.to_owned(), rest)
        }
        Some(("\"", quoted)) => double_quoted(quoted)?,
        _ => {
            let value = text.split_once(" #").map_or(text, |(value, _)| value);
            let strange = |c: char| matches!(c, '\'' | '"' | '\\' | '$') || c.is_whitespace();
            let value = value.trim_end();
            return (!value.contains(strange)).then(|| value.to_owned());
        }
    };
    let rest = rest.trim_start();
    (rest.is_empty() || rest.starts_with('#')).then_some(value)
}

/// The value before the closing quote, and what follows it.
fn double_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '$' => return None,
            '\\' => value.push(match characters.next()? {
                'n' => '\n',
                escaped @ ('"' | '\\' | '$') => escaped,
                _ => return None,
            }),
            plain => value.push(plain),
        }
    }
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
