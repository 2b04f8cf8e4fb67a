//! A store that is full.

use bytes::Bytes;
use redb_store::RedbStore;
use vestibule_host::{
    Advance, AttemptId, Binding, Call, ClientId, CodeHash, EventId, GrantId, GrantKey, GrantStatus,
    GrantStore, InteractionHash, Issuance, IssueCode, LaunchHash, NewEvent, PutLaunch, Record, Revocation,
    Revoke, Revoked, StoreFault, StoredGrant, Tenant, UnixMillis, UserId,
};

use crate::place::Place;

const FAR: UnixMillis = UnixMillis(1_000_000);

fn record() -> Record {
    Record(Bytes::from_static(b"record"))
}

fn call(n: u8) -> Call {
    Call { tenant: Tenant::new("t"), attempt: AttemptId::new([n; 16]), now: UnixMillis(0) }
}

/// A full event log must not keep a thief's grant alive.
#[tokio::test]
async fn a_full_store_still_revokes() {
    let place = Place::new();
    let store = RedbStore::open(place.file("grants"), 20).unwrap();
    let grant = StoredGrant {
        id: GrantId::new("g"),
        user: UserId::new("alice"),
        client: ClientId::new("app"),
        session: None,
        keep_until: FAR,
        used: UnixMillis(0),
        status: GrantStatus::Live,
        record: record(),
    };
    let interaction = Advance::new(InteractionHash::new([1; 32]), None, FAR, record());
    let (code, binding) = (CodeHash::new([2; 32]), Binding::new([3; 32]));
    let issue = IssueCode::new(interaction, None, code, binding, FAR, grant);
    assert_eq!(store.issue_code(&issue, &call(0)).await.unwrap(), Issuance::Won);
    let mut kept = 0;
    let refused = loop {
        let launch = PutLaunch::new(LaunchHash::new([kept; 32]), FAR, record());
        match store.put_launch(&launch, &call(kept + 1)).await {
            Ok(()) => kept += 1,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, StoreFault::Full), "{refused:?}");
    assert_eq!(kept, 17, "interaction, grant and code are rows as well");

    let event = NewEvent { id: EventId::new([9; 16]), record: record() };
    let revoke = Revoke::new(Revocation::Grant(GrantId::new("g"))).with_event(Some(event));
    assert_eq!(store.revoke(&revoke, &call(200)).await.unwrap(), Revoked::Done);
    let grant = store.grant(GrantKey::Code(&code), &call(201)).await.unwrap().unwrap();
    assert_eq!(grant.status, GrantStatus::Revoked);
}
