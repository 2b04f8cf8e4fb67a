//! The witness that a policy said yes.
//!
//! A [`PatientAccess`] is made only from an [`Ask`] and the policy's answer to it: for that user, that patient, that app. It
//! has no `Clone`, no serialisation and no other constructor, and lives for one request. Stored state holds a patient id,
//! which proves nothing.
//!
//! ```compile_fail
//! fn twice(access: vestibule_core::authorize::PatientAccess) -> [vestibule_core::authorize::PatientAccess; 2] {
//!     [access.clone(), access]
//! }
//! ```

use vestibule_host::{
    AllowedPatient, ClientId, Moment, PatientAnswer, PatientId, PatientQuestion, UnixMillis, UserId,
};

use super::refusal::Refusal;

/// A question to the patient policy, to be answered once.
#[must_use]
#[derive(Debug)]
pub struct Ask {
    user: UserId,
    client: ClientId,
    patient: PatientId,
    moment: Moment,
}

impl Ask {
    pub(crate) const fn new(user: UserId, client: ClientId, patient: PatientId, moment: Moment) -> Self {
        Self { user, client, patient, moment }
    }

    /// What to ask the host.
    pub const fn question(&self) -> PatientQuestion<'_> {
        PatientQuestion::new(&self.user, &self.patient, &self.client, self.moment)
    }

    /// Turns the answer into a witness.
    ///
    /// # Errors
    /// [`Refusal::PatientDenied`] for a no, for an access whose end has come, and for a yes about another patient, except
    /// at launch, where the surviving record of a merge may be named (E12).
    pub fn answered(self, answer: PatientAnswer, now: UnixMillis) -> Result<PatientAccess, Refusal> {
        let PatientAnswer::Allowed(allowed) = answer else { return Err(Refusal::PatientDenied) };
        let merged = allowed.summary.id != self.patient;
        if (merged && self.moment != Moment::Launch) || allowed.until.is_some_and(|until| until.is_over(now))
        {
            return Err(Refusal::PatientDenied);
        }
        Ok(PatientAccess { user: self.user, client: self.client, asked: self.patient, allowed: *allowed })
    }
}

/// The proof that the policy lets this user let this app into this record, now.
#[derive(Debug)]
pub struct PatientAccess {
    user: UserId,
    client: ClientId,
    asked: PatientId,
    allowed: AllowedPatient,
}

impl PatientAccess {
    /// The user it was given to.
    pub const fn user(&self) -> &UserId {
        &self.user
    }

    /// The app it was given for.
    pub const fn client(&self) -> &ClientId {
        &self.client
    }

    /// The patient.
    pub const fn patient(&self) -> &PatientId {
        &self.allowed.summary.id
    }

    /// The yes and its limits.
    pub const fn allowed(&self) -> &AllowedPatient {
        &self.allowed
    }

    /// The patient that was asked about; differs from [`patient`](Self::patient) after a merge.
    pub(crate) const fn asked(&self) -> &PatientId {
        &self.asked
    }
}
