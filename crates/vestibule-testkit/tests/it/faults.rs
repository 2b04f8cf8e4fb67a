//! The store that fails when it is told to.

use std::sync::Arc;

use bytes::Bytes;
use vestibule_host::{
    AttemptId, Call, GrantStore, LaunchHash, MemoryGrants, PutLaunch, Record, StoreFault, Tenant, UnixMillis,
};
use vestibule_testkit::{FaultyGrants, Injected};

#[tokio::test]
async fn the_chosen_call_fails_before_or_after_its_effect() {
    let store = FaultyGrants::new(Arc::new(MemoryGrants::new()));
    let call =
        |n: u8| Call { tenant: Tenant::new("t"), attempt: AttemptId::new([n; 16]), now: UnixMillis(0) };
    let put = |n: u8| PutLaunch::new(LaunchHash::new([n; 32]), UnixMillis(10), Record(Bytes::new()));
    store.fail(1, Injected::Before);
    store.fail(2, Injected::After);
    store.fail(3, Injected::Full);
    assert!(store.put_launch(&put(0), &call(0)).await.is_ok());
    assert!(matches!(store.put_launch(&put(1), &call(1)).await, Err(StoreFault::NotApplied(_))));
    assert!(matches!(store.put_launch(&put(2), &call(2)).await, Err(StoreFault::OutcomeUnknown(_))));
    assert!(matches!(store.ping().await, Err(StoreFault::Full)));
    assert_eq!(store.calls(), ["put_launch", "put_launch", "put_launch", "ping"]);
    store.restart();
    for (n, there) in [(0, true), (1, false), (2, true)] {
        assert_eq!(
            store.launch(&LaunchHash::new([n; 32]), &call(9)).await.unwrap().is_some(),
            there,
            "launch {n}"
        );
    }
}

#[tokio::test]
async fn a_call_that_hangs_has_happened_or_not() {
    let store = FaultyGrants::new(Arc::new(MemoryGrants::new()));
    let call =
        |n: u8| Call { tenant: Tenant::new("t"), attempt: AttemptId::new([n; 16]), now: UnixMillis(0) };
    for (n, how, there) in [(0, Injected::Hang, false), (1, Injected::HangAfter, true)] {
        let put = PutLaunch::new(LaunchHash::new([n; 32]), UnixMillis(10), Record(Bytes::new()));
        store.restart();
        store.fail(0, how);
        let wait = std::time::Duration::from_millis(5);
        assert!(
            tokio::time::timeout(wait, store.put_launch(&put, &call(n))).await.is_err(),
            "{how:?} answered"
        );
        assert_eq!(store.launch(&put.hash, &call(9)).await.unwrap().is_some(), there, "{how:?}");
    }
}
