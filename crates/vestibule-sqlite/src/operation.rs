//! Operations as data, so that a thread can run them without their callers.

use rusqlite::Connection;
use vestibule_host::StoreFault;

use crate::error::Failure;
use crate::reply::{Answer, Reply, reply};
use crate::statements::Statements;

/// What an operation came to, and whether what it wrote on the way stays.
#[derive(Debug)]
pub(crate) enum Effect<T> {
    /// It stays.
    Keep(T),
    /// It goes: the outcome is one that changes nothing.
    Undo(T),
}

/// One verb or one read.
pub(crate) trait Operation: Send + 'static {
    type Output: Send + 'static;

    /// Runs inside a savepoint of the writer, or alone on a reader.
    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Self::Output>, Failure>;
}

/// How the transaction around a group ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// It is durable.
    Committed,
    /// Nothing of it happened.
    RolledBack(String),
    /// Another process had the lock all the time.
    Busy,
    /// The disk or the page limit was reached, nothing happened.
    Full,
    /// The file system did not say.
    Unknown(String),
}

impl Ending {
    fn fault(&self) -> Option<StoreFault> {
        match self {
            Self::Committed => None,
            Self::RolledBack(why) => Some(StoreFault::not_applied(why.clone())),
            Self::Busy => Some(crate::error::busy()),
            Self::Full => Some(StoreFault::Full),
            Self::Unknown(why) => Some(StoreFault::outcome_unknown(why.clone())),
        }
    }
}

/// An operation on its way to a thread, whatever it answers.
pub(crate) trait Job: Send {
    /// Runs it and says whether its writes stay. Nothing is answered yet.
    fn run(&mut self, on: &Connection, sql: &Statements) -> bool;

    /// Answers the caller.
    fn settle(self: Box<Self>, ending: &Ending);
}

struct Queued<O: Operation> {
    operation: O,
    outcome: Option<Result<O::Output, StoreFault>>,
    caller: Reply<Result<O::Output, StoreFault>>,
}

/// What the caller of an operation waits for.
pub(crate) type Outcome<O> = Answer<Result<<O as Operation>::Output, StoreFault>>;

/// Packs an operation and the way back to its caller.
pub(crate) fn queue<O: Operation>(operation: O) -> (Box<dyn Job>, Outcome<O>) {
    let (caller, answer) = reply();
    (Box::new(Queued { operation, outcome: None, caller }), answer)
}

impl<O: Operation> Job for Queued<O> {
    fn run(&mut self, on: &Connection, sql: &Statements) -> bool {
        if self.caller.is_abandoned() {
            return false; // not begun, so not done at all
        }
        let (outcome, keep) = match self.operation.run(on, sql) {
            Ok(Effect::Keep(output)) => (Ok(output), true),
            Ok(Effect::Undo(output)) => (Ok(output), false),
            Err(failure) => (Err(failure.into()), false),
        };
        self.outcome = Some(outcome);
        keep
    }

    fn settle(self: Box<Self>, ending: &Ending) {
        let outcome = match (self.outcome, ending.fault()) {
            // The operation's own failure says more than the group's.
            (Some(Err(own)), _) => Err(own),
            (_, Some(fault)) => Err(fault),
            (Some(Ok(output)), None) => Ok(output),
            (None, None) => return,
        };
        self.caller.send(outcome);
    }
}
