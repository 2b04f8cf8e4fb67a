//! Restarts, and several handles at once: what a store says of itself must be true.

use vestibule_host::grant_store::{Durability, Sharing};
use vestibule_host::{Advanced, GrantStatus, Issuance, Redemption, Revision, Revocation, Rotation};

use super::Factory;
use super::rows::{
    RIGHT, Rows, access, access_hash, advance, at, claim, event, event_id, grant_id, issue, jti,
    redeem_and_open, rotate, salt,
};
use crate::suite::{Verdict, hold, race, same};

/// `Ok` means durable, where the facts claim it (I3).
pub async fn what_was_acknowledged_survives(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    store.ping().await?;
    if store.facts().durability == Durability::None {
        return Ok(());
    }
    let rows = Rows::over(store);
    for n in 1..=3 {
        rows.put_launch(n).await?;
        same!(
            rows.store.issue_code(&issue(n, None, Some(n)), &rows.call(0)).await?,
            Issuance::Won,
            "issue {n}"
        );
    }
    rows.put_launch(4).await?;
    let call = rows.call(1);
    let won = rows.store.redeem_code(&super::rows::redeem(1, RIGHT), &call).await?;
    same!(won, Redemption::Won, "a redemption");
    rows.revoke(Revocation::Grant(grant_id(2)), 1).await?;
    let saved = rows.store.advance_interaction(&advance(3, Some(1)), &rows.call(1)).await?;
    same!(saved, Advanced::Saved(Revision(2)), "a save");
    drop(rows);

    let rows = Rows::open(factory).await;
    let again = rows.store.redeem_code(&super::rows::redeem(1, RIGHT), &call).await?;
    same!(again, Redemption::Won, "the winning attempt, made again after the restart");
    let replayed = Redemption::Replayed { grant: grant_id(1) };
    same!(rows.redeem(1, RIGHT, 1).await?, replayed, "a spent code after the restart");
    same!(
        rows.redeem(2, RIGHT, 1).await?,
        Redemption::Revoked,
        "the code of a revoked grant after the restart"
    );
    same!(rows.redeem(3, RIGHT, 1).await?, Redemption::Won, "a live code after the restart");
    same!(rows.revision(3, 1).await?, Some(2), "an interaction after the restart");
    hold!(!rows.launch_is_free(1, 1).await?, "a spent launch is free after the restart");
    hold!(rows.launch_is_free(4, 1).await?, "a launch was lost in the restart");
    Ok(())
}

/// The same for what goes with a verb, and for refresh chains.
pub async fn what_goes_with_a_verb_survives(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    if store.facts().durability == Durability::None {
        return Ok(());
    }
    let rows = Rows::over(store);
    rows.issue(1).await?;
    let op =
        redeem_and_open(1).with_access(Some(access(1))).with_claim(Some(claim(1))).with_event(Some(event(1)));
    same!(rows.store.redeem_code(&op, &rows.call(1)).await?, Redemption::Won, "a redemption");
    let op = rotate(1, 0).with_access(Some(access(2))).with_claim(Some(claim(2))).with_event(Some(event(2)));
    let call = rows.call(2);
    same!(rows.store.rotate_refresh(&op, &call).await?, Rotation::Won, "a refresh");
    rows.keep_token(3).await?;
    rows.revoke(Revocation::Access(access_hash(3)), 2).await?;
    rows.revoke(Revocation::Token { id: jti(1), until: at(1_000) }, 2).await?;
    let leased = rows.store.lease_events(1, at(100), &rows.call(2)).await?;
    same!(leased.len(), 1, "events leased before the restart");
    drop(rows);

    let rows = Rows::open(factory).await;
    same!(rows.store.rotate_refresh(&op, &call).await?, Rotation::Won, "the winning attempt, made again");
    let told = rows.rotate(1, 0, 10_000).await?;
    same!(told, Rotation::Same { salt: salt(1, 1) }, "the predecessor after the restart");
    for n in 1..=2 {
        hold!(!rows.claim_was_free(n, 3).await?, "claim {n} was forgotten in the restart");
        hold!(rows.access(n, 3).await?.is_some(), "token {n} was lost in the restart");
    }
    same!(rows.access(3, 3).await?.map(|known| known.revoked), Some(true), "a revoked token");
    same!(rows.jwt_is_revoked(1, 3).await?, Some(true), "a revoked JWT");
    let ids = async |ms| -> Result<Vec<_>, vestibule_host::StoreFault> {
        let leased = rows.store.lease_events(9, at(ms + 1), &rows.call(ms)).await?;
        Ok(leased.into_iter().map(|event| event.id).collect())
    };
    same!(ids(3).await?, vec![event_id(2)], "the event that nobody had leased");
    same!(ids(100).await?, vec![event_id(1), event_id(2)], "both, when the lease is over");
    same!(rows.rotate(1, 1, 10_001).await?, Rotation::Won, "the current token after the restart");
    same!(rows.rotate(1, 0, 10_002).await?, Rotation::Reuse { grant: grant_id(1) }, "an old one");
    Ok(())
}

/// What one handle was told is done, every other handle sees.
pub async fn handles_see_each_others_writes(factory: Factory<'_>) -> Verdict {
    let here = Rows::open(factory).await;
    if here.store.facts().sharing == Sharing::Process {
        return Ok(());
    }
    let there = Rows::open(factory).await;
    for n in 0..20 {
        here.issue(n).await?;
        same!(there.status(n, 0).await?, Some(GrantStatus::Live), "a grant at the other handle");
        there.revoke(Revocation::Grant(grant_id(n)), 0).await?;
        same!(here.status(n, 0).await?, Some(GrantStatus::Revoked), "its revocation at the first handle");
    }
    Ok(())
}

/// Two servers on one store are one server.
pub async fn handles_do_not_both_win(factory: Factory<'_>) -> Verdict {
    let here = Rows::open(factory).await;
    if here.store.facts().sharing == Sharing::Process {
        return Ok(());
    }
    let handles = [here.clone(), Rows::open(factory).await];
    for n in 0..5 {
        here.issue(n).await?;
        let ends = race(40, |index| {
            let [first, second] = handles.clone();
            let rows = if index % 2 == 0 { first } else { second };
            async move { rows.redeem(n, RIGHT, 1).await }
        });
        let mut won = 0;
        for end in ends.await? {
            won += u32::from(end? == Redemption::Won);
        }
        same!(won, 1, "winners among 40 through two handles");
    }
    Ok(())
}

/// One chain, one assertion and one event have two servers: each is served once.
pub async fn handles_share_chains_claims_and_events(factory: Factory<'_>) -> Verdict {
    let here = Rows::open(factory).await;
    if here.store.facts().sharing == Sharing::Process {
        return Ok(());
    }
    let handles = [here.clone(), Rows::open(factory).await];
    for n in 0..5 {
        here.open_chain(n).await?;
        let ends = race(40, |index| {
            let [first, second] = handles.clone();
            let rows = if index % 2 == 0 { first } else { second };
            async move {
                let number = n * 100 + u32::try_from(index).unwrap_or(0);
                let op = rotate(n, 0).with_event(Some(event(number)));
                let end = rows.store.rotate_refresh(&op, &rows.call(1)).await?;
                let claimed = rows.claim_was_free(n, 1).await?;
                let leased = rows.store.lease_events(2, at(1_000), &rows.call(1)).await?;
                Ok::<_, vestibule_host::StoreFault>((end, claimed, leased))
            }
        });
        let (mut won, mut claimed, mut events) = (0, 0, Vec::new());
        for end in ends.await? {
            let (end, free, leased) = end?;
            won += u32::from(end == Rotation::Won);
            claimed += u32::from(free);
            events.extend(leased.into_iter().map(|event| event.id));
        }
        same!((won, claimed), (1, 1), "refreshes and assertions that won among 40 through two handles");
        events.sort();
        let all = events.len();
        events.dedup();
        same!(events.len(), all, "events that were leased through two handles");
        same!(all, 40, "events of 40 refreshes through two handles");
    }
    Ok(())
}
