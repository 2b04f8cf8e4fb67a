//! What the suite of registrars does not ask: clients of a file, tenants, the operator's page.

use vestibule_host::registration::{ChangeError, CreateClient, Created, SpendToken, Updated};
use vestibule_host::{
    ClientAuthentication, ClientId, ClientRegistrar, ClientRegistry, ClientStatus, InitialTokenHash,
    RegisteredClient, Registration, RegistrationTokenHash, Revision, StaticClients, StoreFault, Tenant,
    UnixMillis,
};
use vestibule_postgres::{PostgresClients, PostgresStore};

use crate::place::Place;

const FILE: &str = r#"[{ "client_id": "fixed", "token_endpoint_auth_method": "none", "scope": "openid",
                         "redirect_uris": ["https://fixed.example/cb"] }]"#;

async fn store() -> PostgresStore {
    Place::new().store().await
}

fn clients(store: &PostgresStore, tenant: &str) -> PostgresClients {
    PostgresClients::new(store.clone(), Tenant::new(tenant), StaticClients::from_json(FILE).unwrap())
}

pub(crate) fn app(id: &str, number: u8) -> Registration {
    let scopes: vestibule_scope::ScopeSet = "openid".parse().unwrap();
    let id = ClientId::new(id);
    let mut client =
        RegisteredClient::new(id, ClientAuthentication::Public, "https://app.example/cb", scopes.clone());
    client.allowed_origins = vec!["https://app.example".to_owned()];
    client.status = ClientStatus::Pending;
    let token = RegistrationTokenHash::new([number; 32]);
    Registration::new(client, Default::default(), scopes, UnixMillis(i64::from(number / 2)), token)
}

async fn create(clients: &PostgresClients, id: &str, number: u8, spends: Option<u8>) -> Created {
    let spends =
        spends.map(|number| SpendToken { hash: InitialTokenHash::new([number; 32]), keep_until: None });
    clients.create(&CreateClient::new(app(id, number), spends, UnixMillis(1))).await.unwrap()
}

/// DCR-003
#[tokio::test]
async fn clients_of_a_file_stand_beside_and_are_never_replaced() {
    let clients = clients(&store().await, "t");
    assert_eq!(create(&clients, "fixed", 1, None).await, Created::IdTaken);
    assert_eq!(create(&clients, "app", 1, None).await, Created::Won);
    for id in ["fixed", "app"] {
        assert!(clients.client(&ClientId::new(id)).await.unwrap().is_some(), "{id}");
    }
    assert!(clients.is_known_origin("https://fixed.example").await.unwrap());
    assert!(!clients.is_known_origin("https://app.example").await.unwrap(), "it waits for approval");
    assert!(clients.registration_of(&ClientId::new("fixed")).await.unwrap().is_none());
    // A token of nobody's id, and one that another app has.
    assert_eq!(create(&clients, "twin", 1, None).await, Created::IdTaken);
}

#[tokio::test]
async fn tenants_share_nothing() {
    let store = store().await;
    let (here, there) = (clients(&store, "here"), clients(&store, "there"));
    assert_eq!(create(&here, "app", 1, Some(7)).await, Created::Won);
    assert!(there.client(&ClientId::new("app")).await.unwrap().is_none());
    assert!(there.registration(&RegistrationTokenHash::new([1; 32])).await.unwrap().is_none());
    assert_eq!(create(&there, "app", 1, Some(7)).await, Created::Won);
    assert_eq!(here.newest(None, 10).await.unwrap().len(), 1);
}

/// SMART-REG-014
#[tokio::test]
async fn an_operator_changes_what_was_looked_at() {
    let clients = clients(&store().await, "t");
    assert_eq!(create(&clients, "app", 1, None).await, Created::Won);
    let seen = clients.registration_of(&ClientId::new("app")).await.unwrap().unwrap();
    let enable = |client: &mut RegisteredClient| {
        client.status = ClientStatus::Enabled;
        client.id = ClientId::new("fixed");
    };
    assert_eq!(seen.changed(Revision(7), enable), Err(ChangeError::Stale));
    let wrong = seen.changed(seen.revision, |client| client.legacy_v1 = true);
    assert!(matches!(wrong, Err(ChangeError::Wrong(wrongs)) if wrongs[0].field == "vestibule.legacy_v1"));
    let change = seen.changed(seen.revision, enable).unwrap();
    assert_eq!(clients.update(&change).await.unwrap(), Updated::Won);
    assert_eq!(clients.update(&change).await.unwrap(), Updated::Stale, "it was changed since");
    let client = clients.client(&ClientId::new("app")).await.unwrap().unwrap();
    assert_eq!((client.status, client.version.clone()), (ClientStatus::Enabled, client.fingerprint()));
    assert!(clients.is_known_origin("https://app.example").await.unwrap());
}

#[tokio::test]
async fn the_newest_come_first_page_by_page() {
    let clients = clients(&store().await, "t");
    for number in 1..=7_u8 {
        assert_eq!(create(&clients, &format!("app-{number}"), number, None).await, Created::Won);
    }
    let mut seen: Vec<String> = Vec::new();
    let mut last: Option<Registration> = None;
    loop {
        let page = clients.newest(last.as_ref(), 3).await.unwrap();
        seen.extend(page.iter().map(|one| one.client.id.as_str().to_owned()));
        match page.last() {
            Some(one) => last = Some(one.clone()),
            None => break,
        }
    }
    assert_eq!(seen, ["app-7", "app-6", "app-5", "app-4", "app-3", "app-2", "app-1"]);
}

#[tokio::test]
async fn spent_tokens_have_a_bound_of_their_own() {
    let store = store().await;
    let clients = PostgresClients::with_limit(store, Tenant::new("t"), StaticClients::default(), 2);
    for number in 1..=2 {
        assert_eq!(create(&clients, "app", number, Some(number)).await, Created::Won);
        clients
            .delete(&vestibule_host::registration::DeleteClient::new(
                ClientId::new("app"),
                RegistrationTokenHash::new([number; 32]),
            ))
            .await
            .unwrap();
    }
    let op = |spends| CreateClient::new(app("app", 3), spends, UnixMillis(1));
    let third = Some(SpendToken { hash: InitialTokenHash::new([3; 32]), keep_until: None });
    assert!(matches!(clients.create(&op(third)).await, Err(StoreFault::Full)));
    assert_eq!(clients.create(&op(None)).await.unwrap(), Created::Won, "who spends nothing needs no room");
}
