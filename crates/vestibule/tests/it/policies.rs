//! Hooks with safe defaults: a policy over scopes, and one over discovery.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use vestibule::{AuthorizationServer, DiscoveryPolicy, Host, MoreToDiscover};
use vestibule_core::authorize::{Fate, Reason, Stage};
use vestibule_host::{HostError, ScopePolicy, ScopeQuestion};
use vestibule_scope::ScopeSet;

use crate::app::{CB, az, rf};
use crate::browser::{Answer, Browser};
use crate::world::{FHIR1, World, config};

/// Bob gets no conditions; a stranger to scopes would give everything.
#[derive(Debug)]
struct House;

/// Leaves what it was told to, or does not know.
#[derive(Debug, Default)]
struct Mood {
    left: Mutex<Option<&'static str>>,
    asked: Mutex<Vec<(bool, String)>>,
    away: AtomicBool,
}

#[async_trait]
impl ScopePolicy for Mood {
    async fn narrow(&self, question: &ScopeQuestion<'_>) -> Result<ScopeSet, HostError> {
        assert_eq!((question.user.as_str(), question.base), ("alice", FHIR1));
        self.asked.lock().unwrap().push((question.signed_in.is_some(), question.asked.to_string()));
        if self.away.load(Ordering::Relaxed) {
            return Err(HostError::new(std::io::Error::other("away")));
        }
        let left = *self.left.lock().unwrap();
        Ok(left.map_or_else(|| question.asked.clone(), |text| ScopeSet::parse(text).unwrap()))
    }
}

#[async_trait]
impl ScopePolicy for House {
    async fn narrow(&self, question: &ScopeQuestion<'_>) -> Result<ScopeSet, HostError> {
        assert_eq!((question.client.id.as_str(), question.base), ("pub", FHIR1));
        Ok(match question.user.as_str() {
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
    with_policy(Arc::new(House))
}

fn with_policy(policy: Arc<dyn ScopePolicy>) -> World {
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
        .with_scope_policy(policy)
        .with_observer(world.observed.clone())
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

/// SMART-SCOPE-110, SMART-REFRESH-013, SMART-REFRESH-022, GEN-017
#[tokio::test]
async fn a_scope_policy_is_asked_again_at_each_refresh() {
    let mood = Arc::new(Mood::default());
    let world = with_policy(mood.clone());
    let request = "launch/patient patient/Observation.rs patient/Condition.rs offline_access";
    let tokens = world.tokens_for("pub", &az("pub").scope(request)).await;
    let mut token = tokens["refresh_token"].as_str().unwrap().to_owned();
    let leave = |left| *mood.left.lock().unwrap() = left;
    // Less, for this token alone.
    leave(Some("launch/patient patient/Observation.r offline_access openid"));
    let less = rf("pub", &token).send(&world).await;
    assert_eq!(less.json()["scope"], "launch/patient patient/Observation.r offline_access", "{}", less.body);
    let told = world.observed.last();
    let fates: Vec<_> = told.scopes.iter().map(|line| (line.requested.as_str(), line.fate)).collect();
    let why = (Stage::User, Reason::NotForThisUser);
    assert!(fates.contains(&("patient/Condition.rs", Fate::Dropped(why.0, why.1))), "{fates:?}");
    assert!(fates.contains(&("patient/Observation.rs", Fate::Narrowed(why.0, why.1))), "{fates:?}");
    assert!(fates.contains(&("launch/patient", Fate::Granted)), "{fates:?}");
    token = less.json()["refresh_token"].as_str().unwrap().to_owned();
    // It was asked about the whole grant, without a user who is there.
    assert_eq!(mood.asked.lock().unwrap().last(), Some(&(false, request.to_owned())));
    // Everything that it might give is not more than was granted.
    leave(Some("launch/patient patient/*.cruds user/*.cruds openid offline_access"));
    let whole = rf("pub", &token).send(&world).await.json();
    assert_eq!(whole["scope"], tokens["scope"], "nothing was lost from the grant");
    token = whole["refresh_token"].as_str().unwrap().to_owned();
    // Nothing is left, or not the right to refresh: refused, and the grant lives.
    for left in ["", "offline_access", "launch/patient patient/*.rs"] {
        leave(Some(left));
        rf("pub", &token).send(&world).await.is_error(400, "invalid_grant");
    }
    // Nobody knows: 503, and nothing is spent.
    mood.away.store(true, Ordering::Relaxed);
    rf("pub", &token).send(&world).await.is_error(503, "temporarily_unavailable");
    mood.away.store(false, Ordering::Relaxed);
    leave(None);
    let again = rf("pub", &token).add("scope", "patient/Condition.r").send(&world).await;
    assert_eq!(again.json()["scope"], "patient/Condition.r", "{}", again.body);
    assert_eq!(world.grants_of("alice").await, 1);
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
