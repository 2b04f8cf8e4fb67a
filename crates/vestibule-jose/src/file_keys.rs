//! Keys in one file, for a host without a database of its own.
//!
//! The file is replaced as a whole and never written in place: a reader, or a machine that loses its power, sees the old
//! document or the new one. A second, empty file beside it (`….lock`) is locked for the length of a save, so that processes on
//! one machine can share the keys. Nodes on several machines need a store that they share; a network file system is none.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use vestibule_host::{KeyDocument, KeySaved, KeyStore, StoreFault, Tenant};
use zeroize::Zeroizing;

use crate::document::SecretBytes;

const VERSION: u8 = 1;
/// Hundreds of tenants.
const MAX_LEN: usize = 16 << 20;

/// A [`KeyStore`] over one file.
///
/// The file is made with the first save, readable and writable by its owner alone; one that others can read is refused, since
/// its keys must be taken for known. It holds the documents of any number of tenants.
///
/// A call blocks the calling thread for as long as a small file takes to be read or, with two flushes to the disk, written.
///
/// ```
/// # #[cfg(feature = "generate")] {
/// use std::sync::Arc;
/// use vestibule_host::{Clock, KeyRing, SystemClock, Tenant};
/// use vestibule_jose::{FileKeys, KeyPlan, LocalKeyRing, SystemRandom};
///
/// # async fn open(path: &std::path::Path) -> Result<(), vestibule_host::KeyError> {
/// let store = Arc::new(FileKeys::new(path));
/// let tenant = Tenant::new("https://ehr.example");
/// let entropy = Arc::new(SystemRandom::new());
/// let keys = LocalKeyRing::open(store, &tenant, KeyPlan::default(), entropy, SystemClock.now()).await?;
/// assert!(!keys.snapshot().jwks.is_empty());
/// # Ok(()) }
/// # }
/// ```
#[derive(Debug)]
pub struct FileKeys {
    path: PathBuf,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    tenants: BTreeMap<String, Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    revision: u64,
    document: SecretBytes,
}

/// Why the file is of no use. What stood in it is never quoted.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("the key file can be read by others than its owner; its keys must be replaced")]
    Exposed,
    #[error("the key file is larger than 16 MiB")]
    TooLarge,
    #[error("the key file was written by a newer version; upgrade first")]
    Newer,
    #[error("the key file is damaged")]
    Damaged,
}

impl FileKeys {
    /// Keeps keys in this file. Its directory must exist, and should be nobody else's to write in.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// `name.suffix` beside the file.
    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    fn read(&self) -> Result<Content, StoreFault> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return self.nothing(),
            Err(error) => return Err(StoreFault::not_applied(error)),
        };
        check_owner_only(&file)?;
        let len = file.metadata().map_err(StoreFault::not_applied)?.len();
        if len > MAX_LEN as u64 {
            return Err(StoreFault::not_applied(Unusable::TooLarge));
        }
        // Room from the start, so that a growing vector leaves no copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(len).unwrap_or(0) + 1));
        let mut file = file.take(MAX_LEN as u64);
        file.read_to_end(&mut bytes).map_err(StoreFault::not_applied)?;
        match bytes.split_first() {
            Some((&VERSION, json)) => {
                // serde's message could quote what it stumbled over.
                serde_json::from_slice(json).map_err(|_| StoreFault::not_applied(Unusable::Damaged))
            }
            Some((version, _)) if *version > VERSION => Err(StoreFault::not_applied(Unusable::Newer)),
            _ => Err(StoreFault::not_applied(Unusable::Damaged)),
        }
    }

    /// No file is no keys, but no directory is a mistake: somebody's disk is not mounted.
    fn nothing(&self) -> Result<Content, StoreFault> {
        fs::metadata(self.directory()).map_err(StoreFault::not_applied)?;
        Ok(Content::default())
    }

    fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }

    fn replace(&self, content: &Content) -> Result<(), StoreFault> {
        let room: usize = content.tenants.iter().map(|(name, entry)| name.len() * 6 + entry.room()).sum();
        let mut bytes = Zeroizing::new(Vec::with_capacity(64 + room));
        bytes.push(VERSION);
        serde_json::to_writer(&mut *bytes, content).map_err(StoreFault::not_applied)?;
        if bytes.len() > MAX_LEN {
            return Err(StoreFault::Full);
        }
        let fresh = self.beside(".new");
        write_new(&fresh, &bytes).map_err(StoreFault::not_applied)?;
        fs::rename(&fresh, &self.path).map_err(StoreFault::not_applied)?;
        self.flush_directory().map_err(StoreFault::outcome_unknown)
    }

    /// The new name is in place; only this makes it last.
    fn flush_directory(&self) -> io::Result<()> {
        if cfg!(unix) { File::open(self.directory())?.sync_all() } else { Ok(()) }
    }

    fn save_locked(
        &self,
        tenant: &Tenant,
        expected: Option<u64>,
        document: &KeyDocument,
    ) -> Result<KeySaved, StoreFault> {
        let mut content = self.read()?;
        let stored = content.tenants.get(tenant.as_str()).map(|entry| entry.revision);
        if stored != expected {
            return Ok(KeySaved::Stale);
        }
        let revision = stored.unwrap_or(0).saturating_add(1);
        let document = SecretBytes::new(document.expose_secret().to_vec());
        content.tenants.insert(tenant.as_str().to_owned(), Entry { revision, document });
        self.replace(&content)?;
        Ok(KeySaved::Saved(revision))
    }
}

impl Entry {
    /// At least as much as it takes as text.
    fn room(&self) -> usize {
        64 + self.document.expose_secret().len() / 3 * 4 + 4
    }
}

#[async_trait]
impl KeyStore for FileKeys {
    async fn load(&self, tenant: &Tenant) -> Result<Option<(u64, KeyDocument)>, StoreFault> {
        let entry = self.read()?.tenants.remove(tenant.as_str());
        Ok(entry.map(|entry| (entry.revision, KeyDocument::new(entry.document.expose_secret().to_vec()))))
    }

    async fn save(
        &self,
        tenant: &Tenant,
        expected: Option<u64>,
        document: &KeyDocument,
    ) -> Result<KeySaved, StoreFault> {
        let lock = owner_only().create(true).truncate(false).open(self.beside(".lock"));
        let lock = lock.map_err(StoreFault::not_applied)?;
        // Another save takes milliseconds. Closing the file unlocks it, however this ends.
        lock.lock().map_err(StoreFault::not_applied)?;
        self.save_locked(tenant, expected, document)
    }
}

/// Writes a file that nobody else can read, and waits until the disk has it.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Left behind by a process that ended halfway.
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = owner_only().create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(unix)]
fn owner_only() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;

    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

#[cfg(unix)]
fn check_owner_only(file: &File) -> Result<(), StoreFault> {
    use std::os::unix::fs::PermissionsExt;

    let mode = file.metadata().map_err(StoreFault::not_applied)?.permissions().mode();
    if mode & 0o077 != 0 { Err(StoreFault::not_applied(Unusable::Exposed)) } else { Ok(()) }
}

/// Elsewhere the directory's access list decides.
#[cfg(not(unix))]
fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    options
}

#[cfg(not(unix))]
fn check_owner_only(_: &File) -> Result<(), StoreFault> {
    Ok(())
}
