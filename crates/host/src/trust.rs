//! Who may vouch for servers: the root certificates of TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// Bytes of one file with certificates or a key: 8 MiB. A machine's own roots have a quarter of one.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// Where root certificates come from.
#[derive(Clone, Debug, Default)]
pub struct RootSources {
    /// A file that counts in place of the machine's roots and Mozilla's (`SSL_CERT_FILE`).
    pub replaced_by: Option<PathBuf>,
    /// Files that count as well (`--ca-file`).
    pub added: Vec<PathBuf>,
}

/// Root certificates.
#[derive(Clone, Debug)]
pub struct Roots {
    /// Those of the machine, and those that were added.
    machine: Vec<CertificateDer<'static>>,
    /// Whether Mozilla's count as well, unless told otherwise.
    mozilla: bool,
}

/// A certificate with those that vouch for it, and its key.
pub type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl RootSources {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// Names the file that cannot be used. What is wrong with a certificate among the machine's is not an error:
    /// the others are there.
    pub fn load(&self) -> Result<Roots> {
        let mut machine = match &self.replaced_by {
            Some(file) => roots_of(file).context("SSL_CERT_FILE")?,
            None => rustls_native_certs::load_native_certs().certs,
        };
        for file in &self.added {
            machine.extend(roots_of(file).context("--ca-file")?);
        }
        Ok(Roots {
            machine,
            mozilla: self.replaced_by.is_none(),
        })
    }
}

impl Roots {
    /// Those that count unless something else is said: the machine's, what was added, and Mozilla's.
    ///
    /// # Errors
    ///
    /// When there are none.
    pub fn usual(&self) -> Result<RootCertStore> {
        self.usual_and(&[])
    }

    /// The usual ones, and `more`.
    ///
    /// # Errors
    ///
    /// When there are none.
    pub fn usual_and(&self, more: &[CertificateDer<'static>]) -> Result<RootCertStore> {
        self.store(true, self.mozilla, more)
    }

    /// The machine's and what was added to them, Mozilla's, and `more`, as far as they are wanted.
    ///
    /// # Errors
    ///
    /// When there are none.
    pub fn store(
        &self,
        machine: bool,
        mozilla: bool,
        more: &[CertificateDer<'static>],
    ) -> Result<RootCertStore> {
        let mut store = RootCertStore::empty();
        if mozilla {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        if machine {
            store.add_parsable_certificates(self.machine.iter().cloned());
        }
        store.add_parsable_certificates(more.iter().cloned());
        ensure!(
            !store.is_empty(),
            "there is no root certificate, so that no server could be believed"
        );
        Ok(store)
    }
}

/// The root certificates of a file in PEM, each of which can vouch for somebody.
///
/// # Errors
///
/// Names the file.
pub fn roots_of(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found = certificates(file)?;
    for (index, certificate) in found.iter().enumerate() {
        RootCertStore::empty()
            .add(certificate.clone())
            .with_context(|| {
                let number = index + 1;
                format!(
                    "{}: certificate {number} in it cannot be used",
                    file.display()
                )
            })?;
    }
    Ok(found)
}

/// The certificates of a file in PEM.
///
/// # Errors
///
/// Names the file.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let text = read(file)?;
    let found: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .with_context(|| format!("{}: a certificate in it cannot be read", file.display()))?;
    if found.is_empty() {
        bail!(
            "{}: there is no certificate in it; it has to be PEM, with a line -----BEGIN CERTIFICATE-----",
            file.display()
        );
    }
    Ok(found)
}

/// The private key of a file in PEM. What is in it is in no message.
///
/// # Errors
///
/// Names the file.
pub fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>> {
    let text = read(file)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        anyhow::anyhow!(
            "{}: there is no private key in it that can be read; it has to be PEM, with a line \
             -----BEGIN PRIVATE KEY-----, without a password",
            file.display()
        )
    })
}

fn read(file: &Path) -> Result<Vec<u8>> {
    let about = || format!("{} cannot be read", file.display());
    let bytes = fs::metadata(file).with_context(about)?.len();
    ensure!(
        bytes <= FILE_BYTES_MAX,
        "{} has more than {FILE_BYTES_MAX} bytes",
        file.display()
    );
    fs::read(file).with_context(about)
}

/// How TLS is spoken to servers that `roots` vouch for, with the certificate to show where one is asked for.
///
/// # Errors
///
/// When the certificate and the key do not fit.
pub fn client_config(roots: RootCertStore, identity: Option<Identity>) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS cannot be set up")?
        .with_root_certificates(roots);
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => Ok(builder.with_client_auth_cert(chain, key)?),
    }
}
