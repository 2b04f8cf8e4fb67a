//! Servers that grants are not trusted to, and what it takes.

use vestibule_host::{Durability, GrantStore, Sharing};
use vestibule_redis::{ConnectError, RedisOptions, RedisStore};
use vestibule_test_servers::Redis;

use crate::place::{Operator, connect, prefix, shared};

async fn refusal(server: &Redis, options: RedisOptions) -> ConnectError {
    RedisStore::connect(&server.url(), options).await.unwrap_err()
}

/// STORE-008
#[tokio::test]
async fn the_facts_say_what_is_true() {
    let facts = connect(shared(), RedisOptions::default().with_prefix(prefix())).await.facts();
    assert_eq!((facts.sharing, facts.durability), (Sharing::Shared, Durability::Crash));
}

#[tokio::test]
async fn what_may_lose_is_refused_until_it_is_accepted() {
    for (name, value) in
        [("appendonly", "no"), ("appendfsync", "everysec"), ("no-appendfsync-on-rewrite", "yes")]
    {
        let server = Redis::start_with(&[(name, value)]);
        let error = refusal(&server, RedisOptions::default()).await;
        assert!(matches!(&error, ConnectError::MayLose(why) if why.len() == 1), "{name}: {error:?}");
        assert!(error.to_string().contains(&format!("`{name} {value}`")), "{error}");
        assert!(error.to_string().contains("danger_failover_may_lose"), "{error}");
        let store = connect(&server, RedisOptions::default().danger_failover_may_lose()).await;
        assert_eq!(store.facts().durability, Durability::FailoverMayLose);
        store.ping().await.unwrap();
    }
}

#[tokio::test]
async fn replicas_are_seen_on_both_sides() {
    let primary = Redis::start();
    let of = format!("127.0.0.1 {}", primary.port());
    let replica = Redis::start_with(&[("replicaof", &of)]);
    let mut operator = Operator::of(&primary).await;
    let mut info = String::new();
    for _ in 0..500 {
        info = operator.says("INFO replication").await;
        if info.contains("connected_slaves:1") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(info.contains("connected_slaves:1"), "{info}");
    let error = refusal(&primary, RedisOptions::default()).await;
    assert!(matches!(&error, ConnectError::MayLose(why) if why[0].contains("replicas")), "{error:?}");
    let lax = || RedisOptions::default().danger_failover_may_lose();
    assert_eq!(connect(&primary, lax()).await.facts().durability, Durability::FailoverMayLose);
    assert!(matches!(refusal(&replica, lax()).await, ConnectError::Replica));
}

#[tokio::test]
async fn a_server_that_evicts_is_never_taken() {
    for policy in ["allkeys-lru", "volatile-ttl", "allkeys-random"] {
        let server = Redis::start_with(&[("maxmemory-policy", policy)]);
        let error = refusal(&server, RedisOptions::default().danger_failover_may_lose()).await;
        assert!(matches!(&error, ConnectError::Evicts(found) if found == policy), "{error:?}");
        assert!(error.to_string().contains("maxmemory-policy noeviction"), "{error}");
    }
}

#[tokio::test]
async fn a_cluster_of_one_shard_may_lose() {
    let server = Redis::start_with(&[("cluster-enabled", "yes")]);
    let lax = || RedisOptions::default().danger_failover_may_lose();
    let error = refusal(&server, lax()).await;
    assert!(matches!(error, ConnectError::Unreachable(_)), "it has no slots yet: {error:?}");
    let mut operator = Operator::of(&server).await;
    let slots: Vec<String> = (0..16_384).map(|slot| slot.to_string()).collect();
    let all: Vec<&[u8]> =
        std::iter::once("ADDSLOTS".as_bytes()).chain(slots.iter().map(|slot| slot.as_bytes())).collect();
    operator.with::<()>("CLUSTER", &all).await;
    for _ in 0..500 {
        if operator.says::<String>("CLUSTER INFO").await.contains("cluster_state:ok") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(matches!(refusal(&server, RedisOptions::default()).await, ConnectError::MayLose(_)));
    let store = connect(&server, lax()).await;
    assert_eq!(store.facts().durability, Durability::FailoverMayLose);
    // Every key of a script is in one slot, or the cluster would say so here.
    crate::stored::whole_life(&store).await;
}

#[tokio::test]
async fn a_server_that_does_not_say_is_vouched_for() {
    let server = Redis::start_with(&[("rename-command", "CONFIG hidden")]);
    let error = refusal(&server, RedisOptions::default()).await;
    assert!(matches!(error, ConnectError::Unverified), "{error:?}");
    assert!(error.to_string().contains("danger_vouch_for_durability"), "{error}");
    let vouched = RedisOptions::default().danger_vouch_for_durability(Durability::Crash);
    let store = connect(&server, vouched).await;
    assert_eq!(store.facts().durability, Durability::Crash);
    store.ping().await.unwrap();
    let weak = RedisOptions::default().danger_vouch_for_durability(Durability::FailoverMayLose);
    assert!(matches!(refusal(&server, weak).await, ConnectError::MayLose(_)));
}

#[tokio::test]
async fn a_user_who_may_not_do_it_all_is_found_out_at_the_start() {
    let server = Redis::start();
    let mut operator = Operator::of(&server).await;
    operator.says::<()>("ACL SETUSER clerk on >secret-of-clerk ~vestibule:* +@all -zadd").await;
    let url = format!("redis://clerk:secret-of-clerk@127.0.0.1:{}/0", server.port());
    let error = RedisStore::connect(&url, RedisOptions::default()).await.unwrap_err();
    assert!(matches!(error, ConnectError::NotAllowed(_)), "{error:?}");
    operator.says::<()>("ACL SETUSER clerk +zadd").await;
    let store = RedisStore::connect(&url, RedisOptions::default()).await.unwrap();
    crate::stored::whole_life(&store).await;
    assert!(!format!("{store:?}").contains("secret-of-clerk"));
    let wrong = format!("redis://clerk:wrong@127.0.0.1:{}/0", server.port());
    let error = RedisStore::connect(&wrong, RedisOptions::default()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_server_that_was_weakened_is_no_longer_ready() {
    let server = Redis::start();
    let store = connect(&server, RedisOptions::default()).await;
    store.ping().await.unwrap();
    let mut operator = Operator::of(&server).await;
    for (weaken, mend) in [("appendfsync no", "appendfsync always"), ("appendonly no", "appendonly yes")] {
        operator.says::<()>(&format!("CONFIG SET {weaken}")).await;
        let fault = store.ping().await.unwrap_err();
        assert!(format!("{fault:?}").contains(weaken), "{fault:?}");
        operator.says::<()>(&format!("CONFIG SET {mend}")).await;
        store.ping().await.unwrap();
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_not_repeated() {
    let error = RedisStore::connect("http://user:secret@x", RedisOptions::default()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Address(_)), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    let error = RedisStore::connect("redis://127.0.0.1:1/", RedisOptions::default()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable(_)), "{error:?}");
    let options = RedisOptions::default().with_prefix("{x}");
    let error = RedisStore::connect("redis://127.0.0.1:1/", options).await.unwrap_err();
    assert!(matches!(error, ConnectError::Prefix(_)), "{error:?}");
}

#[tokio::test]
async fn nothing_leaves_the_machine_in_clear_text_unless_that_is_accepted() {
    for away in [
        "redis://db.example/",
        "redis://me:hunter2@10.0.0.1:6379/",
        "redis://[2001:db8::1]/",
        "redis://localhost.example/",
    ] {
        let error = RedisStore::connect(away, RedisOptions::default()).await.unwrap_err();
        assert!(matches!(error, ConnectError::Plaintext), "{away}: {error:?}");
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }
    // This machine, by an address that is not the loopback one.
    let mapped = shared().url().replace("127.0.0.1", "[::ffff:127.0.0.1]");
    let options = RedisOptions::default().with_prefix(prefix());
    let error = RedisStore::connect(&mapped, options.clone()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Plaintext), "{error:?}");
    RedisStore::connect(&mapped, options.danger_clear_text()).await.unwrap().ping().await.unwrap();
    let named = shared().url().replace("127.0.0.1", "localhost");
    RedisStore::connect(&named, RedisOptions::default().with_prefix(prefix()))
        .await
        .unwrap()
        .ping()
        .await
        .unwrap();
}
