//! What a `ClientRegistrar` must be beside what its trait says: clients of a file next to it, issuers apart, an operator's page.
//!
//! A registrar is also a registry: [`AsRegistry`] makes of its world one for the [suite of registries](super::registries).

use std::sync::Arc;

use async_trait::async_trait;
use vestibule_host::registration::{
    ChangeError, CreateClient, Created, DeleteClient, SpendToken, UpdateClient, Updated,
};
use vestibule_host::{
    ClientAuthentication, ClientId, ClientRegistrar, ClientRegistry, ClientStatus, InitialTokenHash,
    RegisteredClient, Registration, RegistrationTokenHash, Revision, StaticClients, StoreFault, Tenant,
    UnixMillis,
};

use super::registries::RegistryWorld;
use super::{Arranged, Broken, Verdict, hold, same, shape};

/// The world of one case: registrars of several issuers over one store, and their operators' page.
#[async_trait]
pub trait RegistrarWorld: Send + Sync {
    /// An issuer's registrar with these clients of a file beside it, and room for so many registrations and spent tokens.
    async fn open(&self, issuer: &Tenant, file: StaticClients, max: u32) -> Arc<dyn ClientRegistrar>;

    /// The newest registrations, those before `before`, as an operator's page shows them.
    ///
    /// # Errors
    /// A [`StoreFault`] when nobody knows.
    async fn newest(
        &self,
        issuer: &Tenant,
        before: Option<&Registration>,
        max: u16,
    ) -> Result<Vec<Registration>, StoreFault>;

    /// The registration of an app, as an operator looks at it.
    ///
    /// # Errors
    /// A [`StoreFault`] when nobody knows.
    async fn registration_of(
        &self,
        issuer: &Tenant,
        id: &ClientId,
    ) -> Result<Option<Registration>, StoreFault>;

    /// Takes the store away. `Never`: there is none.
    async fn cut(&self) -> Arranged;
}

type World<'a> = &'a dyn RegistrarWorld;

#[doc(hidden)]
#[macro_export]
macro_rules! __operator_cases {
    ($then:ident $($argument:tt)*) => {
        $crate::$then! { $($argument)*; operators:
            clients_of_a_file_stand_beside_and_are_never_replaced
            issuers_share_nothing
            an_operator_changes_what_was_looked_at
            the_newest_come_first_page_by_page
            spent_tokens_have_a_bound_of_their_own
        }
    };
}

crate::__operator_cases! { __generate_world_list dyn RegistrarWorld }

const ROOM: u32 = 10_000;

fn issuer() -> Tenant {
    Tenant::new("https://ehr.example")
}

fn file() -> Result<StaticClients, Broken> {
    let json = r#"[{ "client_id": "fixed", "token_endpoint_auth_method": "none", "scope": "openid",
                     "redirect_uris": ["https://fixed.example/cb"] }]"#;
    StaticClients::from_json(json).map_err(|error| Broken(format!("the suite's own file: {error}")))
}

/// An app that waits for approval.
fn registration(id: &str, number: u8) -> Result<Registration, Broken> {
    let scopes = "openid".parse().map_err(|error| Broken(format!("{error}")))?;
    let uri = "https://app.example/cb";
    let mut client = RegisteredClient::new(ClientId::new(id), ClientAuthentication::Public, uri, scopes);
    client.allowed_origins = vec!["https://app.example".to_owned()];
    client.status = ClientStatus::Pending;
    let (ceiling, token) = (client.scopes.clone(), RegistrationTokenHash::new([number; 32]));
    // Two of them at each moment.
    Ok(Registration::new(client, Default::default(), ceiling, UnixMillis(i64::from(number / 2)), token))
}

async fn create(
    clients: &Arc<dyn ClientRegistrar>,
    id: &str,
    number: u8,
    spends: Option<u8>,
) -> Result<Created, Broken> {
    let spends =
        spends.map(|number| SpendToken { hash: InitialTokenHash::new([number; 32]), keep_until: None });
    Ok(clients.create(&CreateClient::new(registration(id, number)?, spends, UnixMillis(1))).await?)
}

/// DCR-003: nobody registers as an app that the operator wrote down, or with another app's token.
pub async fn clients_of_a_file_stand_beside_and_are_never_replaced(world: World<'_>) -> Verdict {
    let clients = world.open(&issuer(), file()?, ROOM).await;
    same!(
        create(&clients, "fixed", 1, None).await?,
        Created::IdTaken,
        "a registration as a client of the file"
    );
    same!(create(&clients, "app", 1, None).await?, Created::Won, "a new registration");
    for id in ["fixed", "app"] {
        hold!(clients.client(&ClientId::new(id)).await?.is_some(), "the client {id:?} is unknown");
    }
    hold!(
        clients.fixed().iter().any(|app| app.id.as_str() == "fixed"),
        "`fixed` does not name the client of the file"
    );
    hold!(
        clients.is_known_origin("https://fixed.example").await?,
        "the origin of the file's client is not known"
    );
    hold!(!clients.is_known_origin("https://app.example").await?, "the origin of an app that waits is known");
    let found = world.registration_of(&issuer(), &ClientId::new("fixed")).await?;
    hold!(found.is_none(), "the client of the file passes for a registration");
    same!(create(&clients, "twin", 1, None).await?, Created::IdTaken, "a token that another app has");
    Ok(())
}

/// Neither apps, nor tokens, nor what was spent.
pub async fn issuers_share_nothing(world: World<'_>) -> Verdict {
    let elsewhere = Tenant::new("https://EHR.example");
    let here = world.open(&issuer(), StaticClients::default(), ROOM).await;
    let there = world.open(&elsewhere, StaticClients::default(), ROOM).await;
    same!(create(&here, "app", 1, Some(7)).await?, Created::Won, "a registration here");
    hold!(there.client(&ClientId::new("app")).await?.is_none(), "the app is known elsewhere");
    let token = RegistrationTokenHash::new([1; 32]);
    hold!(there.registration(&token).await?.is_none(), "its token opens something elsewhere");
    there.delete(&DeleteClient::new(ClientId::new("app"), token)).await?;
    hold!(here.client(&ClientId::new("app")).await?.is_some(), "another issuer removed the app");
    same!(create(&there, "app", 1, Some(7)).await?, Created::Won, "the same registration elsewhere");
    same!(world.newest(&issuer(), None, 10).await?.len(), 1, "the registrations here");
    Ok(())
}

/// SMART-REG-014: at a revision, by the rules, and never the id.
pub async fn an_operator_changes_what_was_looked_at(world: World<'_>) -> Verdict {
    let clients = world.open(&issuer(), file()?, ROOM).await;
    let app = ClientId::new("app");
    same!(create(&clients, "app", 1, None).await?, Created::Won, "a new registration");
    let Some(seen) = world.registration_of(&issuer(), &app).await? else {
        return Err(Broken("an operator does not find a registration".to_owned()));
    };
    let enable = |client: &mut RegisteredClient| {
        client.status = ClientStatus::Enabled;
        client.id = ClientId::new("fixed");
    };
    same!(seen.changed(Revision(7), enable).err(), Some(ChangeError::Stale), "a change of another revision");
    let wrong = seen.changed(seen.revision, |client| client.legacy_v1 = true);
    shape!(wrong, Err(ChangeError::Wrong(_)), "a change that breaks a rule");
    let change =
        seen.changed(seen.revision, enable).map_err(|error| Broken(format!("a good change: {error}")))?;
    same!(clients.update(&change).await?, Updated::Won, "the change");
    same!(clients.update(&change).await?, Updated::Stale, "the same change, after it was changed");
    let found = clients.client(&app).await?;
    same!(found.as_ref().map(|app| app.status), Some(ClientStatus::Enabled), "the app's status");
    hold!(found.is_some_and(|app| app.version == app.fingerprint()), "the version after a change");
    hold!(clients.is_known_origin("https://app.example").await?, "the origin of an app that was let in");
    Ok(())
}

/// Each once, whatever the length of a page, also where two came at one moment.
pub async fn the_newest_come_first_page_by_page(world: World<'_>) -> Verdict {
    let clients = world.open(&issuer(), file()?, ROOM).await;
    for number in 1..=7 {
        let created = create(&clients, &format!("app-{number}"), number, None).await?;
        same!(created, Created::Won, "registration {number}");
    }
    let due: Vec<_> = (1..=7).rev().map(|number| format!("app-{number}")).collect();
    for max in [1, 3, 50] {
        let (mut seen, mut last) = (Vec::new(), None::<Registration>);
        for _ in 0..20 {
            let page = world.newest(&issuer(), last.as_ref(), max).await?;
            hold!(page.len() <= usize::from(max), "a page of {} where {max} were asked for", page.len());
            let Some(one) = page.last() else { break };
            last = Some(one.clone());
            seen.extend(page.iter().map(|one| one.client.id.as_str().to_owned()));
        }
        same!(seen, due, "the registrations in pages of {max}");
    }
    Ok(())
}

/// Whoever registers and removes an app again and again does not fill the store; who spends no token needs no room for one.
pub async fn spent_tokens_have_a_bound_of_their_own(world: World<'_>) -> Verdict {
    let clients = world.open(&issuer(), StaticClients::default(), 2).await;
    for number in 1..=2 {
        same!(create(&clients, "app", number, Some(number)).await?, Created::Won, "registration {number}");
        let token = RegistrationTokenHash::new([number; 32]);
        clients.delete(&DeleteClient::new(ClientId::new("app"), token)).await?;
    }
    let spends = Some(SpendToken { hash: InitialTokenHash::new([3; 32]), keep_until: None });
    let op = CreateClient::new(registration("app", 3)?, spends, UnixMillis(1));
    shape!(
        clients.create(&op).await,
        Err(StoreFault::Full),
        "a third spent token where there is room for two"
    );
    same!(create(&clients, "app", 3, None).await?, Created::Won, "a registration that spends no token");
    Ok(())
}

/// A registrar as the registry that it is: the engine reads what an operator changes.
#[derive(Debug)]
pub struct AsRegistry<W>(pub W);

#[async_trait]
impl<W: RegistrarWorld> RegistryWorld for AsRegistry<W> {
    async fn open(&self, issuer: &Tenant, apps: Vec<RegisteredClient>) -> Arc<dyn ClientRegistry> {
        let registrar = self.0.open(issuer, StaticClients::default(), ROOM).await;
        for (number, app) in (0_u64..).zip(apps) {
            let mut token = [0; 32];
            token.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
            let (ceiling, token) = (app.scopes.clone(), RegistrationTokenHash::new(token));
            let kept = Registration::new(app, Default::default(), ceiling, UnixMillis(1), token);
            // What is not kept is missed by the case.
            let _ = registrar.create(&CreateClient::new(kept, None, UnixMillis(1))).await;
        }
        registrar
    }

    async fn replace(&self, issuer: &Tenant, app: RegisteredClient) -> Arranged {
        if let Ok(Some(mut kept)) = self.0.registration_of(issuer, &app.id).await {
            let before = kept.revision;
            kept.client = app;
            kept.revision = Revision(before.0.saturating_add(1));
            let registrar = self.0.open(issuer, StaticClients::default(), ROOM).await;
            let _ = registrar.update(&UpdateClient::new(before, kept)).await;
        }
        Arranged::Done
    }

    async fn remove(&self, issuer: &Tenant, id: &ClientId) -> Arranged {
        if let Ok(Some(kept)) = self.0.registration_of(issuer, id).await {
            let registrar = self.0.open(issuer, StaticClients::default(), ROOM).await;
            let _ = registrar.delete(&DeleteClient::new(id.clone(), kept.token)).await;
        }
        Arranged::Done
    }

    async fn cut(&self) -> Arranged {
        self.0.cut().await
    }
}
