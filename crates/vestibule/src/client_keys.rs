//! The keys of clients, parsed once: a key set that came before is not parsed again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use vestibule_jose::VerifyKeys;

/// Key sets that are kept parsed. More clients than this cost parsing, and nothing else.
const MAX_KEPT: usize = 4_096;

/// Parsed key sets by the hash of their document: whoever publishes the same document has the same keys.
#[derive(Debug, Default)]
pub(crate) struct KeyCache {
    kept: Mutex<HashMap<[u8; 32], Option<Arc<VerifyKeys>>>>,
}

impl KeyCache {
    /// The keys of a document; `None` if it is no key set that a client may have.
    pub(crate) fn parse(&self, document: &[u8]) -> Option<Arc<VerifyKeys>> {
        let hash: [u8; 32] = Sha256::digest(document).into();
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&hash) {
            return known.clone();
        }
        let parsed = match VerifyKeys::from_jwks(document) {
            Ok(keys) => Some(Arc::new(keys)),
            Err(error) => {
                tracing::info!(error = &error as &dyn std::error::Error, "a client's key set cannot be used");
                None
            }
        };
        let mut kept = lock();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(hash, parsed.clone());
        parsed
    }
}
