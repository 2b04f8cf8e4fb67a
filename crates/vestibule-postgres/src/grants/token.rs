//! Keeping a token without a user.

use vestibule_host::{Call, IssueToken, StoreFault, TokenIssuance};

use super::beside::{Access, Caller, Claim, Event};
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
