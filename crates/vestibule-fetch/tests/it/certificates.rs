//! What is behind a name is proven by TLS, and by nothing else.

use std::sync::Arc;

use tokio_rustls::rustls::ServerConfig;
use vestibule_fetch::{FetchOptions, GuardedFetcher, SetupError};

use crate::checks::{Verdict, ensure, holds, holds_on_loopback};
use crate::engine::{Outcome, authenticate};
use crate::server::{Server, json, keys};
use crate::world::{Authority, Flaw, Subject, World, authority, listen};

async fn is_not_trusted(world: Arc<World>, tls: &Arc<ServerConfig>) -> Verdict {
    let server = Server::always(json("no-store", keys(&["a"]))).with_tls(Arc::clone(tls));
    let url = if world.is_real() {
        let (_, at) = listen(server).await;
        format!("https://{at}/jwks")
    } else {
        world.net.name("keys.example", &[&["11.0.0.1"]]);
        world.net.server("11.0.0.1", 443, server);
        "https://keys.example/jwks".to_owned()
    };
    let outcome = authenticate(&world, &*world.fetcher(), &url, "a").await;
    ensure(outcome == Outcome::Refused, format!("{outcome:?}"))
}

/// FETCH-003, A-JWKS-15: an authority nobody knows, another name (that of the address too), and one whose time is over.
#[tokio::test(start_paused = true)]
async fn certificates_are_checked() {
    for tls in [
        Authority::new("an authority nobody knows").server_config("keys.example"),
        authority().server_config("other.example"),
        authority().server_config("11.0.0.1"),
        authority().server_config("www.keys.example"),
        authority().server_config_with("keys.example", Flaw::Expired),
    ] {
        holds(async |world| is_not_trusted(world, &tls).await).await;
    }
    let world = Arc::new(World::in_memory(Subject::Guarded));
    let good = authority().server_config("keys.example");
    assert!(is_not_trusted(world, &good).await.is_err(), "a good one is trusted");
}

/// FETCH-003: the same over sockets.
#[tokio::test]
async fn certificates_are_checked_on_loopback() {
    for tls in [
        Authority::new("an authority nobody knows").server_config("127.0.0.1"),
        authority().server_config("127.0.0.2"),
        authority().server_config("localhost"),
    ] {
        holds_on_loopback(async |world| is_not_trusted(world, &tls).await).await;
    }
    let world = Arc::new(World::on_loopback(Subject::Guarded));
    let good = authority().server_config("127.0.0.1");
    assert!(is_not_trusted(world, &good).await.is_err(), "a good one is trusted");
}

/// Public authorities stay trusted beside the operator's, and without it the operator's is not.
#[tokio::test(start_paused = true)]
async fn own_authorities_are_opt_in() {
    let world = World::in_memory(Subject::Guarded);
    let (_, url) = world.server(Server::always(json("no-store", keys(&["a"])))).await;
    let options = FetchOptions::default().with_resolve(world.net.clone()).with_dial(world.net.clone());
    let stranger = GuardedFetcher::new(options.clone()).unwrap();
    assert_eq!(authenticate(&world, &stranger, &url, "a").await, Outcome::Refused);
    let own =
        GuardedFetcher::new(options.clone().with_root_certificate(&authority().certificate[..])).unwrap();
    assert_eq!(authenticate(&world, &own, &url, "a").await, Outcome::Found);
    let broken = GuardedFetcher::new(options.with_root_certificate(&b"no certificate"[..])).unwrap_err();
    assert_eq!(broken, SetupError::RootCertificate);
}

/// FETCH-002: plain HTTP where TLS is expected.
#[tokio::test(start_paused = true)]
async fn a_server_without_tls_is_refused() {
    let world = World::in_memory(Subject::Guarded);
    world.net.name("keys.example", &[&["11.0.0.1"]]);
    let server = world.net.server("11.0.0.1", 443, Server::always(json("no-store", keys(&["a"]))));
    let outcome = authenticate(&world, &*world.fetcher(), "https://keys.example/jwks", "a").await;
    assert_eq!(outcome, Outcome::Refused);
    assert_eq!(server.questions(), Vec::<String>::new(), "nothing was asked in the clear");
}
