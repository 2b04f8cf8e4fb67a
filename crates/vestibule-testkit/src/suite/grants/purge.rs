//! Purging, and what happens at the bound.

use vestibule_host::{Issuance, PutLaunch, Record, Redemption, StoreFault};

use super::Factory;
use super::rows::{CODE, INTERACTION, KEEP, LAUNCH, RIGHT, Rows, advance, at, grant_id, issue, launch};
use crate::Broken;
use crate::suite::{Verdict, hold, same, shape};

/// Purges until nothing is left to purge.
async fn purge(rows: &Rows, before: i64, max: u16) -> Result<u32, Broken> {
    let mut gone = 0;
    for _ in 0..1_000 {
        let purged = rows.store.purge(at(before), max).await?;
        hold!(purged.rows <= u32::from(max), "{} rows were purged where {max} were asked for", purged.rows);
        gone += purged.rows;
        if !purged.more {
            return Ok(gone);
        }
    }
    Err(Broken("the purge never ends".to_owned()))
}

/// Whether a row was purged shows at an earlier time: a row that is over but there is then found again.
pub async fn a_purge_takes_only_what_is_over(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.put_launch(1).await?;
    rows.issue(1).await?;
    let there = |rows: Rows| async move {
        let launch = rows.launch_is_free(1, 0).await?;
        let interaction = rows.revision(1, 0).await?.is_some();
        Ok::<_, StoreFault>((interaction, launch, rows.status(1, 0).await?.is_some()))
    };
    same!(purge(&rows, INTERACTION - 1, 100).await?, 0, "rows purged while everything lives");
    same!(
        there(rows.clone()).await?,
        (true, true, true),
        "interaction, launch, grant while everything lives"
    );
    purge(&rows, INTERACTION + 1, 100).await?;
    same!(there(rows.clone()).await?, (false, true, true), "interaction, launch, grant after the first end");
    purge(&rows, LAUNCH - 1, 100).await?;
    same!(
        there(rows.clone()).await?,
        (false, true, true),
        "interaction, launch, grant before the second end"
    );
    purge(&rows, LAUNCH + 1, 100).await?;
    same!(
        there(rows.clone()).await?,
        (false, false, true),
        "interaction, launch, grant after the second end"
    );
    purge(&rows, KEEP - 1, 100).await?;
    same!(rows.redeem(1, RIGHT, 0).await?, Redemption::Won, "the code before the last end");
    purge(&rows, KEEP + 1, 100).await?;
    same!(there(rows.clone()).await?, (false, false, false), "interaction, launch, grant after the last end");
    same!(rows.redeem(1, RIGHT, 0).await?, Redemption::NotFound, "the code after the last end");
    Ok(())
}

/// Small bites, and all of it in the end, over all tenants.
pub async fn a_purge_is_bounded_and_can_be_continued(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    for n in 0..30 {
        rows.of_tenant(&format!("tenant-{}", n % 3)).issue(n).await?;
    }
    let mut live = issue(99, None, None);
    live.grant.keep_until = at(10 * KEEP);
    live.interaction.expires = at(10 * KEEP);
    same!(rows.store.issue_code(&live, &rows.call(0)).await?, Issuance::Won, "a long-lived grant");
    same!(rows.store.purge(at(KEEP + 1), 7).await?.more, true, "more to purge after 7 of 60");
    purge(&rows, KEEP + 1, 7).await?;
    for n in 0..30 {
        let rows = rows.of_tenant(&format!("tenant-{}", n % 3));
        same!(
            (rows.status(n, 0).await?, rows.revision(n, 0).await?),
            (None, None),
            "row {n} after the purge"
        );
    }
    same!(purge(&rows, KEEP + 1, 7).await?, 0, "rows purged when nothing is left");
    same!(rows.redeem(99, RIGHT, 0).await?, Redemption::Won, "the long-lived code");
    Ok(())
}

/// A deleted code could not kill its grant on replay (CODE-005).
pub async fn a_spent_code_outlives_its_own_time(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.issue(1).await?;
    same!(rows.redeem(1, RIGHT, 1).await?, Redemption::Won, "a live code");
    purge(&rows, KEEP - 1, 100).await?;
    let replayed = Redemption::Replayed { grant: grant_id(1) };
    same!(rows.redeem(1, RIGHT, CODE + 1).await?, replayed, "a replay after the code's own end");
    same!(rows.redeem(1, RIGHT, KEEP - 1).await?, replayed, "a replay just before the grant's end");
    Ok(())
}

/// Full is said, and nobody who is inside is thrown out.
pub async fn a_full_store_refuses_and_evicts_nothing(factory: Factory<'_>) -> Verdict {
    let Some(store) = factory.open_small().await else { return Ok(()) };
    let rows = Rows::over(store);
    let load = || Record(vec![7; 4 * 1024].into());
    let mut kept = 0;
    loop {
        hold!(kept < 20_000, "a small store was never full");
        let mut op = issue(kept, None, None);
        op.grant.record = load();
        match rows.store.issue_code(&op, &rows.call(0)).await {
            Ok(Issuance::Won) => kept += 1,
            Err(StoreFault::Full) => break,
            other => return Err(Broken(format!("issue {kept} came to {other:?}"))),
        }
    }
    hold!(kept > 0, "not even one grant fits");
    same!(rows.revision(kept, 0).await?, None, "the interaction of the issue that was refused");
    same!(rows.status(kept, 0).await?, None, "the grant of the issue that was refused");
    for n in 0..kept {
        hold!(rows.status(n, 1).await?.is_some(), "grant {n} was evicted");
    }
    // What frees room is time.
    purge(&rows, 2 * KEEP, 100).await?;
    let mut op = issue(50_000, None, None);
    op.grant.record = load();
    op.grant.keep_until = at(4 * KEEP);
    op.interaction.expires = at(4 * KEEP);
    same!(rows.store.issue_code(&op, &rows.call(2 * KEEP)).await?, Issuance::Won, "an issue after the purge");

    // The other tables have bounds as well.
    let mut puts = Ok(());
    let mut saves = Ok(());
    for n in 100_000..120_000 {
        if puts.is_ok() {
            puts = rows
                .store
                .put_launch(&PutLaunch::new(launch(n), at(4 * KEEP), load()), &rows.call(2 * KEEP))
                .await;
        }
        if saves.is_ok() {
            let mut op = advance(n, None);
            (op.record, op.expires) = (load(), at(4 * KEEP));
            saves = rows.store.advance_interaction(&op, &rows.call(2 * KEEP)).await.map(drop);
        }
    }
    shape!(puts, Err(StoreFault::Full), "launches without end");
    shape!(saves, Err(StoreFault::Full), "interactions without end");
    Ok(())
}
