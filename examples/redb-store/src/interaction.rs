//! Launches, and interactions saved by compare-and-swap.

use redb::ReadableTable;
use vestibule_host::{
    Advance, Advanced, Call, EventKind, LaunchHash, PutLaunch, Revision, StoreFault, StoredInteraction,
    UnixMillis,
};

use crate::fault::Stop;
use crate::rows::{Over, Rows, record};

impl Rows<'_> {
    pub(crate) fn put_launch(&mut self, op: &PutLaunch, call: &Call) -> Result<(), Stop> {
        let key = (call.tenant.as_str(), op.hash.as_bytes().as_slice());
        let row = self.launches.get(key)?.map(|row| (UnixMillis(row.value().0), row.value().2));
        match row {
            Some((keep_until, by)) if !keep_until.is_over(call.now) => {
                if by == *call.attempt.as_bytes() {
                    return Ok(());
                }
                return Err(StoreFault::not_applied("a launch with this hash is kept already").into());
            }
            _ => {}
        }
        let bytes = &*op.record.0;
        self.launches.insert(key, (op.keep_until.0, false, *call.attempt.as_bytes(), bytes))?;
        self.ends(Over::Launch, key, row.map(|(old, _)| old), Some(op.keep_until))?;
        self.append(op.event.as_ref(), EventKind::LaunchMade, call)
    }

    /// Spends a launch; `false` if it is spent or gone (SMART-LAUNCH-013).
    pub(crate) fn spend_launch(&mut self, hash: &LaunchHash, call: &Call) -> Result<bool, Stop> {
        let key = (call.tenant.as_str(), hash.as_bytes().as_slice());
        let Some(row) = self.launches.get(key)? else { return Ok(false) };
        let (keep_until, spent, by, bytes) = row.value();
        if spent || UnixMillis(keep_until).is_over(call.now) {
            return Ok(false);
        }
        let bytes = bytes.to_vec();
        drop(row);
        self.launches.insert(key, (keep_until, true, by, &*bytes))?;
        Ok(true)
    }

    pub(crate) fn advance(&mut self, op: &Advance, call: &Call) -> Result<Advanced, Stop> {
        let saved = self.save(op, call)?;
        Ok(match saved {
            Saved::Now(revision) => {
                self.append(op.event.as_ref(), EventKind::Refused, call)?;
                Advanced::Saved(revision)
            }
            Saved::Before(revision) => Advanced::Saved(revision),
            Saved::Stale(found) => Advanced::Stale(found),
            Saved::Gone => Advanced::Gone,
        })
    }

    /// Saves an interaction if its revision is the expected one.
    pub(crate) fn save(&mut self, op: &Advance, call: &Call) -> Result<Saved, Stop> {
        let tenant = call.tenant.as_str();
        let key = (tenant, op.id.as_bytes().as_slice());
        let next = Revision(op.expected.map_or(0, |revision| revision.0).saturating_add(1));
        let (mut old, mut counted) = (None, None);
        let mut live = None;
        if let Some(row) = self.interactions.get(key)? {
            let (revision, expires, by, client, bytes) = row.value();
            let expires = UnixMillis(expires);
            (old, counted) = (Some(expires), client.map(str::to_owned));
            if !expires.is_over(call.now) {
                let found = StoredInteraction { revision: Revision(revision), record: record(bytes) };
                live = Some((found, by == *call.attempt.as_bytes()));
            }
        }
        match (live, op.expected) {
            (Some((found, true)), _) if found.revision == next => return Ok(Saved::Before(next)),
            (Some((found, _)), Some(expected)) if found.revision == expected => {}
            (Some((found, _)), _) => return Ok(Saved::Stale(found)),
            (None, Some(_)) => return Ok(Saved::Gone),
            (None, None) => {}
        }
        if let (Some(client), Some(expires)) = (&counted, old) {
            self.quotas.remove((tenant, client.as_str(), expires.0, key.1))?;
        }
        if let Some(quota) = &op.quota {
            let client = quota.client.as_str();
            // Only what is not over is looked at, and no more of it than is allowed.
            let first = (tenant, client, call.now.0.saturating_add(1), [].as_slice());
            let mut others: u32 = 0;
            for row in self.quotas.range(first..)? {
                let (found, _) = row?;
                let (of, whose, ..) = found.value();
                if others >= quota.max || of != tenant || whose != client {
                    break;
                }
                others += 1;
            }
            // A row that counted before is not one more.
            let counts = op.expected.is_some() && counted.as_deref() == Some(client);
            if !counts && others >= quota.max {
                return Err(StoreFault::Full.into());
            }
            self.quotas.insert((tenant, client, op.expires.0, key.1), ())?;
        }
        let client = op.quota.as_ref().map(|quota| quota.client.as_str());
        let row = (next.0, op.expires.0, *call.attempt.as_bytes(), client, &*op.record.0);
        self.interactions.insert(key, row)?;
        self.ends(Over::Interaction, key, old, Some(op.expires))?;
        Ok(Saved::Now(next))
    }
}

/// What became of a save.
pub(crate) enum Saved {
    /// Written by this call.
    Now(Revision),
    /// Written by this attempt, earlier.
    Before(Revision),
    /// Another request was first.
    Stale(StoredInteraction),
    /// No row where one was expected.
    Gone,
}
