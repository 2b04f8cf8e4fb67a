//! How often a call waits for the database.

use vestibule_host::registration::{CreateClient, Created, DeleteClient, UpdateClient, Updated};
use vestibule_host::{
    AccessKey, ClientRegistrar, ClientRegistry, ConsentAsked, ConsentRecord, ConsentStore, GrantKey,
    GrantStore, IssueToken, KeyDocument, KeyStore, Redemption, Revision, Revocation, Revoke, Revoked,
    Rotation, StaticClients, Tenant, TokenId, TokenIssuance, UnixMillis, UserId,
};
use vestibule_postgres::PostgresClients;

use crate::ops::{
    access, advance, call, claim, counted, event, grant_id, handle, issue, launch, redeem, rotate,
};
use crate::place::{Place, server};
use crate::proxy::Proxy;
use crate::registrations::app;

/// Each verb and each read is one round trip, whatever goes with it; redeeming and refreshing are two with their read.
#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_one_round_trip() {
    let proxy = Proxy::to(server().port()).await;
    let place = Place::new();
    let direct = place.store().await;
    let store = place.behind(proxy.port).store_with(place.options().with_connections(1)).await;
    store.ping().await.unwrap();
    proxy.trips();
    let mut counted_calls = Vec::new();
    macro_rules! trips {
        ($name:literal, $call:expr) => {{
            let end = $call.await.unwrap();
            counted_calls.push(($name, proxy.trips()));
            end
        }};
    }
    trips!("ping", store.ping());
    trips!("put_launch", store.put_launch(&launch(1), &call(1)));
    trips!("launch", store.launch(&launch(1).hash, &call(1)));
    let _ = trips!("advance_interaction", store.advance_interaction(&advance(50), &call(2)));
    let _ = trips!("advance_interaction, counted", store.advance_interaction(&counted(51), &call(3)));
    trips!("interaction", store.interaction(&advance(50).id, &call(2)));
    let mut op = issue(1);
    op.launch = Some(launch(1).hash);
    op.event = event(101);
    let _ = trips!("issue_code", store.issue_code(&op, &call(4)));
    trips!("grant by code", store.grant(GrantKey::Code(&redeem(1).code), &call(5)));
    let won = trips!("redeem_code", store.redeem_code(&redeem(1), &call(5)));
    assert_eq!(won, Redemption::Won);
    trips!("grant by refresh token", store.grant(GrantKey::Refresh(&handle(1)), &call(6)));
    let op = rotate(1, 0).with_access(access(2)).with_claim(claim(2));
    assert_eq!(trips!("rotate_refresh", store.rotate_refresh(&op, &call(6))), Rotation::Won);
    let op = IssueToken::new().with_access(access(3)).with_claim(claim(3)).with_event(event(3));
    assert_eq!(trips!("issue_token", store.issue_token(&op, &call(7))), TokenIssuance::Won);
    trips!("access, opaque", store.access(AccessKey::Opaque(&access(1).unwrap().hash), &call(8)));
    let jwt = AccessKey::Jwt { id: &TokenId::new("jti"), grant: Some(&grant_id(1)) };
    trips!("access, JWT", store.access(jwt, &call(8)));
    trips!("grants_of", store.grants_of(&UserId::new("alice"), None, 10, &call(8)));
    let replayed = trips!(
        "redeem_code, replayed",
        store.redeem_code(
            &{
                let mut again = redeem(1);
                again.claim = None;
                again
            },
            &call(9)
        )
    );
    assert_eq!(replayed, Redemption::Replayed { grant: grant_id(1) });
    let user = Revocation::User(UserId::new("alice"));
    let done = trips!("revoke", store.revoke(&Revoke::new(user).with_claim(claim(4)), &call(10)));
    assert_eq!(done, Revoked::Done);
    let leased = trips!("lease_events", store.lease_events(10, UnixMillis(10), &call(11)));
    let ids: Vec<_> = leased.iter().map(|event| event.id).collect();
    trips!("ack_events", store.ack_events(&ids, &call(12)));
    let (tenant, document) = (Tenant::new("t"), KeyDocument::new(vec![1]));
    let _ = trips!("save keys", store.save(&tenant, None, &document));
    trips!("load keys", store.load(&tenant));
    let (user, client) = (UserId::new("alice"), vestibule_host::ClientId::new("app"));
    let asked = ConsentAsked { user: &user, client: &client, base: "b", patient: None };
    let answer = ConsentRecord::new(&asked, vec![], vec![], "en", UnixMillis(0));
    let id = trips!("record consent", store.record(&tenant, &answer));
    trips!("remembered consent", store.remembered(&tenant, &asked));
    assert!(trips!("given consent", store.given(&tenant, &id)));
    assert_eq!(trips!("consents of a user", store.list_for_user(&tenant, &user)).len(), 1);
    trips!("withdraw consent", store.withdraw(&tenant, &id));
    trips!("revision of the keys", store.revision(&tenant));

    let clients = PostgresClients::new(store.clone(), tenant.clone(), StaticClients::default());
    let mut kept = app("registered", 1);
    let create = CreateClient::new(kept.clone(), None, UnixMillis(0));
    assert_eq!(trips!("create registration", clients.create(&create)), Created::Won);
    trips!("registration", clients.registration(&kept.token));
    trips!("client", clients.client(&kept.client.id));
    trips!("known origin", clients.is_known_origin("https://app.example"));
    trips!("newest registrations", clients.newest(None, 10));
    let before = kept.revision;
    kept.revision = Revision(before.0 + 1);
    let update = UpdateClient::new(before, kept.clone());
    assert_eq!(trips!("update registration", clients.update(&update)), Updated::Won);
    trips!("delete registration", clients.delete(&DeleteClient::new(kept.client.id.clone(), kept.token)));

    let wrong: Vec<_> = counted_calls.iter().filter(|(_, trips)| *trips != 1).collect();
    assert!(wrong.is_empty(), "not one round trip: {wrong:?}");
    assert_eq!(counted_calls.len(), 34);
    // Each table in turn: housekeeping is in no hurry.
    store.purge(UnixMillis(0), 10).await.unwrap();
    assert_eq!(proxy.trips(), 7, "a purge");
    drop(direct);
}
