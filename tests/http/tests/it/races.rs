//! T3: the same code, and the same refresh token, at two servers over one store at the same moment.
//!
//! Two processes over PostgreSQL race in the demo's tests; here is what shows that their referee sees a mistake.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vestibule_host::{GrantStore, MemoryGrants};
use vestibule_http_tests::app::{az, rf, tk};
use vestibule_http_tests::race::{Line, lines, race, redeemed_once, refreshed_once};
use vestibule_http_tests::world::{World, config};
use vestibule_http_tests::{Adapter, Door};
use vestibule_testkit::mutants::{Mistake, MutantGrants};

/// So many at once.
const RACERS: usize = 32;

struct Pair {
    world: World,
    _second: World,
    lines: Vec<Line>,
}

impl Pair {
    /// Two servers, each on a thread of its own.
    fn over(store: Arc<dyn GrantStore>) -> Self {
        let world = World::over_store(Adapter::Tower, config(), store);
        let second = world.restarted(config());
        let address = |world: &World| -> SocketAddr {
            match &world.door {
                Door::Socket(socket) => socket.address(),
                Door::Direct(_) => panic!("a door with a socket"),
            }
        };
        let lines = lines(&[address(&world), address(&second)], RACERS);
        Self { world, _second: second, lines }
    }

    async fn redemption(&mut self) -> Result<(), String> {
        let code = self.world.code_for(&az("pub")).await;
        redeemed_once(&race(&mut self.lines, &form(&tk("pub", &code))))
    }

    async fn refresh(&mut self) -> Result<(), String> {
        let tokens = self.world.tokens_for("pub", &az("pub")).await;
        let first = tokens["refresh_token"].as_str().unwrap().to_owned();
        let successor = refreshed_once(&race(&mut self.lines, &form(&rf("pub", &first))))?;
        let next = rf("pub", &successor).send(&self.world).await;
        if next.status == 200 { Ok(()) } else { Err(format!("the chain has ended: {}", next.brief())) }
    }
}

fn form(request: &vestibule_http_tests::app::Tk) -> String {
    String::from_utf8(request.request().body().to_vec()).unwrap()
}

/// CODE-004
#[tokio::test(flavor = "multi_thread")]
async fn t3_two_servers_let_one_win() {
    let mut pair = Pair::over(Arc::new(MemoryGrants::new()));
    for _ in 0..10 {
        pair.redemption().await.unwrap();
        pair.refresh().await.unwrap();
    }
}

/// The reason to believe it: a store that looks, and then spends.
#[allow(clippy::disallowed_methods, reason = "how long it takes is what is tested")]
#[tokio::test(flavor = "multi_thread")]
async fn t3_a_naive_store_is_caught() {
    for mistake in [Mistake::UnguardedRedemption, Mistake::UnguardedRotation] {
        let mut pair = Pair::over(Arc::new(MutantGrants::new(mistake)));
        let begun = Instant::now();
        let wrong = loop {
            let race = match mistake {
                Mistake::UnguardedRedemption => pair.redemption().await,
                _ => pair.refresh().await,
            };
            if let Err(wrong) = race {
                break wrong;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{mistake:?} is not caught");
        };
        println!("{mistake:?} after {} ms: {wrong}", begun.elapsed().as_millis());
    }
}
