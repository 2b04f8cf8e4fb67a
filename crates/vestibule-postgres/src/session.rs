//! Connections: each prepared once, held for one statement, given back in a state in which anybody may use it.
//!
//! A verb is one statement without a transaction around it: there is no `BEGIN` whose `COMMIT` could be missed when a caller goes
//! away. What was sent runs to its end in the server; the answer is read and thrown away by the connection's own task.

use std::fmt::{self, Debug};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime,
};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};
use vestibule_host::StoreFault;

use crate::error::{Trouble, busy, trouble, without_connection};
use crate::options::{Names, PostgresOptions};
use crate::statements::{Statement, Statements};
use crate::{Database, OpenError};

pub(crate) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// So often is a statement tried that lost a race (row 25).
const TRIES: u32 = 6;

/// A server that says nothing gets so much more time than it gave itself.
const GRACE: Duration = Duration::from_secs(2);

/// For so long a connection that does not answer is one of the pool. A dead network is noticed much sooner.
const HELD_BACK: Duration = Duration::from_secs(300);

pub(crate) struct Sessions {
    pool: Pool,
    pub(crate) sql: Arc<Statements>,
    deadline: Duration,
    is_durable: bool,
}

impl Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

/// What holds a statement back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hold<'a> {
    Nothing,
    /// The app's quota: one at a time counts and writes.
    Quota {
        tenant: &'a [u8],
        client: &'a [u8],
    },
    /// Nothing, and all of it is taken back before the commit.
    Trial,
}

impl Sessions {
    pub(crate) async fn open(
        database: &Database,
        names: &Names,
        options: &PostgresOptions,
    ) -> Result<Self, OpenError> {
        let sql = Arc::new(Statements::new(names));
        let settings = settings(database, options).await?;
        let prepared = Arc::clone(&sql);
        let fast = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_connect(database.config(), database.clone(), fast))
            .max_size(options.connections.max(1))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(options.wait))
            .create_timeout(Some(options.wait))
            .recycle_timeout(Some(options.wait))
            .post_create(Hook::async_fn(move |client: &mut ClientWrapper, _| {
                let (sql, commands) = (Arc::clone(&prepared), settings.commands.clone());
                Box::pin(async move { prepare(client, &sql, &commands).await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(|error| OpenError::Database(error.into()))?;
        let deadline = options.statement.saturating_add(GRACE);
        Ok(Self { pool, sql, deadline, is_durable: settings.is_durable })
    }

    pub(crate) const fn is_durable(&self) -> bool {
        self.is_durable
    }

    /// Takes no more calls, and waits until those that were taken have given their connections back.
    pub(crate) async fn close(&self) {
        self.pool.close();
        while self.pool.status().size > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Runs a read. It changes nothing, so neither does its failure.
    pub(crate) async fn read(
        &self,
        statement: &Statement,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, StoreFault> {
        self.run(statement, parameters, Hold::Nothing).await.map_err(|fault| match fault {
            StoreFault::OutcomeUnknown(source) => StoreFault::NotApplied(source),
            other => other,
        })
    }

    /// Runs a statement until it has not lost a race, a bounded number of times.
    pub(crate) async fn run(
        &self,
        statement: &Statement,
        parameters: Parameters<'_>,
        hold: Hold<'_>,
    ) -> Result<Vec<Row>, StoreFault> {
        let mut was_taken = false;
        for tried in 1..=TRIES {
            match self.once(statement, parameters, hold).await {
                Ok(rows) => return Ok(rows),
                Err(Trouble::Fault(fault)) => return Err(fault),
                // What is seen now was not there when the statement began; the second time it will have been.
                Err(Trouble::Taken(source)) if was_taken => return Err(StoreFault::NotApplied(source)),
                Err(Trouble::Taken(_)) => was_taken = true,
                Err(Trouble::Again) => pause(tried).await,
            }
        }
        Err(busy())
    }

    async fn once(
        &self,
        statement: &Statement,
        parameters: Parameters<'_>,
        hold: Hold<'_>,
    ) -> Result<Vec<Row>, Trouble> {
        let client = self.pool.get().await.map_err(without_connection)?;
        let work = async {
            match hold {
                Hold::Nothing => ask(&client, statement, parameters).await.map_err(trouble),
                Hold::Quota { tenant, client: app } => {
                    let quota: Parameters<'_> = &[&tenant, &app];
                    self.behind(&client, quota, statement, parameters).await
                }
                Hold::Trial => self.tried(&client, statement, parameters).await,
            }
        };
        let answer = tokio::time::timeout(self.deadline, work)
            .await
            .unwrap_or_else(|_| Err(StoreFault::outcome_unknown("the database did not answer").into()));
        if matches!(answer, Err(Trouble::Fault(StoreFault::OutcomeUnknown(_)))) {
            self.hold_back(client);
        }
        answer
    }

    /// Nobody else gets a connection that is silent or about to end, before it has answered for what it was asked. Until then it counts
    /// as one of the pool: a server that lets commits wait, for a standby or a disk, would otherwise be given another session for every
    /// call that was given up, until it takes no more.
    fn hold_back(&self, client: Object) {
        let pool = self.pool.clone();
        tokio::spawn(async move {
            let closed = async {
                while !pool.is_closed() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            let answered = tokio::select! {
                answered = tokio::time::timeout(HELD_BACK, client.simple_query("")) => matches!(answered, Ok(Ok(_))),
                () = closed => false,
            };
            if !answered {
                drop(Object::take(client));
            }
        });
    }

    /// A transaction in one go: all of it is sent before the first answer is waited for, the end included, so that a caller who goes
    /// away leaves nothing open. After a failure the server skips what follows, and the end undoes everything.
    async fn behind(
        &self,
        client: &ClientWrapper,
        quota: Parameters<'_>,
        statement: &Statement,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, Trouble> {
        let (begun, held, answer, ended) = tokio::join!(
            biased;
            ask(client, &self.sql.begin, &[]),
            ask(client, &self.sql.hold_quota, quota),
            ask(client, statement, parameters),
            ask(client, &self.sql.commit, &[]),
        );
        // Without a beginning the others have each been a transaction of their own, and the statement is whole in any case.
        if let (Err(error), Err(_)) = (begun, &answer) {
            return Err(trouble(error));
        }
        held.map_err(trouble)?;
        let rows = answer.map_err(trouble)?;
        ended.map_err(trouble)?;
        Ok(rows)
    }

    /// As above, and nothing is left of it, whoever goes away. The commit is a real one: it waits for whatever commits wait for.
    async fn tried(
        &self,
        client: &ClientWrapper,
        statement: &Statement,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, Trouble> {
        let nobody: &[u8] = b"";
        let quota: Parameters<'_> = &[&nobody, &nobody];
        let (begun, held, written, removed, ended) = tokio::join!(
            biased;
            ask(client, &self.sql.begin, &[]),
            ask(client, &self.sql.hold_quota, quota),
            ask(client, statement, parameters),
            ask(client, &self.sql.end_trial, &[]),
            ask(client, &self.sql.commit, &[]),
        );
        for step in [begun, held, written, removed] {
            step.map_err(trouble)?;
        }
        ended.map_err(trouble)
    }
}

/// The statement was prepared when the connection was made, so this is one round trip.
async fn ask(
    client: &ClientWrapper,
    statement: &Statement,
    parameters: Parameters<'_>,
) -> Result<Vec<Row>, Error> {
    let prepared = client.prepare_typed_cached(&statement.text, &statement.types).await?;
    client.query(&prepared, parameters).await
}

/// Those that lost once must not all come again at the same moment.
async fn pause(tried: u32) {
    static TURN: AtomicU32 = AtomicU32::new(0);
    let turn = TURN.fetch_add(1, Ordering::Relaxed) % 8;
    tokio::time::sleep(Duration::from_millis(u64::from((turn * tried) / 2))).await;
}

/// Makes a new connection ready, in two round trips.
async fn prepare(client: &ClientWrapper, sql: &Statements, commands: &str) -> Result<(), Error> {
    client.batch_execute(commands).await?;
    let preparing =
        sql.all().into_iter().map(|statement| client.prepare_typed_cached(&statement.text, &statement.types));
    all(preparing.collect()).await
}

/// Waits for all at once: each is sent before the first is answered.
async fn all<T>(waiting: Vec<impl Future<Output = Result<T, Error>> + Send>) -> Result<(), Error> {
    let mut waiting: Vec<Option<Pin<Box<_>>>> = waiting.into_iter().map(|one| Some(Box::pin(one))).collect();
    std::future::poll_fn(move |cx| {
        let mut is_pending = false;
        for slot in &mut waiting {
            let Some(one) = slot else { continue };
            match one.as_mut().poll(cx) {
                Poll::Pending => is_pending = true,
                Poll::Ready(Ok(_)) => *slot = None,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
        if is_pending { Poll::Pending } else { Poll::Ready(Ok(())) }
    })
    .await
}

struct Settings {
    commands: String,
    is_durable: bool,
}

/// Asks the server once what it is.
async fn settings(database: &Database, options: &PostgresOptions) -> Result<Settings, OpenError> {
    let (client, connection) =
        database.connect().await.map_err(|error| OpenError::Unreachable(error.into()))?;
    let asked = client
        .query_one(
            "SELECT current_setting('transaction_read_only') = 'on',
                    coalesce(current_setting('synchronous_commit', true), 'on'),
                    coalesce(current_setting('fsync', true), 'on') = 'on'",
            &[],
        )
        .await?;
    connection.abort();
    let (read_only, commit, is_synced): (bool, String, bool) =
        (asked.try_get(0)?, asked.try_get(1)?, asked.try_get(2)?);
    if read_only {
        return Err(OpenError::ReadOnly);
    }
    let statement = options.statement.as_millis().max(1);
    let mut commands = format!(
        "SET statement_timeout = {statement}; SET lock_timeout = {statement};
         SET idle_in_transaction_session_timeout = {statement};
         SET default_transaction_isolation = 'read committed';"
    );
    // `Ok` means durable, whatever the host's other programs have chosen for themselves.
    if commit == "off" {
        commands.push_str("SET synchronous_commit = 'on';");
    }
    Ok(Settings { commands, is_durable: is_synced })
}
