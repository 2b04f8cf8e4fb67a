//! Registrars with a mistake in what is around them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use vestibule_host::{
    ClientId, ClientRegistrar, MemoryClients, Registration, StaticClients, StoreFault, Tenant,
};

use crate::suite::Arranged;
use crate::suite::operators::RegistrarWorld;

/// A planted mistake.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OperatorMistake {
    /// The clients of the file are left out.
    FileForgotten,
    /// The issuer is not part of the key.
    OneIssuer,
    /// The oldest come first.
    OldestFirst,
    /// A page begins at the moment at which the last one ended, and leaves out what came then.
    PagesByMoment,
    /// There is always room.
    NoBound,
}

impl OperatorMistake {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::FileForgotten, Self::OneIssuer, Self::OldestFirst, Self::PagesByMoment, Self::NoBound];
}

/// Registrars in memory, with this mistake or with none.
#[derive(Debug)]
pub struct MutantOperators {
    mistake: Option<OperatorMistake>,
    issuers: Mutex<HashMap<Tenant, Arc<MemoryClients>>>,
}

impl MutantOperators {
    /// No registrations yet.
    pub fn new(mistake: Option<OperatorMistake>) -> Self {
        Self { mistake, issuers: Mutex::default() }
    }

    fn has(&self, mistake: OperatorMistake) -> bool {
        self.mistake == Some(mistake)
    }

    fn issuer(&self, issuer: &Tenant) -> Tenant {
        if self.has(OperatorMistake::OneIssuer) { Tenant::new("the only one") } else { issuer.clone() }
    }

    fn list(&self, issuer: &Tenant) -> Vec<Registration> {
        let issuers = self.issuers.lock().unwrap_or_else(PoisonError::into_inner);
        issuers.get(&self.issuer(issuer)).map_or_else(Vec::new, |clients| clients.list())
    }
}

#[async_trait]
impl RegistrarWorld for MutantOperators {
    async fn open(&self, issuer: &Tenant, file: StaticClients, max: u32) -> Arc<dyn ClientRegistrar> {
        let file = if self.has(OperatorMistake::FileForgotten) { StaticClients::default() } else { file };
        let max = if self.has(OperatorMistake::NoBound) { u32::MAX } else { max };
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let mut issuers = self.issuers.lock().unwrap_or_else(PoisonError::into_inner);
        let clients = issuers.entry(self.issuer(issuer));
        clients.or_insert_with(|| Arc::new(MemoryClients::with_limit(file, max))).clone()
    }

    async fn newest(
        &self,
        issuer: &Tenant,
        before: Option<&Registration>,
        max: u16,
    ) -> Result<Vec<Registration>, StoreFault> {
        let mut list = self.list(issuer);
        if !self.has(OperatorMistake::OldestFirst) {
            list.reverse();
        }
        let after = |one: &Registration| match before {
            Some(last) if self.has(OperatorMistake::PagesByMoment) => one.issued_at < last.issued_at,
            Some(last) => (one.issued_at, &one.client.id) < (last.issued_at, &last.client.id),
            None => true,
        };
        Ok(list.into_iter().filter(after).take(usize::from(max)).collect())
    }

    async fn registration_of(
        &self,
        issuer: &Tenant,
        id: &ClientId,
    ) -> Result<Option<Registration>, StoreFault> {
        Ok(self.list(issuer).into_iter().find(|one| one.client.id == *id))
    }

    async fn cut(&self) -> Arranged {
        Arranged::Never
    }
}
