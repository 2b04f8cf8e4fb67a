//! The hospital's own tables: who may sign in, who is signed in, who may open which record.
//!
//! This is what a vendor already has. Vestibule never reads these tables; it asks the traits in `host/`, which do.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior, params};

use crate::passwords;
use crate::records::PATIENTS;

/// Where the hospital keeps its tables, and Vestibule its grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// Gone at the next start.
    Memory,
    /// One file.
    Sqlite(PathBuf),
    /// Everything of Vestibule's in a PostgreSQL database; the hospital's own tables stay in a file of the working directory.
    Postgres(ServerUrl),
    /// Vestibule's grants, consents and keys on a server; the hospital's own tables stay in a file of the working directory.
    Redis(ServerUrl),
}

impl Store {
    /// The file of the hospital's own tables, if there is one.
    #[must_use]
    pub fn tables(&self) -> Option<&Path> {
        match self {
            Self::Memory => None,
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) | Self::Redis(_) => Some(Path::new("demo-ehr.sqlite3")),
        }
    }
}

/// Where a server is. It may hold a password, so neither a log nor the banner shows that part.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl(String);

impl ServerUrl {
    /// Takes it as it was given.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// All of it.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or_default();
        // A password may be a parameter too, and one that was not escaped may hold what ends the place.
        let (place, parameters) = rest.split_once(['?', '#']).unwrap_or((rest, ""));
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
        write!(f, "{scheme}://{}", if parameters.contains('@') { "…" } else { place })
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerUrl({self})")
    }
}

/// The hospital's tables were not reachable.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite refused.
    #[error("the hospital's tables are not available")]
    Sqlite(#[from] rusqlite::Error),
    /// The task that ran the query ended early.
    #[error("a query was cut short")]
    Cancelled,
    /// No password hash could be computed.
    #[error("a password could not be hashed")]
    Password,
}

/// The connection, shared; queries are short and run off the async threads.
#[derive(Clone, Debug)]
pub struct Database {
    connection: Arc<Mutex<Connection>>,
}

impl Database {
    /// Opens the tables, creating and filling them where they are missing.
    ///
    /// # Errors
    /// When the file cannot be opened or written.
    pub fn open(store: &Store) -> Result<Self, DatabaseError> {
        let mut connection = match store.tables() {
            None => Connection::open_in_memory()?,
            Some(path) => {
                owners_only(path);
                Connection::open(path)?
            }
        };
        // Vestibule's store writes to the same file; each waits for the other's short transactions.
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.execute_batch(include_str!("tables.sql"))?;
        fill(&mut connection)?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// A secret of this name that all hospitals on these tables share. The first who asks makes it.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn secret(&self, name: &'static str) -> Result<[u8; 32], DatabaseError> {
        let new = crate::random::bytes();
        self.run(move |connection| {
            let keep = "INSERT INTO ehr_secret (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
            connection.execute(keep, params![name, new])?;
            connection.query_row("SELECT value FROM ehr_secret WHERE name = ?1", [name], |row| row.get(0))
        })
        .await
    }

    /// Runs one query off the async threads.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn run<T, F>(&self, query: F) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.change(|connection| query(connection)).await
    }

    /// Runs one transaction off the async threads.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn change<T, F>(&self, change: F) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let connection = Arc::clone(&self.connection);
        let task = tokio::task::spawn_blocking(move || {
            // A panic elsewhere leaves nothing half done: each is one statement, or one transaction.
            change(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        Ok(task.await.map_err(|_| DatabaseError::Cancelled)??)
    }
}

/// A new file is for its owner alone: it holds the hashes of passwords. That it is there already, or cannot be made, SQLite says.
fn owners_only(path: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = options.open(path);
}

/// The users of the demo: name (also the password), `fhirUser`, kind, and whether every unrestricted record is theirs
/// to open.
const USERS: [(&str, &str, &str, bool); 5] = [
    ("alice", "Patient/alice", "patient", false),
    ("carol", "Patient/carol", "patient", false),
    ("nobody", "Person/nobody", "patient", false),
    ("dr-lee", "Practitioner/lee", "clinician", true),
    ("nurse-kim", "Practitioner/kim", "clinician", false),
];

/// Whose record each may open besides, and why.
const RELATIONSHIPS: [(&str, &str, &str); 4] = [
    ("alice", "alice", "self"),
    ("alice", "ben", "parent"),
    ("carol", "carol", "self"),
    ("nurse-kim", "carol", "care team"),
];

/// First start: the users with their passwords. Every start: the facts that follow from the code.
fn fill(connection: &mut Connection) -> Result<(), DatabaseError> {
    // Immediate: where another process starts on the same file, one waits for the other. A transaction that reads first
    // would be refused at its first write instead.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (name, fhir_user, kind, every_patient) in USERS {
        let known = "SELECT EXISTS (SELECT 1 FROM ehr_user WHERE name = ?1)";
        if !transaction.query_row(known, [name], |row| row.get::<_, bool>(0))? {
            let password = passwords::hash(name).ok_or(DatabaseError::Password)?;
            // The subject is opaque and never reused, unlike a user name.
            let subject = crate::random::token();
            transaction.execute(
                "INSERT INTO ehr_user (name, password, subject, fhir_user, kind, every_patient) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![name, password, subject, fhir_user, kind, every_patient],
            )?;
        }
    }
    for patient in &PATIENTS {
        transaction.execute(
            "INSERT OR REPLACE INTO ehr_patient (id, given, family, birth_date, restricted) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![patient.id, patient.given, patient.family, patient.birth_date, patient.restricted],
        )?;
    }
    for relationship in RELATIONSHIPS {
        transaction.execute(
            "INSERT OR REPLACE INTO ehr_relationship (user, patient, why) VALUES (?1, ?2, ?3)",
            relationship,
        )?;
    }
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_password_is_not_shown() {
        let url = ServerUrl::new("redis://clerk:secret@db.example:6379/0");
        assert_eq!(url.to_string(), "redis://db.example:6379/0");
        for (url, shown) in [
            ("postgres://db.example/ehr?user=clerk&password=secret", "postgres://db.example/ehr"),
            ("postgres://clerk:se@ret@db.example/ehr?sslmode=require", "postgres://db.example/ehr"),
            ("postgres://clerk:se?ret@db.example/ehr", "postgres://…"),
            ("postgres://db.example/ehr?password=se@ret", "postgres://…"),
        ] {
            assert_eq!(ServerUrl::new(url).to_string(), shown);
        }
        assert_eq!(format!("{:?}", Store::Redis(url)), "Redis(ServerUrl(redis://db.example:6379/0))");
    }

    #[test]
    fn several_may_start_at_once_on_one_new_file() {
        let directory = std::env::temp_dir().join(format!("demo-ehr-tables-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("tables.sqlite3");
        // As Vestibule's store leaves the file.
        Connection::open(&path).unwrap().pragma_update(None, "journal_mode", "wal").unwrap();
        let store = Store::Sqlite(path);
        std::thread::scope(|scope| {
            let starts: Vec<_> = (0..4).map(|_| scope.spawn(|| Database::open(&store))).collect();
            for start in starts {
                start.join().unwrap().unwrap();
            }
        });
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
