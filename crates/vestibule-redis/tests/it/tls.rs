//! The way to the server encrypted.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::task::JoinSet;
use vestibule_host::{
    GrantStore, LaunchHash, PutLaunch, Record, Redemption, Rotation, StoreFault, UnixMillis,
};
use vestibule_redis::rustls::crypto::ring;
use vestibule_redis::rustls::pki_types::pem::PemObject as _;
use vestibule_redis::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use vestibule_redis::rustls::{ClientConfig, ConfigBuilder, RootCertStore, client::WantsClientCert};
use vestibule_redis::{ConnectError, RedisOptions, RedisStore};
use vestibule_test_servers::Redis;

use crate::place::{Operator, prefix};
use crate::rows::{bytes, call, events, issued, redeem, rotate};

fn server() -> &'static Redis {
    static SERVER: OnceLock<Redis> = OnceLock::new();
    SERVER.get_or_init(|| Redis::start_encrypted(&[]))
}

fn roots(server: &Redis) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_file_iter(server.authority()).unwrap() {
        roots.add(authority.unwrap()).unwrap();
    }
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
}

/// Trusts the authority of this server, and nobody else.
fn trusting(server: &Redis) -> RedisOptions {
    RedisOptions::default().with_prefix(prefix()).with_tls(Arc::new(roots(server).with_no_client_auth()))
}

async fn refusal(url: &str, options: RedisOptions) -> ConnectError {
    RedisStore::connect(url, options).await.unwrap_err()
}

/// How many connections of others this server has on its encrypted port, and on the other one.
async fn connections(server: &Redis) -> (usize, usize) {
    let list: String = Operator::of(server).await.says("CLIENT LIST").await;
    let at =
        |port: u16| list.lines().filter(|line| line.contains(&format!(" laddr=127.0.0.1:{port} "))).count();
    (at(server.encrypted_port()), at(server.port()) - 1)
}

/// It hears a moment later that somebody who asked it has gone.
async fn has_connections(server: &Redis, expected: (usize, usize)) {
    let mut found = connections(server).await;
    for _ in 0..500 {
        if found == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        found = connections(server).await;
    }
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_calls_are_encrypted() {
    let server = Redis::start_encrypted(&[]);
    let store = RedisStore::connect(&server.encrypted_url("localhost"), trusting(&server)).await.unwrap();
    let mut calls = JoinSet::new();
    for n in 1..=200 {
        let store = store.clone();
        calls.spawn(async move {
            issued(&store, n).await;
            assert_eq!(store.redeem_code(&redeem(n), &call(1_000 + n)).await.unwrap(), Redemption::Won);
            assert_eq!(store.rotate_refresh(&rotate(n, 0), &call(2_000 + n)).await.unwrap(), Rotation::Won);
        });
    }
    while let Some(done) = calls.join_next().await {
        done.unwrap();
    }
    assert_eq!(events(&store).await.unwrap().len(), 400);
    has_connections(&server, (1, 0)).await;
    // The question itself sees what is not encrypted, and the connection ends with the store.
    let clear = RedisStore::connect(&server.url(), RedisOptions::default()).await.unwrap();
    has_connections(&server, (1, 1)).await;
    drop((store, clear));
    has_connections(&server, (0, 0)).await;
}

#[tokio::test]
async fn another_authority_another_name_and_no_encryption_are_refused() {
    let (here, other) = (server(), Redis::start_encrypted(&[]));
    let clear = here.url().replace("redis://127.0.0.1", "rediss://localhost");
    for (url, options, why) in [
        // Its authority only calls itself the same.
        (here.encrypted_url("localhost"), trusting(&other), "BadSignature"),
        (here.encrypted_url("127.0.0.1"), trusting(here), "not valid for name"),
        // It waits for the end of a line.
        (clear, trusting(here).with_connect_timeout(Duration::from_millis(300)), "timed out"),
    ] {
        let error = refusal(&url, options).await;
        assert!(matches!(error, ConnectError::Unreachable(_)), "{why}: {error:?}");
        assert!(format!("{error:?}").contains(why), "{why}: {error:?}");
    }
    let unencrypted = here.encrypted_url("127.0.0.1").replace("rediss:", "redis:");
    let error = refusal(&unencrypted, RedisOptions::default()).await;
    assert!(matches!(error, ConnectError::Unreachable(_)), "{error:?}");
    RedisStore::connect(&here.encrypted_url("localhost"), trusting(here)).await.unwrap();
}

#[tokio::test]
async fn an_address_and_its_options_agree() {
    let none = RedisOptions::default;
    assert!(matches!(refusal("rediss://localhost/", none()).await, ConnectError::NobodyTrusted));
    assert!(matches!(
        refusal("rediss://db.example/", none().danger_clear_text()).await,
        ConnectError::NobodyTrusted
    ));
    for clear in ["redis://localhost/", "redis://db.example/", "unix:///run/redis.sock"] {
        assert!(matches!(refusal(clear, trusting(server())).await, ConnectError::NotEncrypted), "{clear}");
    }
    for wrong in [
        "rediss://",
        "rediss:///",
        "rediss://me:hunter2@localhost:6379/#insecure",
        "rediss://me:hunter2@localhost:99999/",
        "rediss://me:hunter2@local host/",
        "rediss://me:hunter2@localhost/x",
        "redis+tls://me:hunter2@localhost/",
    ] {
        let error = refusal(wrong, trusting(server())).await;
        assert!(matches!(error, ConnectError::Address(_)), "{wrong}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{wrong}: {error:?}");
    }
    let options = format!("{:?}", trusting(server()));
    assert!(options.contains("trust: Some(Trust)"), "{options}");
}

/// A password is said behind the encryption, and a wrong one is refused.
#[tokio::test]
async fn a_password_goes_with_it() {
    let server = Redis::start_encrypted(&[]);
    let mut operator = Operator::of(&server).await;
    operator.says::<()>("ACL SETUSER clerk on >not-a-secret ~* +@all").await;
    let url = |password: &str| {
        server.encrypted_url("localhost").replace("rediss://", &format!("rediss://clerk:{password}@"))
    };
    let store = RedisStore::connect(&url("not-a-secret"), trusting(&server)).await.unwrap();
    store.ping().await.unwrap();
    assert_eq!(operator.says::<String>("CLIENT LIST").await.matches("user=clerk").count(), 1);
    let error = refusal(&url("wrong"), trusting(&server)).await;
    assert!(matches!(error, ConnectError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_server_may_ask_for_a_certificate() {
    let server = Redis::start_encrypted(&[]);
    Operator::of(&server).await.says::<()>("CONFIG SET tls-auth-clients yes").await;
    let url = server.encrypted_url("localhost");
    let error = refusal(&url, trusting(&server)).await;
    assert!(matches!(error, ConnectError::Unreachable(_)), "{error:?}");
    let (certificate, key) = server.certificate();
    let own = vec![CertificateDer::from_pem_file(certificate).unwrap()];
    let config =
        roots(&server).with_client_auth_cert(own, PrivateKeyDer::from_pem_file(key).unwrap()).unwrap();
    let store = RedisStore::connect(&url, RedisOptions::default().with_tls(Arc::new(config))).await.unwrap();
    store.ping().await.unwrap();
}

/// What a peer that takes nothing more was not told yet is given up with the connection, as its callers have been told.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_with_the_last_who_holds_it() {
    let server = Redis::start_encrypted(&[]);
    let wait = Duration::from_millis(300);
    for (url, port, options) in [
        (server.encrypted_url("localhost"), server.encrypted_port(), trusting(&server)),
        (server.url(), server.port(), RedisOptions::default()),
    ] {
        let store = RedisStore::connect(&url, options.with_response_timeout(wait)).await.unwrap();
        assert_eq!(open_sockets(port), 1);
        let launch = |n, size: usize| {
            PutLaunch::new(LaunchHash::new(bytes(n)), UnixMillis(1_000_000), Record(vec![7; size].into()))
        };
        store.put_launch(&launch(100, 1), &call(100)).await.unwrap();
        server.freeze();
        let mut calls = JoinSet::new();
        for n in 0..60 {
            let (store, launch) = (store.clone(), launch(n, 1_000_000));
            calls.spawn(async move { store.put_launch(&launch, &call(n)).await.unwrap_err() });
        }
        while let Some(fault) = calls.join_next().await {
            let fault = fault.unwrap();
            assert!(!matches!(fault, StoreFault::Full), "{fault:?}");
        }
        drop(store);
        has_no_sockets(port).await;
        server.thaw();
    }
}

/// How many connections of this machine are open to this port, as the one who opened them sees it.
fn open_sockets(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    // The other end, and the state: 01 is established, 08 was closed by the other end alone.
    let to = format!(":{port:04X}");
    let is_open = |line: &&str| {
        let mut words = line.split_whitespace().skip(2);
        words.next().is_some_and(|other| other.ends_with(&to))
            && words.next().is_some_and(|state| ["01", "08"].contains(&state))
    };
    table.lines().filter(is_open).count()
}

async fn has_no_sockets(port: u16) {
    let closed = async {
        while open_sockets(port) != 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), closed).await.expect("it holds on to what is dead");
}

/// Proxies and servers close what nobody uses: nothing fails for it.
#[tokio::test]
async fn a_connection_that_broke_while_nobody_used_it_is_made_anew() {
    let server = Redis::start_encrypted(&[]);
    for (at, url, port, options) in [
        (1, server.encrypted_url("localhost"), server.encrypted_port(), trusting(&server)),
        (11, server.url(), server.port(), RedisOptions::default()),
    ] {
        let store = RedisStore::connect(&url, options).await.unwrap();
        for n in at..at + 5 {
            issued(&store, n).await;
            Operator::of(&server).await.says::<i64>("CLIENT KILL TYPE normal SKIPME yes").await;
            // The news has arrived, and what carried the connection has ended.
            has_no_sockets(port).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert_eq!(store.redeem_code(&redeem(n), &call(1_000 + n)).await.unwrap(), Redemption::Won);
        }
    }
}

/// A connection whose server was away is made anew, and encrypted.
#[tokio::test]
async fn a_server_that_comes_back_is_used_again() {
    let server = Redis::start_encrypted(&[]);
    let store = RedisStore::connect(&server.encrypted_url("localhost"), trusting(&server)).await.unwrap();
    issued(&store, 1).await;
    server.kill();
    assert!(store.ping().await.is_err());
    let fault = store.redeem_code(&redeem(1), &call(11)).await.unwrap_err();
    assert!(matches!(fault, StoreFault::NotApplied(_)), "nothing was sent: {fault:?}");
    server.resume();
    store.ping().await.unwrap();
    assert_eq!(store.redeem_code(&redeem(1), &call(12)).await.unwrap(), Redemption::Won);
    has_connections(&server, (1, 0)).await;
}

/// Who takes the connection and says nothing holds nobody up.
#[tokio::test]
async fn a_handshake_has_an_end() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rediss://localhost:{}/", silent.local_addr().unwrap().port());
    let options = trusting(server()).with_connect_timeout(Duration::from_millis(300));
    let refused = tokio::time::timeout(Duration::from_secs(3), refusal(&url, options));
    let error = refused.await.expect("an end");
    assert!(matches!(error, ConnectError::Unreachable(_)), "{error:?}");
}
