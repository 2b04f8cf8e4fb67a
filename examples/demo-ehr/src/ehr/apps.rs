//! `/ehr/apps`: which apps there are, what in their registration deserves a second look, and those that wait for approval.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use vestibule_host::client::ClientStatus;
use vestibule_host::{ClientId, RegisteredClient, Revision, UserId};

use super::Ehr;
use super::page::{away, message, page, see_other};
use super::sign_in::sign_out_token;
use crate::host::registrations;

#[derive(Template)]
#[template(path = "apps.html")]
struct Page<'a> {
    user: Option<&'a str>,
    sign_out: &'a str,
    form_token: &'a str,
    fixed: Vec<Line>,
    registered: Vec<Line>,
}

struct Line {
    id: String,
    name: String,
    method: &'static str,
    scopes: String,
    hazards: Vec<String>,
    status: ClientStatus,
    revision: u64,
    /// Where it can be opened: it has the sample app's address.
    open: Option<String>,
}

impl Line {
    fn of(client: &RegisteredClient, revision: Revision, sample_app: &str) -> Self {
        let scopes: Vec<&str> = client.scopes.iter().map(vestibule_scope::Scope::as_str).collect();
        Self {
            id: client.id.as_str().to_owned(),
            name: client.name.clone(),
            method: client.authentication.method(),
            scopes: scopes.join(" "),
            hazards: client.hazards().iter().map(ToString::to_string).collect(),
            status: client.status,
            revision: revision.0,
            open: client.redirect_uris.contains(&format!("{sample_app}/callback.html")).then(|| {
                let id: String = form_urlencoded::byte_serialize(client.id.as_str().as_bytes()).collect();
                format!("{sample_app}/?client_id={id}")
            }),
        }
    }

    fn state(&self) -> &'static str {
        match self.status {
            ClientStatus::Enabled => "in use",
            ClientStatus::Pending => "waits for approval",
            ClientStatus::Disabled => "switched off",
        }
    }

    fn is_enabled(&self) -> bool {
        self.status == ClientStatus::Enabled
    }
}

pub(super) async fn list(State(ehr): State<Arc<Ehr>>, headers: HeaderMap) -> Response {
    let session = match ehr.staff(&headers, "/ehr/apps").await {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    let registered = match ehr.clients.newest().await {
        Ok(registered) => registered,
        Err(fault) => return away(&fault),
    };
    let template = Page {
        user: Some(&session.user),
        sign_out: &sign_out_token(&ehr, &session),
        form_token: &ehr.forms.token("apps", &session.id),
        fixed: ehr
            .launcher
            .known()
            .iter()
            .map(|client| Line::of(client, Revision(0), &ehr.sample_app))
            .collect(),
        registered: registered
            .iter()
            .map(|one| Line::of(&one.client, one.revision, &ehr.sample_app))
            .collect(),
    };
    page(StatusCode::OK, &template)
}

#[derive(Debug, Deserialize)]
pub(super) struct Change {
    form_token: String,
    client_id: String,
    revision: u64,
    what: String,
}

/// Somebody looked at an app that registered itself (SMART-REG-014).
pub(super) async fn change(
    State(ehr): State<Arc<Ehr>>,
    headers: HeaderMap,
    Form(form): Form<Change>,
) -> Response {
    let session = match ehr.staff(&headers, "/ehr/apps").await {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    if let Err(refused) = ehr.forms.check(&headers, "apps", &session.id, &form.form_token) {
        return message(
            refused.status(),
            "Nothing was changed",
            "This form was out of date. Go back and try again.",
        );
    }
    let status = match form.what.as_str() {
        "approve" => ClientStatus::Enabled,
        "switch-off" => ClientStatus::Disabled,
        _ => return see_other("/ehr/apps"),
    };
    let id = ClientId::new(form.client_id);
    // What was looked at, and no version that came later.
    let (kept, looked_at) = ((&ehr.server, &*ehr.clients), Revision(form.revision));
    let staff = UserId::new(session.user.as_str());
    match registrations::set_status(kept, &id, looked_at, status, &staff).await {
        Ok(true) => {}
        Ok(false) => {
            let text = "The app changed its registration meanwhile, or is gone. Go back and look again.";
            return message(StatusCode::CONFLICT, "Nothing was changed", text);
        }
        Err(fault) => return away(&fault),
    }
    if status == ClientStatus::Disabled
        && let Err(error) = ehr.server.client_ended(&id).await
    {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "what an app was given lives on for some minutes");
    }
    see_other("/ehr/apps")
}
