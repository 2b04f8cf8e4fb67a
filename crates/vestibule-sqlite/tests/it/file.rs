//! Files: what is refused and in which words, permissions, prefixes.

use std::path::PathBuf;

use rusqlite::Connection;
use vestibule_host::{GrantStore, KeyDocument, KeySaved, KeyStore, Tenant};
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
