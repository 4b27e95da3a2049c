//! Who may vouch for servers.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;

use crate::trust::{RootSources, Roots, client_config};

/// Bytes of what `set-ca-root` is given: 64 KiB.
const PEM_BYTES_MAX: usize = 64 << 10;

/// The roots of the host.
pub struct Trust {
    sources: RootSources,
    /// Read when they are first needed.
    roots: OnceCell<Roots>,
}

/// Certificates that a component brings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority(Arc<[CertificateDer<'static>]>);

impl Authority {
    /// Reads certificates in PEM.
    ///
    /// # Errors
    ///
    /// Says what is wrong with them.
    pub fn parse(pem: &str) -> Result<Self, String> {
        if pem.len() > PEM_BYTES_MAX {
            return Err(format!("it has more than {PEM_BYTES_MAX} bytes"));
        }
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
        let certificates = read.map_err(|error| error.to_string())?;
        if certificates.is_empty() {
            return Err("there is no certificate in it".to_owned());
        }
        for certificate in &certificates {
            let added = RootCertStore::empty().add(certificate.clone());
            added.map_err(|error| error.to_string())?;
        }
        Ok(Self(certificates.into()))
    }
}

impl Trust {
    /// Of what these sources have.
    pub fn new(sources: RootSources) -> Self {
        Self {
            sources,
            roots: OnceCell::new(),
        }
    }

    /// How TLS is spoken to servers for which the host's roots vouch, or `authority`.
    ///
    /// # Errors
    ///
    /// Says which of the host's files cannot be read.
    pub async fn config(&self, authority: Option<&Authority>) -> Result<Arc<ClientConfig>, String> {
        let read = || async {
            let sources = self.sources.clone();
            match tokio::task::spawn_blocking(move || sources.load()).await {
                Ok(roots) => roots.map_err(|error| format!("{error:#}")),
                Err(error) => Err(error.to_string()),
            }
        };
        let roots = self.roots.get_or_try_init(read).await?;
        let store = match authority {
            None => roots.usual(),
            Some(authority) => roots.usual_and(&authority.0),
        };
        let config = store.and_then(|store| client_config(store, None));
        config.map(Arc::new).map_err(|error| format!("{error:#}"))
    }
}
