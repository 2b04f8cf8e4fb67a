//! Finding the one token of a request (RFC 6750 §2).

use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::Denied;

/// The one token of a request: one `Authorization` header, nothing in the query. For asking the engine about it in the same
/// process; [`TokenCheck`](crate::TokenCheck) does this by itself.
///
/// # Errors
/// [`Denied`] without a token, or with more than one.
pub fn bearer_token(head: &Parts) -> Result<&str, Denied> {
    // BEARER-002: a token in the URI ends up in logs and histories; it is refused, not ignored.
    let query = head.uri.query().unwrap_or_default();
    if form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "access_token") {
        return Err(Denied::InvalidRequest);
    }
    let mut headers = head.headers.get_all(AUTHORIZATION).iter();
    match (headers.next(), headers.next()) {
        (None, _) => Err(Denied::NoCredentials),
        (Some(header), None) => token(header.to_str().map_err(|_| Denied::InvalidRequest)?),
        // BEARER-003
        (Some(_), Some(_)) => Err(Denied::InvalidRequest),
    }
}

/// BEARER-001: the token in a header value: `Bearer`, in any case, spaces, one token.
pub(crate) fn token(authorization: &str) -> Result<&str, Denied> {
    let (scheme, rest) = authorization.split_once(' ').unwrap_or((authorization, ""));
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(Denied::NoCredentials);
    }
    let token = rest.trim_start_matches(' ');
    let body = token.trim_end_matches('=');
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    if body.is_empty() || !body.bytes().all(allowed) {
        return Err(Denied::InvalidRequest);
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_scheme_one_token() {
        for good in ["Bearer a.b-c_d~e+f/g==", "bearer x", "BEARER   x"] {
            assert!(token(good).is_ok(), "{good}");
        }
        assert_eq!(token("Bearer  x=").unwrap(), "x=");
        for bad in [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a,b",
            "Bearer =",
            "Bearer a=b",
            "Bearer a ",
            "Bearer \"a\"",
            "Bearer ä",
        ] {
            assert_eq!(token(bad), Err(Denied::InvalidRequest), "{bad}");
        }
        for other in ["", "Basic YTpi", "Bearerx", "Bearer\tx", " Bearer x", "DPoP x"] {
            assert_eq!(token(other), Err(Denied::NoCredentials), "{other}");
        }
    }
}
