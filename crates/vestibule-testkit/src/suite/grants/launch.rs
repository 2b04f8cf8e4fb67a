//! Keeping a launch.

use vestibule_host::{Issuance, PutLaunch, StoreFault};

use super::Factory;
use super::rows::{LAUNCH, Rows, at, issue, launch, record};
use crate::suite::{Verdict, hold, same, shape};

/// The authorize endpoint reads a launch as often as the user reloads (SMART-LAUNCH-013).
pub async fn reading_a_launch_spends_nothing(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    same!(rows.store.launch(&launch(1), &rows.call(0)).await?, None, "a launch that never was");
    rows.put_launch(1).await?;
    for _ in 0..3 {
        let found = rows.store.launch(&launch(1), &rows.call(1)).await?;
        same!(found, Some(record("launch 1")), "the launch");
    }
    same!(rows.of_tenant("other").store.launch(&launch(2), &rows.call(1)).await?, None, "another launch");
    hold!(!rows.of_tenant("other").launch_is_free(1, 1).await?, "another tenant's launch can be read");
    same!(
        rows.store.issue_code(&issue(1, None, Some(1)), &rows.call(1)).await?,
        Issuance::Won,
        "spending it"
    );
    hold!(!rows.launch_is_free(1, 1).await?, "a spent launch can be read");
    Ok(())
}

/// The end itself is over.
pub async fn a_launch_ends_when_its_time_is_reached(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.put_launch(1).await?;
    for (ms, due) in [(LAUNCH - 1, true), (LAUNCH, false), (LAUNCH + 1, false)] {
        same!(rows.launch_is_free(1, ms).await?, due, "the launch {ms} ms after its start");
    }
    let mut op = issue(1, None, Some(1));
    op.interaction.expires = at(2 * LAUNCH);
    op.expires = at(2 * LAUNCH);
    same!(
        rows.store.issue_code(&op, &rows.call(LAUNCH)).await?,
        Issuance::LaunchGone,
        "spending it at the end"
    );
    same!(
        rows.store.issue_code(&op, &rows.call(LAUNCH - 1)).await?,
        Issuance::Won,
        "spending it before the end"
    );
    Ok(())
}

/// An existing hash is refused and kept as it was, spent or not; the same attempt is told again that it is kept.
pub async fn a_launch_is_put_once(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let put = |text| PutLaunch::new(launch(1), at(LAUNCH), record(text));
    let call = rows.call(0);
    for _ in 0..2 {
        shape!(rows.store.put_launch(&put("first"), &call).await, Ok(()), "the same attempt");
    }
    let again = rows.store.put_launch(&put("second"), &rows.call(0)).await;
    shape!(again, Err(StoreFault::NotApplied(_)), "an existing hash");
    same!(rows.store.launch(&launch(1), &rows.call(0)).await?, Some(record("first")), "what is kept");
    same!(
        rows.store.issue_code(&issue(1, None, Some(1)), &rows.call(0)).await?,
        Issuance::Won,
        "spending it"
    );
    let again = rows.store.put_launch(&put("third"), &rows.call(0)).await;
    shape!(again, Err(StoreFault::NotApplied(_)), "the hash of a spent launch");
    shape!(rows.store.put_launch(&put("first"), &call).await, Ok(()), "the same attempt after it was spent");
    hold!(!rows.launch_is_free(1, 0).await?, "putting it again made a spent launch free");
    Ok(())
}
