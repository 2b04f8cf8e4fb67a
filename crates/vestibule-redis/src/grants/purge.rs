//! Purging: bounded, tenant by tenant, by an index over the ends.

use vestibule_host::{Purged, StoreFault, UnixMillis};

use crate::RedisStore;
use crate::script::Ask;

/// So many rows go in one script: nobody else is served while it runs.
const AT_ONCE: u16 = 256;
/// So many tenants are looked at in one call; the next one goes on from there.
const TENANTS: usize = 256;

impl RedisStore {
    pub(super) async fn purge_all(&self, before: UnixMillis, max: u16) -> Result<Purged, StoreFault> {
        let mut left = max;
        let after = self.purged_to();
        let tenants = self.tenants_after(after.as_deref(), TENANTS).await?;
        let round_is_over = tenants.len() < TENANTS;
        for tenant in &tenants {
            while left > 0 {
                let bite = left.min(AT_ONCE);
                let ask = Ask::at(before).number("max", bite);
                let gone: u16 = self.purge_tenant(tenant, ask).await?.number()?;
                left = left.saturating_sub(gone);
                if gone < bite {
                    break;
                }
            }
            if left == 0 {
                break; // the same tenant may have more, and the next call begins with it again
            }
            self.set_purged_to(Some(tenant.clone()));
        }
        if round_is_over && left > 0 {
            self.set_purged_to(None);
        }
        let more = left == 0 || !round_is_over || after.is_some();
        Ok(Purged { rows: u32::from(max.saturating_sub(left)), more })
    }
}
