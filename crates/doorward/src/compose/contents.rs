//! What is embedded: a policy that was checked, and the files that it names.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use doorward_policy::{KeySource, Policy, advise};

use crate::policy_file::{self, POLICY};

/// A file to embed.
#[derive(Clone, Debug)]
pub(super) struct EmbeddedFile {
    /// Where it would be mounted.
    destination: String,
    /// Where it is.
    source: PathBuf,
}

/// Reads `PATH=FILE`.
pub(super) fn embedded_file(text: &str) -> Result<EmbeddedFile, String> {
    let Some((destination, source)) = text.split_once('=') else {
        return Err("it is PATH=FILE, such as /keys.json=keys.json".to_owned());
    };
    if !destination.starts_with('/') {
        return Err(format!(
            "`{destination}` is no absolute path, as the policy names files: /keys.json=keys.json"
        ));
    }
    if destination == POLICY {
        return Err("the policy is named with `--policy`".to_owned());
    }
    Ok(EmbeddedFile {
        destination: destination.to_owned(),
        source: source.into(),
    })
}

/// A file that was read.
struct ReadFile {
    of: EmbeddedFile,
    bytes: Vec<u8>,
}

/// What is to be embedded, read and checked.
pub(super) struct Given {
    /// The policy.
    pub(super) policy: Policy,
    /// The policy first, and the files that it names.
    files: Vec<ReadFile>,
}

impl Given {
    /// Reads a policy and what it names.
    ///
    /// # Errors
    ///
    /// The policy cannot be used, or names a file that is not among `files`; or one of them cannot be read, is named
    /// twice or by nobody.
    pub(super) fn read(source: &Path, files: &[EmbeddedFile]) -> Result<Self> {
        let name = source.display().to_string();
        let (text, policy) = policy_file::policy(source)?;
        let findings = advise(&text, policy.warnings());
        if !findings.is_empty() {
            eprintln!("{}", findings.render(&name, Some(&text)));
        }
        let mut read = vec![ReadFile {
            of: EmbeddedFile {
                destination: POLICY.to_owned(),
                source: source.to_owned(),
            },
            bytes: text.into_bytes(),
        }];
        let named = named(&policy);
        for file in files {
            let EmbeddedFile {
                destination,
                source,
            } = file;
            if read
                .iter()
                .any(|other| other.of.destination == *destination)
            {
                bail!("`--file {destination}=…` is there twice");
            }
            if !named.contains(&destination.as_str()) {
                bail!("the policy {name} names no file {destination}, so nobody would read it");
            }
            let bytes = fs::read(source).with_context(|| {
                format!("{} cannot be read, for {destination}", source.display())
            })?;
            let of = file.clone();
            read.push(ReadFile { of, bytes });
        }
        for path in named {
            if !read.iter().any(|file| file.of.destination == path) {
                eprintln!(
                    "note: the policy {name} names {path}, which is not embedded and has to be mounted; to embed it: \
                     `--file {path}=FILE`"
                );
            }
        }
        check_candidate(&read, &policy, &name)?;
        Ok(Self {
            policy,
            files: read,
        })
    }

    /// Each file by where it would be mounted.
    pub(super) fn files(&self) -> Vec<(&str, &[u8])> {
        let files = self.files.iter();
        files
            .map(|file| (file.of.destination.as_str(), file.bytes.as_slice()))
            .collect()
    }

    /// From where the file is that would be mounted there; `None`: none would be.
    pub(super) fn source(&self, destination: &str) -> Option<&Path> {
        let mut files = self.files.iter();
        let found = files.find(|file| file.of.destination == destination);
        found.map(|file| file.of.source.as_path())
    }
}

/// The files that a policy names.
fn named(policy: &Policy) -> Vec<&str> {
    let keys = policy
        .issuers()
        .iter()
        .filter_map(|issuer| match &issuer.keys {
            KeySource::JwksFile(path) => Some(path.as_str()),
            KeySource::Discovery | KeySource::JwksUrl(_) | KeySource::Secret { .. } => None,
        });
    let mut named: Vec<&str> = keys.chain(policy.candidate()).collect();
    named.sort_unstable();
    named.dedup();
    named
}

/// A policy that decides beside the other one is checked like that.
fn check_candidate(files: &[ReadFile], policy: &Policy, name: &str) -> Result<()> {
    let Some(path) = policy.candidate() else {
        return Ok(());
    };
    let Some(file) = files.iter().find(|file| file.of.destination == path) else {
        return Ok(());
    };
    let text = std::str::from_utf8(&file.bytes)
        .with_context(|| format!("{path}, the candidate of {name}, is no text"))?;
    match Policy::parse(text) {
        Ok(_) => Ok(()),
        Err(findings) => bail!(
            "{path}, the candidate of {name}, is not valid\n{}",
            findings.render(path, Some(text))
        ),
    }
}
