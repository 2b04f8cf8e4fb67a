//! Restarts, and several handles at once: what a store says of itself must be true.

use vestibule_host::grant_store::{Durability, Sharing};
use vestibule_host::{Advanced, GrantStatus, Issuance, Redemption, Revision, Revocation};

use super::Factory;
use super::rows::{RIGHT, Rows, advance, grant_id, issue};
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
