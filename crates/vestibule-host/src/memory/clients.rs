//! Registrations in memory.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::table::Table;
use crate::registration::{
    ChangeError, CreateClient, Created, DeleteClient, SpendToken, UpdateClient, Updated,
};
use crate::{
    ClientId, ClientRegistrar, ClientRegistry, HostError, InitialTokenHash, RegisteredClient, Registration,
    RegistrationTokenHash, Revision, StaticClients, StoreFault, UnixMillis,
};

/// A [`ClientRegistrar`] in memory: registrations end with the process. Beside them stand the clients of a file.
///
/// ```
/// use vestibule_host::{ClientStatus, MemoryClients, StaticClients};
///
/// let clients = MemoryClients::new(StaticClients::from_json("[]")?);
/// // Later, on a page for operators: look at each, then let it in.
/// for registration in clients.list() {
///     for hazard in registration.client.hazards() {
///         println!("{hazard}");
///     }
///     clients.change(&registration.client.id, registration.revision, |client| {
///         client.status = ClientStatus::Enabled;
///     })?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MemoryClients {
    fixed: StaticClients,
    max: usize,
    rows: Mutex<Rows>,
}

#[derive(Debug, Default)]
struct Rows {
    by_id: HashMap<ClientId, Registration>,
    by_token: HashMap<RegistrationTokenHash, ClientId>,
    /// How many enabled apps call from an origin.
    origins: HashMap<String, usize>,
    /// Spent initial access tokens that end, and those that do not.
    spent: Table<InitialTokenHash, ()>,
    spent_forever: HashSet<InitialTokenHash>,
}

impl MemoryClients {
    /// No registrations yet, and room for 10 000.
    pub fn new(fixed: StaticClients) -> Self {
        Self::with_limit(fixed, 10_000)
    }

    /// No registrations yet, and room for `max` of them and for as many spent tokens. One more is [`StoreFault::Full`].
    pub fn with_limit(fixed: StaticClients, max: usize) -> Self {
        Self { fixed, max, rows: Mutex::default() }
    }

    /// Every registration, the oldest first: for an operator's page.
    pub fn list(&self) -> Vec<Registration> {
        let mut list: Vec<_> = self.rows().by_id.values().cloned().collect();
        list.sort_by(|a, b| (a.issued_at, &a.client.id).cmp(&(b.issued_at, &b.client.id)));
        list
    }

    /// An operator's change to what was looked at: enable it, disable it, grant it a privilege.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing is changed then.
    pub fn change(
        &self,
        id: &ClientId,
        looked_at: Revision,
        change: impl FnOnce(&mut RegisteredClient),
    ) -> Result<(), ChangeError> {
        let mut rows = self.rows();
        let registration = rows.by_id.get(id).ok_or(ChangeError::Gone)?;
        let changed = registration.changed(looked_at, change)?;
        rows.put(changed.registration);
        Ok(())
    }

    /// Poison is ignored, since no critical section can panic halfway.
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn put(&mut self, registration: Registration) {
        let id = registration.client.id.clone();
        self.remove(&id);
        for origin in origins(&registration.client) {
            *self.origins.entry(origin.clone()).or_default() += 1;
        }
        self.by_token.insert(registration.token, id.clone());
        self.by_id.insert(id, registration);
    }

    fn remove(&mut self, id: &ClientId) {
        let Some(registration) = self.by_id.remove(id) else { return };
        self.by_token.remove(&registration.token);
        for origin in origins(&registration.client) {
            if let Some(count) = self.origins.get_mut(origin) {
                *count -= 1;
                if *count == 0 {
                    self.origins.remove(origin);
                }
            }
        }
    }

    fn is_spent(&self, token: &SpendToken, now: UnixMillis) -> bool {
        self.spent.live(&token.hash, now).is_some() || self.spent_forever.contains(&token.hash)
    }
}

/// Only an enabled app's origins are known ones (CORS-003).
fn origins(client: &RegisteredClient) -> impl Iterator<Item = &String> {
    client.allowed_origins.iter().filter(|_| client.is_enabled())
}

#[async_trait]
impl ClientRegistry for MemoryClients {
    async fn client(&self, id: &ClientId) -> Result<Option<RegisteredClient>, HostError> {
        if let Some(client) = self.fixed.client(id).await? {
            return Ok(Some(client));
        }
        Ok(self.rows().by_id.get(id).map(|registration| registration.client.clone()))
    }

    async fn is_known_origin(&self, origin: &str) -> Result<bool, HostError> {
        Ok(self.fixed.is_known_origin(origin).await? || self.rows().origins.contains_key(origin))
    }

    fn fixed(&self) -> &[RegisteredClient] {
        self.fixed.fixed()
    }
}

#[async_trait]
impl ClientRegistrar for MemoryClients {
    async fn registration(&self, token: &RegistrationTokenHash) -> Result<Option<Registration>, StoreFault> {
        let rows = self.rows();
        Ok(rows.by_token.get(token).and_then(|id| rows.by_id.get(id)).cloned())
    }

    async fn create(&self, op: &CreateClient) -> Result<Created, StoreFault> {
        let registration = &op.registration;
        let id = &registration.client.id;
        let fixed = self.fixed.client(id).await.map_err(StoreFault::not_applied)?;
        let mut rows = self.rows();
        while rows.spent.pop_over(op.now).is_some() {}
        if op.spends.is_some_and(|token| rows.is_spent(&token, op.now)) {
            return Ok(Created::TokenSpent);
        }
        if fixed.is_some() || rows.by_id.contains_key(id) || rows.by_token.contains_key(&registration.token) {
            return Ok(Created::IdTaken);
        }
        let spent = rows.spent.len().saturating_add(rows.spent_forever.len());
        if rows.by_id.len() >= self.max || op.spends.is_some() && spent >= self.max {
            return Err(StoreFault::Full);
        }
        match op.spends {
            None => {}
            Some(SpendToken { hash, keep_until: Some(end) }) => {
                rows.spent.put(hash, end, ());
            }
            Some(SpendToken { hash, keep_until: None }) => {
                rows.spent_forever.insert(hash);
            }
        }
        rows.put(registration.clone());
        Ok(Created::Won)
    }

    async fn update(&self, op: &UpdateClient) -> Result<Updated, StoreFault> {
        let mut rows = self.rows();
        let stored = rows.by_id.get(&op.registration.client.id);
        let Some(stored) = stored.filter(|stored| stored.token == op.registration.token) else {
            return Ok(Updated::Gone);
        };
        if stored.revision != op.expected {
            return Ok(Updated::Stale);
        }
        rows.put(op.registration.clone());
        Ok(Updated::Won)
    }

    async fn delete(&self, op: &DeleteClient) -> Result<(), StoreFault> {
        let mut rows = self.rows();
        if rows.by_id.get(&op.id).is_some_and(|stored| stored.token == op.token) {
            rows.remove(&op.id);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::{ClientAuthentication, ClientStatus, ConsentRule};

    /// The futures here never wait.
    fn now<F: Future>(future: F) -> F::Output {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("waits for nothing"),
        }
    }

    fn store() -> MemoryClients {
        let file = r#"[{ "client_id": "fixed", "token_endpoint_auth_method": "none", "scope": "openid",
                         "redirect_uris": ["https://fixed.example/cb"] }]"#;
        MemoryClients::new(StaticClients::from_json(file).unwrap())
    }

    fn create(store: &MemoryClients, id: &str) -> (Created, Registration) {
        let scopes: vestibule_scope::ScopeSet = "openid".parse().unwrap();
        let id = ClientId::new(id);
        let uri = "https://app.example/cb";
        let mut client = RegisteredClient::new(id, ClientAuthentication::Public, uri, scopes.clone());
        client.status = ClientStatus::Pending;
        let token = RegistrationTokenHash::new([1; 32]);
        let registration = Registration::new(client, Default::default(), scopes, UnixMillis(1), token);
        let op = CreateClient::new(registration.clone(), None, UnixMillis(1));
        (now(store.create(&op)).unwrap(), registration)
    }

    /// DCR-003
    #[test]
    fn clients_of_a_file_stand_beside_and_are_never_replaced() {
        let store = store();
        assert_eq!(create(&store, "fixed").0, Created::IdTaken);
        assert_eq!(create(&store, "app").0, Created::Won);
        for id in ["fixed", "app"] {
            assert!(now(store.client(&ClientId::new(id))).unwrap().is_some(), "{id}");
        }
        assert!(now(store.is_known_origin("https://fixed.example")).unwrap());
        assert_eq!(store.list().len(), 1);
    }

    /// SMART-REG-014
    #[test]
    fn an_operator_changes_what_was_looked_at() {
        let store = store();
        let (_, registration) = create(&store, "app");
        let (id, seen) = (registration.client.id, registration.revision);
        let enable = |client: &mut RegisteredClient| {
            client.status = ClientStatus::Enabled;
            client.consent = ConsentRule::Remember;
            client.id = ClientId::new("fixed");
        };
        assert_eq!(store.change(&ClientId::new("fixed"), seen, enable), Err(ChangeError::Gone));
        assert_eq!(store.change(&id, Revision(7), enable), Err(ChangeError::Stale));
        let wrong = store.change(&id, seen, |client| client.legacy_v1 = true);
        assert!(matches!(wrong, Err(ChangeError::Wrong(wrongs)) if wrongs[0].field == "vestibule.legacy_v1"));
        assert_eq!(store.list()[0].client.status, ClientStatus::Pending);

        assert_eq!(store.change(&id, seen, enable), Ok(()));
        let client = now(store.client(&id)).unwrap().unwrap();
        assert_eq!((client.status, client.consent), (ClientStatus::Enabled, ConsentRule::Remember));
        assert_eq!(store.change(&id, seen, enable), Err(ChangeError::Stale), "it was changed since");
    }
}
