//! Using a refresh token: read, decided by [`Family::answer`], written where nothing has changed since.
//!
//! The judge is the host's, so that this store decides as every other one does; the claim, the chain, the token, the grant and the
//! event are one script. Whoever loses the race is told by that script what is stored now, and judges again: each round has a
//! winner, so that so many racers need so many rounds at most. Calls of one process do not race at all: they take turns.

use vestibule_host::family::Answer;
use vestibule_host::{Call, Family, GrantStatus, RotateRefresh, Rotation, StoreFault, StoredGrant};

use crate::error::Unreadable;
use crate::reply::Reply;
use crate::script::Ask;
use crate::{RedisStore, chain, error};

/// So many processes may race on one chain; who still has not won is told to come again.
const ROUNDS: u32 = 64;

/// What was read.
#[derive(Debug)]
enum Found {
    Nothing,
    Chain { state: Vec<u8>, grant: StoredGrant },
}

/// What a run of the script came to.
#[derive(Debug)]
enum Round {
    Done,
    ClaimSeen,
    /// This is what is stored.
    Judge(Found),
}

impl RedisStore {
    pub(super) async fn rotate(&self, op: &RotateRefresh, call: &Call) -> Result<Rotation, StoreFault> {
        let _turn = self.turns().at(&op.handle).await?;
        let mut found = match self.settle(op, call, None).await? {
            Round::Judge(found) => found,
            Round::ClaimSeen => return Ok(Rotation::ClaimSeen),
            Round::Done => return Err(StoreFault::not_applied(Unreadable)),
        };
        for _ in 0..ROUNDS {
            let answer = match &found {
                Found::Nothing => Answer { outcome: Rotation::NotFound, change: None },
                Found::Chain { state, grant } => chain::decode(state)?.answer(op, grant, call),
            };
            if answer.change.is_none() && op.claim.is_none() {
                return Ok(answer.outcome); // nothing is written: the read was the whole verb
            }
            match self.settle(op, call, Some((&found, &answer))).await? {
                Round::Done => return Ok(answer.outcome),
                Round::ClaimSeen => return Ok(Rotation::ClaimSeen),
                Round::Judge(changed) => found = changed,
            }
        }
        Err(error::busy())
    }

    async fn settle(
        &self,
        op: &RotateRefresh,
        call: &Call,
        judged: Option<(&Found, &Answer)>,
    ) -> Result<Round, StoreFault> {
        let ask = Ask::of(call)
            .with("handle", op.handle.as_bytes())
            .flag("judged", judged.is_some())
            .claim(op.claim.as_ref());
        let reply = match judged {
            None => self.read(&self.scripts().rotate, &call.tenant, ask).await?,
            Some((found, answer)) => {
                self.write(&self.scripts().rotate, &call.tenant, write(ask, op, found, answer)).await?
            }
        };
        round(reply)
    }
}

fn write(ask: Ask, op: &RotateRefresh, found: &Found, answer: &Answer) -> Ask {
    let ask = match found {
        Found::Nothing => ask.flag("living", false),
        Found::Chain { state, grant } => {
            ask.with("was", state).flag("living", grant.status == GrantStatus::Live)
        }
    };
    let ask = match &answer.change {
        Some((after, kind)) => {
            let after: &Family = after;
            ask.with("state", chain::encode(after)).with("kind", kind.name()).event(op.event.as_ref())
        }
        None => ask,
    };
    let ask = ask
        .flag("issue", answer.issues())
        .flag("kill", answer.change.is_some() && matches!(answer.outcome, Rotation::Reuse { .. }));
    if answer.issues() { ask.time("keep", op.keep_until).access(op.access.as_ref()) } else { ask }
}

fn round(mut reply: Reply) -> Result<Round, StoreFault> {
    reply.outcome(|word, rest| {
        Ok(match word {
            "done" => Some(Round::Done),
            "seen" => Some(Round::ClaimSeen),
            "not found" => Some(Round::Judge(Found::Nothing)),
            "found" => {
                let state = rest.bytes()?;
                rest.grant()?.map(|grant| Round::Judge(Found::Chain { state, grant }))
            }
            _ => None,
        })
    })
}
