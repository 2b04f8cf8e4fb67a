//! The app launcher: how an EHR opens an app with a patient already in context.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value};
use vestibule::{AuthorizationServer, FhirBase, Launch, LaunchError};
use vestibule_host::{
    EncounterId, FhirContextItem, LaunchContext, PatientId, RegisteredClient, SessionId, UserId,
};

use super::page::{message, page_with_forms_to, see_other, unavailable};
use super::patients::{self, Listed};
use super::session::Session;
use super::sign_in::sign_out_token;
use super::{Ehr, style};
use crate::host::registrations::Registrations;
use crate::records::Records;

/// As the form says; a browser counts characters, so these are generous.
const LONGEST_INTENT: usize = 800;
const LONGEST_FHIR_CONTEXT: usize = 16_000;

/// Opens registered apps.
#[derive(Debug)]
pub struct Launcher {
    /// Vestibule, which makes launches.
    server: AuthorizationServer,
    /// The apps known at start.
    known: Vec<RegisteredClient>,
    /// Those that registered themselves.
    registered: Arc<dyn Registrations>,
    /// Where this hospital is found.
    public_url: String,
}

#[derive(Template)]
#[template(path = "launcher.html")]
struct Page<'a> {
    user: Option<&'a str>,
    sign_out: &'a str,
    token: &'a str,
    mistake: Option<&'a str>,
    apps: Vec<App<'a>>,
    patients: &'a [Listed],
    encounters: Vec<Group<'a>>,
    entered: &'a Entered,
}

struct App<'a> {
    id: &'a str,
    name: &'a str,
}

struct Group<'a> {
    patient: &'a str,
    encounters: Vec<Visit<'a>>,
}

struct Visit<'a> {
    id: &'a str,
    title: String,
}

/// The form as entered.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Entered {
    token: String,
    client_id: String,
    patient: String,
    encounter: String,
    intent: String,
    need_patient_banner: String,
    fhir_context: String,
}

impl Entered {
    fn has_details(&self) -> bool {
        !self.intent.is_empty() || !self.fhir_context.is_empty() || self.need_patient_banner == "false"
    }

    /// What the app will find beside its token. The engine checks patient and encounter when it creates the launch.
    fn context(&self, style_url: String) -> Result<LaunchContext, &'static str> {
        if !PatientId::is_logical_id(&self.patient) {
            return Err("Choose a patient.");
        }
        if self.intent.len() > LONGEST_INTENT || self.fhir_context.len() > LONGEST_FHIR_CONTEXT {
            return Err("The intent or the list of other resources is too long.");
        }
        let mut context = LaunchContext::new()
            .with_patient(PatientId::new(&self.patient))
            .with_smart_style_url(style_url)
            .with_need_patient_banner(match self.need_patient_banner.as_str() {
                "" | "true" => true,
                "false" => false,
                _ => return Err("need_patient_banner must be true or false."),
            });
        if !self.encounter.is_empty() {
            context = context.with_encounter(EncounterId::new(&self.encounter));
        }
        if !self.intent.is_empty() {
            context = context.with_intent(&self.intent);
        }
        if !self.fhir_context.trim().is_empty() {
            let items: Vec<Map<String, Value>> = serde_json::from_str(&self.fhir_context)
                .map_err(|_| "Other resources in context must be a JSON array of objects.")?;
            for item in items {
                let item = FhirContextItem::try_from(item).map_err(|_| {
                    "An entry of the other resources is not valid: it needs a reference such as DiagnosticReport/1, a canonical or an identifier."
                })?;
                context = context.with_fhir_context(item);
            }
        }
        Ok(context)
    }
}

impl Launcher {
    /// A launcher for the registered apps.
    #[must_use]
    pub fn new(
        server: AuthorizationServer,
        known: Vec<RegisteredClient>,
        registered: Arc<dyn Registrations>,
        public_url: &str,
    ) -> Self {
        Self { server, known, registered, public_url: public_url.to_owned() }
    }

    /// The apps known at start.
    pub(super) fn known(&self) -> &[RegisteredClient] {
        &self.known
    }

    /// Every app that may be used.
    async fn enabled(&self) -> Vec<RegisteredClient> {
        let registered = self.registered.newest().await.unwrap_or_else(|fault| {
            tracing::warn!(
                error = &fault as &dyn std::error::Error,
                "apps that registered themselves are missing"
            );
            Vec::new()
        });
        let registered = registered.into_iter().map(|registration| registration.client);
        self.known.iter().cloned().chain(registered).filter(RegisteredClient::is_enabled).collect()
    }

    /// What `form-action` must allow beside ourselves.
    pub(super) async fn form_targets(&self) -> String {
        form_targets(&self.enabled().await)
    }

    /// Asks Vestibule for a launch. It is bound to this user, this app and its FHIR base, and opens once.
    async fn open(
        &self,
        session: &Session,
        app: &RegisteredClient,
        context: LaunchContext,
    ) -> Result<Launch, LaunchError> {
        let (user, session) = (UserId::new(&session.user), SessionId::new(&session.id));
        let bases = self.server.config().bases();
        let base = app.fhir_bases.first().map(String::as_str).or(bases.first().map(FhirBase::url));
        let base = base.unwrap_or_default();
        self.server.create_launch(&user, Some(&session), &app.id, None, base, context).await
    }
}

/// Those that can be opened: they have a launch URL.
fn can_be_opened(client: &&RegisteredClient) -> bool {
    !client.launch_uris.is_empty()
}

fn form_targets(apps: &[RegisteredClient]) -> String {
    let targets: BTreeSet<String> = apps
        .iter()
        .flat_map(|app| app.launch_uris.iter().chain(&app.redirect_uris).map(|uri| (uri, app.loopback_ports)))
        .filter_map(|(uri, any_port)| form_target(uri, any_port))
        .collect();
    targets.iter().map(|target| format!(" {target}")).collect()
}

/// The origin of a URL, or the scheme of a native app's, as a `form-action` source.
fn form_target(uri: &str, any_port: bool) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]+".contains(&b));
    let host = match (scheme, rest.strip_prefix("//")) {
        ("http" | "https", Some(rest)) => rest.split(['/', '?', '#']).next()?,
        _ => "",
    };
    // A policy has no way to write an address of IPv6, so all of the scheme is let through.
    if host.is_empty() || host.starts_with('[') {
        return plain(scheme).then(|| format!("{scheme}:"));
    }
    // Without a port a source stands for the scheme's own port alone.
    let ports = if any_port && host == "127.0.0.1" { ":*" } else { "" };
    plain(host).then(|| format!("{scheme}://{host}{ports}"))
}

#[derive(Debug, Deserialize)]
pub(super) struct Preset {
    #[serde(default)]
    patient: String,
}

pub(super) async fn form(
    State(ehr): State<Arc<Ehr>>,
    Query(Preset { patient }): Query<Preset>,
    headers: HeaderMap,
) -> Response {
    match ehr.session(&headers).await {
        Ok(Some(session)) => show(&ehr, &session, &Entered { patient, ..Entered::default() }, None).await,
        Ok(None) => see_other("/sign-in?resume=/ehr"),
        Err(error) => unavailable(&error),
    }
}

async fn show(ehr: &Ehr, session: &Session, entered: &Entered, mistake: Option<&str>) -> Response {
    let patients = match patients::accessible(&ehr.database, &session.user, "").await {
        Ok(patients) => patients,
        Err(error) => return unavailable(&error),
    };
    let enabled = ehr.launcher.enabled().await;
    let apps = enabled.iter().filter(can_be_opened);
    let token = ehr.forms.token("launch", &session.id);
    let sign_out = sign_out_token(ehr, session);
    let page = Page {
        user: Some(&session.user),
        sign_out: &sign_out,
        token: &token,
        mistake,
        apps: apps.map(|app| App { id: app.id.as_str(), name: &app.name }).collect(),
        encounters: patients.iter().map(|patient| visits(&ehr.records, patient)).collect(),
        patients: &patients,
        entered,
    };
    let status = if mistake.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    page_with_forms_to(status, &page, &form_targets(&enabled))
}

fn visits<'a>(records: &'a Records, patient: &'a Listed) -> Group<'a> {
    let visit = |resource: &'a Value| {
        let text = |pointer: &str| resource.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let day = text("/period/start").get(..10).unwrap_or_default();
        let id = resource.get("id").and_then(Value::as_str).unwrap_or_default();
        Visit { id, title: format!("{day}, {} ({})", text("/reasonCode/0/text"), text("/status")) }
    };
    let encounters =
        records.of_patient("Encounter", &patient.id).map(|record| visit(&record.resource)).collect();
    Group { patient: &patient.name, encounters }
}

pub(super) async fn launch(
    State(ehr): State<Arc<Ehr>>,
    headers: HeaderMap,
    Form(entered): Form<Entered>,
) -> Response {
    let session = match ehr.session(&headers).await {
        Ok(Some(session)) => session,
        Ok(None) => return see_other("/sign-in?resume=/ehr"),
        Err(error) => return unavailable(&error),
    };
    if let Err(refused) = ehr.forms.check(&headers, "launch", &session.id, &entered.token) {
        let text = "This form was out of date. Go to “Open an app” and choose again.";
        return message(refused.status(), "The app was not opened", text);
    }
    let enabled = ehr.launcher.enabled().await;
    let mut apps = enabled.iter().filter(can_be_opened);
    let Some(app) = apps.find(|app| app.id.as_str() == entered.client_id) else {
        return show(&ehr, &session, &entered, Some("Choose an app.")).await;
    };
    let style_url = format!("{}{}", ehr.launcher.public_url, style::path());
    let context = match entered.context(style_url) {
        Ok(context) => context,
        Err(mistake) => return show(&ehr, &session, &entered, Some(mistake)).await,
    };
    let mistake = match ehr.launcher.open(&session, app, context).await {
        Ok(launch) => return see_other(launch.expose_url()),
        Err(LaunchError::PatientDenied) => "You may not open this patient's record for an app.",
        Err(LaunchError::EncounterMismatch) => "Choose an encounter of this patient.",
        Err(LaunchError::UnknownBase) => "This app is registered for no records of this hospital.",
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "no launch was made");
            let text = "The app cannot be opened at the moment. Please try again in a minute.";
            return message(StatusCode::SERVICE_UNAVAILABLE, "Please try again", text);
        }
    };
    show(&ehr, &session, &entered, Some(mistake)).await
}

#[cfg(test)]
mod tests {
    use super::form_target;

    /// A-UI-07
    #[test]
    fn a_form_may_lead_to_every_app() {
        for (uri, any_port, source) in [
            ("https://app.example/cb?x=1", false, Some("https://app.example")),
            ("https://app.example:8443", false, Some("https://app.example:8443")),
            ("http://127.0.0.1/cb", true, Some("http://127.0.0.1:*")),
            ("http://127.0.0.1:7777/cb", false, Some("http://127.0.0.1:7777")),
            ("http://[::1]/cb", true, Some("http:")),
            ("com.example.app:/cb", false, Some("com.example.app:")),
            ("https://app.example; script-src *", false, None),
            ("nonsense", false, None),
        ] {
            assert_eq!(form_target(uri, any_port).as_deref(), source, "{uri}");
        }
    }
}
