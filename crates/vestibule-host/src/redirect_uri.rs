//! Redirect URIs: what may be registered, and when a presented one is a registered one.
//!
//! A redirect URI is opaque text here. Parsers of URLs lower-case hosts, resolve dot segments, drop default ports and
//! decode percent escapes, and two parsers never do it alike: each such difference has once sent a code to a stranger.
//! So a presented URI is compared byte for byte (REDIR-001, REDIR-003), and registration refuses whatever two readers
//! could read in two ways (REDIR-004..007).

#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, Ipv6Addr};

use thiserror::Error;

use crate::ClientAuthentication;

/// The longest redirect URI that may be registered, in bytes (REDIR-005).
pub const MAX_LEN: usize = 2048;

/// What the authorization server adds to the query of a redirect URI, so that no registration may bring it (REDIR-006).
const ANSWER_KEYS: [&str; 13] = [
    "code",
    "state",
    "error",
    "error_description",
    "error_uri",
    "iss",
    "response",
    "session_state",
    "access_token",
    "id_token",
    "token_type",
    "expires_in",
    "scope",
];

/// What the EHR adds to the query of a launch URI.
const LAUNCH_KEYS: [&str; 2] = ["iss", "launch"];

/// For which kind of app a redirect URI is registered (`application_type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AppKind {
    /// `web`: `https`, and `http` on this machine.
    #[default]
    Web,
    /// `native`: also a private-use scheme such as `com.example.app:/callback`.
    Native,
}

impl AppKind {
    /// What an app is that does not say. A private-use scheme or a loopback address leads to an app on somebody's device, and
    /// such an app keeps no secret; an app that has one is on a server.
    pub fn of<'a>(
        authentication: &ClientAuthentication,
        redirect_uris: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let on_device = |uri: &str| match uri.split_once(':') {
            Some(("https", _)) => false,
            Some(("http", rest)) => rest.starts_with("//127.") || rest.starts_with("//[::1]"),
            _ => true,
        };
        let native = !authentication.is_confidential() && redirect_uris.into_iter().any(on_device);
        if native { Self::Native } else { Self::Web }
    }
}

/// Why a URI cannot be registered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum RedirectUriError {
    /// No text at all.
    #[error("is empty")]
    Empty,
    /// More than [`MAX_LEN`] bytes.
    #[error("is longer than {MAX_LEN} bytes")]
    TooLong,
    /// A letter outside ASCII; an international host is registered in its `xn--` form.
    #[error("has a character outside ASCII (write an international host in its xn-- form)")]
    NotAscii,
    /// White space, a control character, or one that no URI may hold.
    #[error("has white space, a control character or another character that no URI may hold")]
    Character,
    /// A backslash, which browsers read as a slash.
    #[error("has a backslash")]
    Backslash,
    /// A `#`, even with nothing behind it.
    #[error("has a fragment (#)")]
    Fragment,
    /// A `*`: nothing is ever a pattern.
    #[error("has a wildcard (*); every URI is compared exactly")]
    Wildcard,
    /// A percent sign without two hexadecimal digits.
    #[error("has a percent sign without two hexadecimal digits")]
    PercentEncoding,
    /// No scheme: not absolute.
    #[error("is not absolute (no scheme)")]
    Relative,
    /// A scheme that is not allowed, or not written in lower case.
    #[error("must begin with https:// (or http:// on a loopback address)")]
    Scheme,
    /// A private-use scheme for an app that is not native.
    #[error("has a private-use scheme, which only a native app may have (application_type \"native\")")]
    NotNative,
    /// A private-use scheme without a dot.
    #[error(
        "has a private-use scheme without a dot (use a reversed domain name, like com.example.app:/callback)"
    )]
    SchemeWithoutDot,
    /// `http` to another machine.
    #[error("is http, but not on 127.0.0.1, [::1] or localhost")]
    HttpNotLoopback,
    /// User name or password before the host.
    #[error("has a user name or password before the host")]
    UserInfo,
    /// No host, or none that can be one.
    #[error("has no valid host")]
    Host,
    /// A port that is none.
    #[error("has no valid port")]
    Port,
    /// `.` or `..` in the path, or an escaped dot, slash, backslash or control character.
    #[error("has a dot segment, or an escaped dot, slash, backslash or control character, in its path")]
    DotSegment,
    /// A query parameter that the server itself adds.
    #[error("has the query parameter {0:?}, which the server adds itself")]
    ReservedQuery(&'static str),
}

/// Whether the text may be registered as a redirect URI for this kind of app.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(text: &str, kind: AppKind) -> Result<(), RedirectUriError> {
    characters(text)?;
    let (scheme, rest) = text.split_once(':').ok_or(RedirectUriError::Relative)?;
    // REDIR-007: a list of what is allowed, not of what is dangerous.
    match scheme {
        "https" | "http" => {
            let parts = WebParts::of(text)?;
            parts.check()?;
            query(parts.query, &ANSWER_KEYS)
        }
        _ => private_use(scheme, rest, kind),
    }
}

/// Whether the text may be registered as a launch URI: where the EHR opens the app, with `iss` and `launch` added.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_launch(text: &str) -> Result<(), RedirectUriError> {
    characters(text)?;
    let parts = WebParts::of(text)?;
    parts.check()?;
    query(parts.query, &LAUNCH_KEYS)
}

/// Whether a presented redirect URI is the registered one.
///
/// The only freedom is the port of a native app on this machine: where `loopback_ports` is on and the *registered* URI is
/// `http` with the literal `127.0.0.1` or `[::1]`, the presented port may be any or absent (REDIR-002). All else stays
/// byte-equal.
pub fn matches(registered: &str, presented: &str, loopback_ports: bool) -> bool {
    if registered == presented {
        return true;
    }
    loopback_ports
        && ["http://127.0.0.1", "http://[::1]"].into_iter().any(|literal| {
            let without_port = |uri| str::strip_prefix(uri, literal).and_then(after_port);
            matches!((without_port(registered), without_port(presented)), (Some(a), Some(b)) if a == b)
        })
}

/// The origin of a web URI as a browser writes it in its `Origin` header; `None` where a browser would have none.
pub fn origin(text: &str) -> Option<String> {
    characters(text).ok()?;
    let parts = WebParts::of(text).ok()?;
    parts.check().ok()?;
    let default = if parts.scheme == "https" { 443 } else { 80 };
    let port = parts.port().ok()?.filter(|port| *port != default);
    let host = parts.host.to_ascii_lowercase();
    Some(match port {
        Some(port) => format!("{}://{host}:{port}", parts.scheme),
        None => format!("{}://{host}", parts.scheme),
    })
}

/// The host of a web URI, in lower case; `None` where there is none.
pub fn host(text: &str) -> Option<String> {
    characters(text).ok()?;
    let parts = WebParts::of(text).ok()?;
    parts.check().ok()?;
    Some(parts.host.to_ascii_lowercase())
}

/// Whether a client may have its key set read from this address: https, or http on a literal loopback address, which only a
/// fetcher for development reads (A-JWKS-13). What the name leads to is nobody's to say yet.
pub fn is_key_set_url(text: &str) -> bool {
    let parts = || {
        characters(text)?;
        let parts = WebParts::of(text)?;
        parts.check()?;
        Ok::<_, RedirectUriError>(parts)
    };
    parts().is_ok_and(|parts| parts.scheme == "https" || parts.host != "localhost")
}

/// Drops `:port` from the start of what follows a host; `None` if there is neither a port nor the end of the host.
fn after_port(rest: &str) -> Option<&str> {
    let tail = match rest.strip_prefix(':') {
        Some(rest) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (port, tail) = rest.split_at_checked(digits)?;
            port_number(port)?;
            tail
        }
        None => rest,
    };
    (tail.is_empty() || tail.starts_with(['/', '?'])).then_some(tail)
}

fn port_number(digits: &str) -> Option<u16> {
    // `u16::from_str` also takes a plus sign; a leading zero would be a second spelling of the same port.
    if digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// The rules that need no structure (REDIR-004, REDIR-005).
fn characters(text: &str) -> Result<(), RedirectUriError> {
    if text.is_empty() {
        return Err(RedirectUriError::Empty);
    }
    if text.len() > MAX_LEN {
        return Err(RedirectUriError::TooLong);
    }
    for c in text.chars() {
        match c {
            '\\' => return Err(RedirectUriError::Backslash),
            '#' => return Err(RedirectUriError::Fragment),
            '*' => return Err(RedirectUriError::Wildcard),
            '"' | '<' | '>' | '^' | '`' | '{' | '|' | '}' => return Err(RedirectUriError::Character),
            _ if c.is_whitespace() || c.is_control() => return Err(RedirectUriError::Character),
            _ if !c.is_ascii() => return Err(RedirectUriError::NotAscii),
            _ => {}
        }
    }
    let whole = |escape: &str| {
        let mut hex = escape.bytes();
        matches!((hex.next(), hex.next()), (Some(a), Some(b)) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
    };
    if text.split('%').skip(1).all(whole) { Ok(()) } else { Err(RedirectUriError::PercentEncoding) }
}

/// `scheme://authority[/path][?query]`, cut and not changed.
struct WebParts<'a> {
    scheme: &'a str,
    host: &'a str,
    port: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> WebParts<'a> {
    fn of(text: &'a str) -> Result<Self, RedirectUriError> {
        let (scheme, rest) = text.split_once(':').ok_or(RedirectUriError::Relative)?;
        if !matches!(scheme, "https" | "http") {
            return Err(RedirectUriError::Scheme);
        }
        let rest = rest.strip_prefix("//").ok_or(RedirectUriError::Host)?;
        let (before_query, query) = match rest.split_once('?') {
            Some((before, query)) => (before, Some(query)),
            None => (rest, None),
        };
        let end = before_query.find('/').unwrap_or(before_query.len());
        let (authority, path) = before_query.split_at_checked(end).ok_or(RedirectUriError::Host)?;
        if authority.contains('@') {
            return Err(RedirectUriError::UserInfo);
        }
        // The last colon, unless it stands inside the brackets of an IPv6 address.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority, None),
        };
        Ok(Self { scheme, host, port, path, query })
    }

    fn check(&self) -> Result<(), RedirectUriError> {
        let ipv6 = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host_stands = match ipv6 {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => is_host_name(self.host),
        };
        if !host_stands {
            return Err(RedirectUriError::Host);
        }
        self.port()?;
        if self.scheme == "http" && !self.is_loopback() {
            return Err(RedirectUriError::HttpNotLoopback);
        }
        path(self.path)
    }

    fn port(&self) -> Result<Option<u16>, RedirectUriError> {
        self.port.map(|digits| port_number(digits).ok_or(RedirectUriError::Port)).transpose()
    }

    fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.host == "[::1]"
            || self.host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
    }
}

fn is_host_name(host: &str) -> bool {
    !host.is_empty()
        && !host.starts_with(['.', '-'])
        && !host.contains("..")
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

/// No reader may find another path than the next one does (REDIR-005).
fn path(path: &str) -> Result<(), RedirectUriError> {
    if path.contains(['[', ']']) {
        return Err(RedirectUriError::Character);
    }
    for segment in path.split('/') {
        // Some servers cut parameters off a segment before they resolve it: `..;x` is `..` to them.
        let name = segment.split(';').next().unwrap_or(segment);
        if matches!(name, "." | "..") || segment.contains("..;") {
            return Err(RedirectUriError::DotSegment);
        }
    }
    let ambiguous = |byte: u8| matches!(byte, b'.' | b'/' | b'\\' | 0x00..=0x1f | 0x7f);
    if escapes(path).any(ambiguous) { Err(RedirectUriError::DotSegment) } else { Ok(()) }
}

/// The bytes that are written as `%xx`.
fn escapes(text: &str) -> impl Iterator<Item = u8> + '_ {
    text.split('%').skip(1).filter_map(|escape| u8::from_str_radix(escape.get(..2)?, 16).ok())
}

/// REDIR-006. A key counts as what a form decoder makes of it.
fn query(query: Option<&str>, reserved: &[&'static str]) -> Result<(), RedirectUriError> {
    for pair in query.unwrap_or_default().split(['&', ';']) {
        let key = decoded(pair.split('=').next().unwrap_or(pair));
        if let Some(taken) = reserved.iter().find(|taken| taken.as_bytes() == key) {
            return Err(RedirectUriError::ReservedQuery(taken));
        }
    }
    Ok(())
}

fn decoded(text: &str) -> Vec<u8> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        bytes.extend(piece.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()));
        bytes.extend_from_slice(piece.get(2..).unwrap_or_default().as_bytes());
    }
    bytes
}

fn private_use(scheme: &str, rest: &str, kind: AppKind) -> Result<(), RedirectUriError> {
    let letters = scheme
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
    if !letters || !scheme.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(RedirectUriError::Scheme);
    }
    if !scheme.contains('.') || scheme.split('.').any(str::is_empty) {
        return Err(RedirectUriError::SchemeWithoutDot);
    }
    if kind != AppKind::Native {
        return Err(RedirectUriError::NotNative);
    }
    let (before_query, after) = match rest.split_once('?') {
        Some((before, after)) => (before, Some(after)),
        None => (rest, None),
    };
    if !before_query.starts_with('/') {
        return Err(RedirectUriError::Host);
    }
    let authority = before_query.strip_prefix("//").and_then(|rest| rest.split('/').next());
    if authority.is_some_and(|authority| authority.contains('@')) {
        return Err(RedirectUriError::UserInfo);
    }
    path(before_query)?;
    query(after, &ANSWER_KEYS)
}
