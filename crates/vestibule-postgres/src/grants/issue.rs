//! Issuing a code: closes the interaction, spends the launch, inserts grant and code.

use vestibule_host::{Call, GrantStatus, Issuance, IssueCode, StoreFault};

use super::advance::Save;
use super::beside::{Caller, Event};
use crate::PostgresStore;
use crate::row::{self, of_verb, outcome, unknown};

pub(super) async fn issue(
    store: &PostgresStore,
    op: &IssueCode,
    call: &Call,
) -> Result<Issuance, StoreFault> {
    let (caller, event, save) = (Caller::of(call), Event::of(op.event.as_ref()), Save::of(&op.interaction));
    let launch = op.launch.as_ref().map(|launch| launch.as_bytes().as_slice());
    let (code, binding): (&[u8], &[u8]) = (op.code.as_bytes(), op.binding.as_bytes());
    let grant = &op.grant;
    let (id, user) = (grant.id.as_str().as_bytes(), grant.user.as_str().as_bytes());
    let client = grant.client.as_str().as_bytes();
    let session = grant.session.as_ref().map(|session| session.as_str().as_bytes());
    let revoked = grant.status == GrantStatus::Revoked;
    let record: &[u8] = &grant.record.0;
    let row = store
        .verb(
            &store.sql().issue,
            &[
                &caller.tenant,
                &caller.now,
                &caller.attempt,
                &event.id,
                &event.record,
                &save.id,
                &save.expected,
                &save.next,
                &save.expires,
                &save.record,
                &save.counted,
                &save.at_most,
                &launch,
                &code,
                &binding,
                &op.expires.0,
                &id,
                &user,
                &client,
                &session,
                &grant.keep_until.0,
                &grant.used.0,
                &revoked,
                &record,
            ],
            save.hold(&caller),
        )
        .await?;
    match of_verb(outcome(&row))? {
        "won" => Ok(Issuance::Won),
        "stale" => Ok(Issuance::Stale(of_verb(row::interaction(&row, 1))?)),
        "gone" => Ok(Issuance::Gone),
        "launch_gone" => Ok(Issuance::LaunchGone),
        "reused" => Err(StoreFault::not_applied("one attempt was used for two verbs")),
        "full" => Err(StoreFault::Full),
        other => Err(unknown(other)),
    }
}
