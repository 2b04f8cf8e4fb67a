//! What is kept: one table a kind of row, and what finds it.
//!
//! redb compares strings byte for byte and numbers as numbers. Every key begins with the tenant, but for two: `owned` begins with
//! what is looked for, and `over` with the time, because a purge asks all tenants at once.

use bytes::Bytes;
use redb::{
    ReadableTable, ReadableTableMetadata, StorageError, Table, TableDefinition, TableError, Value,
    WriteTransaction,
};
use vestibule_host::family::{Answered, Predecessor, Told};
use vestibule_host::{
    AttemptId, ClientId, Family, GrantId, GrantStatus, Record, RefreshHash, Salt, SessionId, StoredGrant,
    Tenant, UnixMillis, UserId,
};

/// Tenant, and hash or id.
pub(crate) type Key = (&'static str, &'static [u8]);
type Text = &'static str;
type Blob = &'static [u8];
type Hash = [u8; 32];
type Attempt = [u8; 16];

/// Revision, expires, who saved it, which client it counts against, record.
pub(crate) type InteractionRow = (u64, i64, Attempt, Option<Text>, Blob);
/// Keep until, spent, who put it, record.
pub(crate) type LaunchRow = (i64, bool, Attempt, Blob);
/// User, client, session, keep until, used, revoked, its code, its chain, record.
pub(crate) type GrantRow = (Text, Text, Option<Text>, i64, i64, bool, Hash, Option<Hash>, Blob);
/// Grant, binding, expires, who issued it, who spent it.
pub(crate) type CodeRow = (Text, Hash, i64, Attempt, Option<Attempt>);
/// Grant, generation, current, previous, suspected, idle until, until, answered.
pub(crate) type ChainRow =
    (Text, u64, Hash, Option<(Hash, Hash, i64, Attempt, u8)>, u8, i64, i64, Option<(Attempt, u8)>);
/// Grant, client, expires, revoked alone, who kept it, record.
pub(crate) type AccessRow = (Option<Text>, Text, i64, bool, Attempt, Blob);
/// Keep until, who spent it.
pub(crate) type ClaimRow = (i64, Attempt);
/// Id, kind, when it was appended, leased until, record.
pub(crate) type EventRow = (Attempt, Text, i64, i64, Blob);

/// Defines the tables once: as constants for readers, and together as fields for a verb.
macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident $constant:ident: $key:ty => $value:ty;)*) => {
        $($(#[$doc])* pub(crate) const $constant: TableDefinition<'static, $key, $value> =
            TableDefinition::new(stringify!($name));)*

        /// All tables within one write transaction. Of these there is one at a time: what a verb reads stays true until it commits.
        pub(crate) struct Rows<'t> {
            $($(#[$doc])* pub(crate) $name: Table<'t, $key, $value>,)*
            /// Whether something ended: it may then use the room that is kept for that.
            pub(crate) ended: bool,
            /// Whether the outcome is that nothing was changed: there is then no commit.
            pub(crate) undo: bool,
        }

        impl<'t> Rows<'t> {
            pub(crate) fn open(transaction: &'t WriteTransaction) -> Result<Self, TableError> {
                Ok(Self { $($name: transaction.open_table($constant)?,)* ended: false, undo: false })
            }
        }
    };
}

tables! {
    interactions INTERACTIONS: Key => InteractionRow;
    /// Tenant, client, expires, hash: the interactions that count against a client's quota.
    quotas QUOTAS: (Text, Text, i64, Blob) => ();
    launches LAUNCHES: Key => LaunchRow;
    grants GRANTS: Key => GrantRow;
    /// [`Owner`], tenant, whose, which: grants, and opaque tokens without one.
    owned OWNED: (u8, Text, Text, Blob) => ();
    codes CODES: Key => CodeRow;
    chains CHAINS: Key => ChainRow;
    access ACCESS: Key => AccessRow;
    /// JWTs that were revoked alone, and when they end by themselves.
    tokens TOKENS: Key => i64;
    claims CLAIMS: Key => ClaimRow;
    /// By tenant and order of appending.
    events EVENTS: (Text, u64) => EventRow;
    event_ids EVENT_IDS: (Text, Attempt) => u64;
    /// When, what ([`Over`]), tenant, which: what a purge looks at.
    over OVER: (i64, u8, Text, Blob) => ();
    /// The version of all this.
    schema SCHEMA: () => u64;
}

/// By whom something is found.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Owner {
    User,
    Client,
    Session,
    /// A client's opaque tokens that have no grant.
    TokensOf,
}

/// What is over by its own time. Codes and chains go with their grant.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Over {
    Interaction,
    Launch,
    Grant,
    Access,
    Token,
    Claim,
}

impl Over {
    pub(crate) const ALL: [Self; 6] =
        [Self::Interaction, Self::Launch, Self::Grant, Self::Access, Self::Token, Self::Claim];
}

impl Rows<'_> {
    /// How many rows there are, without what finds them. redb counts as it goes.
    pub(crate) fn count(&self) -> Result<u64, StorageError> {
        Ok(self.interactions.len()?
            + self.launches.len()?
            + self.grants.len()?
            + self.codes.len()?
            + self.chains.len()?
            + self.access.len()?
            + self.tokens.len()?
            + self.claims.len()?
            + self.events.len()?)
    }

    /// Notes that a row's time has moved, so that a purge finds it.
    pub(crate) fn ends(
        &mut self,
        what: Over,
        (tenant, key): (&str, &[u8]),
        old: Option<UnixMillis>,
        new: Option<UnixMillis>,
    ) -> Result<(), StorageError> {
        if old == new {
            return Ok(());
        }
        if let Some(old) = old {
            self.over.remove((old.0, what as u8, tenant, key))?;
        }
        if let Some(new) = new {
            self.over.insert((new.0, what as u8, tenant, key), ())?;
        }
        Ok(())
    }

    pub(crate) fn put_grant(&mut self, tenant: &Tenant, grant: &Grant) -> Result<(), StorageError> {
        self.grants.insert((tenant.as_str(), grant.stored.id.as_str().as_bytes()), grant.row())?;
        Ok(())
    }
}

pub(crate) fn record(bytes: &[u8]) -> Record {
    Record(Bytes::copy_from_slice(bytes))
}

/// A grant, its code and its chain.
pub(crate) struct Grant {
    pub(crate) stored: StoredGrant,
    pub(crate) code: [u8; 32],
    pub(crate) chain: Option<[u8; 32]>,
}

impl Grant {
    fn row(&self) -> <GrantRow as Value>::SelfType<'_> {
        let grant = &self.stored;
        let session = grant.session.as_ref().map(SessionId::as_str);
        let revoked = grant.status == GrantStatus::Revoked;
        let (user, client) = (grant.user.as_str(), grant.client.as_str());
        let (keep_until, used) = (grant.keep_until.0, grant.used.0);
        (user, client, session, keep_until, used, revoked, self.code, self.chain, &grant.record.0)
    }

    pub(crate) fn is_live(&self) -> bool {
        self.stored.status == GrantStatus::Live
    }
}

/// A grant's row, over or not.
pub(crate) fn any_grant(
    grants: &impl ReadableTable<Key, GrantRow>,
    tenant: &Tenant,
    id: &str,
) -> Result<Option<Grant>, StorageError> {
    let Some(row) = grants.get((tenant.as_str(), id.as_bytes()))? else { return Ok(None) };
    let (user, client, session, keep_until, used, revoked, code, chain, bytes) = row.value();
    let stored = StoredGrant {
        id: GrantId::new(id),
        user: UserId::new(user),
        client: ClientId::new(client),
        session: session.map(SessionId::new),
        keep_until: UnixMillis(keep_until),
        used: UnixMillis(used),
        status: if revoked { GrantStatus::Revoked } else { GrantStatus::Live },
        record: record(bytes),
    };
    Ok(Some(Grant { stored, code, chain }))
}

/// A grant that is not over.
pub(crate) fn grant_at(
    grants: &impl ReadableTable<Key, GrantRow>,
    tenant: &Tenant,
    id: &str,
    now: UnixMillis,
) -> Result<Option<Grant>, StorageError> {
    Ok(any_grant(grants, tenant, id)?.filter(|grant| !grant.stored.keep_until.is_over(now)))
}

/// A chain as it is written.
pub(crate) fn chain_row<'a>(grant: &'a str, family: &Family) -> <ChainRow as Value>::SelfType<'a> {
    let previous = family.previous.map(|previous| {
        let (hash, salt) = (*previous.hash.as_bytes(), *previous.salt.as_bytes());
        (hash, salt, previous.rotated.0, *previous.by.as_bytes(), previous.replays)
    });
    let answered = family.answered.map(|answered| {
        let told = match answered.told {
            Told::Again => 0,
            Told::TooOften => 1,
            Told::Reused => 2,
        };
        (*answered.by.as_bytes(), told)
    });
    let (current, idle, until) = (*family.current.as_bytes(), family.idle_until.0, family.until.0);
    (grant, family.generation, current, previous, family.suspected, idle, until, answered)
}

/// A chain as it was written, and its grant. A word that no version wrote reads as the strictest one.
pub(crate) fn chain_of(row: <ChainRow as Value>::SelfType<'_>) -> (String, Family) {
    let (grant, generation, current, previous, suspected, idle, until, answered) = row;
    let family = Family {
        generation,
        current: RefreshHash::new(current),
        previous: previous.map(|(hash, salt, rotated, by, replays)| Predecessor {
            hash: RefreshHash::new(hash),
            salt: Salt::new(salt),
            rotated: UnixMillis(rotated),
            by: AttemptId::new(by),
            replays,
        }),
        suspected,
        idle_until: UnixMillis(idle),
        until: UnixMillis(until),
        answered: answered.map(|(by, told)| Answered {
            by: AttemptId::new(by),
            told: match told {
                0 => Told::Again,
                1 => Told::TooOften,
                _ => Told::Reused,
            },
        }),
    };
    (grant.to_owned(), family)
}
