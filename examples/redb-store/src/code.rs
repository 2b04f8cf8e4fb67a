//! Codes: issued with their grant, spent once, and found again by a replay.

use redb::ReadableTable;
use vestibule_host::{
    AccessHash, Call, EventKind, Family, GrantStatus, Issuance, IssueCode, NewAccess, RedeemCode, Redemption,
    StoreFault, StoredGrant, Tenant, UnixMillis,
};

use crate::claims::Claim;
use crate::fault::Stop;
use crate::interaction::Saved;
use crate::rows::{Grant, Over, Owner, Rows, any_grant, chain_row, grant_at};

/// A code's row, if its grant is not over.
struct Code {
    grant: Grant,
    binding: [u8; 32],
    expires: UnixMillis,
    issued_by: [u8; 16],
    spent_by: Option<[u8; 16]>,
}

impl Rows<'_> {
    fn code(&self, hash: &[u8; 32], call: &Call) -> Result<Option<Code>, Stop> {
        let Some(row) = self.codes.get((call.tenant.as_str(), hash.as_slice()))? else { return Ok(None) };
        let (grant, binding, expires, issued_by, spent_by) = row.value();
        let grant = grant_at(&self.grants, &call.tenant, grant, call.now)?;
        let expires = UnixMillis(expires);
        Ok(grant.map(|grant| Code { grant, binding, expires, issued_by, spent_by }))
    }

    pub(crate) fn issue_code(&mut self, op: &IssueCode, call: &Call) -> Result<Issuance, Stop> {
        // An attempt is known by the code's row. That and the grant's are there until a purge, and so long their names are taken.
        let taken = self.codes.get((call.tenant.as_str(), op.code.as_bytes().as_slice()))?;
        let taken_by = taken.map(|row| row.value().3);
        if taken_by == Some(*call.attempt.as_bytes()) {
            return Ok(Issuance::Won);
        }
        match self.save(&op.interaction, call)? {
            Saved::Now(_) => {}
            // This attempt closed the interaction, and what it issued was purged since: an interaction issues once.
            Saved::Before(_) => {
                return Err(StoreFault::not_applied("what this attempt issued is purged").into());
            }
            Saved::Stale(found) => return Ok(Issuance::Stale(found)),
            Saved::Gone => return Ok(Issuance::Gone),
        }
        if let Some(launch) = &op.launch
            && !self.spend_launch(launch, call)?
        {
            self.undo = true;
            return Ok(Issuance::LaunchGone);
        }
        let (tenant, id) = (&call.tenant, op.grant.id.as_str());
        if taken_by.is_some() || any_grant(&self.grants, tenant, id)?.is_some() {
            return Err(StoreFault::not_applied("a code or a grant of this name is kept already").into());
        }
        self.insert_grant(op, call)?;
        self.append(op.event.as_ref(), EventKind::CodeIssued, call)?;
        Ok(Issuance::Won)
    }

    fn insert_grant(&mut self, op: &IssueCode, call: &Call) -> Result<(), Stop> {
        let hash = op.code.as_bytes();
        let key = (call.tenant.as_str(), hash.as_slice());
        let id = op.grant.id.as_str();
        let grant = Grant { stored: op.grant.clone(), code: *hash, chain: None };
        self.put_grant(&call.tenant, &grant)?;
        for (owner, name) in owners(&op.grant) {
            self.owned.insert((owner as u8, key.0, name, id.as_bytes()), ())?;
        }
        self.ends(Over::Grant, (key.0, id.as_bytes()), None, Some(op.grant.keep_until))?;
        let issued = (id, *op.binding.as_bytes(), op.expires.0, *call.attempt.as_bytes(), None);
        self.codes.insert(key, issued)?;
        Ok(())
    }

    /// Judged in the contract's order (CODE-004, CODE-006, CODE-007).
    pub(crate) fn redeem_code(&mut self, op: &RedeemCode, call: &Call) -> Result<Redemption, Stop> {
        if self.spend(op.claim.as_ref(), call)? == Claim::Seen {
            return Ok(Redemption::ClaimSeen);
        }
        let Some(mut code) = self.code(op.code.as_bytes(), call)? else { return Ok(Redemption::NotFound) };
        if code.binding != *op.binding.as_bytes() {
            return Ok(Redemption::Mismatch);
        }
        if let Some(by) = code.spent_by {
            if by == *call.attempt.as_bytes() {
                return Ok(Redemption::Won);
            }
            let grant = code.grant.stored.id.clone();
            if self.revoke_grant(code.grant, &call.tenant)? {
                self.append(op.event.as_ref(), EventKind::CodeReplayed, call)?;
            }
            return Ok(Redemption::Replayed { grant });
        }
        if !code.grant.is_live() {
            return Ok(Redemption::Revoked);
        }
        if code.expires.is_over(call.now) {
            return Ok(Redemption::Expired);
        }
        let id = code.grant.stored.id.as_str().to_owned();
        let spent =
            (id.as_str(), code.binding, code.expires.0, code.issued_by, Some(*call.attempt.as_bytes()));
        self.codes.insert((call.tenant.as_str(), op.code.as_bytes().as_slice()), spent)?;
        if let Some(new) = &op.refresh {
            let key = (call.tenant.as_str(), new.handle.as_bytes().as_slice());
            if self.chains.get(key)?.is_some() {
                return Err(StoreFault::not_applied("a chain with this handle is kept already").into());
            }
            let family = Family::new(new.current, new.idle_until, new.until);
            self.chains.insert(key, chain_row(&id, &family))?;
            code.grant.chain = Some(*new.handle.as_bytes());
        }
        self.keep_access(op.access.as_ref(), Some(&id), call)?;
        self.note_use(code.grant, op.keep_until, call)?;
        self.append(op.event.as_ref(), EventKind::CodeRedeemed, call)?;
        Ok(Redemption::Won)
    }

    /// Notes that something was issued under a grant. Its life is never shortened.
    pub(crate) fn note_use(
        &mut self,
        mut grant: Grant,
        keep_until: UnixMillis,
        call: &Call,
    ) -> Result<(), Stop> {
        let old = grant.stored.keep_until;
        grant.stored.used = call.now;
        grant.stored.keep_until = old.max(keep_until);
        self.put_grant(&call.tenant, &grant)?;
        let key = (call.tenant.as_str(), grant.stored.id.as_str().as_bytes());
        self.ends(Over::Grant, key, Some(old), Some(grant.stored.keep_until))?;
        Ok(())
    }

    /// Revokes a grant; `false` if it was.
    pub(crate) fn revoke_grant(&mut self, mut grant: Grant, tenant: &Tenant) -> Result<bool, Stop> {
        let was_live = grant.is_live();
        if was_live {
            grant.stored.status = GrantStatus::Revoked;
            self.put_grant(tenant, &grant)?;
        }
        Ok(was_live)
    }

    /// Keeps an opaque token.
    pub(crate) fn keep_access(
        &mut self,
        access: Option<&NewAccess>,
        grant: Option<&str>,
        call: &Call,
    ) -> Result<(), Stop> {
        let Some(new) = access else { return Ok(()) };
        let key = (call.tenant.as_str(), new.hash.as_bytes().as_slice());
        if self.access_kept_by(&new.hash, call)?.is_some() {
            return Err(StoreFault::not_applied("an opaque token with this hash is kept already").into());
        }
        self.remove_access(key.0, key.1)?;
        let client = new.client.as_str();
        let row = (grant, client, new.expires.0, false, *call.attempt.as_bytes(), &*new.record.0);
        self.access.insert(key, row)?;
        if grant.is_none() {
            self.owned.insert((Owner::TokensOf as u8, key.0, client, key.1), ())?;
        }
        self.ends(Over::Access, key, None, Some(new.expires))?;
        Ok(())
    }

    /// Which attempt kept an opaque token that is not over.
    pub(crate) fn access_kept_by(&self, hash: &AccessHash, call: &Call) -> Result<Option<[u8; 16]>, Stop> {
        let row = self.access.get((call.tenant.as_str(), hash.as_bytes().as_slice()))?;
        let row = row.map(|row| (UnixMillis(row.value().2), row.value().4));
        Ok(row.filter(|(expires, _)| !expires.is_over(call.now)).map(|(_, by)| by))
    }

    /// Removes a grant and what is under it, at most `max` rows, the grant last; returns how many.
    pub(crate) fn remove_grant(&mut self, tenant: &Tenant, id: &str, max: u32) -> Result<u32, Stop> {
        let Some(mut grant) = any_grant(&self.grants, tenant, id)? else { return Ok(0) };
        let name = tenant.as_str();
        let mut rows = 0;
        if let Some(chain) = grant.chain.take_if(|_| rows < max) {
            self.chains.remove((name, chain.as_slice()))?;
            rows += 1;
        }
        if rows < max && self.codes.remove((name, grant.code.as_slice()))?.is_some() {
            rows += 1;
        }
        if rows >= max {
            self.put_grant(tenant, &grant)?;
            return Ok(rows);
        }
        for (owner, whose) in owners(&grant.stored) {
            self.owned.remove((owner as u8, name, whose, id.as_bytes()))?;
        }
        self.grants.remove((name, id.as_bytes()))?;
        self.ends(Over::Grant, (name, id.as_bytes()), Some(grant.stored.keep_until), None)?;
        Ok(rows + 1)
    }
}

fn owners(grant: &StoredGrant) -> impl Iterator<Item = (Owner, &str)> {
    let session = grant.session.as_ref().map(|session| (Owner::Session, session.as_str()));
    [(Owner::User, grant.user.as_str()), (Owner::Client, grant.client.as_str())].into_iter().chain(session)
}
