//! Where a case keeps its store.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use async_trait::async_trait;
use redb_store::RedbStore;
use vestibule_host::GrantStore;
use vestibule_testkit::StoreFactory;

/// A directory of its own, removed at the end.
pub(crate) struct Place {
    directory: PathBuf,
    open: Mutex<Weak<RedbStore>>,
}

impl Place {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("redb-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&directory).unwrap();
        Self { directory, open: Mutex::default() }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

#[async_trait]
impl StoreFactory<dyn GrantStore> for Place {
    /// A second handle is a clone: a process opens a file of redb once. After the last one, the file is opened anew.
    async fn open(&self) -> Arc<dyn GrantStore> {
        let mut open = self.open.lock().unwrap();
        if let Some(store) = open.upgrade() {
            return Arc::new(RedbStore::clone(&store));
        }
        // An abandoned call may still be at work, and keeps the file open for so long.
        for _ in 0..500 {
            match RedbStore::open(self.file("grants"), 1_000_000) {
                Ok(store) => {
                    let store = Arc::new(store);
                    *open = Arc::downgrade(&store);
                    return store;
                }
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        panic!("the file stays open");
    }

    async fn open_small(&self) -> Option<Arc<dyn GrantStore>> {
        Some(Arc::new(RedbStore::open(self.file("small"), 300).unwrap()))
    }
}
