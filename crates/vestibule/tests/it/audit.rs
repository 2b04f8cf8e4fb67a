//! The audit log: an event for each change, committed with it, under the name of the request that it came from.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use http::Method;
use serde_json::json;
use vestibule_core::explain::Endpoint;
use vestibule_host::audit::fhir;
use vestibule_host::registration::Updated;
use vestibule_host::{
    AuditEvent, AuditSink, ClientId, ClientStatus, EventKind, GrantTypes, HostError, SessionId, Standing,
    StoreFault, UserId,
};
use vestibule_http_tests::registering::{ONCE, TRUSTED, by_token, metadata};

use crate::app::{CB, az};
use crate::around_the_token::{Signer, backend, post, text};
use crate::browser::Browser;
use crate::token_gaps::{refresh, with};
use crate::world::{E1, FHIR1, P1, World, config, open_visit, poll_some};

/// Keeps what it is told, unless it is away.
#[derive(Debug, Default)]
struct Sink {
    told: Mutex<Vec<AuditEvent>>,
    away: Mutex<bool>,
}

impl Sink {
    fn told(&self) -> Vec<AuditEvent> {
        self.told.lock().unwrap().clone()
    }
}

#[async_trait]
impl AuditSink for Sink {
    async fn record(&self, events: &[AuditEvent]) -> Result<(), HostError> {
        if *self.away.lock().unwrap() {
            return Err(HostError::new(std::io::Error::other("away")));
        }
        self.told.lock().unwrap().extend_from_slice(events);
        Ok(())
    }
}

fn audited() -> (World, Arc<Sink>) {
    let sink = Arc::new(Sink::default());
    let before = World::new();
    let observed = before.observed.clone();
    let world =
        with(&before, config(), |builder| builder.with_audit_sink(sink.clone()).with_observer(observed));
    (world, sink)
}

/// Everything that was committed is delivered.
async fn deliver(world: &World) {
    for _ in 0..3 {
        world.advance(61);
        world.server.tick().await.unwrap();
    }
}

/// Where the request that an event names was answered.
#[track_caller]
fn came_from(world: &World, event: &AuditEvent) -> Endpoint {
    let name = event.details.correlation.as_ref().expect("a request");
    let told: Vec<_> = world.observed.all().into_iter().filter(|one| one.correlation == *name).collect();
    assert_eq!(told.len(), 1, "one request, one explanation: {event:?}");
    told[0].endpoint
}

/// LOG-003: each change once, in the same commit; a sink that is away delays events and nothing else.
#[tokio::test]
async fn each_change_is_told_once_to_the_audit_log() {
    let (world, sink) = audited();
    *sink.away.lock().unwrap() = true;
    let tokens = world.tokens_for("pub", &az("pub")).await;
    let _ = world.server.tick().await;
    assert_eq!(sink.told(), []);
    *sink.away.lock().unwrap() = false;
    let next = refresh(&world, "pub", text(&tokens, "refresh_token")).await.json();
    refresh(&world, "pub", "vr_nobodys").await.is_error(400, "invalid_grant");
    let own = [("token", text(&next, "refresh_token")), ("client_id", "pub")];
    assert_eq!(post(&world, "/auth/revoke", &own, None).await.status, 200);
    deliver(&world).await;
    let mut told = sink.told();
    told.sort_by_key(|event| EventKind::ALL.iter().position(|one| *one == event.kind));
    let kinds: Vec<EventKind> = told.iter().map(|event| event.kind).collect();
    let expected = [EventKind::CodeIssued, EventKind::CodeRedeemed, EventKind::Refreshed, EventKind::Revoked];
    assert_eq!(kinds, expected);
    for event in &told {
        assert_eq!(event.details.client.as_ref().unwrap().as_str(), "pub", "{event:?}");
        assert_eq!(event.details.user.as_ref().unwrap().as_str(), "alice");
        assert_eq!(event.details.patient.as_ref().unwrap().as_str(), P1);
    }
    let from: Vec<Endpoint> = told.iter().map(|event| came_from(&world, event)).collect();
    assert_eq!(from, [Endpoint::Interaction, Endpoint::Token, Endpoint::Token, Endpoint::Revocation]);
}

/// LOG-003
#[tokio::test]
async fn a_launch_is_told_with_whose_record_it_opens() {
    let (world, sink) = audited();
    let session = SessionId::new("session-of-dr");
    let (user, client) = (UserId::new("dr"), ClientId::new("pub"));
    let context = open_visit(P1, E1);
    world.server.create_launch(&user, Some(&session), &client, None, FHIR1, context).await.unwrap();
    deliver(&world).await;
    let [event] = <[AuditEvent; 1]>::try_from(sink.told()).unwrap();
    assert_eq!(event.kind, EventKind::LaunchMade);
    let details = event.details;
    assert_eq!((details.user, details.client, details.session), (Some(user), Some(client), Some(session)));
    assert_eq!(details.patient.unwrap().as_str(), P1);
    assert_eq!(details.encounter.unwrap().as_str(), E1);
    assert_eq!(details.base.as_deref(), Some(FHIR1));
    // The host asked for it, not a request of ours.
    assert_eq!((details.grant, details.correlation), (None, None));
}

/// LOG-003
#[tokio::test]
async fn an_interaction_without_a_code_is_told_with_its_reason() {
    let (world, sink) = audited();
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&az("pub")).await;
    browser.pick(P1).await;
    browser.deny().await.is_refusal(CB, "access_denied");
    // What never was anybody's leaves no event: junk writes nothing.
    browser.authorize(&az("pub").set("aud", "https://evil.test")).await;
    browser.authorize(&az("pub").add("prompt", "none")).await;
    deliver(&world).await;
    let [event] = <[AuditEvent; 1]>::try_from(sink.told()).unwrap();
    assert_eq!(event.kind, EventKind::Refused);
    let details = &event.details;
    assert_eq!(details.reason.as_deref(), Some("access_denied: the user did not allow access"));
    assert_eq!(details.client.as_ref().unwrap().as_str(), "pub");
    assert_eq!(details.user.as_ref().unwrap().as_str(), "alice");
    assert_eq!(details.patient.as_ref().unwrap().as_str(), P1);
    assert_eq!((details.grant.as_ref(), details.scopes.len()), (None, 0));
    assert_eq!(came_from(&world, &event), Endpoint::Interaction);
}

/// LOG-003, RT-010
#[tokio::test]
async fn a_grant_that_a_refresh_ends_is_told_with_its_reason() {
    let (world, sink) = audited();
    let tokens = world.tokens_for("pub", &az("pub")).await;
    world.users.set_standing("alice", Standing::SignInAgain);
    refresh(&world, "pub", text(&tokens, "refresh_token")).await.is_error(400, "invalid_grant");
    world.users.set_standing("alice", Standing::NotAllowed);
    refresh(&world, "pub", text(&tokens, "refresh_token")).await.is_error(400, "invalid_grant");
    deliver(&world).await;
    let ended: Vec<_> = sink.told().into_iter().filter(|event| event.kind == EventKind::Revoked).collect();
    let [event] = <[AuditEvent; 1]>::try_from(ended).unwrap();
    assert_eq!(event.details.reason.as_deref(), Some("NotAllowed"), "and only this one ended it");
    assert_eq!(came_from(&world, &event), Endpoint::Token);
}

/// LOG-003
#[tokio::test]
async fn a_backend_token_is_told_without_a_user() {
    let (world, sink) = audited();
    let signer = Signer::of(&world, GrantTypes::BACKEND);
    let assertion = signer.assertion(&world, "b1").await;
    assert_eq!(backend(&world, &assertion, "system/Observation.rs").await.status, 200);
    deliver(&world).await;
    let [event] = <[AuditEvent; 1]>::try_from(sink.told()).unwrap();
    assert_eq!((event.kind, came_from(&world, &event)), (EventKind::TokenIssued, Endpoint::Token));
    assert_eq!((event.details.user, event.details.scopes), (None, vec!["system/Observation.rs".to_owned()]));
}

fn registering() -> (World, Arc<Sink>) {
    let (before, sink) = (World::new(), Arc::new(Sink::default()));
    let world = before.rebuilt(|server| {
        let policy = Arc::new(by_token());
        server.with_registration(before.clients.clone(), policy).with_audit_sink(sink.clone())
    });
    (world, sink)
}

fn kinds(told: &[AuditEvent]) -> Vec<(EventKind, Option<&str>)> {
    told.iter().map(|event| (event.kind, event.details.reason.as_deref())).collect()
}

/// LOG-003, SMART-REG-014
#[tokio::test]
async fn a_registration_is_told_from_its_beginning_to_its_end() {
    let (world, sink) = registering();
    let app = world.registered(Some(ONCE), json!({})).await;
    let seen = world.clients.registration_of(&app.id);
    let staff = UserId::new("kim");
    let enable = |registration: &vestibule_host::Registration| {
        registration.changed(registration.revision, |client| client.status = ClientStatus::Enabled).unwrap()
    };
    let let_in = enable(&seen);
    assert_eq!(world.server.review_registration(&let_in, &staff).await.unwrap(), Updated::Won);
    assert_eq!(world.server.review_registration(&let_in, &staff).await.unwrap(), Updated::Stale);
    let uris = json!(["https://app.example/cb", "https://elsewhere.example/cb"]);
    assert_eq!(world.changes(&app, json!({ "redirect_uris": uris })).await.status, 200);
    let removed = world.manages(Method::DELETE, &app.path, Some(&app.token), None).await;
    assert_eq!(removed.status, 204);
    // Before the app was answered, each: no tick came in between.
    let told = sink.told();
    assert_eq!(
        kinds(&told),
        [
            (EventKind::ClientRegistered, Some("pending")),
            (EventKind::ClientReviewed, Some("enabled")),
            (EventKind::ClientChanged, Some("pending")),
            (EventKind::ClientRemoved, None),
        ]
    );
    for event in &told {
        let details = &event.details;
        assert_eq!(details.client.as_ref().unwrap().as_str(), app.id);
        let by_staff = event.kind == EventKind::ClientReviewed;
        assert_eq!(details.user, by_staff.then(|| staff.clone()));
        assert!(details.scopes.contains(&"patient/*.rs".to_owned()) && details.patient.is_none());
        match by_staff {
            true => assert_eq!(details.correlation, None, "no request of ours"),
            false => assert_eq!(came_from(&world, event), Endpoint::Registration),
        }
        let resource = fhir::audit_event(event, "https://as.example");
        assert_eq!(resource["subtype"][0]["code"], "110136");
        assert_eq!(resource["entity"][0]["what"]["identifier"]["value"], app.id);
    }
    // What the store was told beside it, and nothing twice.
    deliver(&world).await;
    assert_eq!(sink.told().len(), 4, "the app had nothing yet that could end");
}

/// LOG-003: what was not done is not told, and what nobody knows is told as that.
#[tokio::test]
async fn only_what_became_of_a_registration_is_told() {
    let (world, sink) = registering();
    let app = world.registered(Some(TRUSTED), json!({})).await;
    world.changes(&app, json!({ "client_id": "pub" })).await.is_error(400, "invalid_client_metadata");
    world.register(Some("nobodys"), &metadata(json!({}))).await.is_error(401, "invalid_token");
    let contacts = json!({ "contacts": ["help@app.example"] });
    for part in ["registrar.create", "registrar.update"] {
        world.script.away(part, true);
    }
    world.register(Some(TRUSTED), &metadata(json!({}))).await.is_error(503, "temporarily_unavailable");
    world.changes(&app, contacts.clone()).await.is_error(503, "temporarily_unavailable");
    let removal = world.manages(Method::DELETE, &app.path, Some(&app.token), None).await;
    removal.is_error(503, "temporarily_unavailable");
    for part in ["registrar.create", "registrar.update"] {
        world.script.away(part, false);
    }
    deliver(&world).await;
    assert_eq!(kinds(&sink.told()), [(EventKind::ClientRegistered, Some("enabled"))]);

    // Disabled already, and then the store is away.
    world.script.away("grants.revoke", true);
    let removal = world.manages(Method::DELETE, &app.path, Some(&app.token), None).await;
    removal.is_error(503, "temporarily_unavailable");
    world.script.away("grants.revoke", false);
    // A request that is given up in the middle of the commit.
    let held = world.script.hold("registrar.create");
    let body = metadata(json!({}));
    assert!(poll_some(world.register(Some(TRUSTED), &body), 3).is_none());
    drop(held);
    deliver(&world).await;
    let told = sink.told();
    assert_eq!(
        kinds(&told[1..]),
        [
            (EventKind::ClientRemoved, Some("outcome_unknown")),
            (EventKind::ClientRegistered, Some("outcome_unknown")),
        ]
    );
}

/// LOG-003: a sink that is away delays what is told of registrations; only when too much waits, nothing new is registered.
#[tokio::test]
async fn registrations_wait_for_the_audit_log() {
    let (world, sink) = registering();
    let app = world.registered(Some(TRUSTED), json!({})).await;
    let (registration, staff) = (world.clients.registration_of(&app.id), UserId::new("kim"));
    *sink.away.lock().unwrap() = true;
    let change = |revision| {
        let mut current = registration.clone();
        current.revision = revision;
        current.changed(revision, |client| client.name = "Other".to_owned()).unwrap()
    };
    for number in 0..1_000 {
        let outcome =
            world.server.review_registration(&change(vestibule_host::Revision(number)), &staff).await;
        assert_eq!(outcome.unwrap(), Updated::Won);
    }
    let full = world.server.review_registration(&change(vestibule_host::Revision(1_000)), &staff).await;
    assert!(matches!(full, Err(StoreFault::Full)), "{full:?}");
    world.register(Some(TRUSTED), &metadata(json!({}))).await.is_error(503, "temporarily_unavailable");
    assert_eq!(world.clients.registered.list().len(), 1, "and nothing was kept");
    assert_eq!(sink.told().len(), 1);
    *sink.away.lock().unwrap() = false;
    for _ in 0..10 {
        let next = world.server.tick().await.unwrap();
        assert!(
            next < std::time::Duration::from_secs(1) || sink.told().len() == 1_001,
            "it comes back for the rest"
        );
    }
    assert_eq!(sink.told().len(), 1_001);
    world.registered(Some(TRUSTED), json!({})).await;
}
