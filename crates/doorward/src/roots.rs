//! Who vouches for servers.

use std::path::PathBuf;

use doorward_host::trust::RootSources;

/// A file that counts in place of all other roots, as for OpenSSL, curl and many more.
const ROOTS_VARIABLE: &str = "SSL_CERT_FILE";

/// What the environment says, and these files.
pub(crate) fn sources(added: &[PathBuf]) -> RootSources {
    let replaced_by = std::env::var_os(ROOTS_VARIABLE).filter(|file| !file.is_empty());
    RootSources {
        replaced_by: replaced_by.map(PathBuf::from),
        added: added.to_vec(),
    }
}
