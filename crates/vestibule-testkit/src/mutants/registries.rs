//! Registries with one planted mistake each.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use vestibule_host::{ClientId, ClientRegistry, HostError, RegisteredClient, Tenant};

use crate::suite::Arranged;
use crate::suite::registries::RegistryWorld;

/// A planted mistake.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RegistryMistake {
    /// An outage looks like an unknown app.
    FaultIsUnknown,
    /// Ids are compared without regard to case.
    CaseFolding,
    /// Blanks around an id are cut off.
    Trimmed,
    /// The issuer is not part of the key.
    OneTenant,
    /// An app that was looked up once stays as it was then.
    StaleCache,
    /// Whether an app is enabled is for others to ask.
    EveryoneEnabled,
    /// An origin is compared by its beginning.
    OriginsByPrefix,
    /// The redirect URIs and the rest are written one after the other.
    TornWrites,
    /// The version counts the times that somebody looked.
    RestlessVersion,
    /// A text that is too long for the column is a fault.
    LongIdsFault,
}

impl RegistryMistake {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::FaultIsUnknown,
        Self::CaseFolding,
        Self::Trimmed,
        Self::OneTenant,
        Self::StaleCache,
        Self::EveryoneEnabled,
        Self::OriginsByPrefix,
        Self::TornWrites,
        Self::RestlessVersion,
        Self::LongIdsFault,
    ];
}

#[derive(Debug, Default)]
struct Rows {
    apps: Vec<(Tenant, RegisteredClient)>,
    cached: Vec<(Tenant, RegisteredClient)>,
    looks: u32,
    is_cut: bool,
}

/// The world of registries with this mistake, or with none.
#[derive(Clone, Debug)]
pub struct MutantRegistries {
    mistake: Option<RegistryMistake>,
    rows: Arc<Mutex<Rows>>,
}

impl MutantRegistries {
    /// An empty world.
    pub fn new(mistake: Option<RegistryMistake>) -> Self {
        Self { mistake, rows: Arc::default() }
    }

    fn has(&self, mistake: RegistryMistake) -> bool {
        self.mistake == Some(mistake)
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn issuer(&self, issuer: &Tenant) -> Tenant {
        if self.has(RegistryMistake::OneTenant) { Tenant::new("the only one") } else { issuer.clone() }
    }
}

#[async_trait]
impl RegistryWorld for MutantRegistries {
    async fn open(&self, issuer: &Tenant, apps: Vec<RegisteredClient>) -> Arc<dyn ClientRegistry> {
        let issuer = self.issuer(issuer);
        self.rows().apps.extend(apps.into_iter().map(|app| (issuer.clone(), app)));
        Arc::new(MutantRegistry { world: self.clone(), issuer })
    }

    async fn replace(&self, issuer: &Tenant, app: RegisteredClient) -> Arranged {
        let issuer = self.issuer(issuer);
        if self.has(RegistryMistake::TornWrites) {
            for (at, row) in &mut self.rows().apps {
                if *at == issuer && row.id == app.id {
                    row.redirect_uris = app.redirect_uris.clone();
                }
            }
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
        for (at, row) in &mut self.rows().apps {
            if *at == issuer && row.id == app.id {
                *row = app.clone();
            }
        }
        Arranged::Done
    }

    async fn remove(&self, issuer: &Tenant, id: &ClientId) -> Arranged {
        let issuer = self.issuer(issuer);
        self.rows().apps.retain(|(at, row)| *at != issuer || row.id != *id);
        Arranged::Done
    }

    async fn cut(&self) -> Arranged {
        self.rows().is_cut = true;
        Arranged::Done
    }
}

#[derive(Debug)]
struct MutantRegistry {
    world: MutantRegistries,
    issuer: Tenant,
}

impl MutantRegistry {
    fn name(&self, id: &ClientId) -> String {
        match self.world.mistake {
            Some(RegistryMistake::CaseFolding) => id.as_str().to_lowercase(),
            Some(RegistryMistake::Trimmed) => id.as_str().trim().to_owned(),
            _ => id.as_str().to_owned(),
        }
    }
}

#[async_trait]
impl ClientRegistry for MutantRegistry {
    async fn client(&self, id: &ClientId) -> Result<Option<RegisteredClient>, HostError> {
        if self.world.has(RegistryMistake::LongIdsFault) && id.as_str().len() > 255 {
            return Err(HostError::new("planted: too long"));
        }
        let mut rows = self.world.rows();
        if rows.is_cut {
            let answer = Err(HostError::new("planted: nobody answers"));
            return if self.world.has(RegistryMistake::FaultIsUnknown) { Ok(None) } else { answer };
        }
        let find = |rows: &[(Tenant, RegisteredClient)]| {
            let mine = |(at, row): &&(Tenant, RegisteredClient)| {
                *at == self.issuer && self.name(&row.id) == self.name(id)
            };
            rows.iter().find(mine).map(|(_, row)| row.clone())
        };
        if self.world.has(RegistryMistake::StaleCache) {
            if let Some(known) = find(&rows.cached) {
                return Ok(Some(known));
            }
            if let Some(known) = find(&rows.apps) {
                rows.cached.push((self.issuer.clone(), known));
            }
        }
        let mut known = find(&rows.apps);
        rows.looks += 1;
        if let Some(app) = &mut known {
            if self.world.has(RegistryMistake::RestlessVersion) {
                app.version = format!("{}-{}", app.version, rows.looks);
            }
            if self.world.has(RegistryMistake::EveryoneEnabled) {
                app.status = vestibule_host::ClientStatus::Enabled;
            }
        }
        Ok(known)
    }

    async fn is_known_origin(&self, origin: &str) -> Result<bool, HostError> {
        let rows = self.world.rows();
        if rows.is_cut {
            return Err(HostError::new("planted: nobody answers"));
        }
        let loose = self.world.has(RegistryMistake::OriginsByPrefix);
        let is = |known: &String| known == origin || (loose && origin.starts_with(known.as_str()));
        let mine = |(at, app): &(Tenant, RegisteredClient)| {
            *at == self.issuer && app.is_enabled() && app.allowed_origins.iter().any(is)
        };
        Ok(rows.apps.iter().any(mine))
    }
}
