//! Refresh chains. What is decided is [`Family::answer`](vestibule_host::Family::answer)'s; here it is read and written.

use redb::ReadableTable;
use vestibule_host::{Call, RotateRefresh, Rotation};

use crate::claims::Claim;
use crate::fault::Stop;
use crate::rows::{Rows, chain_of, chain_row, grant_at};

impl Rows<'_> {
    pub(crate) fn rotate_refresh(&mut self, op: &RotateRefresh, call: &Call) -> Result<Rotation, Stop> {
        if self.spend(op.claim.as_ref(), call)? == Claim::Seen {
            return Ok(Rotation::ClaimSeen);
        }
        let key = (call.tenant.as_str(), op.handle.as_bytes().as_slice());
        let Some((id, family)) = self.chains.get(key)?.map(|row| chain_of(row.value())) else {
            return Ok(Rotation::NotFound);
        };
        let Some(grant) = grant_at(&self.grants, &call.tenant, &id, call.now)? else {
            return Ok(Rotation::NotFound);
        };
        let answer = family.answer(op, &grant.stored, call);
        let issues = answer.issues();
        let Some((family, kind)) = answer.change else { return Ok(answer.outcome) };
        self.chains.insert(key, chain_row(&id, &family))?;
        if issues {
            self.keep_access(op.access.as_ref(), Some(&id), call)?;
            self.note_use(grant, op.keep_until, call)?;
        } else if matches!(answer.outcome, Rotation::Reuse { .. }) {
            self.revoke_grant(grant, &call.tenant)?; // RT-004
        }
        self.append(op.event.as_ref(), kind, call)?;
        Ok(answer.outcome)
    }
}
