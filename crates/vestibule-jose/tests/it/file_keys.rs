//! Keys in a file: the contract, and what is a file's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use vestibule_host::{KeyDocument, KeySaved, KeyStore, StoreFault, Tenant};
use vestibule_jose::FileKeys;
use vestibule_testkit::StoreFactory;

use crate::fixtures::now;

/// A directory of one test, gone at its end.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("keys-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("keys")
    }

    fn keys(&self) -> FileKeys {
        FileKeys::new(self.file())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[async_trait::async_trait]
impl StoreFactory<dyn KeyStore> for Directory {
    async fn open(&self) -> Arc<dyn KeyStore> {
        Arc::new(self.keys())
    }

    fn survives(&self) -> bool {
        true
    }
}

mod contract {
    vestibule_testkit::key_suite!(super::Directory::new());
}

fn tenant() -> Tenant {
    Tenant::new("https://as.example")
}

fn save(keys: &FileKeys, expected: Option<u64>, text: &str) -> Result<KeySaved, StoreFault> {
    now(keys.save(&tenant(), expected, &KeyDocument::new(text.into())))
}

fn load(keys: &FileKeys) -> Result<Option<(u64, KeyDocument)>, StoreFault> {
    now(keys.load(&tenant()))
}

fn reason(fault: StoreFault) -> String {
    let StoreFault::NotApplied(source) = fault else { panic!("{fault:?}") };
    source.to_string()
}

/// What is stored today must be read by every later version.
#[test]
fn the_file_is_written_like_this() {
    let directory = Directory::new();
    assert_eq!(save(&directory.keys(), None, "secret").unwrap(), KeySaved::Saved(1));
    let expected = "\u{1}{\"tenants\":{\"https://as.example\":{\"revision\":1,\"document\":\"c2VjcmV0\"}}}";
    assert_eq!(fs::read_to_string(directory.file()).unwrap(), expected);
}

#[test]
fn saves_in_turn_and_by_many_are_all_seen() {
    let directory = Directory::new();
    let (a, b) = (directory.keys(), directory.keys());
    assert_eq!(save(&a, None, "one").unwrap(), KeySaved::Saved(1));
    assert_eq!(save(&b, Some(1), "two").unwrap(), KeySaved::Saved(2));
    assert_eq!(save(&a, Some(1), "three").unwrap(), KeySaved::Stale);
    let (revision, document) = load(&a).unwrap().unwrap();
    assert_eq!((revision, document.expose_secret()), (2, &b"two"[..]));
    let names: Vec<_> = fs::read_dir(&directory.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "the keys and the lock: {names:?}");
}

/// A process that ended in the middle of a save changed nothing.
#[test]
fn what_a_crash_leaves_behind_is_no_matter() {
    let directory = Directory::new();
    let keys = directory.keys();
    fs::write(directory.0.join("keys.new"), "half a docu").unwrap();
    assert!(load(&keys).unwrap().is_none());
    assert_eq!(save(&keys, None, "one").unwrap(), KeySaved::Saved(1));
    fs::write(directory.0.join("keys.new"), "half a docu").unwrap();
    assert_eq!(load(&keys).unwrap().unwrap().0, 1);
    assert_eq!(save(&keys, Some(1), "two").unwrap(), KeySaved::Saved(2));
}

/// A file that cannot be read is a fault, never "no keys yet": new keys would take the place of the old ones.
#[test]
fn a_damaged_file_is_not_an_empty_one() {
    let directory = Directory::new();
    let keys = directory.keys();
    let _ = save(&keys, None, "one").unwrap();
    let good = fs::read(directory.file()).unwrap();
    for (bytes, why) in [
        (Vec::new(), "damaged"),
        (good[..good.len() - 1].to_vec(), "damaged"),
        (good[1..].to_vec(), "newer"),
        ([&[2], &good[1..]].concat(), "newer"),
        ([&[0], &good[1..]].concat(), "damaged"),
        ([&good[..], b"x"].concat(), "damaged"),
        (b"\x01{\"tenants\":{},\"x\":1}".to_vec(), "damaged"),
        (b"\x01{\"tenants\":{\"a\":{\"revision\":1,\"document\":\"c2VjcmV0=\"}}}".to_vec(), "damaged"),
    ] {
        fs::write(directory.file(), &bytes).unwrap();
        let fault = reason(load(&keys).unwrap_err());
        assert!(fault.contains(why) && !fault.contains("c2Vj"), "{fault}");
        assert!(reason(save(&keys, None, "x").unwrap_err()).contains(why));
        assert_eq!(fs::read(directory.file()).unwrap(), bytes, "nothing is overwritten");
    }
    fs::remove_file(directory.file()).unwrap();
    fs::create_dir(directory.file()).unwrap();
    assert!(load(&keys).is_err(), "a directory");
    let nowhere = FileKeys::new(directory.0.join("missing/keys"));
    assert!(load(&nowhere).is_err(), "no directory is not no keys");
    assert!(save(&nowhere, None, "x").is_err());
}

#[cfg(unix)]
mod modes {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    /// KEY-004
    #[test]
    fn the_file_is_its_owners_alone() {
        let directory = Directory::new();
        let keys = directory.keys();
        let _ = save(&keys, None, "one").unwrap();
        assert_eq!(mode(&directory.file()), 0o600);
        assert_eq!(mode(&directory.0.join("keys.lock")), 0o600);
        let _ = save(&keys, Some(1), "two").unwrap();
        assert_eq!(mode(&directory.file()), 0o600);
    }

    #[test]
    fn keys_that_others_can_read_are_refused() {
        let directory = Directory::new();
        let keys = directory.keys();
        let _ = save(&keys, None, "one").unwrap();
        for exposed in [0o640, 0o604, 0o620, 0o660, 0o644, 0o601, 0o777] {
            fs::set_permissions(directory.file(), fs::Permissions::from_mode(exposed)).unwrap();
            assert!(reason(load(&keys).unwrap_err()).contains("by others"), "{exposed:o}");
            assert!(reason(save(&keys, Some(1), "x").unwrap_err()).contains("by others"), "{exposed:o}");
        }
        for fine in [0o600, 0o400, 0o700] {
            fs::set_permissions(directory.file(), fs::Permissions::from_mode(fine)).unwrap();
            assert!(load(&keys).unwrap().is_some(), "{fine:o}");
        }
    }
}

/// A ring over a file, across a restart and a rotation.
#[cfg(feature = "generate")]
#[test]
fn a_ring_keeps_its_keys_in_a_file() {
    use vestibule_host::{Alg, KeyRing, UnixMillis};
    use vestibule_jose::{KeyPlan, KeyRole, LocalKeyRing, SystemRandom};

    let directory = Directory::new();
    let open = |seconds| {
        let plan = KeyPlan::new(Alg::Es256, Alg::EdDsa);
        let store = Arc::new(directory.keys());
        let at = UnixMillis::from_seconds(seconds);
        now(LocalKeyRing::open(store, &tenant(), plan, Arc::new(SystemRandom::new()), at)).unwrap()
    };
    let first = open(0);
    let next = now(first.announce(KeyRole::AccessToken, Alg::Es256, UnixMillis(0))).unwrap();
    let second = open(600);
    assert_eq!(second.snapshot().access_token.id, next);
    now(first.tend(UnixMillis::from_seconds(601))).unwrap();
    assert_eq!(first.snapshot().jwks, second.snapshot().jwks);
}
