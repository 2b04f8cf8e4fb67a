//! The one thread that writes.

use std::sync::mpsc::Receiver;

use rusqlite::{Connection, ErrorCode};

use crate::operation::{Ending, Job};
use crate::statements::Statements;

/// So many operations share a commit at most. More would make the first of them wait for the last.
const GROUP: usize = 256;

/// Runs until every sender is gone and the queue is empty.
pub(crate) fn write(connection: &Connection, sql: &Statements, queue: &Receiver<Box<dyn Job>>) {
    while let Ok(first) = queue.recv() {
        let mut group = Vec::with_capacity(16);
        group.push(first);
        group.extend(queue.try_iter().take(GROUP - 1));
        commit(connection, sql, group);
    }
}

/// One transaction for all, one savepoint for each, answers after the commit.
fn commit(connection: &Connection, sql: &Statements, mut group: Vec<Box<dyn Job>>) {
    let ending = match transact(connection, sql, &mut group) {
        Ok(ending) => ending,
        Err(error) => {
            roll_back(connection);
            ending_of(&error).unwrap_or_else(|| Ending::RolledBack(error.to_string()))
        }
    };
    for job in group {
        job.settle(&ending);
    }
}

/// An error means that the transaction was not brought to its COMMIT.
fn transact(
    connection: &Connection,
    sql: &Statements,
    group: &mut [Box<dyn Job>],
) -> rusqlite::Result<Ending> {
    let run = |statement: &str| connection.prepare_cached(statement)?.execute([]).map(drop);
    run("BEGIN IMMEDIATE")?;
    for job in group {
        run("SAVEPOINT operation")?;
        let keep = job.run(connection, sql);
        if connection.is_autocommit() {
            // A full disk or a failing one makes SQLite drop the whole transaction, neighbours included.
            return Ok(Ending::RolledBack("the database rolled the whole transaction back".to_owned()));
        }
        if !keep {
            run("ROLLBACK TO operation")?;
        }
        run("RELEASE operation")?;
    }
    match run("COMMIT") {
        Ok(()) => Ok(Ending::Committed),
        Err(error) => {
            roll_back(connection);
            // Busy and full are said before the commit mark is written. After a failed sync nobody knows what is on the
            // disk: the mark may be there and count after a crash.
            Ok(ending_of(&error).unwrap_or_else(|| Ending::Unknown(error.to_string())))
        }
    }
}

fn ending_of(error: &rusqlite::Error) -> Option<Ending> {
    match error.sqlite_error_code()? {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Some(Ending::Busy),
        ErrorCode::DiskFull => Some(Ending::Full),
        _ => None,
    }
}

/// Leaves no transaction open. That there was none is fine.
fn roll_back(connection: &Connection) {
    if !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
}
