//! The EHR's own pages: sign-in, patients, the app launcher. None of it is part of Vestibule.
//!
//! Read `sign_in.rs` for the door, `patients.rs` for the records, `launcher.rs` for how an EHR opens an app.

mod apps;
mod audit;
mod decisions;
pub mod forms;
mod inspector;
mod launcher;
mod page;
mod patients;
pub mod session;
mod sign_in;
pub mod style;
mod tools;

use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};

use vestibule::AuthorizationServer;
use vestibule_host::SessionId;

use crate::apps::AppKey;
use crate::database::{Database, DatabaseError};
use crate::fhir::journal::Journal;
use crate::host::explanations::Recent;
use crate::host::registrations::Registrations;
use crate::records::{Records, Shelf};
use forms::Forms;
use session::{Cookie, Session};

/// What the EHR's pages work with.
#[derive(Debug)]
pub struct Ehr {
    /// The hospital's tables.
    pub database: Database,
    /// Today's records, as they came with the demo.
    pub records: Arc<Records>,
    /// The same, with what apps wrote.
    pub shelf: Shelf,
    /// Makes and checks form tokens.
    pub forms: Forms,
    /// The session cookie.
    pub session: Cookie,
    /// Names a browser before anybody signed in, for the sign-in form's token.
    pub visit: Cookie,
    /// Told when a session is over.
    pub server: AuthorizationServer,
    /// The clinic next door, which has the same people at the same sign-in.
    pub clinic: AuthorizationServer,
    /// Opens apps.
    pub launcher: launcher::Launcher,
    /// Every app, those that registered themselves among them.
    pub clients: Arc<dyn Registrations>,
    /// What happened to the requests of the last hour.
    pub recent: Arc<Recent>,
    /// What the FHIR APIs decided in the last hour.
    pub journal: Arc<Journal>,
    /// Where the sample app lives.
    pub sample_app: String,
    /// The key of the sample apps that have one, for `/ehr/try`.
    pub app_key: AppKey,
}

impl Ehr {
    /// Ends a session, and what apps were given in it.
    async fn end_session(&self, id: &str) -> Result<(), DatabaseError> {
        for ended in session::close(&self.database, id).await? {
            let ended = SessionId::new(ended);
            for server in [&self.server, &self.clinic] {
                if let Err(error) = server.session_ended(&ended).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "what apps were given in a session lives on for some minutes");
                }
            }
        }
        Ok(())
    }

    async fn session(&self, headers: &HeaderMap) -> Result<Option<Session>, DatabaseError> {
        session::current(&self.database, headers, &self.session).await
    }

    /// Somebody who works here; everybody else gets the answer, and comes back to `path` after sign-in.
    async fn staff(&self, headers: &HeaderMap, path: &str) -> Result<Session, Response> {
        match self.session(headers).await {
            Ok(Some(session)) if session.clinician => Ok(session),
            Ok(Some(_)) => {
                let text = "This page is for people who work here. Sign in as dr-lee to see it.";
                Err(page::message(StatusCode::FORBIDDEN, "For staff", text))
            }
            Ok(None) => Err(page::see_other(&format!("/sign-in?resume={path}"))),
            Err(error) => Err(page::unavailable(&error)),
        }
    }
}

pub use launcher::Launcher;

/// The EHR's routes.
pub fn router(ehr: Arc<Ehr>) -> Router {
    Router::new()
        .route("/", get(sign_in::home))
        .route("/sign-in", get(sign_in::form).post(sign_in::submit))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/patients", get(patients::list))
        .route("/patients/{id}", get(patients::chart))
        .route("/ehr", get(launcher::form))
        .route("/ehr/launch", post(launcher::launch))
        .route("/ehr/try", get(tools::form).post(tools::make))
        .route("/ehr/apps", get(apps::list).post(apps::change))
        .route("/ehr/audit", get(audit::list))
        .route("/ehr/audit/{id}", get(audit::resource))
        .route("/ehr/inspector", get(inspector::list))
        .route("/ehr/inspector/fhir", get(decisions::list))
        .route("/assets/ehr.css", get(page::stylesheet))
        .route("/favicon.ico", get(async || StatusCode::NO_CONTENT))
        .route(&style::path(), get(style::document))
        .fallback(page::not_found)
        .with_state(ehr)
}
