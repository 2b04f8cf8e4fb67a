//! Spending a code.

use vestibule_host::{Call, GrantId, RedeemCode, Redemption, StoreFault};

use super::beside::{Access, Caller, Claim, Event};
use crate::PostgresStore;
use crate::row::{of_verb, outcome, text, unknown};
use crate::session::Hold;

pub(super) async fn redeem(
    store: &PostgresStore,
    op: &RedeemCode,
    call: &Call,
) -> Result<Redemption, StoreFault> {
    let (caller, claim) = (Caller::of(call), Claim::of(op.claim.as_ref()));
    let (event, access) = (Event::of(op.event.as_ref()), Access::of(op.access.as_ref()));
    let (code, binding): (&[u8], &[u8]) = (op.code.as_bytes(), op.binding.as_bytes());
    let refresh = op.refresh.as_ref();
    let handle = refresh.map(|refresh| refresh.handle.as_bytes().as_slice());
    let current = refresh.map(|refresh| refresh.current.as_bytes().as_slice());
    let idle_until = refresh.map(|refresh| refresh.idle_until.0);
    let until = refresh.map(|refresh| refresh.until.0);
    let row = store
        .verb(
            &store.sql().redeem,
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
                &binding,
                &code,
                &op.keep_until.0,
                &handle,
                &current,
                &idle_until,
                &until,
            ],
            Hold::Nothing,
        )
        .await?;
    Ok(match of_verb(outcome(&row))? {
        "won" => Redemption::Won,
        "replayed" => Redemption::Replayed { grant: GrantId::new(of_verb(text(&row, 1))?) },
        "mismatch" => Redemption::Mismatch,
        "expired" => Redemption::Expired,
        "revoked" => Redemption::Revoked,
        "not_found" => Redemption::NotFound,
        "claim_seen" => Redemption::ClaimSeen,
        other => return Err(unknown(other)),
    })
}
