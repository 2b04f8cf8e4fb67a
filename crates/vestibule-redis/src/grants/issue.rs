//! What leads to a grant: launches, interactions, codes; and tokens without a user.

use vestibule_host::{
    Advance, Advanced, Call, GrantStatus, Issuance, IssueCode, IssueToken, PutLaunch, Revision, StoreFault,
    StoredInteraction, TokenIssuance,
};

use crate::RedisStore;
use crate::reply::Reply;
use crate::script::Ask;

/// So many grants of a user, or of a session, may live at a time: revoking them all is one script, and nobody else is served
/// while it runs.
pub(crate) const OWNER_MAX: u32 = 50_000;

impl RedisStore {
    pub(super) async fn keep_launch(&self, op: &PutLaunch, call: &Call) -> Result<(), StoreFault> {
        let ask = Ask::of(call)
            .with("hash", op.hash.as_bytes())
            .time("expires", op.keep_until)
            .with("record", &op.record.0)
            .event(op.event.as_ref());
        let mut reply = self.write(&self.scripts().launch, &call.tenant, ask).await?;
        reply.outcome(|word, _| Ok((word == "kept").then_some(())))
    }

    pub(super) async fn advance(&self, op: &Advance, call: &Call) -> Result<Advanced, StoreFault> {
        let (ask, next) = swap(op, Ask::of(call));
        let mut reply =
            self.write(&self.scripts().advance, &call.tenant, ask.event(op.event.as_ref())).await?;
        reply.outcome(|word, rest| {
            Ok(match word {
                "save" | "repeated" => Some(Advanced::Saved(next)),
                "stale" => Some(Advanced::Stale(stored(rest)?)),
                "gone" => Some(Advanced::Gone),
                _ => None,
            })
        })
    }

    pub(super) async fn issue(&self, op: &IssueCode, call: &Call) -> Result<Issuance, StoreFault> {
        let grant = &op.grant;
        let (ask, _) = swap(&op.interaction, Ask::of(call));
        let ask = ask
            .maybe("launch", op.launch.as_ref().map(|launch| launch.as_bytes()))
            .with("code", op.code.as_bytes())
            .with("binding", op.binding.as_bytes())
            .time("code_expires", op.expires)
            .with("grant", grant.id.as_str())
            .with("user", grant.user.as_str())
            .with("client", grant.client.as_str())
            .maybe("session", grant.session.as_ref().map(|session| session.as_str()))
            .time("keep", grant.keep_until)
            .time("used", grant.used)
            .flag("revoked", grant.status == GrantStatus::Revoked)
            .with("grant_record", &grant.record.0)
            .number("owner_max", OWNER_MAX)
            .event(op.event.as_ref());
        let mut reply = self.write(&self.scripts().issue, &call.tenant, ask).await?;
        reply.outcome(|word, rest| {
            Ok(match word {
                "won" => Some(Issuance::Won),
                "stale" => Some(Issuance::Stale(stored(rest)?)),
                "gone" => Some(Issuance::Gone),
                "launch gone" => Some(Issuance::LaunchGone),
                _ => None,
            })
        })
    }

    pub(super) async fn keep_token(&self, op: &IssueToken, call: &Call) -> Result<TokenIssuance, StoreFault> {
        let ask = Ask::of(call).claim(op.claim.as_ref()).access(op.access.as_ref()).event(op.event.as_ref());
        let mut reply = self.write(&self.scripts().token, &call.tenant, ask).await?;
        reply.outcome(|word, _| {
            Ok(match word {
                "won" => Some(TokenIssuance::Won),
                "seen" => Some(TokenIssuance::ClaimSeen),
                _ => None,
            })
        })
    }
}

/// What the compare-and-swap needs, and the revision that it saves.
fn swap(op: &Advance, ask: Ask) -> (Ask, Revision) {
    let next = Revision(op.expected.map_or(0, |read| read.0).saturating_add(1));
    let ask = ask
        .with("id", op.id.as_bytes())
        .maybe("expected", op.expected.map(|read| read.0.to_string()))
        .number("next", next.0)
        .time("expires", op.expires)
        .with("record", &op.record.0);
    let ask = match &op.quota {
        Some(quota) => ask.with("quota", quota.client.as_str()).number("quota_max", quota.max),
        None => ask,
    };
    (ask, next)
}

fn stored(rest: &mut Reply) -> Result<StoredInteraction, StoreFault> {
    Ok(StoredInteraction { revision: Revision(rest.number()?), record: rest.record()? })
}
