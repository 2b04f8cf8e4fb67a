//! The way to a Redis server: encrypted where its URL begins with `rediss://`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use vestibule_redis::RedisOptions;

use crate::database::ServerUrl;
use crate::trust::{TrustError, decoded, trusting};

/// No way to the server.
#[derive(Debug, thiserror::Error)]
pub enum WayError {
    /// A parameter that would mean nothing: the operator believes that it does. Not repeated, since it may be a part of a password.
    #[error("the URL has a parameter that is not known: `sslrootcert=FILE`, once, and `protocol=resp3` are")]
    Parameter,
    /// Somebody is to be trusted, and nobody would be asked.
    #[error("`sslrootcert` is for an address that begins with `rediss://`")]
    ClearText,
    /// There is nobody to trust.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// Reads a URL: what the store connects to, and how. The authorities are those that browsers trust or, with `sslrootcert=FILE`, those of
/// the file alone.
///
/// # Errors
/// When a parameter or the file is not what it should be.
pub fn server(url: &ServerUrl) -> Result<(ServerUrl, RedisOptions), WayError> {
    let text = url.expose_secret();
    let (place, query) = text.split_once('?').unwrap_or((text, ""));
    let (mut rest, mut authorities) = (place.to_owned(), None);
    let mut next = '?';
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslrootcert", path)) if authorities.is_none() => {
                authorities = Some(PathBuf::from(decoded(path)));
            }
            Some(("protocol", _)) => {
                let _ = write!(rest, "{}{pair}", std::mem::replace(&mut next, '&'));
            }
            _ => return Err(WayError::Parameter),
        }
    }
    if !text.starts_with("rediss://") {
        let clear = (ServerUrl::new(rest), RedisOptions::default());
        return if authorities.is_none() { Ok(clear) } else { Err(WayError::ClearText) };
    }
    Ok((ServerUrl::new(rest), RedisOptions::default().with_tls(Arc::new(trusting(authorities)?))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encryption_is_asked_for_by_the_scheme() {
        let read = |url: &str| {
            let (url, options) = server(&ServerUrl::new(url)).unwrap();
            (url.expose_secret().to_owned(), format!("{options:?}").contains("trust: Some"))
        };
        let clear = "redis://me:x@localhost:1/0?protocol=resp3";
        assert_eq!(read(clear), (clear.to_owned(), false));
        let encrypted = "rediss://me:x@db.example:1/0";
        assert_eq!(read(encrypted), (encrypted.to_owned(), true));
        let more = format!("{encrypted}?protocol=resp3");
        assert_eq!(read(&more), (more, true));
    }

    #[test]
    fn what_would_mean_nothing_is_refused() {
        let refused = |url: &str| server(&ServerUrl::new(url)).unwrap_err();
        for unknown in
            ["sslRootCert=x", "sslrootcert", "ssl%72ootcert=x", "sslmode=disable", "password=hunter2"]
        {
            for scheme in ["redis", "rediss"] {
                let error = refused(&format!("{scheme}://db.example/?{unknown}"));
                assert!(matches!(error, WayError::Parameter), "{unknown}: {error:?}");
                assert!(!error.to_string().contains("hunter2"));
            }
        }
        let twice = refused("rediss://db.example/?sslrootcert=a.pem&sslrootcert=b.pem");
        assert!(matches!(twice, WayError::Parameter), "{twice:?}");
        assert!(matches!(refused("redis://localhost/?sslrootcert=a.pem"), WayError::ClearText));
        let untrusted = refused("rediss://db.example/?sslrootcert=no+such.pem&protocol=resp3");
        let WayError::Trust(TrustError::Authorities(path)) = untrusted else { panic!("{untrusted:?}") };
        assert_eq!(path.as_os_str(), "no+such.pem");
    }
}
