//! Tokens without a user.

use vestibule_host::{Call, EventKind, IssueToken, TokenIssuance};

use crate::claims::Claim;
use crate::fault::Stop;
use crate::rows::Rows;

impl Rows<'_> {
    pub(crate) fn issue_token(&mut self, op: &IssueToken, call: &Call) -> Result<TokenIssuance, Stop> {
        match self.spend(op.claim.as_ref(), call)? {
            Claim::Seen => return Ok(TokenIssuance::ClaimSeen),
            Claim::Mine => return Ok(TokenIssuance::Won),
            Claim::Fresh => {}
        }
        if let Some(new) = &op.access
            && self.access_kept_by(&new.hash, call)? == Some(*call.attempt.as_bytes())
        {
            return Ok(TokenIssuance::Won);
        }
        self.keep_access(op.access.as_ref(), None, call)?;
        self.append(op.event.as_ref(), EventKind::TokenIssued, call)?;
        Ok(TokenIssuance::Won)
    }
}
