//! Spending client assertions (JWTCA-009).

use vestibule_host::{
    GrantStatus, IssueToken, Redemption, Revocation, Revoke, Revoked, Rotation, StoreFault, TokenIssuance,
};

use super::Factory;
use super::rows::{
    CLAIM, CODE, IDLE, RIGHT, Rows, WRONG, access, claim, grant_id, issue, redeem, redeem_and_open, rotate,
    salt,
};
use crate::Broken;
use crate::suite::{Verdict, hold, race, same, shape};

/// A fact spends the assertion, whatever the fact is; the next one who brings it is told so.
pub async fn every_outcome_spends_the_claim(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let spent = async |n: u32, after: &str| -> Verdict {
        hold!(!rows.claim_was_free(n, 1).await?, "{after} has not spent its claim");
        Ok(())
    };
    let redeem_with = async |n, binding, ms, number| {
        rows.store.redeem_code(&redeem(n, binding).with_claim(Some(claim(number))), &rows.call(ms)).await
    };
    for n in 1..=4 {
        rows.issue(n).await?;
    }
    rows.revoke(Revocation::Grant(grant_id(4)), 0).await?;
    let outcomes = [
        (9, RIGHT, 1, Redemption::NotFound),
        (1, WRONG, 1, Redemption::Mismatch),
        (1, RIGHT, CODE, Redemption::Expired),
        (1, RIGHT, 1, Redemption::Won),
        (1, RIGHT, 1, Redemption::Replayed { grant: grant_id(1) }),
        (1, RIGHT, 1, Redemption::Replayed { grant: grant_id(1) }),
        (4, RIGHT, 1, Redemption::Revoked),
    ];
    for (number, (n, binding, ms, due)) in (0..).zip(outcomes) {
        same!(redeem_with(n, binding, ms, number).await?, due, "redemption {number}");
        spent(number, &format!("{due:?}")).await?;
    }

    let rotate_with = async |n, generation, ms, number| {
        let op = rotate(n, generation).with_claim(Some(claim(number)));
        rows.store.rotate_refresh(&op, &rows.call(ms)).await
    };
    rows.open_chain(5).await?;
    let mut foreign = rotate(5, 0).with_claim(Some(claim(20)));
    foreign.client = vestibule_host::ClientId::new("other");
    let end = rows.store.rotate_refresh(&foreign, &rows.call(1)).await?;
    same!(end, Rotation::Mismatch, "another client's refresh");
    spent(20, "another client's refresh").await?;
    let outcomes = [
        (77, 0, 1, Rotation::NotFound),
        (5, 0, IDLE, Rotation::Expired),
        (5, 0, 1, Rotation::Won),
        (5, 0, 10_000, Rotation::Same { salt: salt(5, 1) }),
        (5, 0, 10_000, Rotation::Same { salt: salt(5, 1) }),
        (5, 0, 10_000, Rotation::Suspected { grant: grant_id(5) }),
        (5, 8, 10_000, Rotation::Reuse { grant: grant_id(5) }),
        (5, 1, 10_000, Rotation::Revoked),
    ];
    for (number, (n, generation, ms, due)) in (30..).zip(outcomes) {
        same!(rotate_with(n, generation, ms, number).await?, due, "refresh {number}");
        spent(number, &format!("{due:?}")).await?;
    }

    for (number, what) in [(40, grant_id(2)), (41, grant_id(2)), (42, grant_id(99))] {
        let op = Revoke::new(Revocation::Grant(what)).with_claim(Some(claim(number)));
        same!(rows.store.revoke(&op, &rows.call(1)).await?, Revoked::Done, "revocation {number}");
        spent(number, "a revocation").await?;
    }
    Ok(())
}

/// A replayed assertion buys nothing and harms nobody: not a code, not a chain, not a grant.
pub async fn a_seen_claim_changes_nothing(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    hold!(rows.claim_was_free(1, 0).await?, "a claim that nobody spent");
    let seen = Some(claim(1));
    rows.issue(1).await?;
    rows.open_chain(2).await?;
    rows.keep_token(3).await?;

    let op = redeem_and_open(1).with_claim(seen).with_access(Some(access(1)));
    same!(rows.store.redeem_code(&op, &rows.call(1)).await?, Redemption::ClaimSeen, "a redemption");
    same!(rows.access(1, 1).await?, None, "its opaque token");
    let op = rotate(2, 0).with_claim(seen).with_access(Some(access(2)));
    same!(rows.store.rotate_refresh(&op, &rows.call(1)).await?, Rotation::ClaimSeen, "a refresh");
    same!(rows.access(2, 1).await?, None, "its opaque token");
    let mut wrong = rotate(2, 9).with_claim(seen);
    same!(rows.store.rotate_refresh(&wrong, &rows.call(1)).await?, Rotation::ClaimSeen, "a wrong token");
    wrong.handle = rotate(99, 0).handle;
    same!(rows.store.rotate_refresh(&wrong, &rows.call(1)).await?, Rotation::ClaimSeen, "a wrong handle");
    let op = IssueToken::new().with_claim(seen).with_access(Some(access(4)));
    same!(rows.store.issue_token(&op, &rows.call(1)).await?, TokenIssuance::ClaimSeen, "a token");
    same!(rows.access(4, 1).await?, None, "that token");
    for what in [Revocation::Grant(grant_id(2)), Revocation::Access(access(3).hash)] {
        let op = Revoke::new(what).with_claim(seen);
        same!(rows.store.revoke(&op, &rows.call(1)).await?, Revoked::ClaimSeen, "a revocation");
    }
    let known = rows.access(3, 1).await?;
    same!(known.map(|known| known.revoked), Some(false), "the token that was to be revoked");
    same!(rows.rotate(2, 0, 1).await?, Rotation::Won, "the chain afterwards");
    same!(rows.redeem(1, RIGHT, 1).await?, Redemption::Won, "the code afterwards");

    let op = redeem(1, RIGHT).with_claim(seen);
    same!(rows.store.redeem_code(&op, &rows.call(2)).await?, Redemption::ClaimSeen, "a spent code");
    same!(rows.status(1, 2).await?, Some(GrantStatus::Live), "the grant of the spent code");
    Ok(())
}

/// What was not applied has spent nothing: the app may come again with the same assertion (row 19).
pub async fn a_fault_spends_no_claim(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.keep_token(1).await?;
    rows.open_chain(2).await?;
    rows.issue(3).await?;
    let taken = Some(access(1));
    let end = rows
        .store
        .issue_token(&IssueToken::new().with_access(taken.clone()).with_claim(Some(claim(1))), &rows.call(1))
        .await;
    shape!(end, Err(StoreFault::NotApplied(_)), "an opaque token that is there already");
    let op = rotate(2, 0).with_access(taken.clone()).with_claim(Some(claim(2)));
    let end = rows.store.rotate_refresh(&op, &rows.call(1)).await;
    shape!(end, Err(StoreFault::NotApplied(_)), "a refresh with an opaque token that is there already");
    let op = redeem_and_open(3).with_access(taken).with_claim(Some(claim(3)));
    let end = rows.store.redeem_code(&op, &rows.call(1)).await;
    shape!(end, Err(StoreFault::NotApplied(_)), "a redemption with an opaque token that is there already");
    for n in 1..=3 {
        hold!(rows.claim_was_free(n, 1).await?, "claim {n} was spent by a fault");
    }
    same!(rows.rotate(2, 0, 1).await?, Rotation::Won, "the chain after the fault");
    same!(rows.rotate(3, 0, 1).await?, Rotation::NotFound, "a chain of a redemption that was not applied");
    same!(rows.redeem(3, RIGHT, 1).await?, Redemption::Won, "the code after the fault");
    Ok(())
}

/// Remembered until its end, purged or not (row 15).
pub async fn a_claim_ends_when_its_time_is_reached(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    hold!(rows.claim_was_free(1, 0).await?, "a claim that nobody spent");
    for ms in [1, CLAIM - 1] {
        hold!(!rows.claim_was_free(1, ms).await?, "a spent claim is free after {ms} ms");
    }
    let later = |ms| {
        let mut claim = claim(1);
        claim.keep_until = super::rows::at(2 * CLAIM);
        (IssueToken::new().with_claim(Some(claim)), rows.call(ms))
    };
    let (op, call) = later(CLAIM);
    same!(rows.store.issue_token(&op, &call).await?, TokenIssuance::Won, "the claim at its end");
    let (op, call) = later(CLAIM + 1);
    same!(rows.store.issue_token(&op, &call).await?, TokenIssuance::ClaimSeen, "the claim with its new end");
    Ok(())
}

/// The whole key counts, and the tenant (row 16).
pub async fn a_claim_blocks_no_other(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    for n in 0..50 {
        hold!(rows.claim_was_free(n, 1).await?, "claim {n} is blocked by another one");
    }
    for tenant in ["other", "HTTPS://EHR.EXAMPLE", ""] {
        let other = rows.of_tenant(tenant);
        hold!(other.claim_was_free(7, 1).await?, "a claim is blocked by another tenant's");
        hold!(!other.claim_was_free(7, 1).await?, "a claim of tenant {tenant:?} was not spent");
    }
    Ok(())
}

/// One assertion, many verbs at once: one of them is served, and only that one has done anything.
pub async fn of_many_uses_of_a_claim_one_wins(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    for round in 0..3 {
        let numbers = 100 * round..100 * round + 15;
        for n in numbers.clone() {
            rows.issue(n).await?;
            rows.open_chain(1_000 + n).await?;
            rows.open_chain(2_000 + n).await?;
        }
        let ends = race(60, |index| {
            let (rows, n) = (rows.clone(), 100 * round + u32::try_from(index / 4).unwrap_or(0));
            async move { is_served(&rows, index % 4, n, round).await }
        });
        let mut served = 0;
        for end in ends.await? {
            served += u32::from(end?);
        }
        same!(served, 1, "verbs that one assertion bought");
        let mut done = 0;
        for n in numbers {
            done += u32::from(rows.redeem(n, RIGHT, 2).await? != Redemption::Won);
            done += u32::from(rows.rotate(1_000 + n, 0, 2).await? != Rotation::Won);
            done += u32::from(rows.status(2_000 + n, 2).await? != Some(GrantStatus::Live));
            done += u32::from(rows.access(n, 2).await?.is_some());
        }
        same!(done, 1, "verbs that have done something");
    }
    Ok(())
}

/// One of the four verbs with this claim: whether it was done, or told that the claim was seen.
async fn is_served(rows: &Rows, verb: usize, n: u32, number: u32) -> Result<bool, Broken> {
    let (one, call) = (Some(claim(number)), rows.call(1));
    let other = |end: String| Err(Broken(format!("a racing verb came to {end}")));
    match verb {
        0 => match rows.store.redeem_code(&redeem(n, RIGHT).with_claim(one), &call).await? {
            Redemption::Won => Ok(true),
            Redemption::ClaimSeen => Ok(false),
            end => other(format!("{end:?}")),
        },
        1 => match rows.store.rotate_refresh(&rotate(1_000 + n, 0).with_claim(one), &call).await? {
            Rotation::Won => Ok(true),
            Rotation::ClaimSeen => Ok(false),
            end => other(format!("{end:?}")),
        },
        2 => {
            let op = Revoke::new(Revocation::Grant(grant_id(2_000 + n))).with_claim(one);
            Ok(rows.store.revoke(&op, &call).await? == Revoked::Done)
        }
        _ => {
            let op = IssueToken::new().with_access(Some(access(n))).with_claim(one);
            Ok(rows.store.issue_token(&op, &call).await? == TokenIssuance::Won)
        }
    }
}

/// After an unknown outcome the same attempt brings the same assertion, and is told what it was told first.
pub async fn a_repeated_attempt_has_not_seen_its_own_claim(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.issue(1).await?;
    rows.open_chain(2).await?;
    let store = &rows.store;
    let missing = redeem(77, RIGHT).with_claim(Some(claim(0)));
    let redeemed = redeem_and_open(1).with_claim(Some(claim(1))).with_access(Some(access(1)));
    let rotated = rotate(2, 0).with_claim(Some(claim(2))).with_access(Some(access(2)));
    let kept = IssueToken::new().with_claim(Some(claim(3))).with_access(Some(access(3)));
    let revoked = Revoke::new(Revocation::Access(access(3).hash)).with_claim(Some(claim(4)));
    let calls = [rows.call(1), rows.call(1), rows.call(1), rows.call(1), rows.call(1)];
    let [first, second, third, fourth, fifth] = &calls;
    for n in 0..3 {
        same!(store.redeem_code(&missing, first).await?, Redemption::NotFound, "try {n} of nothing");
        same!(store.redeem_code(&redeemed, second).await?, Redemption::Won, "try {n} of a redemption");
        same!(store.rotate_refresh(&rotated, third).await?, Rotation::Won, "try {n} of a refresh");
        same!(store.issue_token(&kept, fourth).await?, TokenIssuance::Won, "try {n} of a token");
        same!(store.revoke(&revoked, fifth).await?, Revoked::Done, "try {n} of a revocation");
    }
    for n in 0..5 {
        hold!(!rows.claim_was_free(n, 1).await?, "claim {n} was not spent");
    }
    // Another attempt with the same assertion is a replay, also where the first was repeated.
    same!(store.redeem_code(&redeemed, &rows.call(1)).await?, Redemption::ClaimSeen, "another attempt");
    same!(store.issue_token(&kept, &rows.call(1)).await?, TokenIssuance::ClaimSeen, "another attempt");
    // Two attempts may not mix: the claim is one's, the code is another's.
    same!(
        store.issue_code(&issue(5, None, None), &rows.call(0)).await?,
        vestibule_host::Issuance::Won,
        "a code"
    );
    same!(rows.redeem(5, RIGHT, 1).await?, Redemption::Won, "its redemption");
    let mixed = redeem(5, RIGHT).with_claim(Some(claim(1)));
    same!(
        store.redeem_code(&mixed, &rows.call(1)).await?,
        Redemption::ClaimSeen,
        "a replayed claim, a spent code"
    );
    same!(rows.status(5, 1).await?, Some(GrantStatus::Live), "the grant of that code");
    Ok(())
}
