//! What a `ClientRegistry` must do.
//!
//! The cases work with a host's own registry through a [`RegistryWorld`]. There are no opt-outs: a world that says
//! [`Arranged::Never`] states a fact, and the suite holds the registry to what follows from it.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use vestibule_host::client::{ClientSecret, SecretHash};
use vestibule_host::{
    ClientAuthentication, ClientId, ClientRegistry, ClientStatus, RegisteredClient, Tenant,
};

use super::{Arranged, Broken, Verdict, hold, race, same};
use crate::drops::{at_every_wait, drop_after};

/// The world of one case: a host's registry, and the ways in which a host changes it.
#[async_trait]
pub trait RegistryWorld: Send + Sync {
    /// The registry of one issuer, with these apps in it. A case may open two issuers' over one store.
    async fn open(&self, issuer: &Tenant, apps: Vec<RegisteredClient>) -> Arc<dyn ClientRegistry>;

    /// Puts an app in the place of the one that has its id, the way an operator would. `Never`: the registry is read once and
    /// stays as it is; its apps are then [`fixed`](ClientRegistry::fixed).
    async fn replace(&self, issuer: &Tenant, app: RegisteredClient) -> Arranged;

    /// Removes an app, the way an operator would.
    async fn remove(&self, issuer: &Tenant, id: &ClientId) -> Arranged;

    /// Takes away what the registry asks, a database say. `Never`: it asks nobody.
    async fn cut(&self) -> Arranged;
}

/// A registry that is made of a list and stays as it is.
#[async_trait]
impl<F: Fn(Vec<RegisteredClient>) -> S + Send + Sync, S: ClientRegistry + 'static> RegistryWorld for F {
    async fn open(&self, _: &Tenant, apps: Vec<RegisteredClient>) -> Arc<dyn ClientRegistry> {
        Arc::new(self(apps))
    }

    async fn replace(&self, _: &Tenant, _: RegisteredClient) -> Arranged {
        Arranged::Never
    }

    async fn remove(&self, _: &Tenant, _: &ClientId) -> Arranged {
        Arranged::Never
    }

    async fn cut(&self) -> Arranged {
        Arranged::Never
    }
}

type World<'a> = &'a dyn RegistryWorld;

#[doc(hidden)]
#[macro_export]
macro_rules! __registry_cases {
    ($then:ident $($argument:tt)*) => {
        $crate::$then! { $($argument)*; registries:
            an_app_comes_back_as_it_was
            an_unknown_id_is_no_app
            ids_are_compared_byte_for_byte
            an_app_that_is_not_enabled_never_looks_enabled
            an_origin_is_known_if_an_enabled_app_has_it
            issuers_do_not_see_each_others_apps
            of_many_apps_each_is_found
            a_version_stays_while_nothing_changes
            a_change_is_seen_at_once
            a_removed_app_is_no_app
            a_reader_sees_the_old_app_or_the_new_one
            many_callers_get_what_they_asked_for
            a_caller_that_goes_away_harms_nobody
            what_nobody_knows_is_not_unknown
        }
    };
}

crate::__registry_cases! { __generate_world_list dyn RegistryWorld }

fn issuer() -> Tenant {
    Tenant::new("https://ehr.example")
}

/// An app that any registry takes: every rule for registered apps is kept.
fn app(id: &str) -> Result<RegisteredClient, Broken> {
    let scopes = "launch launch/patient patient/*.rs".parse().map_err(|error| Broken(format!("{error}")))?;
    let host: String = id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let origin = format!("https://{}.example", host.to_lowercase());
    let uri = format!("{origin}/cb");
    let mut app = RegisteredClient::new(ClientId::new(id), ClientAuthentication::Public, &uri, scopes);
    app.allowed_origins = vec![origin];
    app.version = app.fingerprint();
    Ok(app)
}

async fn found(registry: &Arc<dyn ClientRegistry>, id: &str) -> Result<Option<RegisteredClient>, Broken> {
    Ok(registry.client(&ClientId::new(id)).await?)
}

/// Down to the last field that a registration can have.
pub async fn an_app_comes_back_as_it_was(world: World<'_>) -> Verdict {
    let mut public = app("public")?;
    public.name = "Äpp & \"Co\"".to_owned();
    public.home_page = Some("https://public.example/".to_owned());
    public.redirect_uris.push("https://public.example/cb?two=%C3%A4&x=".to_owned());
    public.launch_uris = vec!["https://public.example/launch".to_owned()];
    public.strict_refresh = true;
    public.version = public.fingerprint();
    let mut secret = app("secret")?;
    let hash = SecretHash::of("a-test-secret-of-the-suite-of-registries")
        .ok_or_else(|| Broken("the suite's own secret is too short".to_owned()))?;
    secret.authentication = ClientAuthentication::SecretBasic(vec![ClientSecret::new(hash)]);
    secret.fhir_bases = vec!["https://ehr.example/fhir".to_owned()];
    secret.version = secret.fingerprint();
    let registry = world.open(&issuer(), vec![public.clone(), secret.clone()]).await;
    for due in [public, secret] {
        same!(registry.client(&due.id).await?, Some(due), "a registered app");
    }
    Ok(())
}

/// An unknown id is an answer, not a fault, whatever text came from the network.
pub async fn an_unknown_id_is_no_app(world: World<'_>) -> Verdict {
    let registry = world.open(&issuer(), vec![app("app")?]).await;
    let long = "a".repeat(1_024 * 1_024);
    for id in [
        "",
        "ap",
        "app2",
        "App",
        "APP",
        "app ",
        " app",
        "app\0",
        "app\n",
        "%61pp",
        "*",
        "app' OR '1'='1",
        "äpp",
        "\u{ff41}pp",
        "a\u{301}pp",
        long.as_str(),
    ] {
        let shown: String = id.chars().take(20).collect();
        match registry.client(&ClientId::new(id)).await {
            Ok(None) => {}
            Ok(Some(_)) => return Err(Broken(format!("{shown:?} passes for \"app\""))),
            Err(error) => return Err(Broken(format!("{shown:?} is unknown, and not a fault: {error:?}"))),
        }
    }
    hold!(found(&registry, "app").await?.is_some(), "the one registered app");
    Ok(())
}

/// A collation, a trim or a normalisation makes two apps one.
pub async fn ids_are_compared_byte_for_byte(world: World<'_>) -> Verdict {
    let ids = ["app", "App", "APP", "app.", "app%20", "app+", "a-p-p"];
    let apps: Vec<_> = ids.iter().map(|id| app(id)).collect::<Result<_, _>>()?;
    let registry = world.open(&issuer(), apps).await;
    for id in ids {
        same!(found(&registry, id).await?, Some(app(id)?), "the app {id:?}");
    }
    Ok(())
}

/// Disabled and pending apps are treated like unknown ones (CAUTH-011, SMART-REG-014): a registry may say so itself, or hand them
/// out as what they are.
pub async fn an_app_that_is_not_enabled_never_looks_enabled(world: World<'_>) -> Verdict {
    let mut apps = Vec::new();
    for (id, status) in [("waits", ClientStatus::Pending), ("out", ClientStatus::Disabled)] {
        let mut app = app(id)?;
        app.status = status;
        apps.push(app);
    }
    apps.push(app("in")?);
    let registry = world.open(&issuer(), apps).await;
    for id in ["waits", "out"] {
        let found = found(&registry, id).await?;
        hold!(found.is_none_or(|app| !app.is_enabled()), "the app {id:?} looks enabled");
        let origin = format!("https://{id}.example");
        hold!(!registry.is_known_origin(&origin).await?, "the origin of {id:?} is known");
    }
    hold!(found(&registry, "in").await?.is_some_and(|app| app.is_enabled()), "an enabled app");
    Ok(())
}

/// What a preflight can know (CORS-003): a whole origin of an enabled app, and nothing that resembles one.
pub async fn an_origin_is_known_if_an_enabled_app_has_it(world: World<'_>) -> Verdict {
    let mut two = app("two")?;
    two.allowed_origins = vec!["https://two.example:8443".to_owned(), "https://shared.example".to_owned()];
    let mut shared = app("shared")?;
    shared.status = ClientStatus::Disabled;
    let registry = world.open(&issuer(), vec![app("one")?, two, shared]).await;
    for origin in ["https://one.example", "https://two.example:8443", "https://shared.example"] {
        hold!(registry.is_known_origin(origin).await?, "{origin} is not known");
    }
    let long = format!("https://one.example{}", "x".repeat(100_000));
    for origin in [
        "",
        "null",
        "*",
        "https://one.example/",
        "http://one.example",
        "https://one.example:443",
        "https://one",
        "https://ONE.example",
        "https://one.example.evil.example",
        "https://two.example",
        "one.example",
        "https://one.example\0",
        "https://%",
        &long,
    ] {
        let shown: String = origin.chars().take(40).collect();
        hold!(!registry.is_known_origin(origin).await?, "{shown:?} passes for a registered origin");
    }
    Ok(())
}

/// An issuer's apps are its own. The same id may be another app elsewhere.
pub async fn issuers_do_not_see_each_others_apps(world: World<'_>) -> Verdict {
    let other = Tenant::new("https://EHR.example");
    let mut twin = app("app")?;
    twin.name = "Twin".to_owned();
    twin.allowed_origins = vec!["https://twin.example".to_owned()];
    twin.version = twin.fingerprint();
    let here = world.open(&issuer(), vec![app("app")?, app("here")?]).await;
    let there = world.open(&other, vec![twin.clone(), app("there")?]).await;
    same!(found(&here, "app").await?, Some(app("app")?), "the app of one issuer");
    same!(found(&there, "app").await?, Some(twin), "the app with the same id of the other");
    same!(found(&here, "there").await?, None, "the other issuer's app");
    same!(found(&there, "here").await?, None, "the first issuer's app");
    hold!(!here.is_known_origin("https://twin.example").await?, "the other issuer's origin is known");
    hold!(!there.is_known_origin("https://here.example").await?, "the first issuer's origin is known");
    Ok(())
}

/// Two hundred apps with names that begin alike.
pub async fn of_many_apps_each_is_found(world: World<'_>) -> Verdict {
    let ids: Vec<_> = (0..200).map(|n| format!("app-{}-{n}", "x".repeat(n))).collect();
    let apps: Vec<_> = ids
        .iter()
        .enumerate()
        .map(|(n, id)| {
            let mut app = app(&format!("app-{n}"))?;
            app.id = ClientId::new(id.as_str());
            app.name = format!("App {n}");
            app.version = app.fingerprint();
            Ok(app)
        })
        .collect::<Result<_, Broken>>()?;
    let registry = world.open(&issuer(), apps).await;
    for (n, id) in ids.iter().enumerate() {
        same!(
            found(&registry, id).await?.map(|app| app.name),
            Some(format!("App {n}")),
            "the app with the id {id}"
        );
        hold!(
            registry.is_known_origin(&format!("https://app-{n}.example")).await?,
            "origin {n} is not known"
        );
    }
    Ok(())
}

/// A consent speaks of a version: one that changes by itself asks everybody again, and an empty one means nothing.
pub async fn a_version_stays_while_nothing_changes(world: World<'_>) -> Verdict {
    let registry = world.open(&issuer(), vec![app("app")?, app("other")?]).await;
    let first = found(&registry, "app").await?.map(|app| app.version);
    hold!(first.as_ref().is_some_and(|version| !version.is_empty()), "an app without a version");
    for _ in 0..3 {
        same!(
            found(&registry, "app").await?.map(|app| app.version),
            first,
            "the version of what nobody changed"
        );
    }
    let other = found(&registry, "other").await?.map(|app| app.version);
    hold!(other != first, "two apps have one version");
    Ok(())
}

/// Whoever shuts an app out must not wait for a cache; whoever changed where answers go has a new version (INT-014).
pub async fn a_change_is_seen_at_once(world: World<'_>) -> Verdict {
    let before = app("app")?;
    let registry = world.open(&issuer(), vec![before.clone(), app("other")?]).await;
    same!(found(&registry, "app").await?, Some(before.clone()), "the app before the change");
    let mut after = before.clone();
    after.redirect_uris = vec!["https://new.example/cb".to_owned()];
    after.allowed_origins = vec!["https://new.example".to_owned()];
    after.version = after.fingerprint();
    if world.replace(&issuer(), after.clone()).await == Arranged::Never {
        let fixed = registry.fixed().iter().any(|app| app.id == before.id);
        hold!(fixed, "the world says that no app ever changes, and `fixed` does not name them");
        return Ok(());
    }
    let seen = found(&registry, "app").await?;
    hold!(seen.as_ref().is_some_and(|app| app.version != before.version), "the version after a change");
    let uris = seen.map(|app| app.redirect_uris);
    same!(uris, Some(after.redirect_uris.clone()), "the redirect URIs after a change");
    hold!(registry.is_known_origin("https://new.example").await?, "the new origin is not known");
    hold!(!registry.is_known_origin("https://app.example").await?, "the old origin is still known");
    let fixed = registry.fixed().iter().any(|app| app.id == before.id);
    hold!(!fixed, "`fixed` names an app that was changed");
    let mut out = after;
    out.status = ClientStatus::Disabled;
    same!(world.replace(&issuer(), out).await, Arranged::Done, "an app is shut out");
    hold!(
        found(&registry, "app").await?.is_none_or(|app| !app.is_enabled()),
        "an app that was shut out is in"
    );
    hold!(!registry.is_known_origin("https://new.example").await?, "the origin of an app that was shut out");
    same!(found(&registry, "other").await?, Some(app("other")?), "the app that nobody changed");
    Ok(())
}

/// And nobody else is removed.
pub async fn a_removed_app_is_no_app(world: World<'_>) -> Verdict {
    let registry = world.open(&issuer(), vec![app("app")?, app("other")?]).await;
    hold!(found(&registry, "app").await?.is_some(), "the app before it is removed");
    if world.remove(&issuer(), &ClientId::new("app")).await == Arranged::Never {
        hold!(!registry.fixed().is_empty(), "no app is ever removed, and `fixed` names none");
        return Ok(());
    }
    same!(found(&registry, "app").await?, None, "a removed app");
    hold!(!registry.is_known_origin("https://app.example").await?, "the origin of a removed app is known");
    same!(found(&registry, "other").await?, Some(app("other")?), "the other app");
    Ok(())
}

/// Never half of each: answers that go to the new address with the old app's secret are a hole.
pub async fn a_reader_sees_the_old_app_or_the_new_one(world: World<'_>) -> Verdict {
    let versions: Vec<_> = (0..12)
        .map(|n| {
            let mut app = app("app")?;
            app.name = format!("App {n}");
            app.redirect_uris = vec![format!("https://app-{n}.example/cb")];
            app.allowed_origins = vec![format!("https://app-{n}.example")];
            app.version = app.fingerprint();
            Ok(app)
        })
        .collect::<Result<_, Broken>>()?;
    let registry = world.open(&issuer(), versions.first().cloned().into_iter().collect()).await;
    let written = Cell::new(false);
    let mut writer = pin!(async {
        for next in versions.iter().cycle().skip(1).take(60) {
            if world.replace(&issuer(), next.clone()).await == Arranged::Never {
                break;
            }
            tokio::task::yield_now().await;
        }
        written.set(true);
    });
    let mut reader = pin!(async {
        while !written.get() {
            let Some(app) = found(&registry, "app").await? else {
                return Err(Broken("an app vanished while it was changed".to_owned()));
            };
            let known = |due: &RegisteredClient| {
                (&due.name, &due.redirect_uris, &due.allowed_origins, &due.version)
                    == (&app.name, &app.redirect_uris, &app.allowed_origins, &app.version)
            };
            hold!(versions.iter().any(known), "half an app: {app:?}");
            tokio::task::yield_now().await;
        }
        Ok(())
    });
    // Turn by turn, so that the one is looked at wherever the other waits.
    poll_fn(|cx| {
        if !written.get() {
            let _ = writer.as_mut().poll(cx);
        }
        reader.as_mut().poll(cx)
    })
    .await
}

/// At once, known and unknown ones.
pub async fn many_callers_get_what_they_asked_for(world: World<'_>) -> Verdict {
    let apps: Vec<_> = (0..8).map(|n| app(&format!("app-{n}"))).collect::<Result<_, _>>()?;
    let registry = world.open(&issuer(), apps).await;
    let answers = race(64, |index| {
        let (registry, id) = (Arc::clone(&registry), format!("app-{}", index % 9));
        async move { (index % 9, found(&registry, &id).await) }
    });
    for (n, answer) in answers.await? {
        let due = (n < 8).then(|| app(&format!("app-{n}"))).transpose()?;
        same!(answer?, due, "the app {n} of eight, asked for by many at once");
    }
    Ok(())
}

/// Dropped at each of its waits, a call leaves nothing behind that the next one would meet.
pub async fn a_caller_that_goes_away_harms_nobody(world: World<'_>) -> Verdict {
    let registry = world.open(&issuer(), vec![app("app")?, app("other")?]).await;
    let mut verdict = Ok(());
    at_every_wait(async |waits| {
        let id = ClientId::new("app");
        let finished = drop_after(waits, registry.client(&id)).await.is_some();
        let finished =
            drop_after(waits, registry.is_known_origin("https://app.example")).await.is_some() && finished;
        let next = async {
            same!(
                found(&registry, "other").await?,
                Some(app("other")?),
                "the call after one that was dropped"
            );
            same!(found(&registry, "app").await?, Some(app("app")?), "the same call again");
            Ok(())
        };
        verdict = next.await;
        finished || verdict.is_err()
    })
    .await;
    verdict
}

/// The engine answers 503, never `invalid_client` (A-FAULT-15): an outage must not look like a removed app.
pub async fn what_nobody_knows_is_not_unknown(world: World<'_>) -> Verdict {
    let registry = world.open(&issuer(), vec![app("app")?]).await;
    if world.cut().await == Arranged::Never {
        hold!(found(&registry, "app").await?.is_some(), "a registry that asks nobody has lost an app");
        return Ok(());
    }
    let known = registry.client(&ClientId::new("app")).await;
    hold!(!matches!(known, Ok(None)), "an app is unknown while nobody can know");
    hold!(registry.client(&ClientId::new("nobody")).await.is_err(), "an id that nobody can look up");
    if let Ok(known) = registry.is_known_origin("https://app.example").await {
        hold!(known, "an origin is unknown while nobody can know");
    }
    hold!(
        registry.is_known_origin("https://nobody.example").await.is_err(),
        "an origin that nobody can look up"
    );
    Ok(())
}
