//! The connection: one, shared by all calls, made anew when it breaks.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::sync::{Mutex, Semaphore};
use vestibule_host::StoreFault;

use crate::RedisOptions;
use crate::address::Address;
use crate::connection::Connection;
use crate::error::{self, Effect};
use crate::script::{Ask, Script};

/// Commands of all calls go through one connection, in the order in which they come. A call that is dropped after its command
/// was handed over changes nothing about it: the server runs it whole and the answer is thrown away.
pub(crate) struct Link {
    address: Address,
    current: RwLock<Option<Numbered>>,
    /// Held by the one who connects. Who waits meanwhile shares what becomes of it.
    connecting: Mutex<()>,
    made: AtomicU64,
    failed: AtomicU64,
    room: Semaphore,
}

#[derive(Clone)]
struct Numbered {
    number: u64,
    connection: Connection,
}

/// The address may hold a password.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("made", &self.made).field("failed", &self.failed).finish_non_exhaustive()
    }
}

/// Another call has just tried to connect.
#[derive(Debug, thiserror::Error)]
#[error("the server cannot be reached")]
struct Unreachable;

impl Link {
    pub(crate) fn new(address: Address, options: &RedisOptions) -> Self {
        Self {
            address,
            current: RwLock::default(),
            connecting: Mutex::default(),
            made: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            room: Semaphore::new(options.in_flight.clamp(1, Semaphore::MAX_PERMITS)),
        }
    }

    /// How often a connection was made: what was learned through an older one may be true no more.
    pub(crate) fn made(&self) -> u64 {
        self.made.load(Ordering::Acquire)
    }

    /// Runs a script: by its name, and by its text where the server does not know it. Both are one command, so a server that
    /// forgets its scripts in between is as good as any.
    pub(crate) async fn run(
        &self,
        script: &Script,
        base: &[u8],
        ask: &Ask,
        effect: Effect,
    ) -> Result<Value, StoreFault> {
        let _room = self.room.try_acquire().map_err(|_| error::busy())?;
        match self.send(&script.by_name(base, ask)).await? {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.send(&script.by_text(base, ask)).await?
            }
            answer => answer,
        }
        .map_err(|error| error::sent(error, effect))
    }

    /// Runs a plain command.
    pub(crate) async fn command(&self, command: &Cmd, effect: Effect) -> Result<Value, StoreFault> {
        let _room = self.room.try_acquire().map_err(|_| error::busy())?;
        self.send(command).await?.map_err(|error| error::sent(error, effect))
    }

    /// The outer error: nothing was sent. The inner one: it was, and this came back.
    pub(crate) async fn send(&self, command: &Cmd) -> Result<RedisResult<Value>, StoreFault> {
        let Numbered { number, mut connection } = self.connection().await?;
        let answer = connection.send(command).await.and_then(Value::extract_error);
        if let Err(error) = &answer
            && (error.is_unrecoverable_error() || error.is_io_error())
        {
            self.forget(number);
        }
        Ok(answer)
    }

    async fn connection(&self) -> Result<Numbered, StoreFault> {
        if let Some(current) = self.current() {
            return Ok(current);
        }
        let failed = self.failed.load(Ordering::Acquire);
        // Only calls that have no connection wait here, and only for the connection.
        let _turn = self.connecting.lock().await;
        if let Some(current) = self.current() {
            return Ok(current);
        }
        if self.failed.load(Ordering::Acquire) != failed {
            return Err(StoreFault::not_applied(Unreachable));
        }
        self.connect().await.map_err(|error| {
            self.failed.fetch_add(1, Ordering::AcqRel);
            error::unsent(error)
        })
    }

    async fn connect(&self) -> Result<Numbered, RedisError> {
        let connection = self.address.connect().await?;
        let number = self.made.fetch_add(1, Ordering::AcqRel);
        let made = Numbered { number, connection };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(made.clone());
        Ok(made)
    }

    /// The first connection, with the error as it is.
    pub(crate) async fn first(&self) -> Result<(), RedisError> {
        let _turn = self.connecting.lock().await;
        self.connect().await.map(drop)
    }

    fn current(&self) -> Option<Numbered> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        // One that broke while nobody used it: nothing needs to fail for it.
        current.filter(|current| !current.connection.is_over())
    }

    fn forget(&self, number: u64) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|current| current.number == number) {
            *current = None;
        }
    }
}
