//! The file that says what a folder of compiled components has.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use super::cpu::Cpu;
use super::file::read;
use crate::manifest::{Digest, Middleware};

/// What is in the file. Names of files are relative to it.
#[derive(Debug)]
pub struct Record {
    pub cpu: Cpu,
    /// [`super::cpu::settings_digest`] of the engine that compiled.
    pub settings: String,
    /// By their ids, as they were before they were compiled.
    pub components: BTreeMap<String, File>,
    /// By [`chain_name`].
    pub chains: BTreeMap<String, Chain>,
    /// Folders with what a component sees of files, by its id.
    pub files: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub struct File {
    pub name: String,
    pub digest: Digest,
}

/// A component with its middlewares, composed and compiled.
#[derive(Clone, Debug)]
pub struct Chain {
    pub file: File,
    /// Its imports that the host does not have.
    pub absent: Vec<String>,
}

/// What a component behind its middlewares is called: `gate(files,variables) > users`.
pub fn chain_name(id: &str, middlewares: &[Middleware]) -> String {
    let mut name = String::new();
    for middleware in middlewares {
        let sets: Vec<&str> = middleware.inherit.iter().map(|set| set.name()).collect();
        name.push_str(&format!("{}({}) > ", middleware.component, sets.join(",")));
    }
    name + id
}

impl Record {
    pub fn read(path: &Path) -> Result<Self> {
        let text = read(path)?;
        let value: Value = serde_json::from_slice(&text)
            .with_context(|| format!("{} is not JSON", path.display()))?;
        Self::of(&value)
            .with_context(|| format!("{} is not what `doorward image` writes", path.display()))
    }

    fn of(value: &Value) -> Result<Self> {
        let cpu = string(value, "cpu")?;
        let mut record = Self {
            cpu: Cpu::named(cpu)
                .with_context(|| format!("`{cpu}` is no processor of this architecture"))?,
            settings: string(value, "settings")?.to_owned(),
            components: BTreeMap::new(),
            chains: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        for (id, component) in object(value, "components")? {
            record.components.insert(id.clone(), File::of(component)?);
        }
        for (name, chain) in object(value, "chains")? {
            let absent = chain.get("absent").and_then(Value::as_array);
            let absent = absent.context("`absent` is missing")?.iter();
            let absent = absent.map(|name| name.as_str().map(str::to_owned));
            let chain = Chain {
                file: File::of(chain)?,
                absent: absent.collect::<Option<_>>().context("`absent`")?,
            };
            record.chains.insert(name.clone(), chain);
        }
        for (id, folder) in object(value, "files")? {
            let folder = folder.as_str().context("`files`")?;
            record.files.insert(id.clone(), folder.to_owned());
        }
        Ok(record)
    }

    /// The text of the file, the same for the same record.
    pub fn text(&self) -> String {
        let components: Map<_, _> = (self.components.iter())
            .map(|(id, file)| (id.clone(), file.json()))
            .collect();
        let chains: Map<_, _> = (self.chains.iter())
            .map(|(name, chain)| {
                let file = &chain.file;
                let json = json!({
                    "file": file.name,
                    "digest": file.digest.to_string(),
                    "absent": chain.absent,
                });
                (name.clone(), json)
            })
            .collect();
        let record = json!({
            "cpu": self.cpu.name,
            "settings": self.settings,
            "components": components,
            "chains": chains,
            "files": self.files,
        });
        format!("{record:#}\n")
    }
}

impl File {
    fn of(value: &Value) -> Result<Self> {
        let digest = string(value, "digest")?;
        Ok(Self {
            name: string(value, "file")?.to_owned(),
            digest: Digest::parse(digest).with_context(|| format!("`{digest}` is no digest"))?,
        })
    }

    fn json(&self) -> Value {
        json!({ "file": self.name, "digest": self.digest.to_string() })
    }
}

fn string<'v>(value: &'v Value, key: &str) -> Result<&'v str> {
    let found = value.get(key).and_then(Value::as_str);
    found.with_context(|| format!("`{key}` is missing"))
}

fn object<'v>(value: &'v Value, key: &str) -> Result<&'v Map<String, Value>> {
    let found = value.get(key).and_then(Value::as_object);
    found.with_context(|| format!("`{key}` is missing"))
}
