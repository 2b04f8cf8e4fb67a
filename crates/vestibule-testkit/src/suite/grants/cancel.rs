//! Callers that go away.
//!
//! A future is dropped when it has been pending once, twice, and so on. The verb may have happened or not; then the same
//! attempt is made again, as an engine would, and must find the one or make up for the other.

use vestibule_host::{
    Advanced, GrantKey, Issuance, IssueToken, Redemption, Revision, Revocation, Revoke, Revoked, Rotation,
    TokenIssuance,
};

use super::Factory;
use super::rows::{
    RIGHT, Rows, access, advance, at, claim, event, grant_id, handle, issue, redeem_and_open, rotate, salt,
};
use crate::drop_after;
use crate::suite::{Verdict, hold, same};

/// So many polls are more than any verb takes.
const POLLS: u32 = 8;

/// Interaction, launch, grant and code go together.
pub async fn an_abandoned_issue_is_whole_or_not_at_all(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    for polls in 1..=POLLS {
        rows.put_launch(polls).await?;
        let opened = rows.store.advance_interaction(&advance(polls, None), &rows.call(0)).await?;
        same!(opened, Advanced::Saved(Revision(1)), "opening");
        let (op, call) = (issue(polls, Some(1), Some(polls)), rows.call(1));
        if let Some(end) = drop_after(polls, rows.store.issue_code(&op, &call)).await {
            same!(end?, Issuance::Won, "an issue that was not abandoned");
        }
        // Read in the order in which a half-done verb would betray itself: what is there never goes away again.
        if rows.revision(polls, 1).await? == Some(2) {
            hold!(rows.status(polls, 1).await?.is_some(), "the interaction is closed and there is no grant");
            hold!(
                !rows.launch_is_free(polls, 1).await?,
                "the interaction is closed and the launch is not spent"
            );
        }
        same!(
            rows.store.issue_code(&op, &call).await?,
            Issuance::Won,
            "the attempt made again after {polls} polls"
        );
        same!(rows.revision(polls, 1).await?, Some(2), "the interaction's revision");
        hold!(!rows.launch_is_free(polls, 1).await?, "the launch is not spent");
        same!(rows.redeem(polls, RIGHT, 2).await?, Redemption::Won, "the code");
    }
    same!(rows.live(3).await?.len(), usize::try_from(POLLS).unwrap_or(0), "the grants");
    Ok(())
}

/// Code, chain, opaque token, claim and event go together.
pub async fn an_abandoned_redemption_is_whole_or_not_at_all(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    for polls in 1..=POLLS {
        rows.issue(polls).await?;
        let op = redeem_and_open(polls)
            .with_access(Some(access(polls)))
            .with_claim(Some(claim(polls)))
            .with_event(Some(event(polls)));
        let call = rows.call(1);
        if let Some(end) = drop_after(polls, rows.store.redeem_code(&op, &call)).await {
            same!(end?, Redemption::Won, "a redemption that was not abandoned");
        }
        let done = rows.store.grant(GrantKey::Refresh(&handle(polls)), &rows.call(1)).await?.is_some();
        if done {
            hold!(rows.access(polls, 1).await?.is_some(), "the code is spent and its token is not there");
        }
        let before = rows.happened(1).await?;
        hold!(!done || before.len() == 1, "the code is spent and nobody is told");
        same!(rows.store.redeem_code(&op, &call).await?, Redemption::Won, "the attempt made again");
        let after = rows.happened(1).await?;
        same!(before.len() + after.len(), 1, "events of an attempt that was made twice");
        hold!(rows.access(polls, 1).await?.is_some(), "the opaque token is not there");
        hold!(!rows.claim_was_free(polls, 1).await?, "the claim is not spent");
        same!(rows.rotate(polls, 0, 1).await?, Rotation::Won, "the chain");
        let replayed = Redemption::Replayed { grant: grant_id(polls) };
        same!(rows.redeem(polls, RIGHT, 2).await?, replayed, "another attempt");
    }
    Ok(())
}

/// Rotation, opaque token, claim, event and the noted use go together.
pub async fn an_abandoned_refresh_is_whole_or_not_at_all(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    for polls in 1..=POLLS {
        rows.open_chain(polls).await?;
        let op = rotate(polls, 0)
            .with_access(Some(access(polls)))
            .with_claim(Some(claim(polls)))
            .with_event(Some(event(polls)));
        let call = rows.call(7);
        if let Some(end) = drop_after(polls, rows.store.rotate_refresh(&op, &call)).await {
            same!(end?, Rotation::Won, "a refresh that was not abandoned");
        }
        let grant = rows.store.grant(GrantKey::Refresh(&handle(polls)), &rows.call(7)).await?;
        let done = grant.is_some_and(|grant| grant.used == at(7));
        if done {
            hold!(rows.access(polls, 7).await?.is_some(), "the use is noted and its token is not there");
        }
        let before = rows.happened(7).await?;
        hold!(!done || before.len() == 1, "the chain has rotated and nobody is told");
        same!(rows.store.rotate_refresh(&op, &call).await?, Rotation::Won, "the attempt made again");
        let after = rows.happened(7).await?;
        same!(before.len() + after.len(), 1, "events of an attempt that was made twice");
        hold!(rows.access(polls, 7).await?.is_some(), "the opaque token is not there");
        hold!(!rows.claim_was_free(polls, 7).await?, "the claim is not spent");
        same!(rows.rotate(polls, 1, 8).await?, Rotation::Won, "the successor");
        same!(rows.rotate(polls, 1, 9).await?, Rotation::Same { salt: salt(polls, 2) }, "another attempt");
    }
    Ok(())
}

/// A token without a user, and a revocation.
pub async fn an_abandoned_token_or_revocation_is_whole_or_not_at_all(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    for polls in 1..=POLLS {
        let op = IssueToken::new()
            .with_access(Some(access(polls)))
            .with_claim(Some(claim(polls)))
            .with_event(Some(event(polls)));
        let call = rows.call(1);
        if let Some(end) = drop_after(polls, rows.store.issue_token(&op, &call)).await {
            same!(end?, TokenIssuance::Won, "an issue that was not abandoned");
        }
        let done = rows.access(polls, 1).await?.is_some();
        let before = rows.happened(1).await?;
        hold!(!done || before.len() == 1, "the token is kept and nobody is told");
        same!(rows.store.issue_token(&op, &call).await?, TokenIssuance::Won, "the attempt made again");
        let after = rows.happened(1).await?;
        same!(before.len() + after.len(), 1, "events of an attempt that was made twice");
        hold!(!rows.claim_was_free(polls, 1).await?, "the claim is not spent");

        let op = Revoke::new(Revocation::Access(access(polls).hash))
            .with_claim(Some(claim(100 + polls)))
            .with_event(Some(event(100 + polls)));
        let call = rows.call(2);
        if let Some(end) = drop_after(polls, rows.store.revoke(&op, &call)).await {
            same!(end?, Revoked::Done, "a revocation that was not abandoned");
        }
        let done = rows.access(polls, 2).await?.is_some_and(|known| known.revoked);
        let before = rows.happened(2).await?;
        hold!(!done || before.len() == 1, "the token is revoked and nobody is told");
        same!(rows.store.revoke(&op, &call).await?, Revoked::Done, "the attempt made again");
        let after = rows.happened(2).await?;
        same!(before.len() + after.len(), 1, "events of an attempt that was made twice");
        same!(rows.access(polls, 2).await?.map(|known| known.revoked), Some(true), "the token");
        hold!(!rows.claim_was_free(100 + polls, 2).await?, "the revocation's claim is not spent");
    }
    Ok(())
}

/// Saved once, or not saved.
pub async fn an_abandoned_advance_is_whole_or_not_at_all(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    for polls in 1..=POLLS {
        let mut read = None;
        for due in 1..=3 {
            let (op, call) = (advance(polls, read), rows.call(1));
            if let Some(end) = drop_after(polls, rows.store.advance_interaction(&op, &call)).await {
                same!(end?, Advanced::Saved(Revision(due)), "a save that was not abandoned");
            }
            let end = rows.store.advance_interaction(&op, &call).await?;
            same!(end, Advanced::Saved(Revision(due)), "the attempt made again");
            read = Some(due);
        }
    }
    Ok(())
}
