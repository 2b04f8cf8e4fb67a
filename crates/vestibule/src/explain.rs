//! Explanations leave the engine here: to the log, and to the host's observer (principle 7).

use bytes::Bytes;
use http::{HeaderValue, Response};
use vestibule_core::authorize::AuthorizeRefusal;
use vestibule_core::explain::{Endpoint, Outcome, Trail};
use vestibule_core::token::TokenError;

use crate::bearer::BearerError;
use crate::server::Inner;

impl Inner {
    /// The trail of a request that begins, under a fresh name.
    pub(crate) fn trail(&self) -> Trail {
        Trail::of_request(self.correlation())
    }

    /// A name for one request, to be told to whoever asks about it.
    pub(crate) fn correlation(&self) -> String {
        let mut bytes = [0; 6];
        match self.entropy().fill(&mut bytes) {
            Ok(()) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            Err(_) => "none".to_owned(),
        }
    }

    /// Tells what happened to one request. Called once for each.
    pub(crate) fn explain(&self, trail: Trail, endpoint: Endpoint, outcome: Outcome) {
        let explanation = trail.explain(endpoint, self.now(), outcome);
        let correlation = explanation.correlation.as_str();
        let failed = explanation.checks.iter().rev().find(|check| !check.passed);
        tracing::info!(
            correlation,
            endpoint = endpoint.name(),
            client = explanation.client.as_ref().map(vestibule_host::ClientId::as_str),
            flow = explanation.flow.as_deref(),
            outcome = outcome.name(),
            description = description_of(outcome),
            failed = failed.map(|check| check.requirement),
            what = failed.map(|check| check.what),
            reason = explanation.reason.as_deref(),
            "request"
        );
        for line in &explanation.scopes {
            tracing::debug!(correlation, scope = line.requested, fate = ?line.fate, "scope");
        }
        if let Some(observer) = &self.observer {
            observer.explained(&explanation);
        }
    }
}

const fn description_of(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Refused { description, .. } => Some(description),
        _ => None,
    }
}

/// What the app is told at its address.
pub(crate) const fn told(refusal: AuthorizeRefusal) -> Outcome {
    Outcome::Refused { error: refusal.code.as_str(), description: refusal.description }
}

/// What the bearer of a token is told.
pub(crate) const fn refused(error: BearerError) -> Outcome {
    Outcome::Refused { error: error.code(), description: error.description() }
}

/// What the client is told at an endpoint that answers in JSON.
pub(crate) const fn answered<T>(answer: &Result<T, TokenError>) -> Outcome {
    match answer {
        Ok(_) => Outcome::Granted,
        Err(error) => Outcome::Refused { error: error.code(), description: error.description() },
    }
}

/// The name of the request, for whoever reads headers (GEN-012). Strangers are not told: what they get for an unknown client and
/// for a wrong secret is the same to the byte (A-TIME-01).
pub(crate) fn named(mut response: Response<Bytes>, correlation: &str) -> Response<Bytes> {
    if let Ok(correlation) = HeaderValue::try_from(correlation) {
        response.headers_mut().insert("x-correlation-id", correlation);
    }
    response
}
