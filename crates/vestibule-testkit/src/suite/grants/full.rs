//! What happens at the bound: full is said, nothing is half done, and nobody who is inside is thrown out.

use vestibule_host::{
    EventKind, GrantStatus, Issuance, IssueToken, NewAccess, NewEvent, PutLaunch, Record, Redemption,
    Revocation, Revoke, Revoked, Rotation, StoreFault, TokenIssuance,
};

use super::Factory;
use super::purge::purge;
use super::rows::{
    ACCESS, CLAIM, INTERACTION, KEEP, RIGHT, Rows, access, advance, at, claim, event, grant_id, issue,
    launch, redeem, redeem_and_open, rotate,
};
use crate::Broken;
use crate::suite::{Verdict, hold, same, shape};

/// A store without a bound fills the disk, and on a disk that is full nothing can be revoked.
async fn small(factory: Factory<'_>) -> Result<Rows, Broken> {
    let store = factory.open_small().await;
    store.map(Rows::over).ok_or_else(|| Broken("the factory opens no small store".to_owned()))
}

/// More than any small store holds.
const MANY: u32 = 20_000;

/// Issues tokens until the store is full, and says how many it took.
async fn fill(rows: &Rows, ms: i64, op: impl Fn(u32) -> IssueToken) -> Result<u32, Broken> {
    for n in 0..MANY {
        match rows.store.issue_token(&op(n), &rows.call(ms)).await {
            Ok(TokenIssuance::Won) => {}
            Err(StoreFault::Full) => return Ok(n),
            other => return Err(Broken(format!("row {n} came to {other:?}"))),
        }
    }
    Err(Broken("a small store was never full".to_owned()))
}

/// Full is said, and nobody who is inside is thrown out.
pub async fn a_full_store_refuses_and_evicts_nothing(factory: Factory<'_>) -> Verdict {
    let rows = small(factory).await?;
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

/// An assertion that cannot be remembered is not accepted (row 17), and those that are remembered stay.
pub async fn a_full_store_takes_no_assertion_unchecked(factory: Factory<'_>) -> Verdict {
    let rows = small(factory).await?;
    rows.issue(1_000_001).await?;
    let kept = fill(&rows, 0, |n| IssueToken::new().with_claim(Some(claim(n)))).await?;
    hold!(kept > 0, "not even one claim fits");
    let op = redeem_and_open(1_000_001).with_claim(Some(claim(MANY)));
    let end = rows.store.redeem_code(&op, &rows.call(1)).await;
    shape!(end, Err(StoreFault::Full), "a redemption whose assertion cannot be remembered");
    same!(rows.rotate(1_000_001, 0, 1).await?, Rotation::NotFound, "its chain");
    for n in 0..kept {
        let op = IssueToken::new().with_claim(Some(claim(n)));
        let end = rows.store.issue_token(&op, &rows.call(1)).await?;
        same!(end, TokenIssuance::ClaimSeen, "claim {n} in a full store");
    }
    // What frees room is time.
    purge(&rows, CLAIM, 100).await?;
    same!(rows.store.redeem_code(&op, &rows.call(1)).await?, Redemption::Won, "the redemption with room");
    Ok(())
}

/// Neither a code nor a refresh token is spent for an access token that finds no room.
pub async fn a_full_store_keeps_no_token(factory: Factory<'_>) -> Verdict {
    let rows = small(factory).await?;
    rows.issue(1_000_001).await?;
    rows.open_chain(1_000_002).await?;
    let token = |n| {
        let mut token = access(n);
        token.record = Record(vec![7; 1024].into());
        Some(token)
    };
    let kept = fill(&rows, 0, |n| IssueToken::new().with_access(token(n))).await?;
    hold!(kept > 0, "not even one token fits");
    let redemption = redeem_and_open(1_000_001).with_access(token(MANY)).with_claim(Some(claim(1)));
    let refresh = rotate(1_000_002, 0).with_access(token(MANY + 1)).with_claim(Some(claim(2)));
    let end = rows.store.redeem_code(&redemption, &rows.call(1)).await;
    shape!(end, Err(StoreFault::Full), "a redemption without room for its token");
    let end = rows.store.rotate_refresh(&refresh, &rows.call(1)).await;
    shape!(end, Err(StoreFault::Full), "a refresh without room for its token");
    for n in 0..kept {
        hold!(rows.access(n, 1).await?.is_some(), "token {n} was evicted");
    }
    purge(&rows, ACCESS, 100).await?;
    same!(
        rows.store.redeem_code(&redemption, &rows.call(1)).await?,
        Redemption::Won,
        "the redemption with room"
    );
    same!(rows.store.rotate_refresh(&refresh, &rows.call(1)).await?, Rotation::Won, "the refresh with room");
    Ok(())
}

/// What cannot be told is not done. Only delivery makes room.
pub async fn a_full_log_refuses_and_forgets_nothing(factory: Factory<'_>) -> Verdict {
    let rows = small(factory).await?;
    rows.open_chain(1_000_001).await?;
    let told = |n| {
        let mut event = event(n);
        event.record = Record(vec![7; 1024].into());
        Some(event)
    };
    let kept = fill(&rows, 0, |n| IssueToken::new().with_event(told(n))).await?;
    hold!(kept > 0, "not even one event fits");
    let refresh = rotate(1_000_001, 0).with_event(told(MANY)).with_claim(Some(claim(1)));
    let end = rows.store.rotate_refresh(&refresh, &rows.call(1)).await;
    shape!(end, Err(StoreFault::Full), "a refresh that cannot be told");
    purge(&rows, KEEP - 1, 100).await?;
    let end = rows.store.rotate_refresh(&refresh, &rows.call(1)).await;
    shape!(end, Err(StoreFault::Full), "the same after a purge");
    let mut delivered = 0;
    loop {
        let leased = rows.store.lease_events(50, at(INTERACTION), &rows.call(1)).await?;
        let ids: Vec<_> = leased.iter().map(|event| event.id).collect();
        if ids.is_empty() {
            break;
        }
        delivered += ids.len();
        rows.store.ack_events(&ids, &rows.call(1)).await?;
    }
    same!(delivered, usize::try_from(kept).unwrap_or(0), "events that a full log delivered");
    same!(rows.store.rotate_refresh(&refresh, &rows.call(1)).await?, Rotation::Won, "the refresh with room");
    Ok(())
}

/// A full store must not keep a thief's grant alive: there is room for what ends something, and for telling of it.
pub async fn a_full_store_still_ends_what_must_end(factory: Factory<'_>) -> Verdict {
    let rows = small(factory).await?;
    let load = || Record(vec![7; 1024].into());
    for n in 1_000_001..=1_000_003 {
        rows.open_chain(n).await?;
    }
    for generation in 0..2 {
        same!(rows.rotate(1_000_001, generation, 0).await?, Rotation::Won, "a rotation while there is room");
    }
    let told = |n| NewEvent { record: load(), ..event(n) };
    fill(&rows, 0, |n| IssueToken::new().with_event(Some(told(n)))).await?;
    fill(&rows, 0, |n| IssueToken::new().with_access(Some(NewAccess { record: load(), ..access(n) })))
        .await?;
    fill(&rows, 0, |n| IssueToken::new().with_claim(Some(claim(n)))).await?;

    let reused = rotate(1_000_001, 0).with_event(Some(told(MANY + 1)));
    let due = Rotation::Reuse { grant: grant_id(1_000_001) };
    same!(rows.store.rotate_refresh(&reused, &rows.call(1)).await?, due, "a reuse in a full store");
    let replayed = redeem(1_000_002, RIGHT).with_event(Some(told(MANY + 2)));
    let due = Redemption::Replayed { grant: grant_id(1_000_002) };
    same!(rows.store.redeem_code(&replayed, &rows.call(1)).await?, due, "a replay in a full store");
    let revoked = Revoke::new(Revocation::Grant(grant_id(1_000_003))).with_event(Some(told(MANY + 3)));
    same!(rows.store.revoke(&revoked, &rows.call(1)).await?, Revoked::Done, "a revocation in a full store");
    for n in 1_000_001..=1_000_003 {
        same!(rows.status(n, 1).await?, Some(GrantStatus::Revoked), "grant {n}");
    }
    let mut kinds = Vec::new();
    loop {
        let leased = rows.store.lease_events(50, at(INTERACTION), &rows.call(1)).await?;
        if leased.is_empty() {
            break;
        }
        kinds.extend(leased.into_iter().map(|event| event.kind).filter(|kind| kind.ends_something()));
    }
    let due = vec![EventKind::ReuseDetected, EventKind::CodeReplayed, EventKind::Revoked];
    same!(kinds, due, "the ends that a full log tells of");
    Ok(())
}
