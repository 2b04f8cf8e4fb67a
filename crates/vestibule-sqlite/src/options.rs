//! What a host may choose.

use std::time::Duration;

use crate::OpenError;

/// How to open a store. The default is right for one server on one machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SqliteOptions {
    pub(crate) prefix: String,
    pub(crate) migrate: bool,
    pub(crate) queue: usize,
    pub(crate) readers: usize,
    pub(crate) busy_timeout: Duration,
    pub(crate) max_bytes: Option<u64>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            prefix: "vestibule_".to_owned(),
            migrate: true,
            queue: 4096,
            readers: 2,
            busy_timeout: Duration::from_secs(5),
            max_bytes: None,
        }
    }
}

impl SqliteOptions {
    /// What all tables and indexes begin with; the default is `vestibule_`. Lets the store live in a file of the host's.
    ///
    /// Lower-case letters, digits and `_`, not beginning with a digit, at most 32 characters; checked when the store is
    /// opened.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Does not change the schema. A file whose schema is not the present one is then refused.
    #[must_use]
    pub const fn without_migration(mut self) -> Self {
        self.migrate = false;
        self
    }

    /// How many verbs may wait; the default is 4096. One more is answered `Busy`.
    #[must_use]
    pub const fn with_queue(mut self, verbs: usize) -> Self {
        self.queue = verbs;
        self
    }

    /// How many threads read; the default is 2, the least is 1.
    #[must_use]
    pub const fn with_readers(mut self, threads: usize) -> Self {
        self.readers = threads;
        self
    }

    /// How long to wait for another process that writes; the default is 5 s.
    #[must_use]
    pub const fn with_busy_timeout(mut self, wait: Duration) -> Self {
        self.busy_timeout = wait;
        self
    }

    /// How large the file may grow. A write that would need more is answered `Full`; only the events of what ends something, like a
    /// revocation, have an eighth more. Not bounded by default.
    #[must_use]
    pub const fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// The prefix goes into SQL text as it is, so nothing but a plain name may pass.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let good = self.prefix.len() <= 32
            && self.prefix.bytes().all(plain)
            && !self.prefix.starts_with(|c: char| c.is_ascii_digit());
        if good { Ok(()) } else { Err(OpenError::Prefix(self.prefix.clone())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_prefixes_pass() {
        for good in ["", "v_", "vestibule_", "_2"] {
            assert!(SqliteOptions::default().with_prefix(good).check().is_ok(), "{good}");
        }
        for bad in ["2v", "a b", "a;drop table x", "\"", "Ä", "A", &"x".repeat(33)] {
            assert!(SqliteOptions::default().with_prefix(bad).check().is_err(), "{bad}");
        }
    }
}
