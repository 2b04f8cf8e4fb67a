//! The audit log: an event for each change, committed with it, under the name of the request that it came from.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use vestibule_core::explain::Endpoint;
use vestibule_host::{
    AuditEvent, AuditSink, ClientId, EventKind, GrantTypes, HostError, SessionId, Standing, UserId,
};

use crate::app::{CB, az};
use crate::around_the_token::{Signer, backend, post, text};
use crate::browser::Browser;
use crate::token_gaps::{refresh, with};
use crate::world::{E1, FHIR1, P1, World, config, open_visit};

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
