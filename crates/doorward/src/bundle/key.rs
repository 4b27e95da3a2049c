//! `doorward bundle key`, and the file in which such a key is.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, bail};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clap::Args;

use crate::files::{self, Readers};

/// What stands around a key in PEM (RFC 7468 §10).
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// The largest file of a key that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 10;

#[derive(Args)]
pub(super) struct Arguments {
    /// The file for the private key, which must not be there yet.
    #[arg(value_name = "FILE.pem")]
    file: PathBuf,
    /// Make none: print the public key of the one that is in the file.
    #[arg(long)]
    public: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let file = &arguments.file;
    let key = match arguments.public {
        true => read(file)?,
        false => make(file)?,
    };
    println!("{}", public(&key));
    if !arguments.public {
        eprintln!(
            "the private key is in {}: whoever has it decides what gates with this public key let in. Keep it where \
             policies are signed, and nowhere else",
            file.display()
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The public key, as `[bundle]` has it: the member `x` of its JWK (RFC 8037 §2).
pub(super) fn public(key: &Ed25519KeyPair) -> String {
    URL_SAFE_NO_PAD.encode(key.public_key())
}

fn make(file: &Path) -> Result<Ed25519KeyPair> {
    let failed = |_| anyhow!("making a key failed");
    let key = Ed25519KeyPair::generate().map_err(failed)?;
    let pkcs8: Pkcs8V1Der<'_> = key.as_der().map_err(failed)?;
    let text = format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(pkcs8.as_ref()));
    match files::write_new(file, text.as_bytes(), Readers::Owner) {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => bail!(
            "{} is there already, and a key that is lost cannot be had again\n  help: name another file; `--public` prints \
             the public key of one that is there",
            file.display()
        ),
        Err(error) => Err(error).with_context(|| format!("{} cannot be written", file.display())),
    }
}

/// The key in this file.
pub(super) fn read(path: &Path) -> Result<Ed25519KeyPair> {
    let name = path.display();
    let help = "`doorward bundle key FILE.pem` makes one";
    let text = files::read_text(path, FILE_BYTES_MAX)
        .with_context(|| format!("the key {name} cannot be read; {help}"))?;
    let body = text.trim().strip_prefix(BEGIN);
    let body = body.and_then(|body| body.strip_suffix(END));
    let encoded: Option<String> =
        body.map(|body| body.chars().filter(|c| !c.is_ascii_whitespace()).collect());
    let pkcs8 = encoded.and_then(|encoded| STANDARD.decode(encoded).ok());
    let Some(pkcs8) = pkcs8 else {
        bail!("{name} is no private key in PEM (`{BEGIN}`); {help}");
    };
    Ed25519KeyPair::from_pkcs8(&pkcs8)
        .map_err(|error| anyhow!("{name} holds no Ed25519 key ({error}); {help}"))
}
