//! Keeping a token without a user.

use vestibule_host::{Call, IssueToken, StoreFault, TokenIssuance};

use super::beside::{Access, Caller, Claim, Event, beside};
use crate::PostgresStore;
use crate::row::{of_verb, outcome, unknown};
use crate::session::Hold;

pub(super) async fn issue(
    store: &PostgresStore,
    op: &IssueToken,
    call: &Call,
) -> Result<TokenIssuance, StoreFault> {
    let (caller, claim) = (Caller::of(call), Claim::of(op.claim.as_ref()));
    let (event, access) = (Event::of(op.event.as_ref()), Access::of(op.access.as_ref()));
    let room = store.has_room(&beside(op.claim.as_ref(), op.event.as_ref(), op.access.as_ref())).await?;
    let row = store
        .verb(
            &store.sql().issue_token,
            &[
                &caller.tenant,
                &caller.now,
                &caller.attempt,
                &claim.key,
                &claim.keep_until,
                &event.id,
                &event.record,
                &access.hash,
                &access.expires,
                &access.record,
                &access.client,
                &room,
            ],
            Hold::Nothing,
        )
        .await?;
    match of_verb(outcome(&row))? {
        "won" => Ok(TokenIssuance::Won),
        "claim_seen" => Ok(TokenIssuance::ClaimSeen),
        other => Err(unknown(other)),
    }
}
