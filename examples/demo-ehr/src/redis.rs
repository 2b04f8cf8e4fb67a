//! The way to a Redis server: encrypted where its URL begins with `rediss://`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use vestibule_redis::RedisOptions;

use crate::database::ServerUrl;
use crate::trust::{TrustError, decoded, trusting};

/// Reads a URL: what the store connects to, and how. The authorities are those that browsers trust or, with `sslrootcert=FILE`, those of
/// the file alone.
///
/// # Errors
/// When the file is not what it should be.
pub fn server(url: &ServerUrl) -> Result<(ServerUrl, RedisOptions), TrustError> {
    let text = url.expose_secret();
    if !text.starts_with("rediss://") {
        return Ok((url.clone(), RedisOptions::default()));
    }
    let (place, query) = text.split_once('?').unwrap_or((text, ""));
    let (mut rest, mut authorities) = (place.to_owned(), None);
    let mut next = '?';
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslrootcert", path)) => authorities = Some(PathBuf::from(decoded(path))),
            _ => {
                let _ = write!(rest, "{}{pair}", std::mem::replace(&mut next, '&'));
            }
        }
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
        let clear = "redis://me:x@localhost:1/0?protocol=resp3&sslrootcert=nosuch.pem";
        assert_eq!(read(clear), (clear.to_owned(), false), "what means nothing here is the store's to judge");
        let encrypted = "rediss://me:x@db.example:1/0";
        assert_eq!(read(encrypted), (encrypted.to_owned(), true));
        let more = format!("{encrypted}?protocol=resp3&x=1");
        assert_eq!(read(&more), (more, true));
        let error = server(&ServerUrl::new("rediss://db.example/?sslrootcert=no+such.pem&protocol=resp3"));
        assert!(matches!(error, Err(TrustError::Authorities(path)) if path.as_os_str() == "no+such.pem"));
    }
}
