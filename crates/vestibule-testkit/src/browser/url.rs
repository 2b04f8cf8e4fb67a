//! Addresses: just enough to follow links on one's own pages.

/// `https://ehr.example` of `https://ehr.example/auth?x`.
pub(super) fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |colon| colon + 3);
    let end = url.get(host..).and_then(|rest| rest.find(['/', '?', '#'])).map_or(url.len(), |end| host + end);
    url.get(..end).unwrap_or(url)
}

/// `ehr.example:8080` of `http://ehr.example:8080/auth`.
pub(super) fn host(url: &str) -> &str {
    let origin = origin(url);
    origin.split_once("://").map_or(origin, |(_, host)| host)
}

/// What goes into the request line: path and query.
pub(super) fn target(url: &str) -> String {
    let rest = url.get(origin(url).len()..).unwrap_or_default();
    let rest = rest.split('#').next().unwrap_or_default();
    if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") }
}

/// The path alone.
pub(super) fn path(url: &str) -> String {
    target(url).split('?').next().unwrap_or_default().to_owned()
}

/// The whole address of a link found at `base`.
pub(super) fn resolve(base: &str, link: &str) -> String {
    let has_scheme = link.split_once(':').is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    });
    if has_scheme {
        return link.to_owned();
    }
    if let Some(rest) = link.strip_prefix("//") {
        let scheme = base.split("://").next().unwrap_or("https");
        return format!("{scheme}://{rest}");
    }
    let origin = origin(base);
    let path = path(base);
    match link.chars().next() {
        None => base.to_owned(),
        Some('/') => format!("{origin}{link}"),
        Some('?') => format!("{origin}{path}{link}"),
        Some('#') => format!("{}{link}", base.split('#').next().unwrap_or(base)),
        Some(_) => {
            let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
            format!("{origin}{directory}/{link}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_resolved_as_browsers_do() {
        let base = "https://ehr.example:8443/auth/i/7?step=2#x";
        for (link, due) in [
            ("https://app.example/cb?code=1", "https://app.example/cb?code=1"),
            ("com.example.app:/cb", "com.example.app:/cb"),
            ("//other/x", "https://other/x"),
            ("/in", "https://ehr.example:8443/in"),
            ("?q=a:b", "https://ehr.example:8443/auth/i/7?q=a:b"),
            ("next", "https://ehr.example:8443/auth/i/next"),
            ("", base),
        ] {
            assert_eq!(resolve(base, link), due, "{link}");
        }
        assert_eq!(resolve("https://ehr.example", "/x"), "https://ehr.example/x");
        assert_eq!(target(base), "/auth/i/7?step=2");
        assert_eq!(target("https://ehr.example?x"), "/?x");
        assert_eq!((origin(base), host(base)), ("https://ehr.example:8443", "ehr.example:8443"));
    }
}
