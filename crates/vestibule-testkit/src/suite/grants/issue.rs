//! Issuing a code.

use vestibule_host::{
    Advanced, GrantKey, GrantStatus, Issuance, Redemption, Revision, SessionId, StoreFault, StoredGrant,
};

use super::Factory;
use super::rows::{INTERACTION, LAUNCH, RIGHT, Rows, advance, at, code, grant, grant_id, issue};
use crate::suite::{Verdict, hold, race, same, shape};

/// Every prior state of interaction and launch.
pub async fn an_issue_has_the_outcome_of_its_state(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let store = &rows.store;

    same!(store.issue_code(&issue(1, Some(1), None), &rows.call(1)).await?, Issuance::Gone, "no interaction");
    let opened = store.advance_interaction(&advance(1, None), &rows.call(1)).await?;
    same!(opened, Advanced::Saved(Revision(1)), "opening");
    let end = store.issue_code(&issue(1, None, None), &rows.call(1)).await?;
    shape!(end, Issuance::Stale(stored) if stored.revision == Revision(1), "an interaction where none was expected");
    let end = store.issue_code(&issue(1, Some(7), None), &rows.call(1)).await?;
    shape!(end, Issuance::Stale(stored) if stored.revision == Revision(1), "another revision than expected");
    let over = rows.call(INTERACTION);
    same!(
        store.issue_code(&issue(1, Some(1), None), &over).await?,
        Issuance::Gone,
        "an interaction that is over"
    );

    let end = store.issue_code(&issue(1, Some(1), Some(1)), &rows.call(1)).await?;
    same!(end, Issuance::LaunchGone, "a launch that never was");
    rows.put_launch(1).await?;
    let end = store.issue_code(&issue(1, Some(9), Some(1)), &rows.call(1)).await?;
    shape!(end, Issuance::Stale(_), "stale is judged before the launch");
    let fresh = issue(2, None, Some(1));
    same!(store.issue_code(&fresh, &rows.call(LAUNCH)).await?, Issuance::LaunchGone, "a launch that is over");
    same!(store.issue_code(&issue(1, Some(1), Some(1)), &rows.call(1)).await?, Issuance::Won, "all in order");
    let end = store.issue_code(&issue(3, None, Some(1)), &rows.call(2)).await?;
    same!(end, Issuance::LaunchGone, "a launch that another interaction spent");
    let end = store.issue_code(&issue(1, Some(1), None), &rows.call(2)).await?;
    shape!(end, Issuance::Stale(stored) if stored.revision == Revision(2), "an interaction that is closed");

    let elsewhere = rows.of_tenant("other");
    rows.put_launch(4).await?;
    let end = store.issue_code(&issue(4, None, Some(4)), &elsewhere.call(1)).await?;
    same!(end, Issuance::LaunchGone, "another tenant's launch");
    Ok(())
}

/// Code, grant, closed interaction and spent launch are one commit.
pub async fn an_issue_is_there_as_a_whole(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.put_launch(1).await?;
    same!(rows.store.issue_code(&issue(1, None, Some(1)), &rows.call(1)).await?, Issuance::Won, "an issue");
    hold!(!rows.launch_is_free(1, 1).await?, "the launch is not spent");
    same!(rows.revision(1, 1).await?, Some(1), "the interaction's revision");
    let by_id = rows.store.grant(GrantKey::Id(&grant_id(1)), &rows.call(1)).await?;
    same!(by_id, Some(grant(1)), "the grant by its id");
    let by_code = rows.store.grant(GrantKey::Code(&code(1)), &rows.call(1)).await?;
    same!(by_code, Some(grant(1)), "the grant by its code");
    same!(rows.redeem(1, RIGHT, 1).await?, Redemption::Won, "the code");
    let by_code = rows.store.grant(GrantKey::Code(&code(1)), &rows.call(2)).await?;
    let used = StoredGrant { used: at(1), ..grant(1) };
    same!(by_code, Some(used), "the grant by its spent code");
    for (n, session) in [(2, None), (3, Some(""))] {
        let mut op = issue(n, None, None);
        op.grant.session = session.map(SessionId::new);
        same!(rows.store.issue_code(&op, &rows.call(1)).await?, Issuance::Won, "an issue");
        let found = rows.store.grant(GrantKey::Id(&grant_id(n)), &rows.call(1)).await?;
        same!(found, Some(op.grant), "a grant with the session {session:?}");
    }
    Ok(())
}

/// Neither an outcome that is not `Won` nor a fault leaves anything behind.
pub async fn a_lost_issue_changes_nothing(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.issue(1).await?;
    rows.put_launch(2).await?;
    let opened = rows.store.advance_interaction(&advance(2, None), &rows.call(1)).await?;
    same!(opened, Advanced::Saved(Revision(1)), "opening");

    // No launch; another revision; a grant that is there already; a code that is there already.
    let mut taken_grant = issue(2, Some(1), Some(2));
    taken_grant.grant.id = grant_id(1);
    let mut taken_code = issue(2, Some(1), Some(2));
    taken_code.code = code(1);
    for (op, fault) in [
        (issue(2, Some(1), Some(77)), false),
        (issue(2, Some(5), Some(2)), false),
        (taken_grant, true),
        (taken_code, true),
    ] {
        let end = rows.store.issue_code(&op, &rows.call(1)).await;
        if fault {
            shape!(end, Err(StoreFault::NotApplied(_)), "a code or grant that is there already");
        } else {
            shape!(end, Ok(Issuance::LaunchGone | Issuance::Stale(_)), "a lost issue");
        }
        hold!(rows.launch_is_free(2, 1).await?, "a lost issue spent the launch");
        same!(rows.revision(2, 1).await?, Some(1), "the interaction after a lost issue");
        same!(rows.status(2, 1).await?, None, "the grant of a lost issue");
        same!(rows.redeem(2, RIGHT, 1).await?, Redemption::NotFound, "the code of a lost issue");
    }
    same!(rows.status(1, 1).await?, Some(GrantStatus::Live), "the grant that was there");
    let end = rows.store.issue_code(&issue(2, Some(1), Some(2)), &rows.call(1)).await?;
    same!(end, Issuance::Won, "an issue after lost ones");
    same!(rows.redeem(1, RIGHT, 1).await?, Redemption::Won, "the code that was there");
    Ok(())
}

/// After an unknown outcome the same attempt is told that it had won, and there is still one code.
pub async fn a_repeated_issue_answers_the_same(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.put_launch(1).await?;
    let (op, call) = (issue(1, None, Some(1)), rows.call(1));
    for _ in 0..3 {
        same!(rows.store.issue_code(&op, &call).await?, Issuance::Won, "the same attempt");
    }
    same!(rows.revision(1, 1).await?, Some(1), "the interaction after repetitions");
    same!(rows.live(1).await?, vec![grant_id(1)], "the grants after repetitions");
    same!(rows.redeem(1, RIGHT, 1).await?, Redemption::Won, "the code");
    same!(rows.store.issue_code(&op, &call).await?, Issuance::Won, "the same attempt, the code spent");
    same!(
        rows.redeem(1, RIGHT, 1).await?,
        Redemption::Replayed { grant: grant_id(1) },
        "the code stays spent"
    );
    Ok(())
}

/// A double click must not mint two codes.
pub async fn of_many_tabs_one_gets_a_code(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let opened = rows.store.advance_interaction(&advance(1_000, None), &rows.call(0)).await?;
    same!(opened, Advanced::Saved(Revision(1)), "opening");
    let ends = race(100, |index| {
        let rows = rows.clone();
        async move {
            let mut op = issue(u32::try_from(index).unwrap_or(0), None, None);
            op.interaction = advance(1_000, Some(1));
            rows.store.issue_code(&op, &rows.call(1)).await
        }
    });
    let mut won = 0;
    for end in ends.await? {
        match end? {
            Issuance::Won => won += 1,
            Issuance::Stale(stored) => same!(stored.revision, Revision(2), "what a loser is shown"),
            other => return Err(crate::Broken(format!("a racing issue came to {other:?}"))),
        }
    }
    same!(won, 1, "winners among 100 tabs");
    same!(rows.live(1).await?.len(), 1, "grants after the race");
    Ok(())
}

/// A launch handle that two browsers have opened buys one code (SMART-LAUNCH-013).
pub async fn of_many_interactions_one_spends_the_launch(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.put_launch(1).await?;
    let ends = race(100, |index| {
        let rows = rows.clone();
        async move {
            let op = issue(u32::try_from(index).unwrap_or(0), None, Some(1));
            let mut call = rows.call(1);
            call.now = at(1);
            rows.store.issue_code(&op, &call).await
        }
    });
    let ends: Vec<_> = ends.await?.into_iter().collect::<Result<_, _>>()?;
    let won: Vec<_> = (0..).zip(&ends).filter(|(_, end)| **end == Issuance::Won).map(|(n, _)| n).collect();
    same!(won.len(), 1, "winners among 100 interactions");
    hold!(
        ends.iter().filter(|end| **end == Issuance::LaunchGone).count() == 99,
        "a loser was told something else"
    );
    same!(rows.live(1).await?, won.iter().map(|n| grant_id(*n)).collect::<Vec<_>>(), "grants after the race");
    for n in 0..100 {
        let due = won.contains(&n).then_some(1);
        same!(rows.revision(n, 1).await?, due, "interaction {n} after the race");
    }
    Ok(())
}
