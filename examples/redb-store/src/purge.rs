//! Removing what is over, a bounded piece at a time.

use redb::ReadableTable;
use vestibule_host::{Purged, Tenant, UnixMillis};

use crate::fault::Stop;
use crate::rows::{Over, Owner, Rows};

impl Rows<'_> {
    pub(crate) fn purge(&mut self, before: UnixMillis, max: u16) -> Result<Purged, Stop> {
        let max = u32::from(max);
        let mut purged = Purged::default();
        while let Some((at, what, tenant, key)) = self.oldest(before)? {
            if purged.rows >= max {
                purged.more = true;
                break;
            }
            let place = (tenant.as_str(), key.as_slice());
            let what = Over::ALL.into_iter().find(|kind| *kind as u8 == what);
            match what {
                Some(Over::Grant) => {
                    let id = String::from_utf8_lossy(&key);
                    let room = max - purged.rows;
                    purged.rows += self.remove_grant(&Tenant::new(tenant.as_str()), &id, room)?;
                    continue;
                }
                Some(Over::Interaction) => self.remove_interaction(place.0, place.1, at)?,
                Some(Over::Access) => self.remove_access(place.0, place.1)?,
                Some(Over::Launch) => drop(self.launches.remove(place)?),
                Some(Over::Token) => drop(self.tokens.remove(place)?),
                Some(Over::Claim) => drop(self.claims.remove(place)?),
                None => {}
            }
            if let Some(what) = what {
                self.ends(what, place, Some(at), None)?;
            }
            purged.rows += 1;
        }
        Ok(purged)
    }

    #[expect(clippy::type_complexity, reason = "a key, taken apart")]
    fn oldest(&self, before: UnixMillis) -> Result<Option<(UnixMillis, u8, String, Vec<u8>)>, Stop> {
        let all = (i64::MIN, 0, "", [].as_slice());
        // The boundary itself is over.
        let end = (before.0.saturating_add(1), 0, "", [].as_slice());
        let Some(row) = self.over.range(all..end)?.next().transpose()? else { return Ok(None) };
        let (at, what, tenant, key) = row.0.value();
        Ok(Some((UnixMillis(at), what, tenant.to_owned(), key.to_vec())))
    }

    fn remove_interaction(&mut self, tenant: &str, key: &[u8], expires: UnixMillis) -> Result<(), Stop> {
        let row = self.interactions.remove((tenant, key))?;
        if let Some(client) = row.and_then(|row| row.value().3.map(str::to_owned)) {
            self.quotas.remove((tenant, client.as_str(), expires.0, key))?;
        }
        Ok(())
    }

    /// Removes an opaque token and what finds it.
    pub(crate) fn remove_access(&mut self, tenant: &str, key: &[u8]) -> Result<(), Stop> {
        let row = self.access.remove((tenant, key))?.map(|row| {
            let (grant, client, expires, ..) = row.value();
            (grant.is_none(), client.to_owned(), UnixMillis(expires))
        });
        let Some((alone, client, expires)) = row else { return Ok(()) };
        if alone {
            self.owned.remove((Owner::TokensOf as u8, tenant, client.as_str(), key))?;
        }
        self.ends(Over::Access, (tenant, key), Some(expires), None)?;
        Ok(())
    }
}
