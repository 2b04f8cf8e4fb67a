//! Callers that go away.
//!
//! A future is dropped when it has been pending once, twice, and so on. The verb may have happened or not; then the same
//! attempt is made again, as an engine would, and must find the one or make up for the other.

use vestibule_host::{Advanced, Issuance, Redemption, Revision};

use super::Factory;
use super::rows::{RIGHT, Rows, advance, grant_id, issue, redeem};
use crate::suite::{Verdict, abandon_after, hold, same};

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
        if let Some(end) = abandon_after(polls, rows.store.issue_code(&op, &call)).await {
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

/// Spent by this attempt, or not spent.
pub async fn an_abandoned_redemption_is_whole_or_not_at_all(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    for polls in 1..=POLLS {
        rows.issue(polls).await?;
        let (op, call) = (redeem(polls, RIGHT), rows.call(1));
        if let Some(end) = abandon_after(polls, rows.store.redeem_code(&op, &call)).await {
            same!(end?, Redemption::Won, "a redemption that was not abandoned");
        }
        same!(rows.store.redeem_code(&op, &call).await?, Redemption::Won, "the attempt made again");
        let replayed = Redemption::Replayed { grant: grant_id(polls) };
        same!(rows.redeem(polls, RIGHT, 2).await?, replayed, "another attempt");
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
            if let Some(end) = abandon_after(polls, rows.store.advance_interaction(&op, &call)).await {
                same!(end?, Advanced::Saved(Revision(due)), "a save that was not abandoned");
            }
            let end = rows.store.advance_interaction(&op, &call).await?;
            same!(end, Advanced::Saved(Revision(due)), "the attempt made again");
            read = Some(due);
        }
    }
    Ok(())
}
