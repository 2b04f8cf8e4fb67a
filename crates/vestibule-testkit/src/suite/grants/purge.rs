//! Purging.

use vestibule_host::{
    AssertionClaim, Issuance, IssueToken, NewAccess, NewRefresh, PutLaunch, Redemption, Revocation, Rotation,
    StoreFault, TokenIssuance,
};

use super::Factory;
use super::rows::{
    ACCESS, CLAIM, CODE, INTERACTION, KEEP, LAUNCH, RIGHT, Rows, access, at, claim, grant_id, issue, jti,
    launch, record, redeem_and_open, rotate,
};
use crate::Broken;
use crate::suite::{Verdict, hold, race, same, shape};

/// Purges until nothing is left to purge.
pub(super) async fn purge(rows: &Rows, before: i64, max: u16) -> Result<u32, Broken> {
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

/// Over is over when it is reached, for a purge as for a verb: what ends at the moment goes, what ends a millisecond later stays.
pub async fn a_purge_knows_the_last_millisecond(factory: Factory<'_>) -> Verdict {
    const ENDS: [i64; 3] = [999, 1_000, 1_001];
    let rows = Rows::open(factory).await;
    for (n, end) in (0..).zip(ENDS) {
        rows.store.put_launch(&PutLaunch::new(launch(n), at(end), record("launch")), &rows.call(0)).await?;
        let mut op = issue(n, None, None);
        (op.interaction.expires, op.grant.keep_until) = (at(end), at(end));
        same!(rows.store.issue_code(&op, &rows.call(0)).await?, Issuance::Won, "issue {n}");
        let token = NewAccess { expires: at(end), ..access(n) };
        let claim = AssertionClaim { keep_until: at(end), ..claim(n) };
        let op = IssueToken::new().with_access(Some(token)).with_claim(Some(claim));
        same!(rows.store.issue_token(&op, &rows.call(0)).await?, TokenIssuance::Won, "token {n}");
        rows.revoke(Revocation::Token { id: jti(n), until: at(end) }, 0).await?;
    }
    purge(&rows, 1_000, 100).await?;
    for (n, end) in (0..).zip(ENDS) {
        let stays = end > 1_000;
        let what = if stays { "which was to stay" } else { "which was to go" };
        same!(rows.launch_is_free(n, 0).await?, stays, "the launch until {end}, {what}");
        same!(rows.revision(n, 0).await?.is_some(), stays, "the interaction until {end}, {what}");
        same!(rows.status(n, 0).await?.is_some(), stays, "the grant until {end}, {what}");
        same!(rows.access(n, 0).await?.is_some(), stays, "the opaque token until {end}, {what}");
        same!(rows.jwt_is_revoked(n, 0).await?, Some(stays), "the JWT revoked until {end}, {what}");
        same!(rows.claim_was_free(n, 0).await?, !stays, "the claim until {end}, {what}");
    }
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

/// A grant that is still used is kept with its code and its chain, as long as the verbs have asked for.
pub async fn a_purge_keeps_live_chains(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.issue(1).await?;
    let mut op = redeem_and_open(1);
    op.refresh = op.refresh.map(|refresh| NewRefresh { until: at(9 * KEEP), ..refresh });
    same!(rows.store.redeem_code(&op, &rows.call(1)).await?, Redemption::Won, "a redemption");
    let mut op = rotate(1, 0);
    (op.idle_until, op.keep_until) = (at(9 * KEEP), at(2 * KEEP));
    same!(rows.store.rotate_refresh(&op, &rows.call(2)).await?, Rotation::Won, "a refresh that keeps it");
    purge(&rows, 2 * KEEP - 1, 100).await?;
    let mut op = rotate(1, 1);
    op.keep_until = at(3 * KEEP);
    let end = rows.store.rotate_refresh(&op, &rows.call(2 * KEEP - 1)).await?;
    same!(end, Rotation::Won, "a refresh after a purge");
    purge(&rows, 3 * KEEP - 1, 100).await?;
    let replayed = Redemption::Replayed { grant: grant_id(1) };
    same!(rows.redeem(1, RIGHT, 3 * KEEP - 1).await?, replayed, "a replay of the code, long after");
    same!(rows.rotate(1, 2, 3 * KEEP - 1).await?, Rotation::Revoked, "the chain after the replay");
    purge(&rows, 3 * KEEP + 1, 100).await?;
    same!(rows.rotate(1, 2, 0).await?, Rotation::NotFound, "the chain after the grant's end");
    same!(rows.redeem(1, RIGHT, 0).await?, Redemption::NotFound, "the code after the grant's end");
    Ok(())
}

/// Claims, opaque tokens and revoked JWTs go at their ends, in small bites, and not before (row 35).
pub async fn a_purge_takes_tokens_and_claims_at_their_ends(factory: Factory<'_>) -> Verdict {
    const JWT: i64 = 200_000;
    let rows = Rows::open(factory).await;
    for n in 0..10 {
        let rows = rows.of_tenant(&format!("tenant-{}", n % 2));
        rows.keep_token(n).await?;
        hold!(rows.claim_was_free(n, 0).await?, "claim {n} was spent before");
        rows.revoke(Revocation::Token { id: jti(n), until: at(JWT) }, 0).await?;
    }
    let one = rows.of_tenant("tenant-1");
    let there = async || -> Result<_, StoreFault> {
        let revoked = one.jwt_is_revoked(1, 0).await? == Some(true);
        Ok((revoked, one.access(1, 0).await?.is_some()))
    };
    purge(&rows, JWT - 1, 3).await?;
    same!(there().await?, (true, true), "a revoked JWT and an opaque token before the first end");
    purge(&rows, JWT + 1, 3).await?;
    same!(there().await?, (false, true), "the same after it");
    purge(&rows, ACCESS - 1, 3).await?;
    same!(there().await?, (false, true), "the same before the second end");
    purge(&rows, ACCESS + 1, 3).await?;
    same!(there().await?, (false, false), "the same after it");
    purge(&rows, CLAIM - 1, 3).await?;
    hold!(!one.claim_was_free(1, 0).await?, "a claim was purged before its end");
    purge(&rows, CLAIM + 1, 3).await?;
    hold!(one.claim_was_free(1, 0).await?, "a claim is still there after its end and a purge");
    Ok(())
}

/// A purge takes nothing from under a verb.
pub async fn a_purge_beside_verbs_changes_nothing(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    for n in 0..20 {
        rows.open_chain(n).await?;
    }
    let ends = race(40, |index| {
        let rows = rows.clone();
        async move {
            let n = u32::try_from(index / 2).unwrap_or(0);
            if index % 2 == 0 {
                return Ok(Some(rows.rotate(n, 0, INTERACTION).await?));
            }
            rows.store.purge(at(INTERACTION + 1), 5).await?;
            Ok::<_, StoreFault>(None)
        }
    });
    for end in ends.await? {
        shape!(end?, None | Some(Rotation::Won), "a refresh beside a purge");
    }
    Ok(())
}
