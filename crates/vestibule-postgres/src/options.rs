//! What a host may choose.

use std::time::Duration;

use crate::OpenError;

/// How to use a database. The default is right for most.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PostgresOptions {
    pub(crate) schema: Option<String>,
    pub(crate) prefix: String,
    pub(crate) connections: usize,
    pub(crate) wait: Duration,
    pub(crate) statement: Duration,
    pub(crate) max_rows: Option<u64>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            schema: None,
            prefix: "vestibule_".to_owned(),
            connections: 10,
            wait: Duration::from_secs(3),
            statement: Duration::from_secs(5),
            max_rows: None,
        }
    }
}

impl PostgresOptions {
    /// The schema in which the tables are; without it, where the role's `search_path` leads. [`migrate`](crate::migrate) makes it
    /// where it is missing.
    ///
    /// The same rule as for a prefix; checked when the store is opened.
    #[must_use]
    pub fn with_schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// What all tables and indexes begin with; the default is `vestibule_`. Lets the store live in a database of the host's.
    ///
    /// Lower-case letters, digits and `_`, not beginning with a digit, at most 32 characters; checked when the store is opened.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How many connections may be open at once; the default is 10, the least is 1. A call holds one of them, and never a second.
    #[must_use]
    pub const fn with_connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// How long a call waits for a connection, and for a new one to be made; the default is 3 s. After that it is `Busy`.
    #[must_use]
    pub const fn with_wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// How long one statement may take before the server gives it up; the default is 5 s. Nothing is changed then and the answer is
    /// `Busy`. A server that says nothing at all for two seconds longer is given up by the store, which then does not know.
    #[must_use]
    pub const fn with_statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement = timeout;
        self
    }

    /// How many rows each table that grows with launches may hold, of all issuers together: interactions, launches, grants, opaque access
    /// tokens, spent assertions, events. A verb that would add one is answered `Full` then, and what it wrote is undone; what ends something,
    /// like a revocation or a reuse, is always taken and told. Registrations have a [limit](crate::PostgresClients::with_limit) of their own;
    /// answers about consent are evidence and have none. Not bounded by default.
    ///
    /// Give it where the disk is shared or small: on a disk that is full nothing can be revoked either. A row takes some hundred bytes to
    /// some KiB, indexes included. The tables are counted after every sixty-fourth part of the bound that this store has written, and once
    /// a second while one is full: several processes may together exceed it by as many such parts, and by the calls that are under way. Counting
    /// a million rows takes about a fifth of a second (two shared cores), and must end within the
    /// [statement timeout](Self::with_statement_timeout), so that a bound of more than ten million rows needs a longer one: a store whose
    /// tables cannot be counted is not opened. Where counting fails later, what was counted last stays true until it works again.
    #[must_use]
    pub const fn with_max_rows(mut self, rows: u64) -> Self {
        self.max_rows = Some(rows);
        self
    }

    pub(crate) fn names(&self) -> Result<Names, OpenError> {
        Names::new(self.schema.as_deref(), &self.prefix)
    }
}

/// What tables and indexes are called.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    tables: String,
    indexes: String,
}

impl Names {
    /// Both go into SQL text as they are, so nothing but plain names may pass.
    pub(crate) fn new(schema: Option<&str>, prefix: &str) -> Result<Self, OpenError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let good = |name: &str| {
            name.len() <= 32 && name.bytes().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit())
        };
        if !good(prefix) {
            return Err(OpenError::Prefix(prefix.to_owned()));
        }
        let tables = match schema {
            Some(schema) if good(schema) && !schema.is_empty() => format!("\"{schema}\".{prefix}"),
            Some(schema) => return Err(OpenError::Schema(schema.to_owned())),
            None => prefix.to_owned(),
        };
        Ok(Self { tables, indexes: prefix.to_owned() })
    }

    /// An index is in the schema of its table and may not name it.
    pub(crate) fn fill(&self, text: &str) -> String {
        text.replace("{p}", &self.tables).replace("{i}", &self.indexes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_pass() {
        for good in ["", "v_", "vestibule_", "_2"] {
            assert!(Names::new(None, good).is_ok(), "{good}");
        }
        for bad in ["2v", "a b", "a;drop table x", "\"", "Ä", "A", &"x".repeat(33)] {
            assert!(Names::new(None, bad).is_err(), "{bad}");
            assert!(Names::new(Some(bad), "").is_err(), "{bad}");
        }
        assert!(Names::new(Some(""), "v_").is_err());
    }
}
