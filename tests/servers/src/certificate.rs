//! A certificate for a server, by an authority that nobody else knows.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// Files in a server's directory, PEM each.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) authority: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) certificate: PathBuf,
}

impl Certificate {
    pub(crate) fn new(name: &str, directory: &Path) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);

        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        // Called as its authority is, it would be taken for one that vouches for itself.
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &issuer).unwrap();

        let file = |name: &str, text: String| {
            let path = directory.join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let key = file("server.key", key.serialize_pem());
        // A server does not take a key that others may read.
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        Self {
            authority: file("authority.pem", authority.pem()),
            certificate: file("server.pem", certificate.pem()),
            key,
        }
    }

    /// What PostgreSQL is told.
    pub(crate) fn settings(&self) -> [String; 3] {
        let file = |setting: &str, path: &Path| format!("{setting}={}", path.display());
        ["ssl=on".to_owned(), file("ssl_cert_file", &self.certificate), file("ssl_key_file", &self.key)]
    }
}
