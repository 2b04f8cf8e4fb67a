//! Names that were somebody's before, and attempts that come back late.

use vestibule_host::{
    Advanced, Call, ClientId, GrantStatus, Issuance, IssueCode, Quota, Revision, Revocation, Revoke, Revoked,
    StoreFault,
};

use super::Factory;
use super::purge::purge;
use super::rows::{Rows, advance, at, claim, grant_id, interaction, issue};
use crate::suite::{Verdict, hold, same, shape};

/// An issue of code and grant `n` that is over long before its interaction.
fn short(n: u32) -> IssueCode {
    let mut op = issue(n, None, None);
    (op.expires, op.grant.keep_until) = (at(400), at(500));
    op
}

/// What is over is not found, but its names stay taken until a purge has removed it: a code that was somebody's is not somebody
/// else's a moment later, and an attempt is still told what it did.
pub async fn names_are_taken_until_a_purge(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let (first, call) = (short(1), rows.call(0));
    same!(rows.store.issue_code(&first, &call).await?, Issuance::Won, "an issue");
    for ms in [499, 500, 5_000] {
        let again = Call { now: at(ms), ..call.clone() };
        same!(rows.store.issue_code(&first, &again).await?, Issuance::Won, "the same attempt at {ms} ms");
    }
    same!(rows.status(1, 500).await?, None, "the grant at its end");
    let mut same_code = issue(2, None, None);
    same_code.code = first.code;
    let end = rows.store.issue_code(&same_code, &rows.call(600)).await;
    shape!(end, Err(StoreFault::NotApplied(_)), "another issue of a code that is over");
    let mut same_grant = issue(3, None, None);
    same_grant.grant.id = grant_id(1);
    let end = rows.store.issue_code(&same_grant, &rows.call(600)).await;
    shape!(end, Err(StoreFault::NotApplied(_)), "another issue of a grant that is over");
    for n in [2, 3] {
        same!(rows.revision(n, 600).await?, None, "the interaction of issue {n}, which was refused");
    }
    purge(&rows, 500, 100).await?;
    same!(rows.store.issue_code(&same_code, &rows.call(600)).await?, Issuance::Won, "the code after a purge");
    same!(
        rows.store.issue_code(&same_grant, &rows.call(600)).await?,
        Issuance::Won,
        "the grant after a purge"
    );
    Ok(())
}

/// One interaction issues once: an attempt that comes back after its code was purged finds its interaction closed by itself.
pub async fn an_attempt_does_not_issue_again_after_a_purge(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let (op, call) = (short(1), rows.call(0));
    same!(rows.store.issue_code(&op, &call).await?, Issuance::Won, "an issue");
    purge(&rows, 500, 100).await?;
    hold!(
        rows.revision(1, 0).await?.is_some(),
        "a purge took the interaction, which lives longer than its grant"
    );
    let end = rows.store.issue_code(&op, &call).await;
    shape!(end, Err(StoreFault::NotApplied(_)), "the same attempt after a purge");
    same!(rows.status(1, 0).await?, None, "the grant that was purged");
    Ok(())
}

/// `Done` is true when it is said, also to an attempt that was told so before: what it names may have come since.
pub async fn a_repeated_revocation_looks_again(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.issue(1).await?;
    let op = Revoke::new(Revocation::Client(ClientId::new("app"))).with_claim(Some(claim(1)));
    let call = rows.call(1);
    same!(rows.store.revoke(&op, &call).await?, Revoked::Done, "a revocation with a claim");
    rows.issue(2).await?;
    rows.keep_token(1).await?;
    same!(rows.store.revoke(&op, &call).await?, Revoked::Done, "the same attempt with its own claim");
    for n in [1, 2] {
        same!(
            rows.status(n, 1).await?,
            Some(GrantStatus::Revoked),
            "grant {n} after the revocation was repeated"
        );
    }
    same!(rows.access(1, 1).await?.map(|known| known.revoked), Some(true), "the app's token after it");
    same!(rows.store.revoke(&op, &rows.call(1)).await?, Revoked::ClaimSeen, "another attempt with the claim");
    Ok(())
}

/// A save over a row that counts against the quota already is not one more, even where the quota has become smaller.
pub async fn a_save_of_what_counts_is_not_one_more(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let counted = |n, expected, max| {
        let mut op = advance(n, expected);
        op.quota = Some(Quota { client: ClientId::new("app"), max });
        op
    };
    for n in 1..=2 {
        let end = rows.store.advance_interaction(&counted(n, None, 2), &rows.call(0)).await?;
        same!(end, Advanced::Saved(Revision(1)), "interaction {n} of two");
    }
    let end = rows.store.advance_interaction(&counted(3, None, 2), &rows.call(0)).await;
    shape!(end, Err(StoreFault::Full), "a third where two are allowed");
    let end = rows.store.advance_interaction(&counted(1, Some(1), 1), &rows.call(0)).await?;
    same!(end, Advanced::Saved(Revision(2)), "the first again, where one is allowed by now");
    let other = Quota { client: ClientId::new("other"), max: 1 };
    let mut moved = advance(1, Some(2));
    moved.quota = Some(other);
    let end = rows.store.advance_interaction(&moved, &rows.call(0)).await?;
    same!(end, Advanced::Saved(Revision(3)), "the first, counted for another app");
    let end = rows.store.advance_interaction(&counted(3, None, 2), &rows.call(0)).await?;
    same!(end, Advanced::Saved(Revision(1)), "a third in the room of the first");
    let found = rows.store.interaction(&interaction(2), &rows.call(0)).await?;
    same!(found.map(|stored| stored.revision), Some(Revision(1)), "the second, which nobody touched");
    Ok(())
}
