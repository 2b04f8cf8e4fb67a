//! What went wrong, in the words of the host's traits.

use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind};
use vestibule_host::{BoxError, StoreFault};

/// The store could not be connected, or the server is none that grants may be trusted to. Each text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address cannot be read. It is not repeated, since it may hold a password.
    #[error(
        "the address is no Redis URL: use `redis://[user:password@]host:port/[database]`, or `rediss://`"
    )]
    Address(#[source] BoxError),
    /// Passwords and keys would go over the network in clear text.
    #[error(
        "the way to the server is not encrypted: use `rediss://` and `with_tls` (a host whose network is safe accepts it with \
         `danger_clear_text`)"
    )]
    Plaintext,
    /// The address asks for TLS, and nobody has said who vouches for the server.
    #[error("the address asks for TLS: say with `with_tls` whom to trust")]
    NobodyTrusted,
    /// TLS is configured, and the address does not ask for it.
    #[error("TLS is configured, and the address is in clear text: use `rediss://`")]
    NotEncrypted,
    /// The prefix is not plain.
    #[error("the key prefix `{0}` is not allowed: use at most 32 letters, digits, `_`, `-`, `.`, `:`")]
    Prefix(String),
    /// Nobody answers, or nobody who lets us in, or somebody who cannot do anything now.
    #[error(
        "the server does not answer as it should: does it run and serve, are address, user and password right, is its certificate, if it \
         has one, for this address and by a trusted authority?"
    )]
    Unreachable(#[source] BoxError),
    /// The server is too old.
    #[error("the server has version {0}: Redis 6.2 or newer is needed, or Valkey")]
    Version(String),
    /// It is a replica.
    #[error("the server is a replica: connect to the primary")]
    Replica,
    /// The cluster has several shards, and this adapter speaks to one server.
    #[error("the server is one of {0} shards of a cluster: use a server, or a cluster of one shard")]
    Shards(String),
    /// Rows could be thrown out for want of memory.
    #[error("the server evicts keys (`maxmemory-policy {0}`): set `maxmemory-policy noeviction`")]
    Evicts(String),
    /// What was acknowledged may be lost, and nobody has accepted that.
    #[error(
        "the server may lose what it has acknowledged ({}): repair that, keep grants in an SQL store, or accept it with \
         `danger_failover_may_lose`",
        .0.join(", ")
    )]
    MayLose(Vec<String>),
    /// `CONFIG GET` is forbidden, and the host has not said how the server is set up.
    #[error(
        "the server does not say how durable it is (`CONFIG GET appendfsync` is refused): allow it, or say it yourself with \
         `danger_vouch_for_durability`"
    )]
    Unverified,
    /// The user may not do what the store does.
    #[error(
        "the user may not run the store's scripts or their commands: allow `+@read +@write +@scripting` on its keys"
    )]
    NotAllowed(#[source] BoxError),
    /// The rows were written by a newer version.
    #[error(
        "the server holds rows of schema {found}, this version knows schemas up to {known}: use the newer version"
    )]
    NewerSchema {
        /// What is there.
        found: String,
        /// The newest one known here.
        known: u32,
    },
}

/// Whether a call can have changed anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    Reads,
    Writes,
}

/// For a caller that must come again.
pub(crate) const fn busy() -> StoreFault {
    StoreFault::Busy { retry_after: Duration::from_secs(1) }
}

/// An answer that makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("the server's answer cannot be read")]
pub(crate) struct Unreadable;

/// For an error before anything was sent.
pub(crate) fn unsent(error: RedisError) -> StoreFault {
    let loading = error.kind() == ErrorKind::Server(ServerErrorKind::BusyLoading);
    if loading || error.is_timeout() { busy() } else { StoreFault::not_applied(error) }
}

/// For an error after a command was sent.
///
/// A script judges before it writes, and what the server refuses it refuses before the first write; so an answer of that kind
/// says that nothing was changed. No answer says nothing.
pub(crate) fn sent(error: RedisError, effect: Effect) -> StoreFault {
    match verdict(&error) {
        Verdict::Busy => busy(),
        Verdict::Full => StoreFault::Full,
        Verdict::Refused => StoreFault::not_applied(error),
        Verdict::Unknown if effect == Effect::Writes => StoreFault::outcome_unknown(error),
        Verdict::Unknown if error.is_timeout() => busy(),
        Verdict::Unknown => StoreFault::not_applied(error),
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Busy,
    Full,
    Refused,
    Unknown,
}

fn verdict(error: &RedisError) -> Verdict {
    use ServerErrorKind::{
        Ask, BusyLoading, ClusterDown, CrossSlot, MasterDown, Moved, NoPerm, NoScript, ReadOnly,
        ResponseError, TryAgain,
    };
    match error.kind() {
        ErrorKind::Server(BusyLoading | TryAgain | ClusterDown | MasterDown) => Verdict::Busy,
        ErrorKind::Server(ReadOnly | Moved | Ask | CrossSlot | NoPerm | NoScript) => Verdict::Refused,
        ErrorKind::Server(ResponseError) => nested(error.detail().unwrap_or_default()),
        ErrorKind::AuthenticationFailed => Verdict::Refused,
        _ => match error.code().unwrap_or_default() {
            "BUSY" => Verdict::Busy,
            "OOM" => Verdict::Full,
            "MISCONF" => misconfigured(error.detail().unwrap_or_default()),
            "NOAUTH" | "WRONGPASS" | "NOREPLICAS" => Verdict::Refused,
            _ => Verdict::Unknown,
        },
    }
}

/// Redis 6.2 wraps what a command said into a text of the script's.
fn nested(text: &str) -> Verdict {
    if text.contains("OOM command not allowed") {
        Verdict::Full
    } else if text.contains("MISCONF") {
        misconfigured(text)
    } else if ["vestibule: ", "READONLY", "NOREPLICAS", "NOPERM"].iter().any(|known| text.contains(known)) {
        Verdict::Refused
    } else {
        Verdict::Unknown
    }
}

/// The server does not write since it cannot keep what it writes.
fn misconfigured(text: &str) -> Verdict {
    if text.contains("No space left") { Verdict::Full } else { Verdict::Refused }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: &str, detail: &str) -> RedisError {
        redis::make_extension_error(code.to_owned(), Some(detail.to_owned()))
    }

    #[test]
    fn what_the_server_refuses_was_not_done() {
        let full = "command not allowed when used memory > 'maxmemory'.";
        assert!(matches!(sent(said("OOM", full), Effect::Writes), StoreFault::Full));
        assert!(matches!(sent(said("BUSY", "Redis is busy"), Effect::Writes), StoreFault::Busy { .. }));
        assert!(matches!(sent(said("NOREPLICAS", ""), Effect::Writes), StoreFault::NotApplied(_)));
        let disk = "Errors writing to the AOF file: No space left on device";
        assert!(matches!(sent(said("MISCONF", disk), Effect::Writes), StoreFault::Full));
        let snapshot =
            "Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.";
        assert!(matches!(sent(said("MISCONF", snapshot), Effect::Writes), StoreFault::NotApplied(_)));
        for (text, due) in [
            ("Error running script: -OOM command not allowed when used memory", Verdict::Full),
            ("user_script:20: vestibule: a row of version 2", Verdict::Refused),
            ("user_script:20: attempt to index a nil value", Verdict::Unknown),
        ] {
            assert_eq!(nested(text), due, "{text}");
        }
    }

    #[test]
    fn no_answer_says_nothing_about_a_verb() {
        let lost = || RedisError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        let late = || RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        for error in [lost, late] {
            assert!(matches!(sent(error(), Effect::Writes), StoreFault::OutcomeUnknown(_)));
        }
        assert!(matches!(sent(lost(), Effect::Reads), StoreFault::NotApplied(_)));
        assert!(matches!(sent(late(), Effect::Reads), StoreFault::Busy { .. }));
        let strange = said("WHATEVER", "");
        assert!(matches!(sent(strange, Effect::Writes), StoreFault::OutcomeUnknown(_)));
    }

    #[test]
    fn what_was_never_sent_was_not_done() {
        let refused = RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
        assert!(matches!(unsent(refused), StoreFault::NotApplied(_)));
        let late = RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        assert!(matches!(unsent(late), StoreFault::Busy { .. }));
    }
}
