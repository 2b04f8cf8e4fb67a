//! What kind of server it is: asked when the store is connected, and again by every `ping`.

use std::collections::HashMap;

use redis::{Cmd, RedisError, Value};
use vestibule_host::{Durability, StoreFault};

use crate::link::Link;
use crate::{ConnectError, RedisOptions};

/// What the server says of itself.
#[derive(Debug, Default)]
pub(crate) struct Server {
    info: HashMap<String, String>,
    /// `appendfsync` and `no-appendfsync-on-rewrite`; none if they may not be asked.
    fsync: Option<(String, String)>,
    /// How many shards a cluster has.
    shards: Option<String>,
}

/// A question that was refused, or that could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unasked {
    #[error("the server did not answer")]
    Unsent(#[from] StoreFault),
    #[error("the server refused to say what it is")]
    Refused(#[from] RedisError),
}

impl Server {
    pub(crate) async fn ask(link: &Link) -> Result<Self, Unasked> {
        let info = pairs(&text(link.send(&redis::cmd("INFO")).await??), ':');
        let fsync = match setting(link, "appendfsync").await? {
            Some(fsync) => setting(link, "no-appendfsync-on-rewrite").await?.map(|rewrite| (fsync, rewrite)),
            None => None,
        };
        let mut server = Self { info, fsync, shards: None };
        if server.says("cluster_enabled") == "1" {
            let mut ask = redis::cmd("CLUSTER");
            ask.arg("INFO");
            let said = pairs(&text(link.send(&ask).await??), ':');
            server.shards = Some(said.get("cluster_size").cloned().unwrap_or_default());
        }
        Ok(server)
    }

    fn says(&self, name: &str) -> &str {
        self.info.get(name).map_or("", String::as_str)
    }

    /// What the store may declare on this server, if it may use it at all.
    pub(crate) fn judge(&self, options: &RedisOptions) -> Result<Durability, ConnectError> {
        let version = self.says("redis_version");
        if !is_new_enough(version) {
            return Err(ConnectError::Version(version.to_owned()));
        }
        if self.says("role") != "master" {
            return Err(ConnectError::Replica);
        }
        if let Some(shards) = self.shards.as_ref().filter(|shards| shards.as_str() != "1") {
            return Err(ConnectError::Shards(shards.clone()));
        }
        // Never excused: a row that is thrown out is a spent code that was never spent.
        let policy = self.says("maxmemory_policy");
        if policy != "noeviction" {
            return Err(ConnectError::Evicts(policy.to_owned()));
        }
        let mut weak = self.weaknesses();
        if self.fsync.is_none() {
            match options.vouched {
                None => return Err(ConnectError::Unverified),
                Some(Durability::Crash) => {}
                Some(_) => weak.push("the host does not vouch for `appendfsync always`".to_owned()),
            }
        }
        match (weak.is_empty(), options.may_lose) {
            (true, _) => Ok(Durability::Crash),
            (false, true) => Ok(Durability::FailoverMayLose),
            (false, false) => Err(ConnectError::MayLose(weak)),
        }
    }

    /// Why it may lose what it has acknowledged, in the words of its own settings.
    fn weaknesses(&self) -> Vec<String> {
        let mut weak = self.forgetful();
        let replicas = self.says("connected_slaves");
        if replicas != "0" {
            weak.push(format!("{replicas} replicas, which are told after the caller"));
        }
        if self.shards.is_some() {
            weak.push("cluster mode, in which a failover is one node's own decision".to_owned());
        }
        weak
    }

    /// Why even this one server may forget.
    fn forgetful(&self) -> Vec<String> {
        let mut weak = Vec::new();
        if self.says("aof_enabled") != "1" {
            weak.push("`appendonly no`".to_owned());
        }
        if let Some((fsync, rewrite)) = &self.fsync {
            if fsync != "always" {
                weak.push(format!("`appendfsync {fsync}`"));
            }
            // While the file is rewritten nothing would be synced, `always` or not.
            if rewrite != "no" {
                weak.push(format!("`no-appendfsync-on-rewrite {rewrite}`"));
            }
        }
        weak
    }

    /// Whether the server is still as good as it was when `declared` was said of it. Replicas are not counted here: a backup
    /// tool may be one for a while.
    pub(crate) fn still_keeps(&self, declared: Durability) -> Result<(), Weakened> {
        let mut weak = if declared == Durability::Crash { self.forgetful() } else { Vec::new() };
        if self.says("role") != "master" {
            weak.push("it is a replica now".to_owned());
        }
        if self.says("maxmemory_policy") != "noeviction" {
            weak.push("it evicts keys".to_owned());
        }
        if weak.is_empty() { Ok(()) } else { Err(Weakened(weak)) }
    }
}

/// The server was changed under the store.
#[derive(Debug, thiserror::Error)]
#[error("the server no longer keeps what the store has declared: {}", .0.join(", "))]
pub(crate) struct Weakened(Vec<String>);

/// `None` if the question is not allowed: renamed, forbidden, or unknown to a service that only speaks the protocol.
async fn setting(link: &Link, name: &str) -> Result<Option<String>, Unasked> {
    let mut ask = Cmd::new();
    ask.arg("CONFIG").arg("GET").arg(name);
    Ok(match link.send(&ask).await? {
        Ok(Value::Array(pair)) => pair.into_iter().nth(1).map(text).filter(|value| !value.is_empty()),
        Ok(Value::Map(pairs)) => pairs.into_iter().next().map(|(_, value)| text(value)),
        Err(error) if error.is_io_error() => return Err(error.into()), // no answer is no refusal
        _ => None,
    })
}

fn text(value: Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => text,
        _ => String::new(),
    }
}

fn pairs(text: &str, separator: char) -> HashMap<String, String> {
    let pair = |line: &str| {
        let (name, value) = line.trim().split_once(separator)?;
        Some((name.to_owned(), value.to_owned()))
    };
    text.lines().filter_map(pair).collect()
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    (major, minor) >= (6, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = "# Server\r\nredis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\nrole:master\r\n\
                        connected_slaves:0\r\ncluster_enabled:0\r\n";

    fn server(change: (&str, &str), fsync: Option<(&str, &str)>) -> Server {
        let mut info = pairs(FULL, ':');
        info.insert(change.0.to_owned(), change.1.to_owned());
        let fsync = fsync.map(|(fsync, rewrite)| (fsync.to_owned(), rewrite.to_owned()));
        Server { info, fsync, shards: None }
    }

    const ALWAYS: Option<(&str, &str)> = Some(("always", "no"));
    const NOTHING: (&str, &str) = ("", "");

    #[test]
    fn a_single_primary_that_syncs_always_is_a_full_store() {
        let strict = RedisOptions::default();
        assert_eq!(server(NOTHING, ALWAYS).judge(&strict).unwrap(), Durability::Crash);
        assert_eq!(server(("redis_version", "6.2.0"), ALWAYS).judge(&strict).unwrap(), Durability::Crash);
    }

    #[test]
    fn what_may_lose_is_refused_and_declared() {
        let mut cluster = server(NOTHING, ALWAYS);
        cluster.shards = Some("1".to_owned());
        let weak = [
            server(("aof_enabled", "0"), ALWAYS),
            server(NOTHING, Some(("everysec", "no"))),
            server(NOTHING, Some(("always", "yes"))),
            server(("connected_slaves", "2"), ALWAYS),
            cluster,
        ];
        for server in weak {
            let refused = server.judge(&RedisOptions::default()).unwrap_err();
            assert!(matches!(&refused, ConnectError::MayLose(why) if why.len() == 1), "{refused:?}");
            let accepted = server.judge(&RedisOptions::default().danger_failover_may_lose());
            assert_eq!(accepted.unwrap(), Durability::FailoverMayLose);
        }
    }

    #[test]
    fn some_servers_are_never_taken() {
        let lax = RedisOptions::default().danger_failover_may_lose();
        let judge = |change| server(change, ALWAYS).judge(&lax).unwrap_err();
        assert!(matches!(judge(("maxmemory_policy", "allkeys-lru")), ConnectError::Evicts(_)));
        assert!(matches!(judge(("maxmemory_policy", "volatile-ttl")), ConnectError::Evicts(_)));
        assert!(matches!(judge(("maxmemory_policy", "")), ConnectError::Evicts(_)));
        assert!(matches!(judge(("role", "slave")), ConnectError::Replica));
        assert!(matches!(judge(("redis_version", "6.0.20")), ConnectError::Version(_)));
        assert!(matches!(judge(("redis_version", "")), ConnectError::Version(_)));
        let mut sharded = server(NOTHING, ALWAYS);
        sharded.shards = Some("3".to_owned());
        assert!(matches!(sharded.judge(&lax), Err(ConnectError::Shards(_))));
    }

    #[test]
    fn what_cannot_be_asked_must_be_vouched_for() {
        let lax = RedisOptions::default().danger_failover_may_lose();
        assert!(matches!(server(NOTHING, None).judge(&lax), Err(ConnectError::Unverified)));
        let crash = RedisOptions::default().danger_vouch_for_durability(Durability::Crash);
        assert_eq!(server(NOTHING, None).judge(&crash).unwrap(), Durability::Crash);
        assert!(matches!(
            server(("connected_slaves", "1"), None).judge(&crash),
            Err(ConnectError::MayLose(_))
        ));
        let weak = RedisOptions::default().danger_vouch_for_durability(Durability::FailoverMayLose);
        assert!(matches!(server(NOTHING, None).judge(&weak), Err(ConnectError::MayLose(_))));
        let weak = weak.danger_failover_may_lose();
        assert_eq!(server(NOTHING, None).judge(&weak).unwrap(), Durability::FailoverMayLose);
        // Vouching does not overrule what the server itself says.
        assert!(matches!(server(NOTHING, Some(("no", "no"))).judge(&crash), Err(ConnectError::MayLose(_))));
    }

    #[test]
    fn a_server_that_was_changed_is_seen() {
        assert!(server(NOTHING, ALWAYS).still_keeps(Durability::Crash).is_ok());
        assert!(server(("connected_slaves", "1"), ALWAYS).still_keeps(Durability::Crash).is_ok());
        assert!(server(NOTHING, Some(("no", "no"))).still_keeps(Durability::Crash).is_err());
        assert!(server(NOTHING, Some(("no", "no"))).still_keeps(Durability::FailoverMayLose).is_ok());
        assert!(server(("role", "slave"), ALWAYS).still_keeps(Durability::FailoverMayLose).is_err());
        assert!(server(("maxmemory_policy", "allkeys-lru"), ALWAYS).still_keeps(Durability::Crash).is_err());
    }
}
