//! Who vouches for a server that is spoken to over TLS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, Error, RootCertStore};

/// Nobody to trust.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Nobody would be trusted, or fewer than the operator believes.
    #[error("`sslrootcert`: {} does not hold certificates (PEM) that can vouch for a server", .0.display())]
    Authorities(PathBuf),
    /// The library for TLS refuses its own configuration.
    #[error("there is no TLS here")]
    Tls(#[from] Error),
}

/// Trusts the authorities of a file alone or, without one, those that browsers trust.
///
/// # Errors
/// When the file is not what it should be.
pub fn trusting(authorities: Option<PathBuf>) -> Result<ClientConfig, TrustError> {
    let roots = match authorities {
        Some(path) => read(&path).ok_or(TrustError::Authorities(path))?,
        None => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
    };
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// All certificates of a file: one that cannot be used is no reason to go on with the others.
fn read(path: &Path) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_file_iter(path).ok()? {
        roots.add(authority.ok()?).ok()?;
    }
    (!roots.is_empty()).then_some(roots)
}

/// A path as it stands in a URL, where a plus sign is one.
pub(crate) fn decoded(text: &str) -> String {
    let pair = format!("path={}", text.replace('+', "%2B"));
    form_urlencoded::parse(pair.as_bytes()).map(|(_, path)| path.into_owned()).next().unwrap_or_default()
}
