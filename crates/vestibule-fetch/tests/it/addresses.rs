//! Where nobody may lead the host, however it is written, resolved or changed in between.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use vestibule_fetch::FetchOptions;

use crate::checks::{Verdict, ensure, holds};
use crate::engine::{Outcome, authenticate};
use crate::net::{NO_ROOM, TAR_PIT};
use crate::server::{Server, json, keys};
use crate::world::{Subject, World, authority};

fn good(name: &str) -> Server {
    Server::always(json("max-age=60", keys(&["a"]))).with_tls(authority().server_config(name))
}

/// Addresses that are not public, in the form in which a name server gives them.
const PRIVATE: &[&str] = &[
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "100.64.0.1",
    "100.100.100.200",
    "0.0.0.0",
    "0.1.2.3",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "192.88.99.1",
    "::1",
    "::",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::7f00:1",
    "fd00::1",
    "fd00:ec2::254",
    "fc00::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "5f00::1",
    "2606::5efe:10.0.0.1",
];

/// A-JWKS-01, FETCH-003, FETCH-001: a name that leads into the host's network, alone or among public addresses, at any place.
#[tokio::test(start_paused = true)]
async fn no_name_leads_inside() {
    for private in PRIVATE {
        for addresses in [
            vec![*private],
            vec!["11.0.0.1", private],
            vec![private, "11.0.0.1"],
            vec!["11.0.0.1", "11.0.0.2", "11.0.0.3", "11.0.0.4", "11.0.0.5", private],
        ] {
            holds(async |world| {
                world.net.name("keys.example", &[&addresses]);
                for address in &addresses {
                    world.net.server(address, 443, good("keys.example"));
                }
                let outcome = authenticate(&world, &*world.fetcher(), "https://keys.example/jwks", "a").await;
                ensure(world.net.dialled().is_empty(), format!("connected to {:?}", world.net.dialled()))?;
                ensure(outcome == Outcome::Refused, format!("{addresses:?}: {outcome:?}"))
            })
            .await;
        }
    }
}

/// A-JWKS-01, FETCH-003: an address in the URL itself. Nothing is looked up, because a resolver would read `0177.0.0.1` as well.
#[tokio::test(start_paused = true)]
async fn no_form_of_an_address_leads_inside() {
    let literals = PRIVATE.iter().map(|address| match address.contains(':') {
        true => format!("[{address}]"),
        false => (*address).to_owned(),
    });
    let odd = [
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "0x7f000001",
        "0x7f.0.0.1",
        "0X7F.0.0.1",
        "127.1",
        "127.0.1",
        "127.0.0.01",
        "10.1",
        "127.0.0.1.",
        "[::1].",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[::1%25lo]",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "a.localhost",
        "intranet",
        "metadata.google.internal",
        "keys.example.",
        "127.0.0.1%2f.example",
        "\u{2460}\u{2461}\u{2466}.0.0.1",
        "127\u{3002}0.0.1",
    ];
    for host in literals.chain(odd.map(str::to_owned)) {
        for url in [
            format!("https://{host}/jwks"),
            format!("https://{host}:443/jwks"),
            format!("https://keys.example@{host}/jwks"),
            format!("https://{host}\\@keys.example/jwks"),
            format!("http://{host}/jwks"),
        ] {
            holds(async |world| is_never_asked(&world, &url).await).await;
        }
    }
}

/// A-JWKS-13, FETCH-002, SMART-CAUTH-061
#[tokio::test(start_paused = true)]
async fn only_https_on_an_allowed_port_is_asked() {
    for url in [
        "http://keys.example/jwks",
        "http://keys.example:443/jwks",
        "https://keys.example:80/jwks",
        "https://keys.example:22/",
        "https://keys.example:8443/",
        "https://user@keys.example/",
        "https://user:password@keys.example/",
        "https://keys.example/#f",
    ] {
        holds(async |world| {
            world.net.name("keys.example", &[&["11.0.0.1"]]);
            is_never_asked(&world, url).await
        })
        .await;
    }
    let world = World::in_memory(Subject::Guarded);
    for url in [
        "file:///etc/passwd",
        "ftp://keys.example/jwks",
        "gopher://keys.example/1",
        "data:application/json,{}",
        "jwks",
        "",
    ] {
        is_never_asked(&world, url).await.unwrap();
    }
}

async fn is_never_asked(world: &World, url: &str) -> Verdict {
    let fetcher = world.fetcher();
    ensure(!fetcher.may_fetch(url), format!("{url} may be registered"))?;
    let outcome = authenticate(world, &*fetcher, url, "a").await;
    ensure(outcome == Outcome::Refused, format!("{url}: {outcome:?}"))?;
    ensure(world.net.looked_up().is_empty(), format!("{url} was looked up"))?;
    ensure(world.net.dialled().is_empty(), format!("{url} was connected to"))
}

/// A-JWKS-02, FETCH-003: the name is looked up once, and what was checked is what is connected to.
#[tokio::test(start_paused = true)]
async fn a_name_that_changes_leads_nowhere() {
    holds(async |world| {
        world.net.name("keys.example", &[&["11.0.0.1"], &["127.0.0.1"]]);
        world.net.server("11.0.0.1", 443, good("keys.example"));
        let inside = world.net.server("127.0.0.1", 443, good("keys.example"));
        let fetcher = world.fetcher();
        let ask = async || authenticate(&world, &*fetcher, "https://keys.example/jwks", "a").await;
        let first = ask().await;
        ensure(first == Outcome::Found, format!("{first:?}"))?;
        sleep(Duration::from_secs(61)).await;
        let second = ask().await;
        ensure(second == Outcome::Refused, format!("{second:?}"))?;
        ensure(inside.connections() == 0, "the second address was connected to")?;
        ensure(world.net.dialled() == ["11.0.0.1:443".parse().unwrap()], "not the address that was checked")?;
        ensure(world.net.looked_up().len() == 2, "each fetch looks up once")
    })
    .await;
}

/// FETCH-003, FETCH-004: dead addresses among good ones cost time, but not all of it; dead ones alone cost two seconds.
#[tokio::test(start_paused = true)]
async fn addresses_are_tried_in_turn() {
    for (addresses, expected, millis) in [
        (vec!["11.0.0.9", "11.0.0.1"], Outcome::Found, 1_000),
        (vec!["2606::9", "2606::8", "2606::7", "11.0.0.1"], Outcome::Found, 500),
        (vec!["11.0.0.8", "11.0.0.1"], Outcome::Found, 0),
        (vec!["11.0.0.9"], Outcome::Refused, 2_000),
        (vec!["11.0.0.9", "2606::9"], Outcome::Refused, 2_000),
        (vec!["11.0.0.9", "11.0.0.9", "11.0.0.9", "11.0.0.9", "11.0.0.1"], Outcome::Refused, 2_000),
        (vec![], Outcome::Refused, 0),
    ] {
        let world = World::in_memory(Subject::Guarded);
        world.net.name("keys.example", &[&addresses]);
        for hole in ["11.0.0.9", "2606::9", "2606::8", "2606::7"] {
            world.net.black_hole(hole);
        }
        world.net.server("11.0.0.1", 443, good("keys.example"));
        let start = Instant::now();
        let outcome = authenticate(&world, &*world.fetcher(), "https://keys.example/jwks", "a").await;
        assert_eq!((outcome, start.elapsed().as_millis()), (expected, millis), "{addresses:?}");
    }
}

/// FETCH-004, FETCH-007: a name server that hangs is the client's; a resolver without room is ours.
#[tokio::test(start_paused = true)]
async fn names_may_take_the_whole_time() {
    let world = World::in_memory(Subject::Guarded);
    let fetcher = world.fetcher();
    let start = Instant::now();
    let outcome = authenticate(&world, &*fetcher, &format!("https://{TAR_PIT}/jwks"), "a").await;
    assert_eq!((outcome, start.elapsed().as_secs()), (Outcome::Refused, 5));
    let outcome = authenticate(&world, &*fetcher, &format!("https://{NO_ROOM}/jwks"), "a").await;
    assert_eq!(outcome, Outcome::Busy);
    let outcome = authenticate(&world, &*fetcher, "https://unknown.example/jwks", "a").await;
    assert_eq!(outcome, Outcome::Refused);
}

/// FETCH-002: what an operator allows holds for what is written, never for what a name turns out to be.
#[tokio::test(start_paused = true)]
async fn names_stay_guarded_where_loopback_is_allowed() {
    let world = World::in_memory(Subject::Guarded);
    let fetcher = world.fetcher_with(FetchOptions::default().danger_allow_loopback().with_ports([8443]));
    for (name, address) in
        [("keys.example", "127.0.0.1"), ("six.example", "::1"), ("ten.example", "10.0.0.1")]
    {
        world.net.name(name, &[&[address]]);
        world.net.server(address, 8443, good(name));
        let outcome = authenticate(&world, &*fetcher, &format!("https://{name}:8443/jwks"), "a").await;
        assert_eq!(outcome, Outcome::Refused, "{name}");
        assert!(!fetcher.may_fetch(&format!("http://{name}:8443/jwks")));
    }
    assert_eq!(world.net.dialled(), []);
    let inside = world.net.server("::1", 1234, Server::always(json("", keys(&["a"]))));
    assert_eq!(authenticate(&world, &*fetcher, "http://[::1]:1234/jwks", "a").await, Outcome::Found);
    assert_eq!(inside.connections(), 1);
    world.net.name("port.example", &[&["11.0.0.1"]]);
    world.net.server("11.0.0.1", 8443, good("port.example"));
    assert_eq!(authenticate(&world, &*fetcher, "https://port.example:8443/", "a").await, Outcome::Found);
}

/// A public address may stand in the URL; its certificate must name it.
#[tokio::test(start_paused = true)]
async fn a_public_address_may_be_written() {
    let world = Arc::new(World::in_memory(Subject::Guarded));
    for (address, host) in [("11.0.0.1", "11.0.0.1"), ("2606::1", "[2606::1]")] {
        world.net.server(address, 443, good(address));
        let outcome = authenticate(&world, &*world.fetcher(), &format!("https://{host}/jwks"), "a").await;
        assert_eq!(outcome, Outcome::Found, "{host}");
    }
    assert!(world.net.looked_up().is_empty());
}
