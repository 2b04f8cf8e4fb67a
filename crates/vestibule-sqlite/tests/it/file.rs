//! Files: what is refused and in which words, permissions, prefixes, migrations.

use std::path::PathBuf;

use rusqlite::Connection;
use vestibule_host::{
    AttemptId, Binding, Call, ClientId, CodeHash, GrantId, GrantKey, GrantStatus, GrantStore, KeyDocument,
    KeySaved, KeyStore, NewRefresh, Record, RedeemCode, Redemption, RefreshHandle, RefreshHash, Revocation,
    Revoke, Revoked, SessionId, StoredGrant, Tenant, UnixMillis, UserId,
};
use vestibule_sqlite::{OpenError, SqliteOptions, SqliteStore, migrations};

use crate::directory::Directory;

fn open(path: PathBuf) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(path, SqliteOptions::default())
}

#[test]
fn a_missing_directory_is_named() {
    let directory = Directory::new();
    let missing = directory.path().join("not").join("there");
    let error = open(missing.join("x.sqlite3")).unwrap_err();
    assert!(matches!(&error, OpenError::MissingDirectory(path) if *path == missing), "{error:?}");
    assert!(error.to_string().contains("create it"), "{error}");
}

#[test]
fn something_that_is_no_database_is_refused_and_kept() {
    let directory = Directory::new();
    let text = "this is a text file, and a rather long one. ".repeat(100);
    std::fs::write(directory.file(), &text).unwrap();
    let error = open(directory.file()).unwrap_err();
    assert!(matches!(&error, OpenError::NotADatabase(path) if *path == directory.file()), "{error:?}");
    assert_eq!(std::fs::read_to_string(directory.file()).unwrap(), text);
    let error = open(directory.path().to_owned()).unwrap_err();
    assert!(matches!(error, OpenError::File { .. }), "a directory: {error:?}");
}

#[cfg(unix)]
#[test]
fn a_new_file_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new();
    let _store = open(directory.file()).unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
        files += 1;
    }
    assert!(files >= 2, "the write-ahead log was looked at too");
}

#[test]
fn a_newer_schema_is_refused_with_its_number() {
    let directory = Directory::new();
    drop(open(directory.file()).unwrap());
    let host = Connection::open(directory.file()).unwrap();
    host.execute("INSERT INTO vestibule_migrations (number) VALUES (999)", []).unwrap();
    let error = open(directory.file()).unwrap_err();
    assert!(matches!(error, OpenError::NewerSchema { found: 999, known: 3 }), "{error:?}");
    assert!(error.to_string().contains("newer version"), "{error}");
}

#[test]
fn a_host_may_run_the_migrations_with_its_own_tool() {
    let directory = Directory::new();
    let options = || SqliteOptions::default().with_prefix("smart_").without_migration();
    let error = SqliteStore::open(directory.file(), options()).unwrap_err();
    assert!(matches!(error, OpenError::NotMigrated { found: 0, known: 3 }), "{error:?}");
    let host = Connection::open(directory.file()).unwrap();
    for migration in migrations() {
        host.execute_batch(&migration.sql("smart_")).unwrap();
    }
    assert!(SqliteStore::open(directory.file(), options()).is_ok());
    let foreign = "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'smart\\_%' ESCAPE '\\' \
                   AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    assert_eq!(
        host.query_row(foreign, [], |row| row.get::<_, u32>(0)).unwrap(),
        0,
        "names without the prefix"
    );
}

#[test]
fn migrations_are_numbered_without_a_gap() {
    let numbers: Vec<_> = migrations().iter().map(|migration| migration.number).collect();
    assert_eq!(numbers, (1..=u32::try_from(numbers.len()).unwrap()).collect::<Vec<_>>());
    for migration in migrations() {
        assert!(
            migration
                .sql("x_")
                .contains(&format!("INSERT INTO x_migrations (number) VALUES ({})", migration.number))
        );
        assert!(!migration.sql("x_").contains('{'), "{}", migration.name);
    }
}

/// A file as the first schema left it: a live code under a session, a spent one, and a grant that was revoked.
#[tokio::test]
async fn a_file_of_the_first_schema_is_taken_over() {
    let directory = Directory::new();
    let old = Connection::open(directory.file()).unwrap();
    old.execute_batch(&migrations()[0].sql("vestibule_")).unwrap();
    for (n, revoked, spent) in [(1_u8, 0, None), (2, 0, Some([9_u8; 16])), (3, 1, None)] {
        let id = format!("grant-{n}");
        old.execute(
            "INSERT INTO vestibule_grants (tenant, id, user, client, session, keep_until, revoked, record)
             VALUES (x'74', ?1, x'61', x'62', x'73', 1000, ?2, x'01')",
            rusqlite::params![id.as_bytes(), revoked],
        )
        .unwrap();
        old.execute(
            "INSERT INTO vestibule_codes (tenant, hash, grant_id, binding, expires, issued_by, spent_by)
             VALUES (x'74', ?1, ?2, ?3, 100, ?4, ?5)",
            rusqlite::params![[n; 32], id.as_bytes(), [1_u8; 32], [n; 16], spent],
        )
        .unwrap();
    }
    drop(old);

    let store = open(directory.file()).unwrap();
    let call =
        |n: u8| Call { tenant: Tenant::new("t"), attempt: AttemptId::new([n; 16]), now: UnixMillis(1) };
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

#[test]
fn a_bad_prefix_never_reaches_sql() {
    let options = SqliteOptions::default().with_prefix("x; DROP TABLE y; --");
    assert!(matches!(SqliteStore::open_in_memory(options), Err(OpenError::Prefix(_))));
}

#[tokio::test]
async fn two_prefixes_in_one_file_are_two_stores_beside_the_hosts_tables() {
    let directory = Directory::new();
    let host = Connection::open(directory.file()).unwrap();
    host.execute_batch("CREATE TABLE patients (id TEXT); INSERT INTO patients VALUES ('alice')").unwrap();
    let (tenant, document) = (Tenant::new("t"), KeyDocument::new(vec![1]));
    for prefix in ["a_", "b_"] {
        let store =
            SqliteStore::open(directory.file(), SqliteOptions::default().with_prefix(prefix)).unwrap();
        assert_eq!(store.save(&tenant, None, &document).await.unwrap(), KeySaved::Saved(1), "{prefix}");
        store.close().await;
    }
    assert_eq!(
        host.query_row("SELECT id FROM patients", [], |row| row.get::<_, String>(0)).unwrap(),
        "alice"
    );
}

#[test]
fn many_processes_may_open_a_new_file_at_once() {
    let directory = Directory::new();
    let openers: Vec<_> = (0..8)
        .map(|_| {
            let file = directory.file();
            std::thread::spawn(move || open(file).map(drop))
        })
        .collect();
    for opener in openers {
        let opened = opener.join().unwrap();
        assert!(opened.is_ok(), "{opened:?}");
    }
    let host = Connection::open(directory.file()).unwrap();
    let ran = host
        .query_row("SELECT count(*) FROM vestibule_migrations", [], |row| row.get::<_, usize>(0))
        .unwrap();
    assert_eq!(ran, migrations().len());
}

#[tokio::test]
async fn no_secret_is_needed_to_ask_whether_the_store_is_there() {
    let directory = Directory::new();
    let store = open(directory.file()).unwrap();
    assert!(store.ping().await.is_ok());
}
