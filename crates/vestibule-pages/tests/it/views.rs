//! Views to draw: the tests and nothing else depend on them.

use vestibule_host::pages::{
    AppView, ConsentView, EncountersView, Form, Frame, GrantLine, ManageView, Pages, PatientsView, ScopeItem,
    ScopePart, StayLimits, Staying, View,
};
use vestibule_host::{EncounterId, EncounterSummary, PatientId, PatientSummary, UnixMillis};
use vestibule_pages::HtmlPages;
use vestibule_scope::Scope;

pub(crate) const NONCE: &str = "bm9uY2U";
pub(crate) const FORM: Form<'static> = Form { action: "/auth/i/abc", step: "st3p" };

pub(crate) fn app<'a>(name: &'a str) -> AppView<'a> {
    AppView { name, answers_to: "app.example.org", home_page: Some("https://app.example.org/") }
}

pub(crate) fn patient(id: &str, name: &str) -> PatientSummary {
    PatientSummary::new(PatientId::new(id), name).with_birth_date("2 March 2015").with_note("Your child")
}

pub(crate) fn encounter(id: &str, title: &str) -> EncounterSummary {
    EncounterSummary {
        id: EncounterId::new(id),
        title: title.to_owned(),
        date: Some("3 May 2026".to_owned()),
    }
}

pub(crate) fn patients<'a>(name: &'a str, patients: &'a [PatientSummary]) -> PatientsView<'a> {
    PatientsView {
        app: app(name),
        user: "Alice",
        form: FORM,
        search: None,
        patients,
        next: None,
        mistake: None,
    }
}

pub(crate) fn encounters<'a>(
    patient: &'a PatientSummary,
    encounters: &'a [EncounterSummary],
) -> EncountersView<'a> {
    EncountersView {
        app: app("App"),
        user: "Dr Lee",
        form: FORM,
        patient,
        encounters,
        next: None,
        mistake: None,
    }
}

pub(crate) fn scopes(text: &str) -> Vec<Scope> {
    text.split(' ').map(|scope| Scope::parse(scope).expect(scope)).collect()
}

pub(crate) fn item(scope: &Scope) -> ScopeItem<'_> {
    ScopeItem { scope, checked: true, sensitive: false, everything: false, parts: Vec::new() }
}

pub(crate) fn with_parts<'a>(scope: &'a Scope, parts: &'a [Scope], categories: &[&'a str]) -> ScopeItem<'a> {
    let parts = parts.iter().zip(categories).map(|(scope, category)| ScopePart { scope, category });
    ScopeItem { parts: parts.collect(), ..item(scope) }
}

pub(crate) fn consent<'a>(
    name: &'a str,
    patient: Option<&'a PatientSummary>,
    items: Vec<ScopeItem<'a>>,
) -> ConsentView<'a> {
    ConsentView {
        app: app(name),
        user: "Alice",
        form: FORM,
        patient,
        relationship: patient.map(|_| "Parent"),
        encounter: None,
        items,
        seconds: 3600,
        stay: StayLimits {
            offline_idle_seconds: 180 * 86_400,
            offline_until: None,
            online_seconds: 12 * 3_600,
        },
        until: None,
    }
}

pub(crate) fn grant(id: &str, app: &str, scope: &str) -> GrantLine {
    GrantLine {
        id: id.to_owned(),
        app: app.to_owned(),
        patient: Some(patient("ben", "Ben")),
        scopes: scopes(scope),
        relationship: None,
        since: UnixMillis::from_seconds(1_795_392_000),
        used: UnixMillis::from_seconds(1_795_392_000),
        staying: Staying::Once,
        together: 0,
        until: UnixMillis::from_seconds(1_810_944_000),
    }
}

pub(crate) fn manage(grants: &[GrantLine]) -> ManageView<'_> {
    ManageView {
        user: "Alice",
        form: FORM,
        grants,
        remembered: &[],
        before: None,
        after: None,
        end_all: None,
        done: None,
    }
}

pub(crate) fn draw_in(language: &str, view: &View<'_>) -> String {
    let languages = [language.to_owned()];
    let frame = Frame { languages: &languages, nonce: NONCE, organization: "Example Hospital" };
    HtmlPages::new().render(view, &frame)
}

pub(crate) fn draw(view: View<'_>) -> String {
    draw_in("en", &view)
}
