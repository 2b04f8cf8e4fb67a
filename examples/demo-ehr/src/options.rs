//! The command line.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::database::{ServerUrl, Store};
use crate::postgres;
use crate::redis;

/// A small hospital with a SMART on FHIR authorization server inside. All records are invented.
#[derive(Clone, Debug, Parser)]
#[command(
    version,
    about,
    after_help = "Exit status: 1 when something is in the way (a port, a directory), 2 when an option or the clients file is wrong."
)]
pub struct Options {
    /// What to do instead of opening the hospital.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Where to listen. The sample app takes the next port.
    #[arg(long, global = true, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// How browsers and apps reach this hospital, if not at the address it listens on. Without a path.
    #[arg(long, global = true, value_name = "URL", value_parser = public_url)]
    pub public_url: Option<String>,

    /// Where grants and sign-ins are kept: `memory`, `sqlite:PATH`, `postgres://USER@HOST/DATABASE` or `redis://HOST:PORT` (with
    /// the last two, sign-ins are in ./demo-ehr.sqlite3). On another machine PostgreSQL wants `?sslmode=require` and Redis `rediss://`,
    /// and either `sslrootcert=FILE` as a parameter where its certificate is by an authority of your own.
    #[arg(long, global = true, value_name = "STORE", default_value = "sqlite:demo-ehr.sqlite3", value_parser = store)]
    pub store: Store,

    /// Keep the signing keys in a file of their own instead of in the store. Readable by its owner alone.
    #[arg(long, global = true, value_name = "FILE")]
    pub keys: Option<PathBuf>,

    /// A JSON file with more registered apps.
    #[arg(long, value_name = "FILE")]
    pub clients: Option<PathBuf>,

    /// For how many seconds to go on serving after the signal to stop, with /readyz saying no: whoever spreads the load over several
    /// processes has time to notice before the port is closed.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=300))]
    pub drain_wait: u64,

    /// Let apps' key sets be fetched from addresses written as loopback, such as http://127.0.0.1:9000/jwks. Otherwise they
    /// are fetched from public https addresses only.
    #[arg(long)]
    pub allow_loopback_fetch: bool,
}

/// What else the program does.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Shows and changes the signing keys, also while the hospital is open: it takes a change in within a minute.
    /// Keys belong to an address, so give the same --store, --keys, and --listen or --public-url.
    Keys {
        /// What to do with them.
        #[command(subcommand)]
        action: KeysAction,
    },
}

/// What can be done with keys.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum KeysAction {
    /// Shows them: id, use, algorithm, state.
    List,
    /// Announces a successor of every key. It signs when everybody can know it; the old key verifies until its last token is over.
    Rotate,
    /// The emergency: withdraws a key at once, and with it every token that it signed. A successor takes over at once.
    Revoke {
        /// Its id, as `list` shows it. Some begin with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

/// What is wrong with a command line, without the URLs in it: each may hold a password, also where it stands in the wrong place.
#[must_use]
pub fn complaint(error: &clap::Error, given: &[String]) -> String {
    let may_hold_one = |text: &&str| ["://", "@", "password"].iter().any(|mark| text.contains(mark));
    let mut said = error.render().to_string();
    for argument in given {
        let value =
            argument.split_once('=').filter(|(name, _)| name.starts_with("--")).map(|(_, value)| value);
        for text in [Some(argument.as_str()), value].into_iter().flatten().filter(may_hold_one) {
            said = said.replace(text, "…");
        }
    }
    said
}

/// An origin: scheme and authority. Plain http is for loopback alone.
fn public_url(text: &str) -> Result<String, String> {
    let uri: http::Uri = text.parse().map_err(|_| "not a URL")?;
    let authority = uri.authority().ok_or("a scheme and a host are needed, such as https://ehr.example")?;
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() || text.contains(['#', '@']) {
        return Err(
            "only scheme, host and port may be given, without path, query, fragment or user".to_owned()
        );
    }
    if authority.host().is_empty() || text != text.to_ascii_lowercase() {
        return Err("the host must be given, in lower case".to_owned());
    }
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if is_loopback(authority.host()) => {}
        Some("http") => return Err("plain http is accepted for loopback addresses only".to_owned()),
        _ => return Err("the scheme must be https, or http on loopback".to_owned()),
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn is_loopback(host: &str) -> bool {
    let literal = host.trim_matches(['[', ']']);
    host == "localhost" || literal.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn store(text: &str) -> Result<Store, String> {
    match text.split_once(':') {
        None if text == "memory" => Ok(Store::Memory),
        Some(("sqlite", path)) if !path.is_empty() => Ok(Store::Sqlite(PathBuf::from(path))),
        Some(("sqlite", _)) => Err("a path is missing after `sqlite:`".to_owned()),
        Some(("redis" | "rediss", place)) if place.len() > 2 && place.starts_with("//") => {
            let server = ServerUrl::new(text);
            redis::server(&server).map_err(|error| error.to_string())?;
            Ok(Store::Redis(server))
        }
        Some(("postgres" | "postgresql", _)) => {
            let server = ServerUrl::new(text);
            postgres::database(&server).map_err(|error| error.to_string())?;
            Ok(Store::Postgres(server))
        }
        _ => Err("expected `memory`, `sqlite:PATH`, `postgres://…`, or `redis://HOST:PORT`, encrypted `rediss://HOST:PORT`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_an_origin() {
        assert_eq!(public_url("https://ehr.example").unwrap(), "https://ehr.example");
        assert_eq!(public_url("http://127.0.0.1:9/").unwrap(), "http://127.0.0.1:9");
        assert_eq!(public_url("http://[::1]:9").unwrap(), "http://[::1]:9");
        for wrong in [
            "",
            "ehr.example",
            "/fhir",
            "ftp://ehr.example",
            "http://ehr.example",
            "https://ehr.example/path",
            "https://ehr.example?x=1",
            "https://ehr.example#x",
            "https://user@ehr.example",
            "https://EHR.example",
            "https://ehr example",
        ] {
            assert!(public_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_id_may_begin_with_a_hyphen() {
        let options =
            Options::try_parse_from(["demo-ehr", "keys", "revoke", "-Qx", "--store", "memory"]).unwrap();
        let action = KeysAction::Revoke { kid: "-Qx".to_owned() };
        assert!(matches!(options.command, Some(Command::Keys { action: found }) if found == action));
        assert_eq!(options.store, Store::Memory);
    }

    #[test]
    fn stores_are_named_and_missing_ones_say_so() {
        assert_eq!(store("memory").unwrap(), Store::Memory);
        assert_eq!(store("sqlite:a/b.db").unwrap(), Store::Sqlite("a/b.db".into()));
        assert!(matches!(store("postgres://localhost/x").unwrap(), Store::Postgres(_)));
        let clear = store("postgres://me:hunter2@db.example/x").unwrap_err();
        assert!(clear.contains("not encrypted") && !clear.contains("hunter2"), "{clear}");
        assert_eq!(store("redis://h:1/0").unwrap(), Store::Redis(ServerUrl::new("redis://h:1/0")));
        assert_eq!(store("rediss://h/").unwrap(), Store::Redis(ServerUrl::new("rediss://h/")));
        let untrusted = store("rediss://me:hunter2@h/?sslrootcert=nosuch.pem").unwrap_err();
        assert!(untrusted.contains("nosuch.pem") && !untrusted.contains("hunter2"), "{untrusted}");
        for wrong in ["", "sqlite", "sqlite:", "mysql:x", "redis:", "redis://", "redis:x", "rediss://"] {
            assert!(store(wrong).is_err(), "{wrong}");
        }
    }
}
