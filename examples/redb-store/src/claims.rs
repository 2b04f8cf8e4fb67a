//! Client assertions, each of which is good once.

use redb::ReadableTable;
use vestibule_host::{AssertionClaim, Call, UnixMillis};

use crate::fault::Stop;
use crate::rows::{Over, Rows};

/// What a claim is to a verb.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// None was presented, or it is spent now.
    Fresh,
    /// This attempt spent it before.
    Mine,
    /// Another attempt did (JWTCA-009).
    Seen,
}

impl Rows<'_> {
    /// Judges a claim, and spends it. What is undone later gives it back.
    pub(crate) fn spend(&mut self, claim: Option<&AssertionClaim>, call: &Call) -> Result<Claim, Stop> {
        let Some(claim) = claim else { return Ok(Claim::Fresh) };
        let key = (call.tenant.as_str(), claim.key.as_bytes().as_slice());
        let row = self.claims.get(key)?.map(|row| row.value());
        let old = row.map(|(keep_until, _)| UnixMillis(keep_until));
        if let Some((keep_until, by)) = row
            && !UnixMillis(keep_until).is_over(call.now)
        {
            return Ok(if by == *call.attempt.as_bytes() { Claim::Mine } else { Claim::Seen });
        }
        self.claims.insert(key, (claim.keep_until.0, *call.attempt.as_bytes()))?;
        self.ends(Over::Claim, key, old, Some(claim.keep_until))?;
        Ok(Claim::Fresh)
    }
}
