//! What is on the server: keys, versions, what is left behind.

use vestibule_host::{
    AccessKey, ClientId, ConsentAsked, ConsentRecord, ConsentStore, GrantKey, GrantStatus, GrantStore,
    Issuance, IssueToken, KeyDocument, KeySaved, KeyStore, PutLaunch, Redemption, RefreshHandle, Revocation,
    Revoke, Revoked, Rotation, SessionId, StoreFault, Tenant, TokenIssuance, UnixMillis, UserId,
};
use vestibule_redis::{ConnectError, RedisOptions, RedisStore};

use crate::place::{Operator, connect, prefix, shared};
use crate::rows::{
    END, access, bytes, call, claim, event, events, grant_id, issue, issued, record, redeem, rotate,
};

/// A bit of everything, and what it came to.
pub(crate) async fn whole_life(store: &RedisStore) {
    let launch = vestibule_host::LaunchHash::new(bytes(1));
    store.put_launch(&PutLaunch::new(launch, END, record(10)).with_event(event(9)), &call(90)).await.unwrap();
    let mut op = issue(1);
    op.launch = Some(launch);
    op.interaction = op.interaction.with_quota(None);
    assert_eq!(store.issue_code(&op, &call(1)).await.unwrap(), Issuance::Won);
    issued(store, 2).await;
    let op = redeem(1).with_access(access(1));
    assert_eq!(store.redeem_code(&op, &call(3)).await.unwrap(), Redemption::Won);
    assert_eq!(store.rotate_refresh(&rotate(1, 0), &call(4)).await.unwrap(), Rotation::Won);
    let token = IssueToken::new().with_access(access(2)).with_claim(claim(2)).with_event(event(2));
    assert_eq!(store.issue_token(&token, &call(5)).await.unwrap(), TokenIssuance::Won);
    let jwt = Revocation::Token { id: vestibule_host::TokenId::new("j"), until: END };
    for (n, what) in (6..).zip([jwt, Revocation::Session(SessionId::new("s"))]) {
        assert_eq!(store.revoke(&Revoke::new(what), &call(n)).await.unwrap(), Revoked::Done);
    }
    assert_eq!(store.grants_of(&UserId::new("alice"), None, 9, &call(8)).await.unwrap(), []);
    assert!(store.access(AccessKey::Opaque(&access(1).unwrap().hash), &call(8)).await.unwrap().is_some());
    assert_eq!(events(store).await.unwrap().len(), 4);
    let (tenant, alice, app) = (Tenant::new("t"), UserId::new("alice"), ClientId::new("app"));
    let asked = ConsentAsked { user: &alice, client: &app, base: "b", patient: None };
    let id = store.record(&tenant, &ConsentRecord::new(&asked, vec![], vec![], "en", END)).await.unwrap();
    assert!(store.remembered(&tenant, &asked).await.unwrap().is_some());
    store.withdraw(&tenant, &id).await.unwrap();
}

/// Everything is found again by purging, acknowledging and withdrawing: nothing is left but the counters.
#[tokio::test]
async fn nothing_is_left_behind() {
    let prefix = prefix();
    let store = connect(shared(), RedisOptions::default().with_prefix(&prefix)).await;
    let mut operator = Operator::of(shared()).await;
    whole_life(&store).await;
    // Counted against a quota, and then not; killed with its client, and alive to the end.
    let mut counted = issue(7).interaction;
    counted = counted.with_quota(Some(vestibule_host::Quota { client: ClientId::new("app"), max: 2 }));
    assert!(store.advance_interaction(&counted, &call(70)).await.is_ok());
    issued(&store, 20).await;
    let client = Revoke::new(Revocation::Client(ClientId::new("app")));
    assert_eq!(store.revoke(&client, &call(21)).await.unwrap(), Revoked::Done);
    issued(&store, 22).await;
    assert!(operator.keys(&prefix).await.len() > 15);

    while store.purge(END, 3).await.unwrap().more {}
    let base = format!("{prefix}{{t.t}}");
    let due = [format!("{prefix}schema"), format!("{prefix}tenants"), format!("{base}numbers")];
    let mut due: Vec<_> = due.into_iter().map(String::into_bytes).collect();
    due.sort();
    let shown: Vec<_> = operator.keys(&prefix).await;
    assert_eq!(shown, due, "{:?}", shown.iter().map(|key| String::from_utf8_lossy(key)).collect::<Vec<_>>());
}

/// No clock but the caller's ends a row.
#[tokio::test]
async fn no_key_expires() {
    let prefix = prefix();
    let store = connect(shared(), RedisOptions::default().with_prefix(&prefix)).await;
    issued(&store, 1).await;
    issued(&store, 2).await;
    assert_eq!(
        store.redeem_code(&redeem(1).with_access(access(1)), &call(3)).await.unwrap(),
        Redemption::Won
    );
    let mut operator = Operator::of(shared()).await;
    let keys = operator.keys(&prefix).await;
    assert!(keys.len() > 10);
    for key in keys {
        assert_eq!(operator.with::<i64>("PTTL", &[&key]).await, -1, "{}", String::from_utf8_lossy(&key));
    }
}

/// What is revoked with its client is dead by one number, and what comes later is not.
#[tokio::test]
async fn a_client_is_revoked_by_one_number() {
    let prefix = prefix();
    let store = connect(shared(), RedisOptions::default().with_prefix(&prefix)).await;
    for n in 1..=5 {
        issued(&store, n).await;
    }
    let status = async |n| store.grant(GrantKey::Id(&grant_id(n)), &call(0)).await.unwrap().unwrap().status;
    // One is dead before, so that it is not counted twice.
    let one = Revoke::new(Revocation::Grant(grant_id(1)));
    assert_eq!(store.revoke(&one, &call(10)).await.unwrap(), Revoked::Done);
    let all = Revoke::new(Revocation::Client(ClientId::new("app"))).with_event(event(1));
    assert_eq!(store.revoke(&all, &call(11)).await.unwrap(), Revoked::Done);
    for n in 1..=5 {
        assert_eq!(status(n).await, GrantStatus::Revoked, "grant {n}");
    }
    // Nothing is alive, so nothing is told, by whatever it is named.
    for (n, what) in (12..).zip([
        Revocation::Client(ClientId::new("app")),
        Revocation::User(UserId::new("alice")),
        Revocation::Session(SessionId::new("s")),
        Revocation::Grant(grant_id(3)),
    ]) {
        let op = Revoke::new(what).with_event(event(n));
        assert_eq!(store.revoke(&op, &call(n)).await.unwrap(), Revoked::Done);
    }
    assert_eq!(events(&store).await.unwrap().len(), 1);
    issued(&store, 6).await;
    assert_eq!(status(6).await, GrantStatus::Live);
    assert_eq!(store.redeem_code(&redeem(3), &call(20)).await.unwrap(), Redemption::Revoked);
    assert_eq!(store.grants_of(&UserId::new("alice"), None, 9, &call(0)).await.unwrap().len(), 1);
    assert_eq!(store.revoke(&all, &call(30)).await.unwrap(), Revoked::Done);
    assert_eq!(status(6).await, GrantStatus::Revoked);
}

/// A user's list goes on where the script stopped, over ids that are dead.
#[tokio::test]
async fn long_lists_are_read_in_pages() {
    let store = connect(shared(), RedisOptions::default().with_prefix(prefix())).await;
    for n in 1_000..1_600 {
        issued(&store, n).await;
    }
    let client = Revoke::new(Revocation::Client(ClientId::new("app")));
    assert_eq!(store.revoke(&client, &call(1)).await.unwrap(), Revoked::Done);
    for n in 1_600..1_900 {
        issued(&store, n).await;
    }
    let alice = UserId::new("alice");
    let found = store.grants_of(&alice, None, 1_000, &call(0)).await.unwrap();
    let ids: Vec<_> = found.iter().map(|grant| grant.id.clone()).collect();
    assert_eq!(ids, (1_600..1_900).map(grant_id).collect::<Vec<_>>());
    let found = store.grants_of(&alice, Some(&grant_id(1_700)), 5, &call(0)).await.unwrap();
    assert_eq!(
        found.iter().map(|grant| grant.id.clone()).collect::<Vec<_>>(),
        (1_701..1_706).map(grant_id).collect::<Vec<_>>()
    );
}

/// Braces, percent signs and nothing at all are tenants like others.
#[tokio::test]
async fn odd_tenants_have_rows_of_their_own() {
    let store = connect(shared(), RedisOptions::default().with_prefix(prefix())).await;
    let tenants = ["", "}", "{}", "a}i:", "a", "%7d", "https://ehr.example/ä"];
    for (n, tenant) in (1..).zip(tenants) {
        let document = KeyDocument::new(vec![n]);
        assert_eq!(
            store.save(&Tenant::new(tenant), None, &document).await.unwrap(),
            KeySaved::Saved(1),
            "{tenant}"
        );
    }
    for (n, tenant) in (1..).zip(tenants) {
        let (_, document) = store.load(&Tenant::new(tenant)).await.unwrap().unwrap();
        assert_eq!(document.expose_secret(), [n], "{tenant}");
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_its_number() {
    let prefix = prefix();
    let options = || RedisOptions::default().with_prefix(&prefix);
    drop(connect(shared(), options()).await);
    let mut operator = Operator::of(shared()).await;
    assert_eq!(operator.says::<String>(&format!("GET {prefix}schema")).await, "1");
    for newer in ["2", "17", "x"] {
        operator.says::<()>(&format!("SET {prefix}schema {newer}")).await;
        let error = RedisStore::connect(&shared().url(), options()).await.unwrap_err();
        assert!(
            matches!(&error, ConnectError::NewerSchema { found, known: 1 } if found == newer),
            "{error:?}"
        );
        assert!(error.to_string().contains("newer version"), "{error}");
    }
}

/// A node that was started before a newer one wrote its rows: a fault, never an outcome, and nothing is changed.
#[tokio::test]
async fn a_row_of_a_newer_version_is_a_fault() {
    let prefix = prefix();
    let store = connect(shared(), RedisOptions::default().with_prefix(&prefix)).await;
    issued(&store, 1).await;
    issued(&store, 2).await;
    assert_eq!(store.redeem_code(&redeem(2), &call(3)).await.unwrap(), Redemption::Won);
    let mut operator = Operator::of(shared()).await;
    let key = |kind: &str, id: &[u8]| [format!("{prefix}{{t.t}}{kind}").as_bytes(), id].concat();
    for row in [key("g:", b"grant-1"), key("g:", b"grant-2"), key("i:", &bytes::<32>(1))] {
        operator.with::<()>("HSET", &[&row, b"v", b"2"]).await;
    }
    let faults = [
        store.redeem_code(&redeem(1), &call(4)).await.err(),
        store.rotate_refresh(&rotate(2, 0), &call(5)).await.err(),
        store.grant(GrantKey::Id(&grant_id(1)), &call(6)).await.err(),
        store.interaction(&issue(1).interaction.id, &call(7)).await.err(),
        store.advance_interaction(&issue(1).interaction, &call(8)).await.err(),
    ];
    for (n, fault) in faults.iter().enumerate() {
        assert!(matches!(fault, Some(StoreFault::NotApplied(_))), "{n}: {fault:?}");
    }
    for row in [key("g:", b"grant-1"), key("g:", b"grant-2")] {
        operator.with::<()>("HSET", &[&row, b"v", b"1"]).await;
    }
    assert_eq!(store.redeem_code(&redeem(1), &call(9)).await.unwrap(), Redemption::Won);
    assert_eq!(store.rotate_refresh(&rotate(2, 0), &call(10)).await.unwrap(), Rotation::Won);
}

/// Rows as the first version writes them: they are on servers, and every later version must read them.
#[tokio::test]
async fn golden_rows_of_the_first_schema() {
    let prefix = prefix();
    let mut operator = Operator::of(shared()).await;
    let key = |kind: &str, id: &[u8]| [format!("{prefix}{{t.t}}{kind}").as_bytes(), id].concat();
    operator.says::<()>(&format!("SET {prefix}schema 1")).await;
    operator.says::<()>(&format!("ZADD {prefix}tenants 0 t")).await;
    let mut chain = vec![1];
    chain.extend([0; 8]);
    chain.extend(bytes::<32>(2));
    chain.push(0);
    chain.extend(1_000_000_i64.to_be_bytes());
    chain.extend(1_000_000_i64.to_be_bytes());
    chain.extend([0, 0]);
    for (n, spent) in [(1_u32, false), (2, true)] {
        let (id, code) = (format!("grant-{n}"), bytes::<32>(n));
        let grant: [&[u8]; 22] = [
            b"v",
            b"1",
            b"u",
            b"alice",
            b"c",
            b"app",
            b"k",
            b"1000000",
            b"t",
            b"0",
            b"x",
            b"0",
            b"r",
            b"\x01\xff",
            b"m",
            if spent { b"2" } else { b"1" },
            b"o",
            &code,
            b"s",
            b"s",
            b"h",
            &bytes::<32>(2),
        ];
        let fields = if spent { &grant[..] } else { &grant[..20] };
        operator.with::<()>("HSET", &[&[key("g:", id.as_bytes()).as_slice()][..], fields].concat()).await;
        let mut row: Vec<&[u8]> =
            vec![b"v", b"1", b"g", id.as_bytes(), b"b", &[1; 32], b"e", b"100", b"i", &[8; 16]];
        if spent {
            row.extend([b"p".as_slice(), &[9; 16]]);
        }
        operator.with::<()>("HSET", &[&[key("c:", &code).as_slice()][..], &row].concat()).await;
        operator.with::<()>("ZADD", &[&key("u:", b"alice"), b"0", id.as_bytes()]).await;
        operator.with::<()>("ZADD", &[&key("s:", b"s"), b"0", id.as_bytes()]).await;
        operator.with::<()>("ZADD", &[&key("ends", b""), b"1000000", format!("g:{id}").as_bytes()]).await;
    }
    operator.with::<()>("HSET", &[&key("k:", b"app"), b"v", b"1", b"l", b"2", b"t", b"2", b"m", b"2"]).await;
    operator
        .with::<()>("HSET", &[&key("r:", &bytes::<32>(2)), b"v", b"1", b"g", b"grant-2", b"s", &chain])
        .await;
    operator
        .with::<()>(
            "HSET",
            &[
                &key("i:", &bytes::<32>(1)),
                b"v",
                b"1",
                b"n",
                b"3",
                b"e",
                b"50",
                b"b",
                &[1; 16],
                b"r",
                b"\x07",
            ],
        )
        .await;
    operator
        .with::<()>(
            "HSET",
            &[
                &key("l:", &bytes::<32>(1)),
                b"v",
                b"1",
                b"e",
                b"50",
                b"b",
                &[1; 16],
                b"x",
                b"0",
                b"r",
                b"\x08",
            ],
        )
        .await;
    operator
        .with::<()>(
            "HSET",
            &[
                &key("e:", &bytes::<16>(1)),
                b"v",
                b"1",
                b"n",
                b"1",
                b"k",
                b"code_issued",
                b"a",
                b"-5",
                b"r",
                b"\x09",
            ],
        )
        .await;
    operator.with::<()>("ZADD", &[&key("log", b""), b"1", &bytes::<16>(1)]).await;

    let store = connect(shared(), RedisOptions::default().with_prefix(&prefix)).await;
    let grant = store.grant(GrantKey::Id(&grant_id(1)), &call(0)).await.unwrap().unwrap();
    let mut due = issue(1).grant;
    due.record = vestibule_host::Record(vec![1, 255].into());
    assert_eq!(grant, due);
    let interaction = store.interaction(&issue(1).interaction.id, &call(0)).await.unwrap().unwrap();
    assert_eq!((interaction.revision.0, &interaction.record.0[..]), (3, &[7][..]));
    let launch = store.launch(&vestibule_host::LaunchHash::new(bytes(1)), &call(0)).await.unwrap();
    assert_eq!(&launch.unwrap().0[..], [8]);
    let event = store.lease_events(9, END, &call(0)).await.unwrap().remove(0);
    assert_eq!(
        (event.at, event.kind, &event.record.0[..]),
        (UnixMillis(-5), vestibule_host::EventKind::CodeIssued, &[9][..])
    );
    let by_chain = store.grant(GrantKey::Refresh(&RefreshHandle::new(bytes(2))), &call(0)).await.unwrap();
    assert_eq!(by_chain.map(|grant| grant.id), Some(grant_id(2)));
    assert_eq!(store.rotate_refresh(&rotate(2, 0), &call(1)).await.unwrap(), Rotation::Won);
    assert_eq!(store.redeem_code(&redeem(1), &call(2)).await.unwrap(), Redemption::Won);
    let replayed = Redemption::Replayed { grant: grant_id(2) };
    let mut again = redeem(2);
    again.refresh = None;
    assert_eq!(store.redeem_code(&again, &call(3)).await.unwrap(), replayed);
    let session = Revoke::new(Revocation::Session(SessionId::new("s")));
    assert_eq!(store.revoke(&session, &call(4)).await.unwrap(), Revoked::Done);
    assert_eq!(
        store.grant(GrantKey::Id(&grant_id(1)), &call(5)).await.unwrap().unwrap().status,
        GrantStatus::Revoked
    );
    while store.purge(END, 100).await.unwrap().more {}
    assert_eq!(store.grant(GrantKey::Id(&grant_id(1)), &call(6)).await.unwrap(), None);
}
