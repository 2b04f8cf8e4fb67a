//! The store: a file, and the threads that wait for it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable};
use tokio::sync::Semaphore;
use vestibule_host::{
    AccessKey, Advance, Advanced, Call, Durability, EventId, GrantId, GrantKey, GrantStore, InteractionHash,
    Issuance, IssueCode, IssueToken, LaunchHash, LeasedEvent, Purged, PutLaunch, Record, RedeemCode,
    Redemption, Revoke, Revoked, RotateRefresh, Rotation, Sharing, StoreFacts, StoreFault, StoredAccess,
    StoredGrant, StoredInteraction, TokenIssuance, UnixMillis, UserId,
};

use crate::fault::{Stop, at_commit};
use crate::read::{self, Find, Presented};
use crate::rows::{Rows, SCHEMA};

/// The version of the tables that this program knows.
const VERSION: u64 = 1;

/// How many calls may wait for a thread or for the writer.
const WAITING: usize = 256;

/// Why a store was not opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The file cannot be used: no such place, no right to it, open in another process.
    Database(redb::Error),
    /// A newer version of this program has written it: use that one, or a copy from before.
    Newer(u64),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => write!(f, "the grants cannot be opened: {error}"),
            Self::Newer(version) => write!(
                f,
                "the grants have version {version} and this program knows {VERSION}: use a newer one, or a copy from before"
            ),
        }
    }
}

impl std::error::Error for OpenError {}

impl<E: Into<redb::Error>> From<E> for OpenError {
    fn from(error: E) -> Self {
        Self::Database(error.into())
    }
}

/// Grants in a file of redb. One process has it open; within that, clones are handles of the same store.
#[derive(Clone)]
pub struct RedbStore {
    database: Arc<Database>,
    room: Arc<Semaphore>,
    max_rows: u64,
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore").field("max_rows", &self.max_rows).finish_non_exhaustive()
    }
}

impl RedbStore {
    /// Opens a file, or makes it, with room for `max_rows` rows and some more for what ends something.
    ///
    /// # Errors
    /// [`OpenError`], also for a file that a newer version has written: it is then not touched.
    pub fn open(path: impl AsRef<Path>, max_rows: u64) -> Result<Self, OpenError> {
        let database = Database::create(path)?;
        let transaction = database.begin_write()?;
        {
            let mut rows = Rows::open(&transaction)?;
            let version = rows.schema.get(())?.map(|version| version.value());
            match version {
                Some(version) if version > VERSION => return Err(OpenError::Newer(version)),
                _ => rows.schema.insert((), VERSION)?,
            };
        }
        transaction.commit()?;
        Ok(Self { database: Arc::new(database), room: Arc::new(Semaphore::new(WAITING)), max_rows })
    }

    /// Does something on a thread that may wait for the disk. Whoever asked may go away: it is done to its end all the same, or
    /// it never began.
    async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Self) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let busy = |_| StoreFault::Busy { retry_after: Duration::from_secs(1) };
        let place = Arc::clone(&self.room).try_acquire_owned().map_err(busy)?;
        let store = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let done = job(&store);
            drop((store, place));
            done
        });
        done.await.map_err(StoreFault::outcome_unknown)?
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, Stop> + Send + 'static,
    ) -> Result<T, StoreFault> {
        self.work(move |store| {
            let look = || read(&store.database.begin_read()?);
            look().map_err(|stop| stop.0)
        })
        .await
    }

    async fn write<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&mut Rows<'_>) -> Result<T, Stop> + Send + 'static,
    ) -> Result<T, StoreFault> {
        self.work(move |store| store.commit(verb)).await
    }

    /// A verb: all of it in one commit, or none. A transaction that is dropped is undone.
    fn commit<T>(&self, verb: impl FnOnce(&mut Rows<'_>) -> Result<T, Stop>) -> Result<T, StoreFault> {
        let transaction = self.database.begin_write().map_err(|error| Stop::from(error).0)?;
        let write = || {
            let mut rows = Rows::open(&transaction)?;
            let before = rows.count()?;
            let outcome = verb(&mut rows)?;
            let after = rows.count()?;
            let reserve = if rows.ended { (self.max_rows / 8).max(64) } else { 0 };
            if after > before && after > self.max_rows.saturating_add(reserve) {
                return Err(StoreFault::Full.into());
            }
            Ok((outcome, rows.undo))
        };
        let (outcome, undo) = write().map_err(|stop: Stop| stop.0)?;
        if !undo {
            transaction.commit().map_err(at_commit)?;
        }
        Ok(outcome)
    }
}

#[async_trait]
impl GrantStore for RedbStore {
    fn facts(&self) -> StoreFacts {
        // redb syncs the file before a commit returns, and locks it against other processes.
        StoreFacts { sharing: Sharing::Process, durability: Durability::Crash }
    }

    async fn ping(&self) -> Result<(), StoreFault> {
        self.read(|read| read.open_table(SCHEMA).map(|_| ()).map_err(Stop::from)).await
    }

    async fn interaction(
        &self,
        id: &InteractionHash,
        call: &Call,
    ) -> Result<Option<StoredInteraction>, StoreFault> {
        let (id, call) = (*id, call.clone());
        self.read(move |read| read::interaction(read, &id, &call)).await
    }

    async fn launch(&self, hash: &LaunchHash, call: &Call) -> Result<Option<Record>, StoreFault> {
        let (hash, call) = (*hash, call.clone());
        self.read(move |read| read::launch(read, &hash, &call)).await
    }

    async fn grant(&self, by: GrantKey<'_>, call: &Call) -> Result<Option<StoredGrant>, StoreFault> {
        let (find, call) = (Find::from(by), call.clone());
        self.read(move |read| read::grant(read, &find, &call)).await
    }

    async fn access(&self, by: AccessKey<'_>, call: &Call) -> Result<Option<StoredAccess>, StoreFault> {
        let (presented, call) = (Presented::from(by), call.clone());
        self.read(move |read| read::access(read, &presented, &call)).await
    }

    async fn grants_of(
        &self,
        user: &UserId,
        after: Option<&GrantId>,
        limit: u16,
        call: &Call,
    ) -> Result<Vec<StoredGrant>, StoreFault> {
        let (user, after, call) = (user.clone(), after.cloned(), call.clone());
        self.read(move |read| read::grants_of(read, &user, after.as_ref(), limit, &call)).await
    }

    async fn put_launch(&self, op: &PutLaunch, call: &Call) -> Result<(), StoreFault> {
        let (op, call) = (op.clone(), call.clone());
        self.write(move |rows| rows.put_launch(&op, &call)).await
    }

    async fn advance_interaction(&self, op: &Advance, call: &Call) -> Result<Advanced, StoreFault> {
        let (op, call) = (op.clone(), call.clone());
        self.write(move |rows| rows.advance(&op, &call)).await
    }

    async fn issue_code(&self, op: &IssueCode, call: &Call) -> Result<Issuance, StoreFault> {
        let (op, call) = (op.clone(), call.clone());
        self.write(move |rows| rows.issue_code(&op, &call)).await
    }

    async fn redeem_code(&self, op: &RedeemCode, call: &Call) -> Result<Redemption, StoreFault> {
        let (op, call) = (op.clone(), call.clone());
        self.write(move |rows| rows.redeem_code(&op, &call)).await
    }

    async fn rotate_refresh(&self, op: &RotateRefresh, call: &Call) -> Result<Rotation, StoreFault> {
        let (op, call) = (op.clone(), call.clone());
        self.write(move |rows| rows.rotate_refresh(&op, &call)).await
    }

    async fn issue_token(&self, op: &IssueToken, call: &Call) -> Result<TokenIssuance, StoreFault> {
        let (op, call) = (op.clone(), call.clone());
        self.write(move |rows| rows.issue_token(&op, &call)).await
    }

    async fn revoke(&self, op: &Revoke, call: &Call) -> Result<Revoked, StoreFault> {
        let (op, call) = (op.clone(), call.clone());
        self.write(move |rows| rows.revoke(&op, &call)).await
    }

    async fn lease_events(
        &self,
        max: u16,
        until: UnixMillis,
        call: &Call,
    ) -> Result<Vec<LeasedEvent>, StoreFault> {
        let call = call.clone();
        self.write(move |rows| rows.lease(max, until, &call)).await
    }

    async fn ack_events(&self, ids: &[EventId], call: &Call) -> Result<(), StoreFault> {
        let (ids, call) = (ids.to_vec(), call.clone());
        self.write(move |rows| rows.acknowledge(&ids, &call)).await
    }

    async fn purge(&self, before: UnixMillis, max: u16) -> Result<Purged, StoreFault> {
        self.write(move |rows| rows.purge(before, max)).await
    }
}
