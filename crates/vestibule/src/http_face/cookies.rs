//! Cookies: one small one for the browser, one sealed one per interaction.

use http::HeaderValue;
use http::header::COOKIE;
use http::request::Parts;
use sha2::{Digest, Sha256};

/// Names and attributes of an issuer's cookies (HDR-003, design §5 "Tenancy").
#[derive(Clone, Debug)]
pub(crate) struct Cookies {
    browser: String,
    pending: String,
    secure: bool,
}

/// Where a cookie may be sent from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Site {
    /// `SameSite=Lax`.
    Lax,
    /// In a frame of another site: `SameSite=None; Secure; Partitioned`.
    Framed,
}

impl Cookies {
    pub(crate) fn new(issuer: &str, secure: bool) -> Self {
        let tag: String =
            Sha256::digest(issuer.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        // Prefixes exist on https only; plain http is for loopback.
        let (host, path) = if secure { ("__Host-", "__Secure-") } else { ("", "") };
        Self {
            browser: format!("{host}vestibule-{tag}"),
            pending: format!("{path}vestibule-pending-{tag}"),
            secure,
        }
    }

    /// The name of the browser's cookie.
    pub(crate) fn browser(&self) -> &str {
        &self.browser
    }

    /// The name of an interaction's cookie; the path tells interactions apart, so that tabs do not add up.
    pub(crate) fn pending(&self) -> &str {
        &self.pending
    }

    pub(crate) fn set_browser(&self, value: &str, site: Site) -> Option<HeaderValue> {
        self.set(&self.browser, value, "/", None, site)
    }

    pub(crate) fn set_pending(
        &self,
        value: &str,
        path: &str,
        seconds: i64,
        site: Site,
    ) -> Option<HeaderValue> {
        self.set(&self.pending, value, path, Some(seconds), site)
    }

    pub(crate) fn clear_pending(&self, path: &str, site: Site) -> Option<HeaderValue> {
        self.set(&self.pending, "", path, Some(0), site)
    }

    fn set(
        &self,
        name: &str,
        value: &str,
        path: &str,
        seconds: Option<i64>,
        site: Site,
    ) -> Option<HeaderValue> {
        let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let site = match site {
            Site::Framed => "; SameSite=None; Secure; Partitioned",
            Site::Lax if self.secure => "; SameSite=Lax; Secure",
            Site::Lax => "; SameSite=Lax",
        };
        HeaderValue::try_from(format!("{name}={value}; Path={path}; HttpOnly{age}{site}")).ok()
    }
}

/// Every value that the request carries under this name: the browser sends the longest path first, and a neighbour may have
/// planted another one.
pub(crate) fn values<'a>(head: &'a Parts, name: &str) -> Vec<&'a str> {
    head.headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter_map(|(key, value)| (key == name).then_some(value))
        .take(4)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes() {
        let text = |value: Option<HeaderValue>| value.unwrap().to_str().unwrap().to_owned();
        let https = Cookies::new("https://a", true);
        let browser = text(https.set_browser("v", Site::Lax));
        assert!(
            browser.starts_with("__Host-vestibule-")
                && browser.ends_with("=v; Path=/; HttpOnly; SameSite=Lax; Secure")
        );
        let framed = text(https.set_pending("v", "/auth/i/x", 600, Site::Framed));
        assert!(framed.starts_with("__Secure-vestibule-pending-"));
        assert!(
            framed.ends_with("; Path=/auth/i/x; HttpOnly; Max-Age=600; SameSite=None; Secure; Partitioned")
        );
        let http = Cookies::new("http://127.0.0.1", false);
        assert!(text(http.set_browser("v", Site::Lax)).ends_with("=v; Path=/; HttpOnly; SameSite=Lax"));
        assert_ne!(Cookies::new("https://a", true).browser(), Cookies::new("https://b", true).browser());
        assert!(https.set_browser("a\r\nb", Site::Lax).is_none());
    }
}
