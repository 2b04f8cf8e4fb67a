//! Cookies: host, path, deletion, `Secure` and the two prefixes. A browser that is stricter or laxer than real ones here would
//! prove nothing.

use super::url::{host, path};

/// A cookie as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Cookie {
    /// The host that set it.
    pub host: String,
    /// Below which path it is sent.
    pub path: String,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether it is sent over TLS only.
    pub secure: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Jar(Vec<Cookie>);

impl Jar {
    pub(super) fn all(&self) -> &[Cookie] {
        &self.0
    }

    /// Keeps what a `Set-Cookie` header says, or deletes it, or refuses it, as RFC 6265 does.
    pub(super) fn keep(&mut self, url: &str, header: &str) {
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let mut cookie = Cookie {
            host: bare_host(url),
            path: default_path(url),
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            secure: false,
        };
        let (mut whole_path, mut domain, mut over_by_date, mut max_age) = (false, false, false, None);
        for part in parts {
            let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
            match attribute.to_ascii_lowercase().as_str() {
                "path" if value.starts_with('/') => {
                    cookie.path = value.to_owned();
                    whole_path = value == "/";
                }
                "secure" => cookie.secure = true,
                "domain" => domain = true,
                "max-age" => max_age = value.parse::<i64>().ok(),
                // Nobody deletes with a date of the recent past, and this browser has no clock.
                "expires" => over_by_date = value.contains("1970") || value.contains("1969"),
                _ => {}
            }
        }
        let tls = url.starts_with("https://");
        let prefix_kept = if cookie.name.starts_with("__Host-") {
            cookie.secure && whole_path && !domain
        } else {
            cookie.secure || !cookie.name.starts_with("__Secure-")
        };
        if (cookie.secure && !tls) || !prefix_kept {
            return;
        }
        self.0.retain(|other| {
            other.host != cookie.host || other.path != cookie.path || other.name != cookie.name
        });
        let over = max_age.map_or(over_by_date, |seconds| seconds <= 0); // `Max-Age` beats `Expires`
        if !over {
            self.0.push(cookie);
        }
    }

    /// The `Cookie` header for a request: the longest path first.
    pub(super) fn header(&self, url: &str) -> String {
        let (host, path, tls) = (bare_host(url), path(url), url.starts_with("https://"));
        let sent =
            |cookie: &&Cookie| cookie.host == host && below(&path, &cookie.path) && (tls || !cookie.secure);
        let mut cookies: Vec<_> = self.0.iter().filter(sent).collect();
        cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        cookies
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect::<Vec<_>>()
            .join("; ")
    }
}

/// Cookies do not know ports.
fn bare_host(url: &str) -> String {
    let host = host(url);
    let bare = match host.rsplit_once(':') {
        Some((bare, port)) if port.bytes().all(|b| b.is_ascii_digit()) => bare,
        _ => host,
    };
    bare.to_ascii_lowercase()
}

fn default_path(url: &str) -> String {
    let path = path(url);
    match path.rsplit_once('/') {
        Some((directory, _)) if !directory.is_empty() => directory.to_owned(),
        _ => "/".to_owned(),
    }
}

fn below(path: &str, of: &str) -> bool {
    path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || of.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_goes_back_to_its_host_below_its_path() {
        let mut jar = Jar::default();
        jar.keep(
            "https://ehr.example/auth/authorize?x=/y",
            "a=1; Path=/auth/i/7; HttpOnly; Secure; SameSite=Lax",
        );
        jar.keep("https://ehr.example/auth/authorize", "b=2");
        jar.keep("https://ehr.example/auth/authorize", "c=3; path=/");
        for (url, due) in [
            ("https://ehr.example/auth/i/7", "a=1; b=2; c=3"),
            ("https://ehr.example/auth/i/7/next", "a=1; b=2; c=3"),
            ("https://EHR.example:444/auth/i/77", "b=2; c=3"),
            ("http://ehr.example/auth/i/7", "b=2; c=3"),
            ("https://ehr.example/authority", "c=3"),
            ("https://app.example/auth/i/7", ""),
        ] {
            assert_eq!(jar.header(url), due, "{url}");
        }
    }

    #[test]
    fn a_cookie_is_replaced_and_deleted_under_its_own_path_only() {
        let (mut jar, url) = (Jar::default(), "https://ehr.example/x");
        jar.keep(url, "a=1; Path=/x");
        jar.keep(url, "a=2; Path=/x; Max-Age=600");
        jar.keep(url, "a=; Path=/; Max-Age=0");
        assert_eq!(jar.header(url), "a=2");
        jar.keep(url, "a=; Path=/x; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(jar.header(url), "");
    }

    #[test]
    fn what_a_browser_refuses_is_refused() {
        let mut jar = Jar::default();
        jar.keep("http://ehr.example/", "a=1; Secure");
        jar.keep("https://ehr.example/", "__Host-b=1; Secure; Path=/x");
        jar.keep("https://ehr.example/", "__Host-b=1; Path=/");
        jar.keep("https://ehr.example/", "__Host-b=1; Secure; Path=/; Domain=ehr.example");
        jar.keep("https://ehr.example/", "__Secure-c=1; Path=/");
        jar.keep("https://ehr.example/", "nothing");
        assert_eq!(jar.all(), []);
        jar.keep("https://ehr.example/", "__Host-b=1; Secure; Path=/");
        assert_eq!(jar.header("https://ehr.example/any"), "__Host-b=1");
    }
}
