//! Revoking and listing.

use vestibule_host::{ClientId, GrantId, GrantStatus, Issuance, Redemption, Revocation, SessionId, UserId};

use super::Factory;
use super::rows::{KEEP, RIGHT, Rows, at, grant_id, issue};
use crate::suite::{Verdict, hold, same};

/// Issues grant `n` to somebody, for a session or beyond it.
async fn issue_to(rows: &Rows, n: u32, user: &str, client: &str, session: Option<&str>) -> Verdict {
    let mut op = issue(n, None, None);
    op.grant.user = UserId::new(user);
    op.grant.client = ClientId::new(client);
    op.grant.session = session.map(SessionId::new);
    same!(rows.store.issue_code(&op, &rows.call(0)).await?, Issuance::Won, "issuing code {n}");
    Ok(())
}

/// Each kind of revocation, and everybody whom it must not reach. A grant that outlives its session ends with none, whatever the
/// session is called.
pub async fn each_revocation_reaches_its_grants_only(factory: Factory<'_>) -> Verdict {
    let (user, client, session) = (UserId::new("alice"), ClientId::new("app"), SessionId::new("s1"));
    let kinds = [
        (Revocation::Grant(grant_id(0)), vec![0]),
        (Revocation::UserAndClient(user.clone(), client.clone()), vec![0, 1, 5]),
        (Revocation::User(user), vec![0, 1, 2, 5]),
        (Revocation::Client(client), vec![0, 1, 3, 5]),
        (Revocation::Session(session), vec![0, 4]),
        (Revocation::Session(SessionId::new("")), vec![6]),
        (Revocation::Grant(GrantId::new("never was")), vec![]),
        (Revocation::User(UserId::new("ALICE")), vec![]),
    ];
    let rows = Rows::open(factory).await;
    for (index, (what, due)) in kinds.iter().enumerate() {
        // A tenant for each kind, and a neighbour that nothing may reach.
        let rows = rows.of_tenant(&format!("tenant-{index}"));
        let neighbour = rows.of_tenant(&format!("neighbour-{index}"));
        for rows in [&rows, &neighbour] {
            issue_to(rows, 0, "alice", "app", Some("s1")).await?;
            issue_to(rows, 1, "alice", "app", Some("s2")).await?;
            issue_to(rows, 2, "alice", "other", Some("s2")).await?;
            issue_to(rows, 3, "ben", "app", Some("s3")).await?;
            issue_to(rows, 4, "ben", "other", Some("s1")).await?;
            issue_to(rows, 5, "alice", "app", None).await?;
            issue_to(rows, 6, "ben", "other", Some("")).await?;
        }
        for n in 0..7 {
            same!(rows.status(n, 1).await?, Some(GrantStatus::Live), "grant {n} before {what:?}");
        }
        for _ in 0..2 {
            rows.revoke(what.clone(), 1).await?;
            for n in 0..7 {
                let status = if due.contains(&n) { GrantStatus::Revoked } else { GrantStatus::Live };
                same!(rows.status(n, 1).await?, Some(status), "grant {n} after {what:?}");
                same!(
                    neighbour.status(n, 1).await?,
                    Some(GrantStatus::Live),
                    "the neighbour's grant after {what:?}"
                );
            }
        }
        for n in 0..7 {
            let outcome = if due.contains(&n) { Redemption::Revoked } else { Redemption::Won };
            same!(rows.redeem(n, RIGHT, 1).await?, outcome, "code {n} after {what:?}");
        }
    }
    Ok(())
}

/// Nothing brings a grant back (I4).
pub async fn a_revocation_stays(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let (op, call) = (issue(1, None, None), rows.call(0));
    same!(rows.store.issue_code(&op, &call).await?, Issuance::Won, "an issue");
    rows.revoke(Revocation::Grant(grant_id(1)), 1).await?;
    for ms in [1, 0, KEEP - 1, -5_000] {
        same!(rows.status(1, ms).await?, Some(GrantStatus::Revoked), "the grant at {ms} ms");
        same!(rows.redeem(1, RIGHT, ms.min(100)).await?, Redemption::Revoked, "its code at {ms} ms");
        hold!(rows.live(ms).await?.is_empty(), "a revoked grant is listed");
    }
    same!(
        rows.store.issue_code(&op, &call).await?,
        Issuance::Won,
        "the issue repeated with the same attempt"
    );
    same!(rows.status(1, 1).await?, Some(GrantStatus::Revoked), "the grant after the issue was repeated");
    Ok(())
}

/// Live ones, in the order of the ids' bytes, page after page.
pub async fn grants_are_listed_in_the_order_of_their_ids(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let ids = ["a", "B", "a0", "Z", "é", "z", "a-", "\u{1F600}", "b"];
    for (n, id) in (0..).zip(ids) {
        let mut op = issue(n, None, None);
        op.grant.id = GrantId::new(id);
        op.grant.keep_until = at(if id == "z" { 500 } else { KEEP });
        op.expires = at(100);
        same!(rows.store.issue_code(&op, &rows.call(0)).await?, Issuance::Won, "issuing {id}");
    }
    issue_to(&rows, 100, "ben", "app", None).await?;
    issue_to(&rows.of_tenant("other"), 101, "alice", "app", None).await?;
    rows.revoke(Revocation::Grant(GrantId::new("b")), 1).await?;

    let mut due: Vec<_> =
        ids.iter().filter(|id| !["b", "z"].contains(id)).map(|id| GrantId::new(*id)).collect();
    due.sort();
    same!(rows.live(500).await?, due, "the live grants whose time has not come");
    hold!(
        rows.live(499).await?.contains(&GrantId::new("z")),
        "a grant is missing a millisecond before its end"
    );

    let alice = UserId::new("alice");
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = rows.store.grants_of(&alice, after.as_ref(), 2, &rows.call(500)).await?;
        hold!(page.len() <= 2, "a page of {} where 2 were asked for", page.len());
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        paged.extend(page.into_iter().map(|grant| grant.id));
    }
    same!(paged, due, "the pages together");
    hold!(
        rows.store.grants_of(&alice, None, 0, &rows.call(500)).await?.is_empty(),
        "a page of none has grants"
    );
    let none = rows.store.grants_of(&UserId::new("Alice"), None, 9, &rows.call(500)).await?;
    hold!(none.is_empty(), "another user's grants are listed");
    Ok(())
}
