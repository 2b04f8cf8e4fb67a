//! What redb says, in the contract's words.

use std::io;

use redb::{CommitError, Error, StorageError, TableError, TransactionError};
use vestibule_host::StoreFault;

/// Why a verb stops before its commit: everything that it wrote is then undone.
pub(crate) struct Stop(pub(crate) StoreFault);

impl From<StoreFault> for Stop {
    fn from(fault: StoreFault) -> Self {
        Self(fault)
    }
}

macro_rules! not_applied {
    ($($error:ty),*) => {
        $(impl From<$error> for Stop {
            fn from(error: $error) -> Self {
                Self(before_commit(error.into()))
            }
        })*
    };
}

not_applied!(StorageError, TableError, TransactionError);

fn before_commit(error: Error) -> StoreFault {
    match error {
        Error::Io(error) if error.kind() == io::ErrorKind::StorageFull => StoreFault::Full,
        error => StoreFault::not_applied(error),
    }
}

/// A commit that fails may have reached the disk.
pub(crate) fn at_commit(error: CommitError) -> StoreFault {
    StoreFault::outcome_unknown(error)
}
