//! Saving an interaction.

use vestibule_host::{Advance, Advanced, ClientId, Quota, Revision, StoreFault};

use super::Factory;
use super::rows::{INTERACTION, Rows, advance, at, interaction, record};
use crate::suite::{Verdict, race, same, shape};

fn saved(revision: u64) -> Advanced {
    Advanced::Saved(Revision(revision))
}

fn until(mut op: Advance, ms: i64) -> Advance {
    op.expires = at(ms);
    op
}

/// Every prior state.
pub async fn an_advance_has_the_outcome_of_its_state(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let store = &rows.store;
    same!(
        store.advance_interaction(&advance(1, Some(1)), &rows.call(0)).await?,
        Advanced::Gone,
        "over nothing"
    );
    same!(store.advance_interaction(&advance(1, None), &rows.call(0)).await?, saved(1), "the first save");
    let end = store.advance_interaction(&advance(1, None), &rows.call(0)).await?;
    shape!(end, Advanced::Stale(stored) if stored.revision == Revision(1), "a second first save");
    same!(
        store.advance_interaction(&advance(1, Some(1)), &rows.call(0)).await?,
        saved(2),
        "a save over revision 1"
    );
    for read in [Some(1), Some(3), None] {
        let end = store.advance_interaction(&advance(1, read), &rows.call(0)).await?;
        let due = record("after Some(1)");
        shape!(end, Advanced::Stale(stored) if stored.revision == Revision(2) && stored.record == due, "over {read:?}");
    }
    same!(rows.revision(1, 0).await?, Some(2), "the revision after lost saves");
    same!(rows.of_tenant("other").revision(1, 0).await?, None, "another tenant's interaction");
    let end = store.advance_interaction(&advance(1, Some(2)), &rows.of_tenant("other").call(0)).await?;
    same!(end, Advanced::Gone, "a save over another tenant's interaction");
    Ok(())
}

/// The end itself is over, for reads and for saves, purged or not.
pub async fn an_interaction_ends_when_its_time_is_reached(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let store = &rows.store;
    same!(store.advance_interaction(&advance(1, None), &rows.call(0)).await?, saved(1), "the first save");
    for (ms, due) in [(INTERACTION - 1, Some(1)), (INTERACTION, None), (INTERACTION + 1, None)] {
        same!(rows.revision(1, ms).await?, due, "the interaction {ms} ms after its start");
    }
    let end = store.advance_interaction(&advance(1, Some(1)), &rows.call(INTERACTION)).await?;
    same!(end, Advanced::Gone, "a save at the end");
    let longer = until(advance(1, Some(1)), 2 * INTERACTION);
    same!(
        store.advance_interaction(&longer, &rows.call(INTERACTION - 1)).await?,
        saved(2),
        "a save before the end"
    );
    same!(rows.revision(1, INTERACTION).await?, Some(2), "the interaction with its new end");
    Ok(())
}

/// After an unknown outcome the same attempt is told its revision, and nothing is saved twice.
pub async fn a_repeated_advance_answers_the_same(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    for (read, due) in [(None, 1), (Some(1), 2)] {
        let call = rows.call(0);
        for _ in 0..3 {
            let end = rows.store.advance_interaction(&advance(1, read), &call).await?;
            same!(end, saved(due), "the same attempt over {read:?}");
        }
        same!(rows.revision(1, 0).await?, Some(due), "the revision after repetitions");
    }
    Ok(())
}

/// Of two tabs one wins, and what it wrote is what is there.
pub async fn of_many_advances_one_wins(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    for read in [None, Some(1), Some(2)] {
        let ends = race(100, |index| {
            let rows = rows.clone();
            async move {
                let mut op = advance(1, read);
                op.record = record(&index.to_string());
                rows.store.advance_interaction(&op, &rows.call(0)).await
            }
        });
        let next = Revision(read.unwrap_or(0) + 1);
        let mut winner = None;
        let mut losers_saw = Vec::new();
        for (index, end) in ends.await?.into_iter().enumerate() {
            match end? {
                Advanced::Saved(revision) => {
                    same!(revision, next, "the winner's revision");
                    same!(winner.replace(index), None, "an earlier winner");
                }
                Advanced::Stale(stored) => losers_saw.push(stored),
                Advanced::Gone => return Err(crate::Broken("a racing save found nothing".to_owned())),
            }
        }
        let Some(winner) = winner else { return Err(crate::Broken("nobody won".to_owned())) };
        for stored in losers_saw {
            same!(stored.revision, next, "the revision that a loser was shown");
            same!(stored.record, record(&winner.to_string()), "the record that a loser was shown");
        }
        let stored = rows.store.interaction(&interaction(1), &rows.call(0)).await?;
        same!(
            stored.map(|stored| stored.record),
            Some(record(&winner.to_string())),
            "the record that is there"
        );
    }
    Ok(())
}

fn counted(n: u32, read: Option<u64>, client: &str, max: u32) -> Advance {
    advance(n, read).with_quota(Some(Quota { client: ClientId::new(client), max }))
}

/// Rows that nobody signed in for are bounded for each app, until they are over or somebody signs in.
pub async fn a_quota_counts_what_nobody_signed_in_for(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let store = &rows.store;
    for n in 0..3 {
        same!(
            store.advance_interaction(&counted(n, None, "app", 3), &rows.call(0)).await?,
            saved(1),
            "row {n} of 3"
        );
    }
    let end = store.advance_interaction(&counted(9, None, "app", 3), &rows.call(0)).await;
    shape!(end, Err(StoreFault::Full), "one row too many");
    same!(rows.revision(9, 0).await?, None, "the row that was one too many");
    let end = store.advance_interaction(&counted(0, Some(1), "app", 3), &rows.call(0)).await?;
    same!(end, saved(2), "a row that counts already");
    let end = store.advance_interaction(&counted(1, Some(5), "app", 3), &rows.call(0)).await?;
    shape!(end, Advanced::Stale(_), "stale at the bound");
    same!(
        store.advance_interaction(&counted(10, None, "App", 3), &rows.call(0)).await?,
        saved(1),
        "another app"
    );
    let elsewhere = rows.of_tenant("other").call(0);
    same!(
        store.advance_interaction(&counted(11, None, "app", 3), &elsewhere).await?,
        saved(1),
        "another tenant"
    );
    same!(
        store.advance_interaction(&advance(12, None), &rows.call(0)).await?,
        saved(1),
        "a row without a quota"
    );

    same!(
        store.advance_interaction(&advance(0, Some(2)), &rows.call(0)).await?,
        saved(3),
        "somebody signs in"
    );
    same!(
        store.advance_interaction(&counted(9, None, "app", 3), &rows.call(0)).await?,
        saved(1),
        "room again"
    );
    let end = store.advance_interaction(&counted(13, None, "app", 3), &rows.call(INTERACTION - 1)).await;
    shape!(end, Err(StoreFault::Full), "a row too many just before the end");
    let later = until(counted(13, None, "app", 3), 2 * INTERACTION);
    same!(store.advance_interaction(&later, &rows.call(INTERACTION)).await?, saved(1), "all others are over");
    Ok(())
}

/// A flood does not slip through between counting and writing.
pub async fn a_quota_holds_in_a_race(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let ends = race(60, |index| {
        let rows = rows.clone();
        async move {
            let op = counted(u32::try_from(index).unwrap_or(0), None, "app", 10);
            rows.store.advance_interaction(&op, &rows.call(0)).await
        }
    });
    let mut kept = 0;
    for end in ends.await? {
        match end {
            Ok(Advanced::Saved(_)) => kept += 1,
            Err(StoreFault::Full) => {}
            other => return Err(crate::Broken(format!("a racing first save came to {other:?}"))),
        }
    }
    same!(kept, 10, "rows under a quota of 10");
    Ok(())
}
