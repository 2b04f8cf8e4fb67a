//! The one-time token in every form: made for one interaction, step, revision, user and browser (INT-003).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vestibule_core::authorize::Who;
use vestibule_core::digest;
use vestibule_host::Revision;
use vestibule_jose::seal::{Purpose, SealError, Sealer};

use super::id::InteractionId;

const STEP: Purpose = Purpose::new("step");
const MANAGE: Purpose = Purpose::new("manage");

/// A token as a form carried it, and what else that form said: only the very same form gets the same answer again.
#[derive(Clone)]
pub struct StepToken {
    token: String,
    form: [u8; 32],
}

impl std::fmt::Debug for StepToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StepToken(..)")
    }
}

impl StepToken {
    /// Takes what the form field `step` carried, and the whole form as it was posted.
    pub fn new(text: impl Into<String>, form: &[u8]) -> Self {
        Self { token: text.into(), form: digest::parts("vestibule form", &[form]) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.token
    }

    /// What seals the answer to this form: its token and everything that it said. A "no" on the heels of a "yes" is another
    /// form, and is not sent on with the yes.
    pub(crate) fn salt(&self) -> [u8; 32] {
        digest::parts("vestibule replay", &[self.token.as_bytes(), &self.form])
    }
}

/// Which form a token is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    Patient,
    Encounter,
    Consent,
}

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Encounter => "encounter",
            Self::Consent => "consent",
        }
    }
}

/// What a token says about a form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Made for this step, as it stands.
    Fresh,
    /// Made by us for this interaction, user and browser, but the interaction has moved on.
    Stale,
    /// Not made by us for this place.
    Forged,
}

/// Who and where a token is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) id: &'a InteractionId,
    pub(crate) who: &'a Who,
    pub(crate) browser: &'a str,
}

impl Place<'_> {
    pub(crate) fn token(
        &self,
        sealer: &Sealer<'_>,
        step: Step,
        revision: Revision,
    ) -> Result<String, SealError> {
        let mac = sealer.mac(STEP, &self.parts(step, &revision.0.to_be_bytes()))?;
        Ok(format!("{}.{}.{}", revision.0, step.name(), URL_SAFE_NO_PAD.encode(mac)))
    }

    pub(crate) fn judge(&self, sealer: &Sealer<'_>, token: &StepToken, now_at: (Step, Revision)) -> Verdict {
        let Some((step, revision)) = self.verify(sealer, token) else { return Verdict::Forged };
        if (step, revision) == now_at {
            Verdict::Fresh
        } else if revision == now_at.1 {
            // A token of another step at the same revision was never made (A-CTX-11).
            Verdict::Forged
        } else {
            Verdict::Stale
        }
    }

    fn verify(&self, sealer: &Sealer<'_>, token: &StepToken) -> Option<(Step, Revision)> {
        let mut parts = token.as_str().splitn(3, '.');
        let number = parts.next()?;
        let revision: u64 = number.parse().ok()?;
        // One spelling only: the answer to a form is kept under the text of its token.
        if number != revision.to_string() {
            return None;
        }
        let name = parts.next()?;
        let step =
            [Step::Patient, Step::Encounter, Step::Consent].into_iter().find(|step| step.name() == name)?;
        let mac = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        sealer.verify_mac(STEP, &self.parts(step, &revision.to_be_bytes()), &mac).ok()?;
        Some((step, Revision(revision)))
    }

    fn parts<'p>(&'p self, step: Step, revision: &'p [u8]) -> [&'p [u8]; 7] {
        [
            self.issuer.as_bytes(),
            self.id.bytes(),
            step.name().as_bytes(),
            revision,
            self.who.user.as_str().as_bytes(),
            self.who.session.as_str().as_bytes(),
            self.browser.as_bytes(),
        ]
    }
}

/// The token of the "apps with access" page: for one user in one session.
pub(crate) fn manage_token(sealer: &Sealer<'_>, issuer: &str, who: &Who) -> Result<String, SealError> {
    Ok(URL_SAFE_NO_PAD.encode(sealer.mac(MANAGE, &manage_parts(issuer, who))?))
}

pub(crate) fn is_manage_token(sealer: &Sealer<'_>, issuer: &str, who: &Who, token: &str) -> bool {
    URL_SAFE_NO_PAD
        .decode(token)
        .is_ok_and(|mac| sealer.verify_mac(MANAGE, &manage_parts(issuer, who), &mac).is_ok())
}

fn manage_parts<'a>(issuer: &'a str, who: &'a Who) -> [&'a [u8]; 3] {
    [issuer.as_bytes(), who.user.as_str().as_bytes(), who.session.as_str().as_bytes()]
}
