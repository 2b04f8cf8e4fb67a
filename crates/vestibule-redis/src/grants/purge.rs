//! Purging: bounded, tenant by tenant, by an index over the ends.

use std::sync::PoisonError;

use vestibule_host::{Purged, StoreFault, UnixMillis};

use crate::RedisStore;
use crate::script::Ask;

/// So many rows go in one script: nobody else is served while it runs.
const AT_ONCE: u16 = 256;
/// So many tenants are looked at in one call; the next one goes on from there.
const TENANTS: usize = 256;

/// How far purging has come on its way round the tenants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Way {
    /// The last tenant that had nothing more to purge.
    after: Option<Vec<u8>>,
    /// How many in a row had nothing more that was over before this moment.
    clean: usize,
    before: Option<UnixMillis>,
}

impl RedisStore {
    pub(super) async fn purge_all(&self, before: UnixMillis, max: u16) -> Result<Purged, StoreFault> {
        let mut way = self.way();
        if way.before != Some(before) {
            (way.clean, way.before) = (0, Some(before));
        }
        let all = self.count_tenants().await?;
        let mut tenants = self.tenants_after(way.after.as_deref(), TENANTS).await?;
        if tenants.len() < TENANTS {
            tenants.extend(self.tenants_after(None, TENANTS.saturating_sub(tenants.len())).await?);
        }
        let mut left = max;
        for tenant in tenants {
            if way.clean >= all || !self.purge_tenant(&tenant, before, &mut left).await? {
                break;
            }
            way.after = Some(tenant);
            way.clean = way.clean.saturating_add(1);
        }
        let more = way.clean < all;
        if !more {
            way.clean = 0;
        }
        *self.purging().write().unwrap_or_else(PoisonError::into_inner) = way;
        Ok(Purged { rows: u32::from(max.saturating_sub(left)), more })
    }

    /// Whether the tenant has nothing more to purge.
    async fn purge_tenant(
        &self,
        tenant: &[u8],
        before: UnixMillis,
        left: &mut u16,
    ) -> Result<bool, StoreFault> {
        while *left > 0 {
            let bite = AT_ONCE.min(*left);
            let ask = Ask::at(before).number("max", bite);
            let gone: u16 = self.write_at(&self.scripts().purge, tenant, ask).await?.number()?;
            *left = left.saturating_sub(gone);
            if gone < bite {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn way(&self) -> Way {
        self.purging().read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
