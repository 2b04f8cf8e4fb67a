//! Where a key set is said to be: the address of a client, read strictly.
//!
//! Two readers that disagree about an address are how a guard is passed, so there is one reader, and what it reads is what is
//! resolved, checked, dialled and named in TLS. It accepts less than the standards do: an address is written by whoever registers
//! a client, once, and can be written plainly.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use http::HeaderValue;
use http::uri::PathAndQuery;

use crate::public_address::is_public;

/// What an operator allows besides https on port 443.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Allowed {
    /// Ports other than 443.
    pub(crate) ports: Vec<u16>,
    /// Loopback addresses written as such, with or without TLS, on any port.
    pub(crate) loopback: bool,
}

/// An address that may be asked, as far as can be told without asking.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) url: Arc<str>,
    pub(crate) secure: bool,
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) path: PathAndQuery,
    /// For the `Host` header.
    pub(crate) authority: HeaderValue,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Host {
    /// A name of at least two labels in lower case; whatever it resolves to must be public.
    Name(Arc<str>),
    /// An address that has been checked.
    Address(IpAddr),
}

/// Why an address is not asked. The text is the operator's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum NotATarget {
    #[error("the address is too long")]
    TooLong,
    #[error("the address has a character that no address may have")]
    Character,
    #[error("the address is not https")]
    Scheme,
    #[error("the address has a user name or a fragment")]
    Superfluous,
    #[error("the host of the address is neither a plain name nor a plain address")]
    Host,
    #[error("the name in the address is one of a private network")]
    PrivateName,
    #[error("the address is not a public one")]
    NotPublic,
    #[error("the port of the address is not allowed")]
    Port,
}

impl Target {
    /// FETCH-002, FETCH-003, A-JWKS-13: https, a public host, port 443 or one that is allowed; no user, no fragment.
    pub(crate) fn read(url: &str, allowed: &Allowed) -> Result<Self, NotATarget> {
        if url.len() > MAX_URL {
            return Err(NotATarget::TooLong);
        }
        // What RFC 3986 leaves out is what readers disagree about, the backslash above all.
        if !url.bytes().all(|b| b.is_ascii_graphic() && !br#"\"<>^`{|}"#.contains(&b)) {
            return Err(NotATarget::Character);
        }
        let (secure, rest) = match url.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return Err(NotATarget::Scheme),
        };
        if rest.contains('#') {
            return Err(NotATarget::Superfluous);
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(NotATarget::Superfluous);
        }
        let (host, port) = split_port(authority)?;
        let host = Host::read(host)?;
        let port = port.unwrap_or(if secure { 443 } else { 80 });
        if allowed.loopback && host.is_loopback() {
            return Self::at(url, secure, host, port, path);
        }
        if !secure {
            return Err(NotATarget::Scheme);
        }
        match &host {
            Host::Address(address) if !is_public(*address) => return Err(NotATarget::NotPublic),
            Host::Name(name) if is_private_name(name) => return Err(NotATarget::PrivateName),
            Host::Address(_) | Host::Name(_) => {}
        }
        if port != 443 && !allowed.ports.contains(&port) {
            return Err(NotATarget::Port);
        }
        Self::at(url, secure, host, port, path)
    }

    fn at(url: &str, secure: bool, host: Host, port: u16, path: &str) -> Result<Self, NotATarget> {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let default = if secure { 443 } else { 80 };
        let authority = match &host {
            Host::Name(name) if port == default => name.to_string(),
            Host::Name(name) => format!("{name}:{port}"),
            // Prints the brackets that an IPv6 address needs.
            Host::Address(address) => SocketAddr::new(*address, port).to_string(),
        };
        Ok(Self {
            url: url.into(),
            secure,
            host,
            port,
            path: path.parse().map_err(|_| NotATarget::Character)?,
            authority: authority.parse().map_err(|_| NotATarget::Host)?,
        })
    }

    /// Whom a slow answer is put down to.
    pub(crate) fn server(&self) -> Arc<str> {
        match &self.host {
            Host::Name(name) => Arc::clone(name),
            // Ports apart: on loopback, each is another server.
            Host::Address(address) => SocketAddr::new(*address, self.port).to_string().into(),
        }
    }
}

impl Host {
    fn read(text: &str) -> Result<Self, NotATarget> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(NotATarget::Host)?;
            let address: Ipv6Addr = inner.parse().map_err(|_| NotATarget::Host)?;
            return Ok(Self::Address(address.into()));
        }
        // Resolvers take `2130706433`, `0177.0.0.1`, `0x7f.1` and `127.1` for addresses. Whatever ends like a number is one in
        // four plain parts, or nothing.
        let last = text.rsplit('.').next().unwrap_or_default();
        if last.starts_with(|c: char| c.is_ascii_digit()) {
            let address: Ipv4Addr = text.parse().map_err(|_| NotATarget::Host)?;
            return Ok(Self::Address(address.into()));
        }
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // A name of one label is looked up in the host's own domain; an empty last label (a dot at the end) is another spelling
        // of the same name.
        if text.len() > 253 || !text.contains('.') || !text.split('.').all(is_label) {
            return Err(NotATarget::Host);
        }
        Ok(Self::Name(text.to_ascii_lowercase().into()))
    }

    /// Whether the host is *written* as a loopback address. A name never is, whatever it resolves to.
    pub(crate) fn is_loopback(&self) -> bool {
        matches!(self, Self::Address(address) if address.is_loopback())
    }
}

/// `host:port` → both; the colons inside brackets are the address's.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), NotATarget> {
    let after_host = match authority.find(']') {
        Some(bracket) => bracket.saturating_add(1),
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(after_host).ok_or(NotATarget::Host)?;
    if port.is_empty() {
        return Ok((host, None));
    }
    let digits = port.strip_prefix(':').ok_or(NotATarget::Host)?;
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    let port = digits.parse().ok().filter(|_| plain).ok_or(NotATarget::Port)?;
    Ok((host, Some(port)))
}

/// Names that lead nowhere but into the host's own network. The check of what they resolve to is what protects; this one says so
/// when the client is registered.
fn is_private_name(name: &str) -> bool {
    PRIVATE_NAMES
        .iter()
        .any(|zone| name.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

const PRIVATE_NAMES: &[&str] = &["localhost", "localdomain", "local", "internal", "home.arpa", "onion"];

const MAX_URL: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES_ONLY: Allowed = Allowed { ports: Vec::new(), loopback: false };

    fn read(url: &str) -> Result<Target, NotATarget> {
        Target::read(url, &NAMES_ONLY)
    }

    #[test]
    fn plain_addresses_are_read() {
        for (url, host, port, path, authority) in [
            ("https://keys.example", "keys.example", 443, "/", "keys.example"),
            ("https://keys.example/", "keys.example", 443, "/", "keys.example"),
            (
                "https://Keys.Example:443/a/b.json?x=1&y",
                "keys.example",
                443,
                "/a/b.json?x=1&y",
                "keys.example",
            ),
            ("https://keys.example?x", "keys.example", 443, "/?x", "keys.example"),
            (
                "https://xn--bcher-kva.example/%6b",
                "xn--bcher-kva.example",
                443,
                "/%6b",
                "xn--bcher-kva.example",
            ),
        ] {
            let target = read(url).unwrap();
            assert_eq!(target.host, Host::Name(host.into()), "{url}");
            assert_eq!((target.port, target.path.as_str(), target.secure), (port, path, true), "{url}");
            assert_eq!(target.authority, authority, "{url}");
        }
        let target = read("https://[2606:4700::1111]/jwks").unwrap();
        assert_eq!(target.authority, "[2606:4700::1111]:443");
        assert_eq!(read("https://8.8.8.8/jwks").unwrap().host, Host::Address([8, 8, 8, 8].into()));
    }

    /// A-JWKS-13, FETCH-002
    #[test]
    fn only_https_is_read() {
        for url in [
            "http://keys.example/jwks",
            "http://8.8.8.8/jwks",
            "file:///etc/passwd",
            "ftp://keys.example/jwks",
            "gopher://keys.example/_x",
            "data:application/json,[]",
            "jar:https://keys.example/!/x",
            "HTTPS://keys.example/jwks",
            "https:/keys.example/jwks",
            "https:keys.example/jwks",
            "//keys.example/jwks",
            "keys.example/jwks",
            "",
        ] {
            assert_eq!(read(url).unwrap_err(), NotATarget::Scheme, "{url}");
        }
    }

    /// A-JWKS-01, FETCH-003: every way to write an address that is not public, and ways that only look like one.
    #[test]
    fn no_form_of_a_private_address_is_read() {
        for host in [
            "127.0.0.1",
            "127.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.2.1",
            "168.63.129.16",
            "[::1]",
            "[::]",
            "[::ffff:10.0.0.1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[fd00::1]",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "[ff02::1]",
            "[64:ff9b::127.0.0.1]",
            "[64:ff9b::a00:1]",
            "[2002:7f00:1::]",
            "[2001:db8::1]",
            "[0:0:0:0:0:0:0:1]",
            "[2001:0:0:0:0:0:80ff:fffe]",
        ] {
            assert_eq!(read(&format!("https://{host}/jwks")).unwrap_err(), NotATarget::NotPublic, "{host}");
        }
        for host in [
            "2130706433",
            "017700000001",
            "0177.0.0.1",
            "0x7f000001",
            "0x7f.0.0.1",
            "0x7f.1",
            "127.1",
            "127.0.1",
            "127.0.0.01",
            "127.0.0.1.",
            "127.0.0.1.0x7f",
            "1.2.3.4.5",
            "256.0.0.1",
            "keys.example.",
            "keys.example.123",
            "a.0x1",
            "[127.0.0.1]",
            "[::1",
            "::1",
            "[::1%25lo]",
            "[fe80::1%eth0]",
            "[]",
            "[::1]x",
            "localhost",
            "intranet",
            "",
            ".",
            "a..b",
            ".a.b",
            "-a.example",
            "a-.example",
            "a_b.example",
            "%6c.example",
            "keys.example%2f",
            "\u{2460}27.0.0.1",
        ] {
            let problem = read(&format!("https://{host}/jwks")).unwrap_err();
            let read = matches!(problem, NotATarget::Host | NotATarget::Character | NotATarget::Port);
            assert!(read, "{host}: {problem:?}");
        }
        for host in [
            "a.localhost",
            "printer.local",
            "metadata.google.internal",
            "LOCAL.internal",
            "nas.home.arpa",
            "x.onion",
        ] {
            assert_eq!(read(&format!("https://{host}/jwks")).unwrap_err(), NotATarget::PrivateName, "{host}");
        }
        assert!(read("https://mylocal.example/").is_ok() && read("https://notinternal.example/").is_ok());
    }

    /// FETCH-002
    #[test]
    fn users_fragments_ports_and_odd_characters_are_not_read() {
        for url in [
            "https://user@keys.example/",
            "https://user:secret@keys.example/",
            "https://@keys.example/",
            "https://keys.example/#a",
            "https://keys.example#@10.0.0.1/",
            "https://keys.example@10.0.0.1/",
        ] {
            assert_eq!(read(url).unwrap_err(), NotATarget::Superfluous, "{url}");
        }
        for port in [
            ":80", ":22", ":8443", ":", ":0", ":0443", ":+443", ":65536", ":443443", ":4 43", ":443:443",
            ":-1", ":٤٤٣",
        ] {
            let problem = read(&format!("https://keys.example{port}/")).unwrap_err();
            assert!(matches!(problem, NotATarget::Port | NotATarget::Character), "{port}: {problem:?}");
        }
        for url in [
            "https://keys.example\\@10.0.0.1/",
            "https://keys.example/\r\nHost: x",
            "https://keys.example/a b",
            " https://keys.example/",
            "https://keys.example/\t",
            "https://keys.example/\0",
            "https://k\u{00e9}ys.example/",
            "https://keys.example/<>",
        ] {
            assert_eq!(read(url).unwrap_err(), NotATarget::Character, "{url:?}");
        }
        let long = format!("https://keys.example/{}", "x".repeat(MAX_URL));
        assert_eq!(read(&long).unwrap_err(), NotATarget::TooLong);
    }

    #[test]
    fn an_operator_may_allow_ports_and_loopback_addresses() {
        let allowed = Allowed { ports: vec![8443], loopback: false };
        assert_eq!(
            Target::read("https://keys.example:8443/", &allowed).unwrap().authority,
            "keys.example:8443"
        );
        assert_eq!(Target::read("https://keys.example:8444/", &allowed).unwrap_err(), NotATarget::Port);
        assert_eq!(Target::read("https://127.0.0.1:8443/", &allowed).unwrap_err(), NotATarget::NotPublic);

        let allowed = Allowed { ports: Vec::new(), loopback: true };
        for url in [
            "http://127.0.0.1:1234/jwks",
            "https://127.8.0.1:1234/jwks",
            "http://[::1]:1234/",
            "http://127.0.0.1/",
        ] {
            assert!(Target::read(url, &allowed).is_ok(), "{url}");
        }
        for url in [
            "http://localhost:1234/",
            "https://localhost/",
            "http://keys.example/",
            "http://10.0.0.1/",
            "http://[::ffff:127.0.0.1]/",
            "http://0.0.0.0/",
            "http://[::]/",
            "http://127.1/",
            "http://2130706433/",
            "http://169.254.169.254/",
            "http://user@127.0.0.1/",
            "ftp://127.0.0.1/",
            "https://keys.example:1234/",
            "http://8.8.8.8/",
            "http://127.0.0.1.nip.example/",
        ] {
            assert!(Target::read(url, &allowed).is_err(), "{url}");
        }
    }

    /// FETCH-003: two readers that disagree are how a guard is passed. Whatever passes here, an ordinary reader reads alike.
    #[test]
    fn what_is_read_is_what_others_read() {
        let pieces = [
            "keys.example",
            "127.0.0.1",
            "8.8.8.8",
            "[::1]",
            "[2606::1]",
            "a",
            ".",
            "@",
            ":",
            "443",
            "/",
            "?",
            "#",
            "%2e",
            "-",
            "//",
        ];
        let allowed = Allowed { ports: (1..=u16::MAX).collect(), loopback: true };
        let (mut accepted, mut choice) = (0, [0; 4]);
        loop {
            for scheme in ["https://", "http://"] {
                let url = choice.iter().fold(scheme.to_owned(), |url, piece| url + pieces[*piece]);
                let Ok(target) = Target::read(&url, &allowed) else { continue };
                accepted += 1;
                let other: http::Uri = url.parse().unwrap();
                let host = other.host().unwrap().trim_matches(['[', ']']).to_owned();
                let same = match &target.host {
                    Host::Name(name) => **name == *host,
                    Host::Address(address) => host.parse() == Ok(*address),
                };
                let default = if target.secure { 443 } else { 80 };
                assert!(same, "{url}: {target:?}");
                assert_eq!(other.port_u16().unwrap_or(default), target.port, "{url}");
                assert_eq!(other.scheme_str() == Some("https"), target.secure, "{url}");
                assert_eq!((other.path(), other.query()), (target.path.path(), target.path.query()), "{url}");
                assert!(!other.authority().unwrap().as_str().contains('@'), "{url}");
            }
            let Some(next) = choice.iter().position(|piece| *piece + 1 < pieces.len()) else { break };
            choice[..next].fill(0);
            choice[next] += 1;
        }
        assert!(accepted > 1_000, "{accepted}");
    }
}
