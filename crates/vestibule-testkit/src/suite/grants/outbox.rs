//! Events: each change has one, in the same commit, and each is delivered (I9, row 73).

use vestibule_host::{
    AccessKey, Advanced, ClientId, EventKind, GrantStatus, Issuance, IssueToken, LeasedEvent, PutLaunch,
    Redemption, Revision, Revocation, Revoke, Revoked, Rotation, StoreFault, TokenIssuance, UserId,
};

use super::Factory;
use super::rows::{
    CODE, IDLE, KEEP, LAUNCH, RIGHT, Rows, WRONG, access, access_hash, advance, at, claim, event, event_id,
    grant_id, issue, jti, launch, record, redeem, redeem_and_open, rotate, salt,
};
use crate::suite::{Verdict, hold, race, same, shape};

impl Rows {
    /// Takes what was appended since the last time: event `n` with this kind, or nothing.
    async fn told(&self, n: u32, due: Option<EventKind>) -> Verdict {
        let happened = self.happened(1).await?;
        same!(happened, due.map(|kind| (kind, event_id(n))).into_iter().collect::<Vec<_>>(), "step {n}");
        Ok(())
    }

    /// Keeps a token without a grant, so that event `n` is appended.
    async fn append(&self, n: u32, ms: i64) -> Verdict {
        let op = IssueToken::new().with_event(Some(event(n)));
        same!(self.store.issue_token(&op, &self.call(ms)).await?, TokenIssuance::Won, "appending event {n}");
        Ok(())
    }
}

/// An event says which, what, when and the details, and comes in the order of the changes.
pub async fn an_event_says_what_happened(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let store = &rows.store;
    let put = PutLaunch::new(launch(1), at(LAUNCH), record("launch")).with_event(Some(event(0)));
    let saved = advance(8, None).with_event(Some(event(1)));
    let issued = issue(1, None, Some(1)).with_event(Some(event(2)));
    let calls = [rows.call(1), rows.call(2), rows.call(3)];
    let [first, second, third] = &calls;
    // Each twice, as after an unknown outcome, and told once.
    for _ in 0..2 {
        store.put_launch(&put, first).await?;
        same!(store.advance_interaction(&saved, second).await?, Advanced::Saved(Revision(1)), "a save");
        same!(store.issue_code(&issued, third).await?, Issuance::Won, "an issue");
    }
    let kinds = [EventKind::LaunchMade, EventKind::Refused, EventKind::CodeIssued];
    let due: Vec<_> = (0..)
        .zip(kinds)
        .map(|(n, kind)| LeasedEvent {
            id: event_id(n),
            kind,
            at: at(1 + i64::from(n)),
            record: event(n).record,
        })
        .collect();
    same!(rows.take_events(5).await?, due, "launch, refusal and issue");

    // What changed nothing is not told.
    let lost = advance(8, None).with_event(Some(event(3)));
    shape!(store.advance_interaction(&lost, &rows.call(4)).await?, Advanced::Stale(_), "a lost save");
    let lost = issue(2, None, Some(1)).with_event(Some(event(4)));
    same!(store.issue_code(&lost, &rows.call(4)).await?, Issuance::LaunchGone, "a lost issue");
    let lost = issue(1, None, None).with_event(Some(event(5)));
    shape!(store.issue_code(&lost, &rows.call(4)).await?, Issuance::Stale(_), "another lost issue");
    same!(rows.happened(5).await?, Vec::new(), "events of what changed nothing");
    Ok(())
}

/// Each outcome of a redemption, made twice.
pub async fn a_redemption_is_told_once(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.issue(1).await?;
    rows.issue(2).await?;
    rows.revoke(Revocation::Grant(grant_id(2)), 0).await?;
    let replayed = || Redemption::Replayed { grant: grant_id(1) };
    let steps = [
        (9, RIGHT, 1, Redemption::NotFound, None),
        (1, WRONG, 1, Redemption::Mismatch, None),
        (1, RIGHT, CODE, Redemption::Expired, None),
        (2, RIGHT, 1, Redemption::Revoked, None),
        (1, RIGHT, 1, Redemption::Won, Some(EventKind::CodeRedeemed)),
        (1, WRONG, 1, Redemption::Mismatch, None),
        (1, RIGHT, 1, replayed(), Some(EventKind::CodeReplayed)),
        (1, RIGHT, 1, replayed(), None),
    ];
    for (number, (n, binding, ms, due, kind)) in (0..).zip(steps) {
        let op = redeem(n, binding).with_event(Some(event(number))).with_claim(Some(claim(number)));
        let call = rows.call(ms);
        for _ in 0..2 {
            same!(rows.store.redeem_code(&op, &call).await?, due, "step {number}");
        }
        rows.told(number, kind).await?;
    }
    Ok(())
}

/// Each outcome of a refresh, made twice.
pub async fn a_refresh_is_told_once(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.open_chain(1).await?;
    let same_again = || Rotation::Same { salt: salt(1, 1) };
    let suspected = || Rotation::Suspected { grant: grant_id(1) };
    let steps = [
        (9, 0, 1, Rotation::NotFound, None),
        (1, 0, IDLE, Rotation::Expired, None),
        (1, 0, 0, Rotation::Won, Some(EventKind::Refreshed)),
        (1, 0, 1, same_again(), Some(EventKind::RefreshRepeated)),
        (1, 0, 6_000, same_again(), Some(EventKind::RefreshRepeated)),
        (1, 0, 6_000, same_again(), Some(EventKind::RefreshRepeated)),
        (1, 0, 6_000, suspected(), Some(EventKind::ReuseSuspected)),
        // Whoever goes on fills no log.
        (1, 0, 6_000, suspected(), None),
        (1, 1, 6_000, Rotation::Won, Some(EventKind::Refreshed)),
        (1, 0, 6_000, Rotation::Reuse { grant: grant_id(1) }, Some(EventKind::ReuseDetected)),
        (1, 0, 6_000, Rotation::Revoked, None),
    ];
    for (number, (n, generation, ms, due, kind)) in (0..).zip(steps) {
        let op = rotate(n, generation).with_event(Some(event(number))).with_claim(Some(claim(number)));
        let call = rows.call(ms);
        for _ in 0..2 {
            same!(rows.store.rotate_refresh(&op, &call).await?, due, "step {number}");
        }
        rows.told(number, kind).await?;
    }
    let mut foreign = rotate(1, 1).with_event(Some(event(99)));
    foreign.client = ClientId::new("other");
    same!(rows.store.rotate_refresh(&foreign, &rows.call(1)).await?, Rotation::Mismatch, "another client");
    rows.told(99, None).await
}

/// Tokens without a user, and revocations, made twice.
pub async fn a_token_and_a_revocation_are_told_once(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let tokens = [
        IssueToken::new(),
        IssueToken::new().with_access(Some(access(1))),
        IssueToken::new().with_claim(Some(claim(1))),
        IssueToken::new().with_access(Some(access(2))).with_claim(Some(claim(2))),
    ];
    for (number, op) in (0..).zip(tokens) {
        let (op, call) = (op.with_event(Some(event(number))), rows.call(1));
        for _ in 0..2 {
            same!(rows.store.issue_token(&op, &call).await?, TokenIssuance::Won, "token {number}");
        }
        rows.told(number, Some(EventKind::TokenIssued)).await?;
    }
    let seen = IssueToken::new().with_claim(Some(claim(1))).with_event(Some(event(9)));
    let end = rows.store.issue_token(&seen, &rows.call(1)).await?;
    same!(end, TokenIssuance::ClaimSeen, "a seen claim");
    rows.told(9, None).await?;

    rows.issue(1).await?;
    rows.issue(2).await?;
    let token = |until| Revocation::Token { id: jti(1), until: at(until) };
    let steps = [
        (Revocation::Grant(grant_id(9)), false),
        (Revocation::Grant(grant_id(1)), true),
        (Revocation::Grant(grant_id(1)), false),
        (Revocation::User(UserId::new("alice")), true),
        (Revocation::User(UserId::new("alice")), false),
        (Revocation::Access(access_hash(1)), true),
        (Revocation::Access(access_hash(1)), false),
        (Revocation::Access(access_hash(9)), false),
        (Revocation::Client(ClientId::new("app")), true),
        (Revocation::Client(ClientId::new("app")), false),
        (token(1_000), true),
        (token(1_000), false),
        (token(2_000), true),
        (token(500), false),
    ];
    for (number, (what, changes)) in (20..).zip(steps) {
        let op = Revoke::new(what).with_event(Some(event(number))).with_claim(Some(claim(number)));
        let call = rows.call(1);
        for _ in 0..2 {
            same!(rows.store.revoke(&op, &call).await?, Revoked::Done, "{op:?}");
        }
        rows.told(number, changes.then_some(EventKind::Revoked)).await?;
    }
    Ok(())
}

/// Of those who race, each tells what became of its own call and nothing else.
pub async fn a_race_is_told_as_it_ended(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.issue(1).await?;
    rows.open_chain(2).await?;
    let ends = race(60, |index| {
        let rows = rows.clone();
        async move {
            let event = Some(event(u32::try_from(index).unwrap_or(0)));
            if index % 2 == 0 {
                let end = rows.store.redeem_code(&redeem(1, RIGHT).with_event(event), &rows.call(1)).await?;
                return Ok(match end {
                    Redemption::Won => Some(EventKind::CodeRedeemed),
                    _ => None, // a replay: only the first one has changed anything
                });
            }
            let end = rows.store.rotate_refresh(&rotate(2, 0).with_event(event), &rows.call(1)).await?;
            Ok::<_, StoreFault>(match end {
                Rotation::Won => Some(EventKind::Refreshed),
                Rotation::Same { .. } => Some(EventKind::RefreshRepeated),
                _ => None,
            })
        }
    });
    let mut due = Vec::new();
    for (n, end) in (0..).zip(ends.await?) {
        if let Some(kind) = end? {
            due.push((kind, event_id(n)));
        }
    }
    let mut told = rows.happened(1).await?;
    let replays = told.iter().filter(|(kind, _)| *kind == EventKind::CodeReplayed).count();
    same!(replays, 1, "events of 29 replays, of which one has killed the grant");
    told.retain(|(kind, _)| *kind != EventKind::CodeReplayed);
    told.sort_by_key(|(_, id)| *id);
    due.sort_by_key(|(_, id)| *id);
    same!(told, due, "events of the race");
    Ok(())
}

/// What was not applied is not told.
pub async fn a_fault_is_not_told(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.put_launch(1).await?;
    rows.keep_token(1).await?;
    rows.open_chain(2).await?;
    rows.issue(3).await?;
    let told = Some(event(1));
    let put = PutLaunch::new(launch(1), at(LAUNCH), record("another")).with_event(told.clone());
    let end = rows.store.put_launch(&put, &rows.call(1)).await;
    shape!(end, Err(StoreFault::NotApplied(_)), "a launch that is there already");
    let mut taken = issue(4, None, None).with_event(told.clone());
    taken.code = super::rows::code(3);
    let end = rows.store.issue_code(&taken, &rows.call(1)).await;
    shape!(end, Err(StoreFault::NotApplied(_)), "a code that is there already");
    let token = IssueToken::new().with_access(Some(access(1))).with_event(told.clone());
    let end = rows.store.issue_token(&token, &rows.call(1)).await;
    shape!(end, Err(StoreFault::NotApplied(_)), "a token that is there already");
    let refresh = rotate(2, 0).with_access(Some(access(1))).with_event(told.clone());
    let end = rows.store.rotate_refresh(&refresh, &rows.call(1)).await;
    shape!(end, Err(StoreFault::NotApplied(_)), "a refresh with a token that is there already");
    let redemption = redeem_and_open(3).with_access(Some(access(1))).with_event(told);
    let end = rows.store.redeem_code(&redemption, &rows.call(1)).await;
    shape!(end, Err(StoreFault::NotApplied(_)), "a redemption with a token that is there already");
    same!(rows.happened(1).await?, Vec::new(), "events of faults");
    Ok(())
}

/// Leased to one at a time; who does not come back loses it to the next; acknowledged once, gone forever.
pub async fn an_event_is_leased_until_its_time(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let lease = async |max, until, ms| -> Result<Vec<_>, StoreFault> {
        let leased = rows.store.lease_events(max, at(until), &rows.call(ms)).await?;
        Ok(leased.into_iter().map(|event| event.id).collect())
    };
    let ids = |numbers: &[u32]| numbers.iter().map(|n| event_id(*n)).collect::<Vec<_>>();
    same!(lease(10, 100, 0).await?, ids(&[]), "an empty log");
    for n in [3, 1, 2, 5, 4] {
        rows.append(n, 0).await?;
    }
    same!(lease(0, 100, 0).await?, ids(&[]), "a lease of none");
    same!(lease(2, 100, 0).await?, ids(&[3, 1]), "the oldest two");
    same!(lease(2, 200, 0).await?, ids(&[2, 5]), "the next two");
    rows.append(6, 1).await?;
    same!(lease(9, 300, 99).await?, ids(&[4, 6]), "what is left");
    same!(lease(9, 300, 99).await?, ids(&[]), "nothing is left");
    rows.store.ack_events(&ids(&[1]), &rows.call(99)).await?;
    same!(lease(9, 300, 100).await?, ids(&[3]), "the first lease when its time is over");
    same!(lease(1, 400, 300).await?, ids(&[3]), "one of those whose time is over");
    same!(lease(9, 400, 300).await?, ids(&[2, 5, 4, 6]), "the others");
    // Late is better than twice.
    rows.store.ack_events(&ids(&[3, 2, 77]), &rows.call(500)).await?;
    rows.store.ack_events(&[], &rows.call(500)).await?;
    rows.store.ack_events(&ids(&[3]), &rows.call(500)).await?;
    same!(lease(9, 600, 500).await?, ids(&[5, 4, 6]), "what was not acknowledged");
    rows.store.ack_events(&ids(&[4, 5, 6]), &rows.call(500)).await?;
    same!(lease(9, 9_999, 9_000).await?, ids(&[]), "when all was acknowledged");
    Ok(())
}

/// Two who deliver share the work.
pub async fn of_many_leases_each_event_has_one(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    for n in 0..60 {
        rows.append(n, 0).await?;
    }
    let ends = race(20, |_| {
        let rows = rows.clone();
        async move { rows.store.lease_events(4, at(100), &rows.call(0)).await }
    });
    let mut leased = Vec::new();
    for end in ends.await? {
        let end = end?;
        hold!(end.len() <= 4, "{} events were leased where 4 were asked for", end.len());
        leased.extend(end.into_iter().map(|event| event.id));
    }
    leased.sort();
    same!(leased, (0..60).map(event_id).collect::<Vec<_>>(), "events leased in a race of 20");
    Ok(())
}

/// Neither a purge nor another tenant takes an event away, and an id is in the log once.
pub async fn an_event_stays_until_it_is_acknowledged(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    let other = rows.of_tenant("other");
    rows.append(1, 0).await?;
    other.append(1, 0).await?;
    other.append(2, 0).await?;
    rows.append(1, 5).await?;
    rows.store.purge(at(100 * KEEP), 1_000).await?;
    same!(other.happened(1).await?.len(), 2, "the other tenant's events");
    other.store.ack_events(&[event_id(1)], &other.call(1)).await?;
    let told = rows.take_events(1).await?;
    same!(told.len(), 1, "events with one id");
    same!(told.first().map(|event| event.at), Some(at(0)), "when the first of them was appended");
    Ok(())
}

/// All that one verb brings along is there when one part of it is.
pub async fn a_verb_is_there_as_a_whole(factory: Factory<'_>) -> Verdict {
    let rows = Rows::open(factory).await;
    rows.issue(1).await?;
    let op =
        redeem_and_open(1).with_access(Some(access(1))).with_claim(Some(claim(1))).with_event(Some(event(1)));
    same!(rows.store.redeem_code(&op, &rows.call(1)).await?, Redemption::Won, "a redemption");
    hold!(rows.access(1, 1).await?.is_some(), "the opaque token is not there");
    hold!(!rows.claim_was_free(1, 1).await?, "the claim is not spent");
    same!(rows.happened(1).await?, vec![(EventKind::CodeRedeemed, event_id(1))], "its event");
    let op = rotate(1, 0).with_access(Some(access(2))).with_claim(Some(claim(2))).with_event(Some(event(2)));
    same!(rows.store.rotate_refresh(&op, &rows.call(2)).await?, Rotation::Won, "a refresh");
    hold!(rows.access(2, 2).await?.is_some(), "the second opaque token is not there");
    hold!(!rows.claim_was_free(2, 2).await?, "the second claim is not spent");
    same!(rows.happened(2).await?, vec![(EventKind::Refreshed, event_id(2))], "its event");
    let op =
        Revoke::new(Revocation::Grant(grant_id(1))).with_claim(Some(claim(3))).with_event(Some(event(3)));
    same!(rows.store.revoke(&op, &rows.call(3)).await?, Revoked::Done, "a revocation");
    hold!(!rows.claim_was_free(3, 3).await?, "the third claim is not spent");
    same!(rows.happened(3).await?, vec![(EventKind::Revoked, event_id(3))], "its event");
    let known = rows.store.access(AccessKey::Opaque(&access_hash(2)), &rows.call(3)).await?;
    let status = known.and_then(|known| known.grant).map(|grant| grant.status);
    same!(status, Some(GrantStatus::Revoked), "the grant of the second token");
    Ok(())
}
