//! Using refresh tokens.

use std::ops::Range;
use std::time::Duration;

use vestibule_host::{ClientId, GrantKey, GrantStatus, Revocation, RotateRefresh, Rotation, StoreFault};

use super::Factory;
use super::rows::{
    AGE, IDLE, KEEP, RIGHT, Rows, WINDOW, at, grant_id, handle, redeem_and_open, rotate, salt, token,
};
use crate::Broken;
use crate::invariants::{History, Seen};
use crate::suite::{Verdict, hold, race, same, shape};

fn by(client: &str, mut op: RotateRefresh) -> RotateRefresh {
    op.client = ClientId::new(client);
    op
}

fn reuse(n: u32) -> Rotation {
    Rotation::Reuse { grant: grant_id(n) }
}

fn suspected(n: u32) -> Rotation {
    Rotation::Suspected { grant: grant_id(n) }
}

/// Every prior state, in the order in which the contract judges.
pub async fn a_refresh_has_the_outcome_of_its_state(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let foreign = |n, generation| by("other", rotate(n, generation));
    same!(rows.rotate(1, 0, 1).await?, Rotation::NotFound, "a chain that never was");
    rows.issue(1).await?;
    same!(rows.rotate(1, 0, 1).await?, Rotation::NotFound, "a chain of a code that is not spent");

    rows.open_chain(2).await?;
    same!(rows.of_tenant("other").rotate(2, 0, 1).await?, Rotation::NotFound, "another tenant's chain");
    for generation in [0, 7] {
        let end = rows.store.rotate_refresh(&foreign(2, generation), &rows.call(1)).await?;
        same!(end, Rotation::Mismatch, "another client with token {generation}");
    }
    same!(rows.rotate(2, 0, 1).await?, Rotation::Won, "the current token");
    same!(rows.rotate(2, 1, 2).await?, Rotation::Won, "its successor");
    same!(rows.rotate(2, 1, 3).await?, Rotation::Same { salt: salt(2, 2) }, "the predecessor");
    same!(rows.rotate(2, 0, 4).await?, reuse(2), "an older one");
    for generation in 0..4 {
        same!(
            rows.rotate(2, generation, 5).await?,
            Rotation::Revoked,
            "token {generation} of a grant that died"
        );
    }
    let end = rows.store.rotate_refresh(&foreign(2, 2), &rows.call(5)).await?;
    same!(end, Rotation::Mismatch, "another client and a grant that died");

    rows.open_chain(3).await?;
    same!(rows.rotate(3, 0, IDLE).await?, Rotation::Expired, "a chain that is over");
    same!(rows.rotate(3, 9, IDLE).await?, Rotation::Expired, "a chain that is over, with a wrong token");
    let end = rows.store.rotate_refresh(&foreign(3, 0), &rows.call(IDLE)).await?;
    same!(end, Rotation::Mismatch, "another client and a chain that is over");
    rows.revoke(Revocation::Grant(grant_id(3)), 1).await?;
    same!(rows.rotate(3, 0, IDLE).await?, Rotation::Revoked, "a chain that is over, its grant revoked");
    same!(rows.rotate(3, 0, KEEP).await?, Rotation::NotFound, "a chain whose grant is no longer kept");
    Ok(())
}

/// By rest, which a rotation renews, and by age, which nothing does. The end itself is over.
pub async fn a_chain_ends_by_rest_and_by_age(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.open_chain(1).await?;
    for ms in [IDLE + 1, IDLE] {
        same!(rows.rotate(1, 0, ms).await?, Rotation::Expired, "after {ms} ms without a use");
    }
    let mut op = rotate(1, 0);
    op.idle_until = at(AGE + 1_000);
    let end = rows.store.rotate_refresh(&op, &rows.call(IDLE - 1)).await?;
    same!(end, Rotation::Won, "a millisecond before the end");
    same!(rows.rotate(1, 1, AGE).await?, Rotation::Expired, "at its greatest age");
    same!(rows.rotate(1, 1, AGE - 1).await?, Rotation::Won, "a millisecond before its greatest age");

    // An answer that is repeated renews nothing.
    rows.open_chain(2).await?;
    same!(rows.rotate(2, 0, 0).await?, Rotation::Won, "a rotation that leaves the end where it was");
    let mut again = rotate(2, 0);
    again.idle_until = at(2 * IDLE);
    let end = rows.store.rotate_refresh(&again, &rows.call(1)).await?;
    same!(end, Rotation::Same { salt: salt(2, 1) }, "a repeated answer");
    same!(rows.rotate(2, 1, IDLE).await?, Rotation::Expired, "the end after a repeated answer");
    Ok(())
}

/// Whoever lost the answer gets the same successor again, as long as nobody used it and the window is open (row 11). What the
/// second try would have liked as a successor is nothing (I2).
pub async fn a_lost_answer_is_told_again(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.open_chain(1).await?;
    same!(rows.rotate(1, 0, 0).await?, Rotation::Won, "a rotation");
    let mut other = rotate(1, 0);
    (other.next, other.salt) = (token(1, 500), salt(1, 500));
    for ms in [0, 1, 4_999, WINDOW - 1] {
        let end = rows.store.rotate_refresh(&other, &rows.call(ms)).await?;
        same!(end, Rotation::Same { salt: salt(1, 1) }, "the predecessor after {ms} ms");
    }
    same!(rows.rotate(1, 1, WINDOW).await?, Rotation::Won, "the successor that was told");
    let end = rows.store.rotate_refresh(&other, &rows.call(WINDOW + 1)).await?;
    same!(end, reuse(1), "the predecessor after its successor was used");
    same!(rows.status(1, WINDOW + 1).await?, Some(GrantStatus::Revoked), "the grant");

    // The successor that nobody was told is no token.
    rows.open_chain(2).await?;
    same!(rows.rotate(2, 0, 0).await?, Rotation::Won, "a rotation");
    let mut other = rotate(2, 0);
    (other.next, other.salt) = (token(2, 500), salt(2, 500));
    let end = rows.store.rotate_refresh(&other, &rows.call(1)).await?;
    same!(end, Rotation::Same { salt: salt(2, 1) }, "the predecessor");
    same!(rows.rotate(2, 500, 2).await?, reuse(2), "a successor of the second try's own");

    // The window's end is over, and a window that is closed stays so for a strict client from the start.
    rows.open_chain(3).await?;
    same!(rows.rotate(3, 0, 0).await?, Rotation::Won, "a rotation");
    same!(rows.rotate(3, 0, WINDOW).await?, reuse(3), "the predecessor when its window is over");
    rows.open_chain(4).await?;
    let strict = |n, generation| {
        let mut op = rotate(n, generation);
        op.window = Duration::ZERO;
        op
    };
    let end = rows.store.rotate_refresh(&strict(4, 0), &rows.call(0)).await?;
    same!(end, Rotation::Won, "a strict client's rotation");
    let end = rows.store.rotate_refresh(&strict(4, 0), &rows.call(0)).await?;
    same!(end, reuse(4), "a strict client's second use");
    Ok(())
}

/// Two a generation, not counting the first seconds, when tabs race; one more is refused and suspected, and the chain lives on.
pub async fn replays_are_counted(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.open_chain(1).await?;
    same!(rows.rotate(1, 0, 0).await?, Rotation::Won, "a rotation");
    let same_again = Rotation::Same { salt: salt(1, 1) };
    for n in 0..20 {
        same!(rows.rotate(1, 0, 4_999).await?, same_again, "replay {n} in the first seconds");
    }
    for ms in [5_000, 6_000] {
        same!(rows.rotate(1, 0, ms).await?, same_again, "a counted replay after {ms} ms");
    }
    for n in 0..5 {
        same!(rows.rotate(1, 0, 7_000).await?, suspected(1), "replay {n} too many");
    }
    same!(rows.status(1, 7_000).await?, Some(GrantStatus::Live), "the grant after one suspicion");
    same!(rows.rotate(1, 1, 8_000).await?, Rotation::Won, "the successor after one suspicion");
    // The next generation counts from the beginning.
    for ms in [14_000, 15_000] {
        let end = rows.rotate(1, 1, ms).await?;
        same!(end, Rotation::Same { salt: salt(1, 2) }, "a counted replay of the next generation");
    }
    same!(rows.rotate(1, 1, 16_000).await?, suspected(1), "a replay too many of the next generation");
    Ok(())
}

/// Replays too many in three of the last five generations: two parties share the chain in lockstep, and it ends.
pub async fn three_suspected_generations_of_five_kill(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    // Which generations are suspected, and in which one it ends.
    let patterns: [(&[u32], Option<u32>); 4] =
        [(&[1, 2, 3], Some(3)), (&[1, 3, 5], Some(5)), (&[1, 2, 6, 11], None), (&[1, 5, 6, 7], Some(7))];
    for (n, (generations, end)) in (0..).zip(patterns) {
        rows.open_chain(n).await?;
        let mut ended = None;
        for generation in 1..=12 {
            let ms = i64::from(generation) * 40_000;
            let rotated = rows.rotate(n, generation - 1, ms).await?;
            if ended.is_some() {
                same!(rotated, Rotation::Revoked, "a rotation after the end of {generations:?}");
                continue;
            }
            same!(rotated, Rotation::Won, "rotation {generation} of {generations:?}");
            if !generations.contains(&generation) {
                continue;
            }
            for replay in 0..2 {
                let told = rows.rotate(n, generation - 1, ms + 6_000 + replay).await?;
                same!(told, Rotation::Same { salt: salt(n, generation) }, "replay {replay}");
            }
            let told = rows.rotate(n, generation - 1, ms + 9_000).await?;
            if end == Some(generation) {
                same!(told, reuse(n), "the third suspected generation of {generations:?}");
                ended = Some(generation);
            } else {
                same!(told, suspected(n), "generation {generation} of {generations:?}");
            }
        }
        same!(ended, end, "the end of {generations:?}");
        let due = if end.is_some() { GrantStatus::Revoked } else { GrantStatus::Live };
        same!(rows.status(n, 500_000).await?, Some(due), "the grant after {generations:?}");
    }
    Ok(())
}

/// Another client's token is as good as none, and costs its owner nothing (RT-003).
pub async fn another_clients_refresh_changes_nothing(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.open_chain(1).await?;
    same!(rows.rotate(1, 0, 1).await?, Rotation::Won, "a rotation");
    let before = rows.store.grant(GrantKey::Refresh(&handle(1)), &rows.call(1)).await?;
    hold!(before.is_some(), "the grant is not found by the handle of its chain");
    for generation in [0, 1, 5] {
        for client in ["other", "App", ""] {
            let op = by(client, rotate(1, generation));
            let end = rows.store.rotate_refresh(&op, &rows.call(10_000)).await?;
            same!(end, Rotation::Mismatch, "token {generation} from {client:?}");
        }
    }
    let after = rows.store.grant(GrantKey::Refresh(&handle(1)), &rows.call(1)).await?;
    same!(after, before, "the grant after foreign tries");
    same!(
        rows.rotate(1, 0, 10_000).await?,
        Rotation::Same { salt: salt(1, 1) },
        "the predecessor after them"
    );
    same!(rows.rotate(1, 1, 10_000).await?, Rotation::Won, "the current token after them");
    Ok(())
}

/// After an unknown outcome the same attempt is told the same, and counts once.
pub async fn a_repeated_refresh_answers_the_same(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.open_chain(1).await?;
    let repeat = async |generation, ms, due: Rotation| -> Verdict {
        let call = rows.call(ms);
        for n in 0..3 {
            let end = rows.store.rotate_refresh(&rotate(1, generation), &call).await?;
            same!(end, due, "try {n} of one attempt with token {generation} after {ms} ms");
        }
        Ok(())
    };
    repeat(0, 0, Rotation::Won).await?;
    let same_again = Rotation::Same { salt: salt(1, 1) };
    // Each attempt counts once, however often it is made.
    repeat(0, 6_000, same_again.clone()).await?;
    repeat(0, 6_001, same_again).await?;
    repeat(0, 6_002, suspected(1)).await?;
    same!(rows.status(1, 6_002).await?, Some(GrantStatus::Live), "the grant after repetitions");
    repeat(1, 7_000, Rotation::Won).await?;
    repeat(2, 7_001, Rotation::Won).await?;
    repeat(0, 7_002, reuse(1)).await?;
    same!(rows.status(1, 7_002).await?, Some(GrantStatus::Revoked), "the grant after a reuse");
    same!(rows.rotate(1, 0, 7_003).await?, Rotation::Revoked, "another attempt after the reuse");

    // A rotation that others have asked for again is still known.
    rows.open_chain(2).await?;
    let call = rows.call(0);
    let first = rows.store.rotate_refresh(&rotate(2, 0), &call).await?;
    same!(first, Rotation::Won, "a rotation");
    same!(rows.rotate(2, 0, 1).await?, Rotation::Same { salt: salt(2, 1) }, "another tab");
    let again = rows.store.rotate_refresh(&rotate(2, 0), &call).await?;
    same!(again, Rotation::Won, "the rotation made again after another tab's");
    Ok(())
}

/// Exactly one rotates. The others get what it got (row 6, I2).
pub async fn of_many_refreshes_one_wins(factory: Factory<'_>) -> Verdict {
    racing_refreshes(factory, 0..3).await
}

/// The same for the chains with these numbers, each used a hundred times at once: as many as there is time for.
pub async fn racing_refreshes(factory: Factory<'_>, chains: Range<u32>) -> Verdict {
    let rows = Rows::open(factory).await;
    for n in chains {
        rows.open_chain(n).await?;
        // Each brings a successor of its own, as each engine call does.
        let own = |index: usize| {
            let mut op = rotate(n, 0);
            let number = 100 + u32::try_from(index).unwrap_or(0);
            (op.next, op.salt) = (token(n, number), salt(n, number));
            op
        };
        let ends = race(100, |index| {
            let (rows, op) = (rows.clone(), own(index));
            async move { rows.store.rotate_refresh(&op, &rows.call(1)).await }
        });
        let ends = ends.await?.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut history = History::default();
        for (index, end) in ends.iter().enumerate() {
            let successor = match end {
                Rotation::Won => own(index).salt,
                Rotation::Same { salt } => *salt,
                _ => continue,
            };
            let (chain, presented, successor) = (n.to_string(), "0".to_owned(), format!("{successor:?}"));
            history.saw(Seen::Successor { chain, presented, successor });
        }
        history.check()?;
        let won: Vec<_> = (0..).zip(&ends).filter(|(_, end)| **end == Rotation::Won).collect();
        same!(won.len(), 1, "winners among 100");
        let Some((winner, _)) = won.first() else { return Err(Broken("nobody won".to_owned())) };
        let winner = own(*winner);
        for end in &ends {
            let told = Rotation::Same { salt: winner.salt };
            hold!(*end == Rotation::Won || *end == told, "a racing refresh came to {end:?}, due is {told:?}");
        }
        let mut next = rotate(n, 1);
        next.presented = winner.next;
        let end = rows.store.rotate_refresh(&next, &rows.call(2)).await?;
        same!(end, Rotation::Won, "the winner's successor");
        same!(rows.status(n, 2).await?, Some(GrantStatus::Live), "the grant after the race");
    }
    Ok(())
}

/// Where there is no window, a race is a reuse: one wins, and the grant is dead.
pub async fn of_many_strict_refreshes_one_wins(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.open_chain(1).await?;
    let ends = race(100, |_| {
        let rows = rows.clone();
        async move {
            let mut op = rotate(1, 0);
            op.window = Duration::ZERO;
            rows.store.rotate_refresh(&op, &rows.call(1)).await
        }
    });
    let (mut won, mut killed) = (0, 0);
    for end in ends.await? {
        match end? {
            Rotation::Won => won += 1,
            Rotation::Reuse { grant } if grant == grant_id(1) => killed += 1,
            Rotation::Revoked => {}
            other => return Err(Broken(format!("a racing refresh came to {other:?}"))),
        }
    }
    same!((won, killed), (1, 1), "winners and killers among 100");
    same!(rows.status(1, 1).await?, Some(GrantStatus::Revoked), "the grant after the race");
    Ok(())
}

/// Generations follow each other without a gap, whoever rotates: every success moves the chain by one.
pub async fn a_chain_has_one_end(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.open_chain(1).await?;
    for generation in 0..10 {
        let ends = race(8, |_| {
            let rows = rows.clone();
            async move { rows.rotate(1, generation, 1).await }
        });
        let mut won = 0;
        for end in ends.await? {
            match end? {
                Rotation::Won => won += 1,
                Rotation::Same { salt: told } => {
                    same!(told, salt(1, generation + 1), "what a loser is told in generation {generation}");
                }
                other => return Err(Broken(format!("a racing refresh came to {other:?}"))),
            }
        }
        same!(won, 1, "winners of generation {generation}");
    }
    same!(rows.rotate(1, 10, 2).await?, Rotation::Won, "the last one");
    same!(rows.rotate(1, 8, 2).await?, reuse(1), "an old one");
    Ok(())
}

/// Revoking and refreshing at once may end either way, but once the revocation was acknowledged nothing rotates any more (I4).
pub async fn a_returned_revocation_beats_every_later_refresh(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    for n in 0..20 {
        rows.open_chain(n).await?;
        let ends = race(2, |index| {
            let rows = rows.clone();
            async move {
                if index == 0 {
                    return Ok(rows.rotate(n, 0, 1).await?);
                }
                rows.revoke(Revocation::Grant(grant_id(n)), 1).await?;
                let later = rows.rotate(n, 0, 1).await?;
                same!(
                    later,
                    Rotation::Revoked,
                    "a refresh after its grant's revocation had been acknowledged"
                );
                Ok::<_, Broken>(later)
            }
        });
        for end in ends.await? {
            shape!(end?, Rotation::Won | Rotation::Revoked, "a refresh beside a revocation");
        }
        for generation in 0..3 {
            same!(rows.rotate(n, generation, 2).await?, Rotation::Revoked, "a refresh after the revocation");
        }
    }
    Ok(())
}

/// Each token that is issued notes when, and keeps the grant's row long enough; never shorter than it was.
pub async fn a_use_is_noted_and_never_shortens(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.open_chain(1).await?;
    let seen = async |ms| -> Result<Option<(i64, i64)>, StoreFault> {
        let grant = rows.store.grant(GrantKey::Refresh(&handle(1)), &rows.call(ms)).await?;
        Ok(grant.map(|grant| (grant.used.0 - at(0).0, grant.keep_until.0 - at(0).0)))
    };
    let rotate_until = async |generation, ms, keep: i64| -> Result<Rotation, StoreFault> {
        let mut op = rotate(1, generation);
        op.keep_until = at(keep);
        rows.store.rotate_refresh(&op, &rows.call(ms)).await
    };
    same!(seen(1).await?, Some((0, KEEP)), "use and end after the redemption");
    same!(rotate_until(0, 10, KEEP - 100).await?, Rotation::Won, "a rotation with an earlier end");
    same!(seen(10).await?, Some((10, KEEP)), "use and end after it");
    same!(rotate_until(1, 20, KEEP + 100).await?, Rotation::Won, "a rotation with a later end");
    same!(seen(20).await?, Some((20, KEEP + 100)), "use and end after it");
    same!(seen(KEEP + 99).await?, Some((20, KEEP + 100)), "the grant just before its later end");
    same!(seen(KEEP + 100).await?, None, "the grant at its later end");
    let told = rotate_until(1, 30, KEEP + 200).await?;
    same!(told, Rotation::Same { salt: salt(1, 2) }, "a repeated answer");
    same!(seen(30).await?, Some((30, KEEP + 200)), "use and end after it");
    for (ms, what) in [(6_000, "counted"), (6_001, "counted")] {
        shape!(rotate_until(1, ms, 0).await?, Rotation::Same { .. }, "a {what} replay");
    }
    same!(rotate_until(1, 6_002, 2 * KEEP).await?, suspected(1), "a replay too many");
    same!(seen(6_002).await?, Some((6_001, KEEP + 200)), "use and end after a refusal");
    same!(rotate_until(0, 6_003, 2 * KEEP).await?, reuse(1), "an old token");
    same!(seen(6_003).await?, Some((6_001, KEEP + 200)), "use and end after a reuse");
    Ok(())
}

/// Two nodes have two clocks. The last use is the one that was committed last, also where its clock is behind.
pub async fn the_last_use_counts_whatever_its_clock(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.open_chain(1).await?;
    for (generation, ms) in [(0, 2_000), (1, 1_500), (2, -700)] {
        same!(rows.rotate(1, generation, ms).await?, Rotation::Won, "a rotation at {ms} ms");
        let grant = rows.store.grant(GrantKey::Refresh(&handle(1)), &rows.call(2_000)).await?;
        same!(grant.map(|grant| grant.used.0 - at(0).0), Some(ms), "the last use, at {ms} ms");
    }
    Ok(())
}

/// A handle that is there already is refused with everything that came along, and its chain is as it was.
pub async fn a_chain_is_opened_once(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.open_chain(1).await?;
    rows.issue(2).await?;
    let mut taken = redeem_and_open(2);
    taken.refresh = redeem_and_open(1).refresh;
    let end = rows.store.redeem_code(&taken, &rows.call(1)).await;
    shape!(end, Err(StoreFault::NotApplied(_)), "a handle that is there already");
    let found = rows.store.grant(GrantKey::Refresh(&handle(1)), &rows.call(1)).await?;
    same!(found.map(|grant| grant.id), Some(grant_id(1)), "the grant of the handle");
    same!(rows.rotate(1, 0, 1).await?, Rotation::Won, "the chain that was there");
    let end = rows.redeem(2, RIGHT, 1).await?;
    same!(end, vestibule_host::Redemption::Won, "the code that was not spent");
    same!(rows.rotate(2, 0, 1).await?, Rotation::NotFound, "a chain that was not opened");
    Ok(())
}
