//! Using a refresh token: read, decided by `Family::answer`, written where nothing has changed since.

use rusqlite::{Connection, OptionalExtension, Row, params};
use vestibule_host::family::{Answered, Predecessor, Told};
use vestibule_host::{
    AttemptId, Call, Family, GrantId, RefreshHash, RotateRefresh, Rotation, Salt, StoreFault, UnixMillis,
};

use super::beside::{self, Claimed};
use super::read::{self, GRANT_COLUMNS};
use crate::error::Failure;
use crate::operation::{Effect, Operation};
use crate::statements::Statements;

#[derive(Debug)]
pub(super) struct Rotate {
    pub(super) op: RotateRefresh,
    pub(super) call: Call,
}

impl Operation for Rotate {
    type Output = Rotation;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Rotation>, Failure> {
        let (op, call) = (&self.op, &self.call);
        if beside::spend(on, sql, op.claim.as_ref(), call)? == Claimed::Seen {
            return Ok(Effect::Undo(Rotation::ClaimSeen));
        }
        let key = params![call.tenant.as_str().as_bytes(), op.handle.as_bytes(), call.now.0];
        let found = on
            .prepare_cached(&sql.chain)?
            .query_row(key, |row| Ok((read::grant(row)?, family(row)?)))
            .optional()?;
        let Some((grant, before)) = found else { return Ok(Effect::Keep(Rotation::NotFound)) };

        let answer = before.answer(op, &grant, call);
        if answer.issues() {
            beside::keep(on, sql, op.access.as_ref(), Some(&grant.id), call)?;
            beside::note_use(on, sql, &grant.id, op.keep_until, call)?;
        }
        if let Some((after, kind)) = &answer.change {
            self.write(on, sql, &before, after)?;
            beside::append(on, sql, op.event.as_ref(), *kind, call)?;
        }
        if let Rotation::Reuse { grant } = &answer.outcome {
            self.revoke(on, sql, grant)?;
        }
        Ok(Effect::Keep(answer.outcome))
    }
}

impl Rotate {
    fn write(
        &self,
        on: &Connection,
        sql: &Statements,
        before: &Family,
        after: &Family,
    ) -> Result<(), Failure> {
        let previous = after.previous.as_ref();
        let answered = after.answered.as_ref();
        let written = on.prepare_cached(&sql.use_chain)?.execute(params![
            self.call.tenant.as_str().as_bytes(),
            self.op.handle.as_bytes(),
            before.generation,
            before.current.as_bytes(),
            after.generation,
            after.current.as_bytes(),
            previous.map(|previous| previous.hash.as_bytes()),
            previous.map(|previous| previous.salt.as_bytes()),
            previous.map(|previous| previous.rotated.0),
            previous.map(|previous| previous.by.as_bytes()),
            previous.map_or(0, |previous| previous.replays),
            after.suspected,
            answered.map(|answered| answered.by.as_bytes()),
            answered.map(|answered| number(answered.told)),
            after.idle_until.0,
        ])?;
        // One transaction writes at a time, so this is a bug or a foreign hand in the file: never a second successor (I2).
        if written == 1 { Ok(()) } else { Err(StoreFault::not_applied("the chain has changed").into()) }
    }

    /// In this commit, so that nobody can be told "reuse" while the grant lives (RT-004).
    fn revoke(&self, on: &Connection, sql: &Statements, grant: &GrantId) -> Result<(), Failure> {
        let key = params![self.call.tenant.as_str().as_bytes(), grant.as_str().as_bytes()];
        on.prepare_cached(&sql.revoke_grant)?.execute(key)?;
        Ok(())
    }
}

/// The columns behind those of the grant.
fn family(row: &Row<'_>) -> rusqlite::Result<Family> {
    const FIRST: usize = GRANT_COLUMNS;
    let replays = row.get(FIRST + 6)?;
    let previous = match row.get(FIRST + 2)? {
        None => None,
        Some(hash) => Some(Predecessor {
            hash: RefreshHash::new(hash),
            salt: Salt::new(row.get(FIRST + 3)?),
            rotated: UnixMillis(row.get(FIRST + 4)?),
            by: AttemptId::new(row.get(FIRST + 5)?),
            replays,
        }),
    };
    let answered = match row.get(FIRST + 8)? {
        None => None,
        Some(by) => Some(Answered { by: AttemptId::new(by), told: told(row.get(FIRST + 9)?) }),
    };
    Ok(Family {
        generation: row.get(FIRST)?,
        current: RefreshHash::new(row.get(FIRST + 1)?),
        previous,
        suspected: row.get(FIRST + 7)?,
        idle_until: UnixMillis(row.get(FIRST + 10)?),
        until: UnixMillis(row.get(FIRST + 11)?),
        answered,
    })
}

/// Never renumber: the numbers are in files.
const fn number(told: Told) -> u8 {
    match told {
        Told::Again => 1,
        Told::TooOften => 2,
        Told::Reused => 3,
    }
}

/// A number that is not known reads as the answer that gives nothing away.
const fn told(number: u8) -> Told {
    match number {
        1 => Told::Again,
        2 => Told::TooOften,
        _ => Told::Reused,
    }
}
