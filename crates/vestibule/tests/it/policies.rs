//! Hooks with safe defaults: a policy over scopes, and one over discovery.

use std::sync::Arc;

use async_trait::async_trait;
use vestibule::{AuthorizationServer, DiscoveryPolicy, Host, MoreToDiscover};
use vestibule_host::{HostError, ScopePolicy, ScopeQuestion};
use vestibule_scope::ScopeSet;

use crate::app::{CB, az};
use crate::browser::{Answer, Browser};
use crate::world::{FHIR1, World, config};

/// Bob gets no conditions; a stranger to scopes would give everything.
#[derive(Debug)]
struct House;

#[async_trait]
impl ScopePolicy for House {
    async fn narrow(&self, question: &ScopeQuestion<'_>) -> Result<ScopeSet, HostError> {
        assert_eq!((question.client.id.as_str(), question.base), ("pub", FHIR1));
        Ok(match question.user.user.as_str() {
            "bob" => ScopeSet::parse("launch/patient patient/Observation.r patient/Encounter.rs").unwrap(),
            "nobody" => ScopeSet::new(),
            _ => ScopeSet::parse("launch/patient patient/*.cruds user/*.cruds system/*.cruds").unwrap(),
        })
    }
}

impl DiscoveryPolicy for House {
    fn more_for(&self, head: &http::request::Parts, base: &str) -> Option<MoreToDiscover> {
        assert!(base.starts_with("https://"));
        head.headers.get("authorization")?;
        Some(
            MoreToDiscover::new()
                .with_capability("x-for-partners")
                .with_capability("launch-ehr")
                .with_scope("__partner"),
        )
    }
}

fn world() -> World {
    let world = World::new();
    let host = Host {
        users: world.users.clone(),
        patients: world.patients.clone(),
        consents: world.consents.clone(),
        clients: world.clients.clone(),
        grants: world.spy.clone(),
        keys: world.keys.clone(),
    };
    let server = AuthorizationServer::builder(config(), host)
        .with_pages(Arc::new(vestibule_pages::HtmlPages::new()))
        .with_clock(Arc::new(world.clock.clone()))
        .with_scope_policy(Arc::new(House))
        .with_discovery_policy(Arc::new(House))
        .build()
        .unwrap();
    let mut world = world;
    world.door = world.door_to(&server);
    world.server = server;
    world
}

/// SMART-SCOPE-110
#[tokio::test]
async fn a_scope_policy_narrows_and_never_widens() {
    let world = world();
    let request = az("pub").scope("launch/patient patient/Observation.rs patient/Condition.rs");
    let mut bob = Browser::of(&world, "bob");
    assert_eq!(bob.begin(&request).await.ticked(), ["launch/patient", "patient/Observation.r"]);
    let mut alice = Browser::of(&world, "alice");
    alice.begin(&request).await;
    alice.pick(crate::world::P1).await;
    let asked = ["launch/patient", "patient/Condition.rs", "patient/Observation.rs"];
    assert_eq!(alice.page.ticked(), asked, "as asked, and no more");
    let mut nobody = Browser::of(&world, "nobody");
    nobody.begin(&az("pub").scope("user/Observation.rs")).await.is_refusal(CB, "invalid_scope");
}

/// IPA-003
#[tokio::test]
async fn discovery_may_say_more_to_whom_it_knows() {
    let world = world();
    let path = "/r4/.well-known/smart-configuration";
    let get = |authorized: bool| {
        let mut request = http::Request::get(path);
        if authorized {
            request = request.header("authorization", "Bearer x");
        }
        world.server.handle(request.body(bytes::Bytes::new()).unwrap())
    };
    let public = Answer::from(get(false).await);
    let known = Answer::from(get(true).await);
    assert_eq!(public.header("cache-control"), "public, max-age=300");
    assert_eq!(known.header("cache-control"), "private, no-store");
    let list = |answer: &Answer, name: &str| answer.json()[name].as_array().unwrap().clone();
    let (before, after) = (list(&public, "capabilities"), list(&known, "capabilities"));
    assert!(before.iter().all(|one| after.contains(one)), "it only adds");
    assert_eq!(after.len(), before.len() + 1, "nothing twice: {after:?}");
    assert!(list(&known, "scopes_supported").iter().any(|one| one == "__partner"));
    assert!(!public.body.contains("partner"));
}
