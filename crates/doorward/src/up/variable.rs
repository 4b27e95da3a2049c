//! `--variable`, in the four forms that Spin has for it.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::files;

/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where values come from.
#[derive(Clone)]
pub(crate) enum VariableSource {
    /// `KEY=VALUE`
    Literal(String, String),
    /// `KEY=@FILE`
    Content(String, PathBuf),
    /// `@FILE.json`
    Json(PathBuf),
    /// `@FILE.toml`
    Toml(PathBuf),
}

impl VariableSource {
    /// The file that they are in, if any.
    pub(super) fn file(&self) -> Option<PathBuf> {
        match self {
            Self::Literal(..) => None,
            Self::Content(_, path) | Self::Json(path) | Self::Toml(path) => Some(path.clone()),
        }
    }
}

impl FromStr for VariableSource {
    type Err = String;

    /// The error never repeats the text: it may hold a secret.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix('@') {
            let path = PathBuf::from(path);
            return match path.extension().and_then(|extension| extension.to_str()) {
                Some("json") => Ok(Self::Json(path)),
                Some("toml") => Ok(Self::Toml(path)),
                _ => Err("a file of variables has to end in .json or .toml".to_owned()),
            };
        }
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(match value.strip_prefix('@') {
                Some(path) => Self::Content(key.to_owned(), PathBuf::from(path)),
                None => Self::Literal(key.to_owned(), value.to_owned()),
            }),
            _ => Err("it has to be KEY=VALUE, KEY=@FILE, @FILE.json or @FILE.toml".to_owned()),
        }
    }
}

/// The values of all sources, in their order.
pub(crate) fn read_all(sources: &[VariableSource]) -> Result<Vec<(String, String)>> {
    let mut values = Vec::new();
    for source in sources {
        match source {
            VariableSource::Literal(key, value) => values.push((key.clone(), value.clone())),
            VariableSource::Content(key, path) => values.push((key.clone(), read(path)?)),
            VariableSource::Json(path) => {
                let parsed: Value = serde_json::from_str(&read(path)?)
                    .ok()
                    .with_context(|| format!("{} is not JSON", path.display()))?;
                let object = parsed.as_object().into_iter().flatten();
                for (key, value) in object {
                    values.push((key.clone(), string(path, key, value.as_str())?));
                }
            }
            VariableSource::Toml(path) => {
                let text = read(path)?;
                let parsed = toml::de::DeTable::parse(&text)
                    .ok()
                    .with_context(|| format!("{} is not TOML", path.display()))?;
                for (key, value) in parsed.get_ref() {
                    let key = key.get_ref();
                    let value = string(path, key, value.get_ref().as_str())?;
                    values.push((key.to_string(), value));
                }
            }
        }
    }
    Ok(values)
}

fn string(path: &Path, key: &str, value: Option<&str>) -> Result<String> {
    match value {
        Some(value) => Ok(value.to_owned()),
        None => bail!("{}: the value of `{key}` is not a string", path.display()),
    }
}

fn read(path: &Path) -> Result<String> {
    files::read_text(path, FILE_BYTES_MAX)
        .with_context(|| format!("--variable: {} cannot be read", path.display()))
}
