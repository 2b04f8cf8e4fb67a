//! Migrations that are cut short anywhere, and rows of the first schema.

use std::path::Path;
use std::process::{Command, Stdio};

use rusqlite::Connection;
use vestibule_host::{
    AttemptId, Binding, Call, ClientId, CodeHash, GrantId, GrantKey, GrantStatus, GrantStore,
    InteractionHash, KeyStore, LaunchHash, NewRefresh, Record, RedeemCode, Redemption, RefreshHandle,
    RefreshHash, Revision, Revocation, Revoke, Revoked, SessionId, StoredGrant, Tenant, UnixMillis, UserId,
};
use vestibule_sqlite::{SqliteOptions, SqliteStore, migrations};

use crate::directory::Directory;

const PREFIX: &str = "vestibule_";
const GOLDEN: &str = include_str!("golden/schema_1.sql");
const VICTIM: &str = "VESTIBULE_SQLITE_MIGRATES";

fn open(path: &Path) -> Result<SqliteStore, vestibule_sqlite::OpenError> {
    SqliteStore::open(path, SqliteOptions::default())
}

/// A migration, statement by statement.
fn statements(number: usize) -> Vec<String> {
    let text = migrations()[number].sql(PREFIX);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let text: Vec<&str> = lines.iter().map(|line| line.split(" --").next().unwrap()).collect();
    let text = text.join("\n");
    text.split(';').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// What there is: tables, indexes, columns.
fn catalogue(path: &Path) -> Vec<String> {
    let file = Connection::open(path).unwrap();
    let mut asked = file
        .prepare("SELECT type || ' ' || name || ' ' || ifnull(sql, '') FROM sqlite_schema ORDER BY 1")
        .unwrap();
    let rows = asked.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

fn whole() -> Vec<String> {
    let directory = Directory::new();
    open(&directory.file()).unwrap();
    let due = catalogue(&directory.file());
    assert!(due.len() > 30, "{due:?}");
    due
}

/// Row 47: the files as they are when a migration has come this far are what a kill leaves. It begins anew, and ends as one that
/// was not cut short; what was in the file is there.
#[tokio::test]
async fn a_migration_that_was_cut_short_anywhere_is_finished() {
    let due = whole();
    let mut cuts = 0;
    for number in 0..migrations().len() {
        let all = statements(number);
        assert!(all.len() > 2, "{all:?}");
        for done in 0..=all.len() {
            let (before, after) = (Directory::new(), Directory::new());
            let file = Connection::open(before.file()).unwrap();
            file.pragma_update(None, "journal_mode", "wal").unwrap();
            // Pages go to the file as soon as they can, so that there is something half done to be seen.
            file.pragma_update(None, "cache_size", 1).unwrap();
            for earlier in 0..number {
                file.execute_batch(&migrations()[earlier].sql(PREFIX)).unwrap();
                if earlier == 0 {
                    file.execute_batch(GOLDEN).unwrap();
                }
            }
            file.execute_batch("BEGIN IMMEDIATE").unwrap();
            for statement in &all[..done] {
                file.execute_batch(statement).unwrap();
            }
            for part in ["", "-wal"] {
                let name = format!("vestibule.sqlite3{part}");
                std::fs::copy(before.path().join(&name), after.path().join(&name)).unwrap();
            }
            let store = open(&after.file()).unwrap();
            assert_eq!(catalogue(&after.file()), due, "migration {number} cut after {done} statements");
            if number > 0 {
                let asked = GrantId::new("grant-1");
                assert!(store.grant(GrantKey::Id(&asked), &call(1)).await.unwrap().is_some(), "its rows");
            }
            cuts += 1;
        }
    }
    println!("{cuts} cuts");
}

/// The same by kills: a process that opens a file may write so much, and is killed at the first byte more.
#[cfg(unix)]
#[test]
fn a_process_that_was_killed_while_it_migrated_left_nothing_half_done() {
    if let Ok(file) = std::env::var(VICTIM) {
        open(Path::new(&file)).unwrap();
        return;
    }
    let due = whole();
    let mut kills = 0;
    for blocks in (0..).step_by(24) {
        let directory = Directory::new();
        // Made before, so that the kill is never before the beginning.
        Connection::open(directory.file()).unwrap().pragma_update(None, "journal_mode", "wal").unwrap();
        let script = format!("ulimit -c 0; ulimit -f {blocks}; exec \"$0\" --exact \"$1\"");
        let ended = Command::new("sh")
            .args(["-c", &script])
            .arg(std::env::current_exe().unwrap())
            .arg("schema::a_process_that_was_killed_while_it_migrated_left_nothing_half_done")
            .env(VICTIM, directory.file())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        if ended.success() {
            break;
        }
        kills += 1;
        drop(open(&directory.file()).unwrap());
        assert_eq!(catalogue(&directory.file()), due, "killed after {blocks} blocks");
    }
    println!("{kills} kills");
    assert!(kills > 5, "{kills} kills show nothing");
}

/// The tests above would see a migration that is not one transaction: what was committed halfway stands in its own way.
#[test]
fn a_migration_in_pieces_is_seen_to_be_stuck() {
    let directory = Directory::new();
    let file = Connection::open(directory.file()).unwrap();
    for statement in statements(0).iter().take(3) {
        file.execute_batch(statement).unwrap();
    }
    assert!(open(&directory.file()).is_err());
}

fn call(n: u8) -> Call {
    Call { tenant: Tenant::new("t"), attempt: AttemptId::new([n; 16]), now: UnixMillis(1) }
}

/// A file as the first schema left it: a live code under a session, a spent one, a grant that was revoked, an interaction, a launch,
/// keys.
#[tokio::test]
async fn a_file_of_the_first_schema_is_taken_over() {
    let directory = Directory::new();
    let old = Connection::open(directory.file()).unwrap();
    old.execute_batch(&migrations()[0].sql(PREFIX)).unwrap();
    old.execute_batch(GOLDEN).unwrap();
    drop(old);

    let store = open(&directory.file()).unwrap();
    let due = StoredGrant {
        id: GrantId::new("grant-1"),
        user: UserId::new("a"),
        client: ClientId::new("b"),
        session: Some(SessionId::new("s")),
        keep_until: UnixMillis(1_000),
        used: UnixMillis(0),
        status: GrantStatus::Live,
        record: Record(vec![1].into()),
    };
    assert_eq!(store.grant(GrantKey::Id(&due.id), &call(20)).await.unwrap(), Some(due));
    let held = store.interaction(&InteractionHash::new([5; 32]), &call(20)).await.unwrap().unwrap();
    assert_eq!((held.revision, held.record), (Revision(3), Record(vec![1, 5].into())));
    let launch = store.launch(&LaunchHash::new([6; 32]), &call(20)).await.unwrap();
    assert_eq!(launch, Some(Record(vec![1, 6].into())));
    assert_eq!(store.load(&Tenant::new("t")).await.unwrap().map(|(revision, _)| revision), Some(4));
    let redeem =
        |n: u8| {
            let current = RefreshHash::new([n; 32]);
            let until = UnixMillis(900);
            let handle = RefreshHandle::new([n; 32]);
            RedeemCode::new(CodeHash::new([n; 32]), Binding::new([1; 32]), until)
                .with_refresh(Some(NewRefresh { handle, current, idle_until: until, until }))
        };
    let replayed = Redemption::Replayed { grant: GrantId::new("grant-2") };
    for (n, due) in [(1, Redemption::Won), (2, replayed), (3, Redemption::Revoked)] {
        assert_eq!(store.redeem_code(&redeem(n), &call(20 + n)).await.unwrap(), due, "code {n}");
    }
    let handle = RefreshHandle::new([1; 32]);
    assert!(store.grant(GrantKey::Refresh(&handle), &call(30)).await.unwrap().is_some());
    let session = Revoke::new(Revocation::Session(SessionId::new("s")));
    assert_eq!(store.revoke(&session, &call(31)).await.unwrap(), Revoked::Done);
    let ended = store.grant(GrantKey::Refresh(&handle), &call(32)).await.unwrap().unwrap();
    assert_eq!(ended.status, GrantStatus::Revoked, "an old grant ends with its session");
}
