//! The EHR's own pages: sign-in, patients, the app launcher. None of it is part of Vestibule.
//!
//! Read `sign_in.rs` for the door, `patients.rs` for the records, `launcher.rs` for how an EHR opens an app.

pub mod forms;
mod launcher;
mod page;
mod patients;
pub mod session;
mod sign_in;
pub mod style;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};

use crate::database::{Database, DatabaseError};
use crate::records::Records;
use forms::Forms;
use session::{Cookie, Session};

/// What the EHR's pages work with.
#[derive(Debug)]
pub struct Ehr {
    /// The hospital's tables.
    pub database: Database,
    /// Today's records.
    pub records: Arc<Records>,
    /// Makes and checks form tokens.
    pub forms: Forms,
    /// The session cookie.
    pub session: Cookie,
    /// Names a browser before anybody signed in, for the sign-in form's token.
    pub visit: Cookie,
    /// Opens apps.
    pub launcher: launcher::Launcher,
    /// Where the sample app lives.
    pub sample_app: String,
}

impl Ehr {
    async fn session(&self, headers: &HeaderMap) -> Result<Option<Session>, DatabaseError> {
        session::current(&self.database, headers, &self.session).await
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
        .route("/assets/ehr.css", get(page::stylesheet))
        .route("/favicon.ico", get(async || StatusCode::NO_CONTENT))
        .route(&style::path(), get(style::document))
        .fallback(page::not_found)
        .with_state(ehr)
}
