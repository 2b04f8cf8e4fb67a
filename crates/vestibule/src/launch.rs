//! The EHR opens an app: an in-process call of the host, never an HTTP endpoint (INT-013).

use vestibule_core::authorize::launch::{LaunchRecord, PREFIX};
use vestibule_core::{digest, record};
use vestibule_host::{
    AuditDetails, BoxError, ClientId, LaunchContext, Moment, PatientAnswer, PatientQuestion, PutLaunch,
    Secret, SessionId, UserId,
};

use crate::AuthorizationServer;
use crate::interaction::held::certain;

/// A launch that was made.
#[derive(Clone, Debug)]
pub struct Launch {
    url: Secret,
}

impl Launch {
    /// The app's launch URL with `iss` and `launch`: send the user's browser there with a 303, or open it in a frame
    /// (SMART-LAUNCH-001 to -005). It holds the launch handle.
    pub fn expose_url(&self) -> &str {
        self.url.expose_secret()
    }
}

/// Why a launch cannot be made. No handle was given out, so nothing can be opened with whatever was stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// [`Config::with_ehr_launch`](crate::Config::with_ehr_launch) was not called.
    #[error("EHR launches are not switched on")]
    NotWired,
    /// No such app, or it is disabled.
    #[error("the app is not registered")]
    UnknownClient,
    /// SMART-REG-005.
    #[error("the launch URL is not registered for this app")]
    UnknownLaunchUri,
    /// Not one of the issuer's FHIR bases, or not one of the app's.
    #[error("the FHIR base is unknown, or not for this app")]
    UnknownBase,
    /// The user may not let this app into this record.
    #[error("the user has no access to this patient record")]
    PatientDenied,
    /// E10.
    #[error("the encounter does not belong to the patient")]
    EncounterMismatch,
    /// A part of the host is away. Nothing was stored, unless the store failed to say twice whether it kept the launch: what it may
    /// have kept ends by itself.
    #[error("a part of the system cannot answer")]
    Unavailable(#[source] BoxError),
}

impl AuthorizationServer {
    /// Keeps the context of an EHR launch and returns the URL to open.
    ///
    /// The launch is bound to user, app and FHIR base, can be used once, and waits for 300 s. Access to the patient is asked
    /// here and again at every later step (SMART-LAUNCH-011 to -016).
    ///
    /// `launch_uri` is one of the app's registered launch URLs; `None` takes the first.
    ///
    /// # Errors
    /// A [`LaunchError`]; no launch was made.
    ///
    /// # Security
    /// The caller has authenticated `user`. The handle travels through the app and proves no identity (SMART-LAUNCH-017).
    pub async fn create_launch(
        &self,
        user: &UserId,
        session: Option<&SessionId>,
        client: &ClientId,
        launch_uri: Option<&str>,
        base: &str,
        mut context: LaunchContext,
    ) -> Result<Launch, LaunchError> {
        let inner = self.inner();
        let away = |source: BoxError| LaunchError::Unavailable(source);
        if !inner.config.ehr_launch {
            return Err(LaunchError::NotWired);
        }
        let found = inner.host.clients.client(client).await.map_err(|error| away(error.into()))?;
        let client = found.filter(|client| client.is_enabled()).ok_or(LaunchError::UnknownClient)?;
        let registered = match launch_uri {
            Some(uri) => client.launch_uris.iter().find(|known| *known == uri),
            None => client.launch_uris.first(),
        };
        let launch_uri = registered.ok_or(LaunchError::UnknownLaunchUri)?;
        let rules = inner.config.rules();
        let base = rules
            .base(base)
            .filter(|base| client.may_use_base(base.url()))
            .ok_or(LaunchError::UnknownBase)?;
        if let Some(patient) = &context.patient {
            let question = PatientQuestion::new(user, patient, &client.id, Moment::Launch);
            match inner.host.patients.may_access(&question).await.map_err(|error| away(error.into()))? {
                PatientAnswer::Allowed(allowed) => context.patient = Some(allowed.summary.id), // E12
                PatientAnswer::Denied => return Err(LaunchError::PatientDenied),
            }
        }
        if let Some(encounter) = &context.encounter {
            let Some(patient) = &context.patient else { return Err(LaunchError::EncounterMismatch) };
            let found = inner.host.patients.encounter(patient, encounter).await;
            if found.map_err(|error| away(error.into()))?.is_none() {
                return Err(LaunchError::EncounterMismatch); // E10
            }
        }
        let now = inner.now();
        let usable_until = now.plus(inner.config.launch_life);
        let launch = LaunchRecord {
            user: user.clone(),
            session: session.cloned(),
            client: client.id.clone(),
            base: base.url().to_owned(),
            context,
            usable_until,
        };
        let handle = inner.secret(PREFIX).map_err(|error| away(error.into()))?;
        let stored = record::write(&launch).map_err(|error| away(error.into()))?;
        // Kept for its own life and one interaction's: what began in time may end (design §9).
        let keep_until = usable_until.plus(inner.config.interaction_life);
        let mut details = AuditDetails::default();
        details.client = Some(launch.client.clone());
        details.user = Some(launch.user.clone());
        details.session.clone_from(&launch.session);
        details.patient.clone_from(&launch.context.patient);
        details.encounter.clone_from(&launch.context.encounter);
        details.base = Some(launch.base.clone());
        let event = inner.event(details, None).map_err(|error| away(error.into()))?;
        let operation =
            PutLaunch::new(digest::launch(inner.issuer(), &handle), keep_until, stored).with_event(event);
        let call = inner.call(now).map_err(|error| away(error.into()))?;
        let kept = certain(|| inner.host.grants.put_launch(&operation, &call)).await;
        kept.map_err(|error| away(error.into()))?;
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("iss", base.url())
            .append_pair("launch", &handle)
            .finish();
        // SMART-LAUNCH-005: a launch URL may have a query of its own.
        let join = if launch_uri.contains('?') { '&' } else { '?' };
        Ok(Launch { url: Secret::new(format!("{launch_uri}{join}{query}")) })
    }
}
