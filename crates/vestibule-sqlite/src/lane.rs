//! A bounded queue and the threads behind it.

use std::fmt::{self, Debug};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rusqlite::Connection;
use vestibule_host::StoreFault;

use crate::OpenError;
use crate::error::busy;
use crate::operation::{Ending, Job, Operation, queue};
use crate::reply::{Answer, Reply, reply};
use crate::statements::Statements;
use crate::writer;

/// Where operations wait for a thread. Dropping the sender is how the threads are told to drain the queue and end.
pub(crate) struct Lane {
    sender: RwLock<Option<SyncSender<Box<dyn Job>>>>,
    ends: Mutex<Vec<Answer<()>>>,
}

impl Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lane")
    }
}

impl Lane {
    /// One thread that writes.
    pub(crate) fn of_writer(
        connection: Connection,
        sql: Arc<Statements>,
        bound: usize,
    ) -> Result<Self, OpenError> {
        let (sender, jobs) = sync_channel(bound.max(1));
        let end = spawn("vestibule-sqlite-writer", move |_end| {
            writer::write(&connection, &sql, &jobs);
            drop(connection); // the last checkpoint, before the end is told
        })?;
        Ok(Self::new(sender, vec![end]))
    }

    /// One thread for each connection, all taking from one queue.
    pub(crate) fn of_readers(
        connections: Vec<Connection>,
        sql: &Arc<Statements>,
        bound: usize,
    ) -> Result<Self, OpenError> {
        let (sender, jobs) = sync_channel(bound.max(1));
        let jobs = Arc::new(Mutex::new(jobs));
        let mut ends = Vec::new();
        for connection in connections {
            let (jobs, sql) = (Arc::clone(&jobs), Arc::clone(sql));
            ends.push(spawn("vestibule-sqlite-reader", move |_end| read(&connection, &sql, &jobs))?);
        }
        Ok(Self::new(sender, ends))
    }

    fn new(sender: SyncSender<Box<dyn Job>>, ends: Vec<Answer<()>>) -> Self {
        Self { sender: RwLock::new(Some(sender)), ends: Mutex::new(ends) }
    }

    /// Sends an operation and waits for its answer.
    pub(crate) async fn run<O: Operation>(&self, operation: O) -> Result<O::Output, StoreFault> {
        let (job, answer) = queue(operation);
        self.send(job)?;
        // A thread that ends without an answer died in the middle.
        answer.await.unwrap_or_else(|| Err(StoreFault::outcome_unknown("the database thread ended")))
    }

    fn send(&self, job: Box<dyn Job>) -> Result<(), StoreFault> {
        let sender = self.sender.read().unwrap_or_else(PoisonError::into_inner);
        let sent = sender.as_ref().map(|sender| sender.try_send(job));
        match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_))) => Err(busy()),
            None | Some(Err(TrySendError::Disconnected(_))) => {
                Err(StoreFault::not_applied("the store is closed"))
            }
        }
    }

    /// Takes no more operations, and waits until those that were taken are answered and the connections are closed.
    pub(crate) async fn close(&self) {
        drop(self.sender.write().unwrap_or_else(PoisonError::into_inner).take());
        let ends = std::mem::take(&mut *self.ends.lock().unwrap_or_else(PoisonError::into_inner));
        for end in ends {
            let _ = end.await;
        }
    }
}

/// The answer comes when the thread's work was dropped, however it ended.
fn spawn(name: &str, work: impl FnOnce(&Reply<()>) + Send + 'static) -> Result<Answer<()>, OpenError> {
    let (end, answer) = reply();
    let run = move || work(&end);
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(OpenError::Thread)?;
    Ok(answer)
}

/// Reads are single statements, so each sees one state of the database: the one of the newest commit.
fn read(connection: &Connection, sql: &Statements, jobs: &Mutex<Receiver<Box<dyn Job>>>) {
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(mut job) = next else { return };
        job.run(connection, sql);
        job.settle(&Ending::Committed);
    }
}
