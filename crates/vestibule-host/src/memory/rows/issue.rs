//! Issuing a code: closes the interaction, spends the launch, inserts grant and code.

use super::advance::Judged;
use super::{CodeRow, GrantRow, Rows, SWEEP};
use crate::memory::MemoryLimits;
use crate::{Call, EventKind, Issuance, IssueCode, StoreFault};

impl Rows {
    pub(in crate::memory) fn issue(
        &mut self,
        op: &IssueCode,
        call: &Call,
        limits: &MemoryLimits,
    ) -> Result<Issuance, StoreFault> {
        if self.codes.get(&op.code).is_some_and(|row| row.issued_by == call.attempt) {
            return Ok(Issuance::Won);
        }
        let revision = match self.judge(&op.interaction, call) {
            Judged::Stale(stored) => return Ok(Issuance::Stale(stored)),
            Judged::Gone => return Ok(Issuance::Gone),
            // The interaction's row is this attempt's, its code is not there: not a repetition of the same call.
            Judged::Repeated(_) => return Err(StoreFault::not_applied("one attempt was used for two verbs")),
            Judged::Free(revision) => revision,
        };
        if let Some(hash) = &op.launch
            && self.launches.live(hash, call.now).is_none_or(|row| row.spent)
        {
            return Ok(Issuance::LaunchGone);
        }
        if self.codes.contains_key(&op.code) || self.grants.any(&op.grant.id).is_some() {
            return Err(StoreFault::not_applied("the code or the grant is already kept"));
        }
        self.room_for_interaction(&op.interaction, call.now, limits)?;
        if self.grants.len() >= limits.grants {
            for _ in 0..SWEEP {
                if !self.drop_over_grant(call.now) {
                    break;
                }
            }
            if self.grants.len() >= limits.grants {
                return Err(StoreFault::Full);
            }
        }
        self.events.room(op.event.as_ref(), EventKind::CodeIssued, limits)?;

        // Nothing below can refuse: this is the one commit.
        self.save(&op.interaction, revision, call);
        if let Some(row) = op.launch.as_ref().and_then(|hash| self.launches.live_mut(hash, call.now)) {
            row.spent = true;
        }
        let grant = &op.grant;
        self.by_user.add(&grant.user, &grant.id);
        self.by_client.add(&grant.client, &grant.id);
        if let Some(session) = &grant.session {
            self.by_session.add(session, &grant.id);
        }
        self.codes.insert(
            op.code,
            CodeRow {
                grant: grant.id.clone(),
                binding: op.binding,
                expires: op.expires,
                issued_by: call.attempt,
                spent_by: None,
            },
        );
        self.grants.put(
            grant.id.clone(),
            grant.keep_until,
            GrantRow { stored: grant.clone(), code: op.code, chain: None },
        );
        self.events.append(op.event.as_ref(), EventKind::CodeIssued, call.now);
        Ok(Issuance::Won)
    }
}
