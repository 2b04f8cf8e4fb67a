//! The way to a PostgreSQL server: encrypted where its URL says so.
//!
//! The words are those of PostgreSQL's own programs, of which the driver knows some. Who is encrypted is proven as well: there is
//! no encryption here without a certificate that an authority vouches for and that names the host, whatever `sslmode` says.

use std::fmt::Write as _;
use std::path::PathBuf;

use tokio_postgres_rustls::MakeRustlsConnect;
use vestibule_postgres::{Database, OpenError};

use crate::database::ServerUrl;
use crate::trust::{TrustError, decoded, trusting};

/// No way to the server.
#[derive(Debug, thiserror::Error)]
pub enum WayError {
    /// Passwords and keys would go over the network in clear text.
    #[error(
        "the way to the database is not encrypted: say `sslmode=require`, or `sslmode=disable` if the network is safe"
    )]
    Plaintext,
    /// A word that the driver does not know, or that proves less than it says.
    #[error("`sslmode` is `disable`, `require` or `verify-full`")]
    Mode,
    /// Only one of them would count.
    #[error("`sslrootcert` is given twice")]
    Twice,
    /// The URL, or what it asks for.
    #[error(transparent)]
    Url(OpenError),
    /// There is nobody to trust.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl From<OpenError> for WayError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Plaintext => Self::Plaintext,
            other => Self::Url(other),
        }
    }
}

/// Reads a URL. `sslmode=require` and `sslmode=verify-full` encrypt, and trust the authorities that browsers trust or, with
/// `sslrootcert=FILE`, those of the file alone.
///
/// # Errors
/// When it is none, when it would go in clear text to another machine without saying so, and when the file is not what it should be.
pub fn database(url: &ServerUrl) -> Result<Database, WayError> {
    let url = url.expose_secret();
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let mut rest = String::new();
    let (mut encrypt, mut authorities) = (false, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            // The driver does not know these two.
            Some(("sslmode", "verify-full")) => encrypt = true,
            Some(("sslmode", mode)) if !["disable", "prefer", "require"].contains(&mode) => {
                return Err(WayError::Mode);
            }
            Some(("sslrootcert", _)) if authorities.is_some() => return Err(WayError::Twice),
            Some(("sslrootcert", path)) => authorities = Some(PathBuf::from(decoded(path))),
            _ => {
                encrypt |= pair == "sslmode=require";
                let _ = write!(rest, "{}{pair}", if rest.is_empty() { '?' } else { '&' });
            }
        }
    }
    let url = format!("{place}{rest}");
    if !encrypt && authorities.is_none() {
        return Ok(Database::from_url(&url)?);
    }
    Ok(Database::with_tls(&url, MakeRustlsConnect::new(trusting(authorities)?))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(url: &str) -> Result<Database, WayError> {
        database(&ServerUrl::new(url))
    }

    #[test]
    fn clear_text_stays_here_or_is_asked_for() {
        for url in [
            "postgres://localhost/x",
            "postgres://me@127.0.0.1:1/x",
            "postgres://db.example/x?sslmode=disable",
        ] {
            assert!(way(url).is_ok(), "{url}");
        }
        for url in ["postgres://db.example/x", "postgres://db.example/x?sslmode=prefer"] {
            let error = way(url).unwrap_err();
            assert!(matches!(error, WayError::Plaintext), "{url}: {error:?}");
        }
    }

    #[test]
    fn encryption_is_asked_for_in_the_usual_words() {
        for url in [
            "postgres://db.example/x?sslmode=require",
            "postgres://db.example/x?sslmode=verify-full&application_name=ehr",
            "postgresql://me:hunter2@db.example:5433/x?application_name=ehr&sslmode=require&connect_timeout=2",
        ] {
            let shown = format!("{:?}", way(url).unwrap());
            assert!(shown.contains("Require") && !shown.contains("hunter2"), "{url}: {shown}");
        }
        // Those that prove less are not known, and nothing is both.
        for url in [
            "postgres://db.example/x?sslmode=verify-full&sslmode=disable",
            "postgres://db.example/x?sslmode=require&nonsense=1",
        ] {
            assert!(matches!(way(url), Err(WayError::Url(_))), "{url}");
        }
        for mode in ["verify-ca", "allow", "", "REQUIRE", "verify%2Dfull"] {
            let url = format!("postgres://db.example/x?sslmode={mode}");
            assert!(matches!(way(&url), Err(WayError::Mode)), "{url}");
        }
    }

    fn authority() -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.self_signed(&key).unwrap().pem()
    }

    #[test]
    fn authorities_are_read_from_a_file_that_holds_them() {
        let directory = std::env::temp_dir().join(format!("demo-ehr-authorities-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let file = directory.join("a+b=c %25.pem");
        let url = |mode: &str| {
            let path = file.display().to_string().replace('%', "%25").replace(' ', "%20");
            format!("postgres://db.example/x?{mode}sslrootcert={path}")
        };
        assert!(matches!(way(&url("")), Err(WayError::Trust(TrustError::Authorities(path))) if path == file));
        for wrong in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&file, wrong).unwrap();
            assert!(matches!(way(&url("")), Err(WayError::Trust(TrustError::Authorities(_)))), "{wrong}");
        }
        std::fs::write(&file, authority()).unwrap();
        assert!(matches!(way(&format!("{}&sslrootcert=x", url(""))), Err(WayError::Twice)));
        for mode in ["", "sslmode=require&", "sslmode=verify-full&", "sslmode=prefer&"] {
            assert!(format!("{:?}", way(&url(mode)).unwrap()).contains("Require"), "{mode}");
        }
        assert!(matches!(way(&url("sslmode=disable&")), Err(WayError::Url(OpenError::TlsDisabled))));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
