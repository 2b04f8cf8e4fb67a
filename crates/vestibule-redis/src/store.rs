//! The store a host holds.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use redis::{RedisError, Value};
use vestibule_host::grant_store::FailedWrites;
use vestibule_host::{Durability, StoreFault, Tenant};

use crate::address::Address;
use crate::error::{Effect, Unreadable};
use crate::grants::Way;
use crate::link::Link;
use crate::reply::Reply;
use crate::script::{Ask, Script, Scripts};
use crate::server::{Server, Unasked};
use crate::turns::Turns;
use crate::{ConnectError, RedisOptions};

/// The schema of the rows that this version writes.
pub(crate) const SCHEMA: u32 = 1;

/// Grants, consent and keys on a Redis or Valkey server. Cloning gives another handle to the same connection.
#[derive(Clone, Debug)]
pub struct RedisStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    link: Link,
    scripts: Scripts,
    prefix: String,
    durability: Durability,
    known: RwLock<Known>,
    purging: RwLock<Way>,
    turns: Turns,
    failed: FailedWrites,
}

/// Tenants that are in the list by which purging finds them, as far as one connection has seen it.
#[derive(Debug, Default)]
struct Known {
    made: u64,
    tenants: HashSet<Tenant>,
}

impl RedisStore {
    /// Connects to a server and asks it what it is. Must be called inside a tokio runtime, which the connection then belongs to.
    ///
    /// The address is `redis://[user:password@]host:port/[database]`, `unix:///path/to/socket`, or with
    /// [`RedisOptions::with_tls`] `rediss://…`, which is encrypted.
    ///
    /// # Errors
    /// [`ConnectError`]; its text says what to do.
    pub async fn connect(address: &str, options: RedisOptions) -> Result<Self, ConnectError> {
        options.check()?;
        let link = Link::new(Address::read(address, &options)?, &options);
        link.first().await.map_err(|error| ConnectError::Unreachable(error.into()))?;
        let server = Server::ask(&link).await.map_err(|error| match error {
            Unasked::Unsent(fault) => ConnectError::Unreachable(fault.into()),
            Unasked::Refused(error) => ConnectError::NotAllowed(error.into()),
        })?;
        let durability = server.judge(&options)?;
        let turns = Turns::new(options.response_timeout);
        let RedisOptions { prefix, .. } = options;
        let (scripts, known, purging) = (Scripts::new(), RwLock::default(), RwLock::default());
        let failed = FailedWrites::default();
        let store =
            Self(Arc::new(Inner { link, scripts, prefix, durability, known, purging, turns, failed }));
        store.check_schema().await?;
        store.probe().await?;
        Ok(store)
    }

    pub(crate) fn durability(&self) -> Durability {
        self.0.durability
    }

    pub(crate) fn scripts(&self) -> &Scripts {
        &self.0.scripts
    }

    /// Claims the prefix for this schema, unless a newer version has.
    async fn check_schema(&self) -> Result<(), ConnectError> {
        let key = format!("{}schema", self.0.prefix);
        let mut claim = redis::cmd("SET");
        claim.arg(&key).arg(SCHEMA).arg("NX");
        let mut read = redis::cmd("GET");
        read.arg(&key);
        let mut found = self.0.link.command(&read, Effect::Reads).await.map_err(at_the_start)?;
        if found == Value::Nil {
            self.0.link.command(&claim, Effect::Writes).await.map_err(at_the_start)?;
            found = self.0.link.command(&read, Effect::Reads).await.map_err(at_the_start)?;
        }
        let found = match found {
            Value::BulkString(found) => String::from_utf8_lossy(&found).into_owned(),
            _ => String::new(),
        };
        if found.parse::<u32>().is_ok_and(|found| (1..=SCHEMA).contains(&found)) {
            return Ok(());
        }
        Err(ConnectError::NewerSchema { found, known: SCHEMA })
    }

    async fn probe(&self) -> Result<(), ConnectError> {
        let probe = self.try_out(&self.0.scripts.probe).await;
        let tenants = redis::cmd("ZRANGEBYLEX").arg(self.tenants_key()).arg("-").arg("-").to_owned();
        let listed = match probe {
            Ok(_) => self.0.link.command(&tenants, Effect::Reads).await,
            Err(fault) => Err(fault),
        };
        listed.map(drop).map_err(at_the_start)
    }

    /// Runs a script that belongs to nobody.
    async fn try_out(&self, script: &Script) -> Result<Value, StoreFault> {
        let base = format!("{}{{probe}}", self.0.prefix);
        self.0.link.run(script, base.as_bytes(), &Ask::default(), Effect::Writes).await
    }

    /// Whether the server can be reached, is still what it was, and has room, which costs no write as long as writing works.
    pub(crate) async fn look_again(&self) -> Result<(), StoreFault> {
        let server = Server::ask(&self.0.link).await.map_err(|error| match error {
            Unasked::Unsent(fault) => fault,
            Unasked::Refused(error) => crate::error::sent(error, Effect::Reads),
        })?;
        server.still_keeps(self.0.durability).map_err(StoreFault::not_applied)?;
        if let Some(due) = self.0.failed.unanswered() {
            self.try_out(&self.0.scripts.trial).await?;
            self.0.failed.answer(due);
        }
        Ok(())
    }

    /// A verb: the tenant is put on the list of tenants before its first row is written.
    pub(crate) async fn write(
        &self,
        script: &Script,
        tenant: &Tenant,
        ask: Ask,
    ) -> Result<Reply, StoreFault> {
        self.register(tenant).await?;
        self.run(script, &self.base(tenant), &ask, Effect::Writes).await
    }

    pub(crate) async fn read(&self, script: &Script, tenant: &Tenant, ask: Ask) -> Result<Reply, StoreFault> {
        self.run(script, &self.base(tenant), &ask, Effect::Reads).await
    }

    /// Fields of one row, each `None` where the row or the field is not there.
    pub(crate) async fn fields(
        &self,
        tenant: &Tenant,
        row: (&str, &[u8]),
        fields: &[&str],
    ) -> Result<Reply, StoreFault> {
        let mut key = self.base(tenant);
        key.extend(row.0.as_bytes());
        key.extend(row.1);
        let mut command = redis::cmd("HMGET");
        command.arg(key).arg(fields);
        Reply::of(self.0.link.command(&command, Effect::Reads).await?)
    }

    async fn run(
        &self,
        script: &Script,
        base: &[u8],
        ask: &Ask,
        effect: Effect,
    ) -> Result<Reply, StoreFault> {
        let end = self.0.link.run(script, base, ask, effect).await;
        if matches!(effect, Effect::Writes) {
            self.0.failed.note(&end);
        }
        Reply::of(end?)
    }

    /// What all keys of a tenant begin with. The hash tag in braces keeps them in one slot.
    fn base(&self, tenant: &Tenant) -> Vec<u8> {
        self.base_of(tenant.as_str().as_bytes())
    }

    fn base_of(&self, tenant: &[u8]) -> Vec<u8> {
        let mut base = format!("{}{{t.", self.0.prefix).into_bytes();
        for byte in tenant {
            // A brace would end the tag, and what is escaped must not be taken for an escape.
            match byte {
                b'{' | b'}' | b'%' => base.extend(format!("%{byte:02x}").into_bytes()),
                plain => base.push(*plain),
            }
        }
        base.extend(b"}");
        base
    }

    fn tenants_key(&self) -> String {
        format!("{}tenants", self.0.prefix)
    }

    async fn register(&self, tenant: &Tenant) -> Result<(), StoreFault> {
        let made = self.0.link.made();
        {
            let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
            if known.made == made && known.tenants.contains(tenant) {
                return Ok(());
            }
        }
        let mut command = redis::cmd("ZADD");
        command.arg(self.tenants_key()).arg(0).arg(tenant.as_str());
        match self.0.link.command(&command, Effect::Writes).await {
            // Whether it is there or not, the verb itself was not begun.
            Err(StoreFault::OutcomeUnknown(error)) => return Err(StoreFault::NotApplied(error)),
            // A full store must still end things; a tenant with something to end is on the list already.
            Err(StoreFault::Full) => return Ok(()),
            answer => drop(answer?),
        }
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.made != made {
            *known = Known { made, tenants: HashSet::new() };
        }
        known.tenants.insert(tenant.clone());
        Ok(())
    }

    /// The next tenants on the list, at most so many.
    pub(crate) async fn tenants_after(
        &self,
        after: Option<&[u8]>,
        max: usize,
    ) -> Result<Vec<Vec<u8>>, StoreFault> {
        let from = after.map_or(b"-".to_vec(), |after| [b"(", after].concat());
        let mut command = redis::cmd("ZRANGEBYLEX");
        command.arg(self.tenants_key()).arg(from).arg("+").arg("LIMIT").arg(0).arg(max);
        let mut reply = Reply::of(self.0.link.command(&command, Effect::Reads).await?)?;
        let mut tenants = Vec::new();
        while !reply.is_over() {
            tenants.push(reply.bytes()?);
        }
        Ok(tenants)
    }

    pub(crate) async fn count_tenants(&self) -> Result<usize, StoreFault> {
        let mut command = redis::cmd("ZCARD");
        command.arg(self.tenants_key());
        match self.0.link.command(&command, Effect::Reads).await? {
            Value::Int(count) => Ok(usize::try_from(count).unwrap_or(0)),
            _ => Err(StoreFault::not_applied(Unreadable)),
        }
    }

    /// A verb for a tenant that is on the list.
    pub(crate) async fn write_at(
        &self,
        script: &Script,
        tenant: &[u8],
        ask: Ask,
    ) -> Result<Reply, StoreFault> {
        self.run(script, &self.base_of(tenant), &ask, Effect::Writes).await
    }

    pub(crate) fn turns(&self) -> &Turns {
        &self.0.turns
    }

    pub(crate) fn purging(&self) -> &RwLock<Way> {
        &self.0.purging
    }
}

/// Refused is not absent: only the one can be mended by a permission.
fn at_the_start(fault: StoreFault) -> ConnectError {
    let said_no = |error: &RedisError| !error.is_io_error();
    match fault {
        StoreFault::NotApplied(error) | StoreFault::OutcomeUnknown(error)
            if error.downcast_ref().is_some_and(said_no) =>
        {
            ConnectError::NotAllowed(error)
        }
        other => ConnectError::Unreachable(other.into()),
    }
}
