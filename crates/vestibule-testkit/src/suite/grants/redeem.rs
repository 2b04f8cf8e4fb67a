//! Spending a code.

use std::ops::Range;

use vestibule_host::{GrantKey, GrantStatus, Redemption, Revocation};

use super::Factory;
use super::rows::{CODE, KEEP, RIGHT, Rows, WRONG, code, grant_id, redeem};
use crate::Broken;
use crate::invariants::{History, Seen};
use crate::suite::{Verdict, hold, race, same};

/// Every prior state with the right and the wrong binding, in the order in which the contract judges.
pub async fn a_redemption_has_the_outcome_of_its_state(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let revoke = |n| Revocation::Grant(grant_id(n));
    let replayed = |n| Redemption::Replayed { grant: grant_id(n) };

    same!(rows.redeem(1, RIGHT, 1).await?, Redemption::NotFound, "a code that never was");

    rows.issue(1).await?;
    same!(rows.redeem(1, WRONG, 1).await?, Redemption::Mismatch, "a live code, the wrong binding");
    same!(rows.redeem(1, WRONG, CODE).await?, Redemption::Mismatch, "an expired code, the wrong binding");
    same!(rows.redeem(1, RIGHT, CODE).await?, Redemption::Expired, "an expired code");
    same!(rows.redeem(1, RIGHT, 1).await?, Redemption::Won, "a live code");
    same!(rows.redeem(1, WRONG, 2).await?, Redemption::Mismatch, "a spent code, the wrong binding");
    same!(rows.redeem(1, RIGHT, 2).await?, replayed(1), "a spent code");
    same!(rows.redeem(1, RIGHT, CODE + 1).await?, replayed(1), "a spent code of a revoked grant, long after");
    same!(rows.redeem(1, WRONG, 3).await?, Redemption::Mismatch, "a replayed code, the wrong binding");

    rows.issue(2).await?;
    rows.revoke(revoke(2), 1).await?;
    same!(
        rows.redeem(2, WRONG, 2).await?,
        Redemption::Mismatch,
        "a code of a revoked grant, the wrong binding"
    );
    same!(rows.redeem(2, RIGHT, 2).await?, Redemption::Revoked, "a code of a revoked grant");
    same!(rows.redeem(2, RIGHT, CODE).await?, Redemption::Revoked, "an expired code of a revoked grant");

    rows.issue(3).await?;
    same!(rows.redeem(3, RIGHT, 1).await?, Redemption::Won, "a third code");
    rows.revoke(revoke(3), 2).await?;
    same!(rows.redeem(3, RIGHT, 3).await?, replayed(3), "a spent code, its grant revoked");

    rows.issue(4).await?;
    same!(rows.redeem(4, RIGHT, KEEP).await?, Redemption::NotFound, "a code whose grant is no longer kept");
    same!(rows.of_tenant("other").redeem(4, RIGHT, 1).await?, Redemption::NotFound, "another tenant's code");
    same!(rows.redeem(4, RIGHT, 1).await?, Redemption::Won, "a code that others asked for");
    Ok(())
}

/// Neither a thief's guess nor an app's mistake burns a code (CODE-007).
pub async fn a_wrong_binding_changes_nothing(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.issue(1).await?;
    for ms in 0..5 {
        same!(rows.redeem(1, WRONG, ms).await?, Redemption::Mismatch, "the wrong binding");
    }
    same!(rows.redeem(1, RIGHT, 5).await?, Redemption::Won, "the right binding after wrong ones");
    same!(rows.redeem(1, WRONG, 6).await?, Redemption::Mismatch, "the wrong binding on a spent code");
    same!(
        rows.status(1, 6).await?,
        Some(GrantStatus::Live),
        "the grant after a replay with the wrong binding"
    );
    Ok(())
}

/// Whoever presents a spent code with the right binding is a thief or was robbed: the grant dies at once (CODE-006).
pub async fn a_replay_kills_the_grant(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.issue(1).await?;
    rows.issue(2).await?;
    same!(rows.redeem(1, RIGHT, 1).await?, Redemption::Won, "a live code");
    same!(rows.status(1, 1).await?, Some(GrantStatus::Live), "the grant before the replay");
    same!(rows.redeem(1, RIGHT, 2).await?, Redemption::Replayed { grant: grant_id(1) }, "a replay");
    same!(rows.status(1, 2).await?, Some(GrantStatus::Revoked), "the grant after the replay");
    let by_code = rows.store.grant(GrantKey::Code(&code(1)), &rows.call(2)).await?.map(|grant| grant.status);
    same!(by_code, Some(GrantStatus::Revoked), "the grant by its code");
    same!(rows.live(2).await?, vec![grant_id(2)], "the live grants of the user");
    same!(rows.redeem(2, RIGHT, 2).await?, Redemption::Won, "another grant of the same user");
    Ok(())
}

/// The end itself is over; the moment before is not.
pub async fn a_code_ends_when_its_time_is_reached(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.issue(1).await?;
    same!(rows.redeem(1, RIGHT, CODE + 1).await?, Redemption::Expired, "a millisecond after the end");
    same!(rows.redeem(1, RIGHT, CODE).await?, Redemption::Expired, "at the end");
    same!(rows.redeem(1, RIGHT, CODE - 1).await?, Redemption::Won, "a millisecond before the end");
    Ok(())
}

/// After an unknown outcome the engine calls again with the same attempt and must learn that it had won.
pub async fn a_repeated_redemption_answers_the_same(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.issue(1).await?;
    let call = rows.call(1);
    for _ in 0..3 {
        same!(rows.store.redeem_code(&redeem(1, RIGHT), &call).await?, Redemption::Won, "the same attempt");
    }
    let mut later = call;
    later.now = super::rows::at(CODE + 5);
    same!(
        rows.store.redeem_code(&redeem(1, RIGHT), &later).await?,
        Redemption::Won,
        "the same attempt, later"
    );
    same!(rows.status(1, 2).await?, Some(GrantStatus::Live), "the grant after repetitions");
    let call = rows.call(3);
    for _ in 0..2 {
        let replayed = Redemption::Replayed { grant: grant_id(1) };
        same!(rows.store.redeem_code(&redeem(1, RIGHT), &call).await?, replayed, "another attempt");
    }
    Ok(())
}

/// The one promise that everything rests on (CODE-004).
pub async fn of_many_redemptions_one_wins(factory: Factory<'_>) -> Verdict {
    racing_redemptions(factory, 0..5).await
}

/// The same for the codes with these numbers, each presented a hundred times at once: as many as there is time for.
pub async fn racing_redemptions(factory: Factory<'_>, codes: Range<u32>) -> Verdict {
    let rows = Rows::open(factory).await;
    for n in codes {
        rows.issue(n).await?;
        let ends = race(100, |_| {
            let rows = rows.clone();
            async move { rows.redeem(n, RIGHT, 1).await }
        });
        let mut history = History::default();
        let mut won = 0;
        for (attempt, end) in ends.await?.into_iter().enumerate() {
            match end? {
                Redemption::Won => {
                    won += 1;
                    history.saw(Seen::CodeWon { code: n.to_string(), attempt: attempt.to_string() });
                }
                Redemption::Replayed { grant } => {
                    same!(grant, grant_id(n), "the grant of a replay");
                    history.saw(Seen::Revoked { grant: n.to_string() });
                }
                other => return Err(Broken(format!("a racing redemption came to {other:?}"))),
            }
        }
        if rows.status(n, 2).await? == Some(GrantStatus::Live) {
            history.saw(Seen::Lives { grant: n.to_string() });
        }
        history.check()?;
        same!(won, 1, "winners among 100");
        same!(rows.status(n, 2).await?, Some(GrantStatus::Revoked), "the grant after 99 replays");
    }
    Ok(())
}

/// Revoking and redeeming at once may end either way, but once the revocation was acknowledged nothing wins any more.
pub async fn a_returned_revocation_beats_every_later_redemption(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    for n in 0..20 {
        rows.issue(n).await?;
        let ends = race(2, |index| {
            let rows = rows.clone();
            async move {
                if index == 0 {
                    return Ok(Some(rows.redeem(n, RIGHT, 1).await?));
                }
                rows.revoke(Revocation::Grant(grant_id(n)), 1).await?;
                let later = rows.redeem(n, RIGHT, 1).await?;
                let mut history = History::default();
                history.saw(Seen::Revoked { grant: n.to_string() });
                if later == Redemption::Won {
                    history.saw(Seen::Issued { grant: n.to_string() });
                }
                history.check()?;
                Ok::<_, Broken>(Some(later))
            }
        });
        for end in ends.await? {
            hold!(end?.is_some(), "a race without an end");
        }
        same!(rows.status(n, 2).await?, Some(GrantStatus::Revoked), "the grant after the revocation");
    }
    Ok(())
}
