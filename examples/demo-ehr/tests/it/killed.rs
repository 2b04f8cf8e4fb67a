//! T8: the program is killed while codes are redeemed and tokens refreshed. `VESTIBULE_DEMO_KILLS=100` for a long run.

use std::path::Path;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use rusqlite::Connection;

use crate::running::{Home, Person, Running, redeem, refresh, refresh_token, sized};

const WORKERS: usize = 4;

/// So many a file.
const KILLS: u32 = 40;

/// What one app was told.
#[derive(Debug, Default)]
struct Told {
    /// Codes that bought tokens, each with the newest refresh token.
    redeemed: Vec<(String, String)>,
    refreshed: i64,
    /// The code of which nobody knows.
    open: Option<String>,
    /// Whether a refresh is among what nobody knows.
    refreshing: bool,
}

/// Redeems each code, refreshes once, and goes on until nobody answers any more.
fn work(home: &Home, at: &Running, begun: &Barrier) -> Told {
    let (mut told, mut carol, mut line) = (Told::default(), Person::carol(home, at), at.line());
    begun.wait();
    loop {
        let Ok(code) = carol.code() else { return told };
        let Ok(answer) = line.post("/auth/token", &redeem(&code)) else {
            told.open = Some(code);
            return told;
        };
        told.redeemed.push((code, refresh_token(&answer)));
        let (_, newest) = told.redeemed.last_mut().unwrap();
        let Ok(answer) = line.post("/auth/token", &refresh(newest)) else {
            told.refreshing = true;
            return told;
        };
        *newest = refresh_token(&answer);
        told.refreshed += 1;
    }
}

/// How many events there are of a kind, delivered to the log or waiting for that, each counted once.
fn events(file: &Path, kind: &str) -> i64 {
    let tables = Connection::open(file).unwrap();
    tables.busy_timeout(Duration::from_secs(5)).unwrap();
    let asked = "SELECT count(*) FROM (SELECT id FROM ehr_audit WHERE kind = ?1
                 UNION SELECT lower(hex(id)) FROM vestibule_events WHERE kind = ?1)";
    tables.query_row(asked, [kind], |row| row.get(0)).unwrap()
}

/// What a kill left behind.
#[derive(Debug, Default)]
struct Kept {
    redeemed: usize,
    refreshed: i64,
    unknown: usize,
    lost: usize,
}

/// Opens the program, kills it under load, opens it again, and looks for everything that it has said.
fn cycle(home: &Home, store: &str, file: Option<&Path>, after: Duration) -> Kept {
    let running = home.open(store);
    let before = file.map(|file| (events(file, "code_redeemed"), events(file, "refreshed")));
    let begun = Arc::new(Barrier::new(WORKERS + 1));
    let told: Vec<Told> = std::thread::scope(|scope| {
        let apps: Vec<_> = (0..WORKERS).map(|_| scope.spawn(|| work(home, &running, &begun))).collect();
        begun.wait();
        std::thread::sleep(after);
        let _ = std::process::Command::new("kill").args(["-KILL", &running.process().to_string()]).status();
        apps.into_iter().map(|app| app.join().unwrap()).collect()
    });
    running.kill();

    let running = home.open(store);
    let mut kept = Kept::default();
    for one in &told {
        kept.redeemed += one.redeemed.len();
        kept.refreshed += one.refreshed;
        kept.unknown += usize::from(one.open.is_some() || one.refreshing);
    }
    if let (Some(file), Some((redeemed, refreshed))) = (file, before) {
        // Complete: one for each, and at most one more for each of which nobody knows.
        for (kind, before, due) in [
            ("code_redeemed", redeemed, i64::try_from(kept.redeemed).unwrap()),
            ("refreshed", refreshed, kept.refreshed),
        ] {
            let new = events(file, kind) - before;
            let most = due + i64::try_from(kept.unknown).unwrap();
            assert!((due..=most).contains(&new), "{new} events `{kind}` of {due} to {most}");
        }
    }
    let mut line = running.line();
    let mut token = |form: &str| line.post("/auth/token", form).unwrap();
    for one in told {
        for (code, newest) in one.redeemed {
            let goes_on = token(&refresh(&newest));
            if goes_on.status != 200 {
                assert_eq!((goes_on.status, &goes_on.json()["error"]), (400, &"invalid_grant".into()));
                kept.lost += 1;
                continue;
            }
            // None of them buys anything again, and whoever tries ends what it bought.
            let again = token(&redeem(&code));
            assert_eq!(
                (again.status, &again.json()["error"]),
                (400, &"invalid_grant".into()),
                "a code was doubled"
            );
            let ended = token(&refresh(&refresh_token(&goes_on)));
            assert_eq!(ended.status, 400, "a replayed code's chain: {}", ended.body);
        }
        if let Some(code) = one.open {
            let end = token(&redeem(&code));
            assert!(matches!(end.status, 200 | 400), "a code in the middle of the kill: {}", end.brief());
            let again = token(&redeem(&code));
            assert_eq!(again.status, 400, "a code in the middle of the kill, again: {}", again.brief());
        }
    }
    kept
}

/// STORE-008
#[test]
fn what_was_told_before_the_program_was_killed_stays_so() {
    let (kills, home) = (sized("VESTIBULE_DEMO_KILLS", 4), Home::new("killed"));
    let mut all = Kept::default();
    for kill in 0..kills {
        // The hospital's log keeps its newest events alone: a file is given up before it comes to that.
        let file = home.file(&format!("{}.sqlite3", kill / KILLS));
        let store = format!("sqlite:{}", file.display());
        if kill % KILLS == 0 {
            drop(home.open(&store)); // the file is made
        }
        let after = Duration::from_millis(150 + u64::from(kill * 137 % 500));
        let kept = cycle(&home, &store, Some(&file), after);
        assert_eq!(kept.lost, 0, "{kept:?}");
        all.redeemed += kept.redeemed;
        all.refreshed += kept.refreshed;
        all.unknown += kept.unknown;
    }
    println!(
        "{kills} kills: {} redemptions and {} refreshes told, 0 lost; {} in the middle of the kill",
        all.redeemed, all.refreshed, all.unknown
    );
    assert!(all.redeemed > usize::try_from(kills).unwrap() * WORKERS, "{all:?}");
}

/// The test above would see a loss: a program that writes nothing down loses all of it.
#[test]
fn a_program_that_keeps_nothing_is_seen_to_lose() {
    let kept = cycle(&Home::new("forgetful"), "memory", None, Duration::from_millis(300));
    assert!(kept.lost > 0 && kept.lost == kept.redeemed, "{kept:?}");
}
