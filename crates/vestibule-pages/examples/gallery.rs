//! Writes every page into a folder, to be looked at: `cargo run -p vestibule-pages --example gallery -- OUT`

use std::error::Error;
use std::fs;
use std::path::Path;

use vestibule_host::pages::{
    AppView, BounceView, ConsentView, Done, EncountersView, EndAllView, Form, FormPostView, Frame, GrantLine,
    ManageView, Mistake, Pages, PatientsView, Problem, ProblemView, RememberedLine, ScopeItem, ScopePart,
    StayLimits, Staying, View, WayOn,
};
use vestibule_host::{EncounterId, EncounterSummary, PatientId, PatientSummary, UnixMillis};
use vestibule_pages::HtmlPages;
use vestibule_scope::{Scope, TypeSpec, categories_of};

const FORM: Form<'static> = Form { action: "/auth/i/abc", step: "step-token" };

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("say where: gallery OUT")?;
    let pages = HtmlPages::new();
    for language in ["en", "de"] {
        let target = Path::new(&folder).join(language);
        fs::create_dir_all(&target)?;
        let languages = [language.to_owned()];
        let frame = Frame { languages: &languages, nonce: "nonce", organization: "Riverside Hospital" };
        let mut written = Ok(());
        gallery(&mut |name, view| {
            let result = fs::write(target.join(name).with_extension("html"), pages.render(&view, &frame));
            if result.is_err() {
                written = result;
            }
        })?;
        written?;
    }
    Ok(())
}

fn gallery(show: &mut dyn FnMut(&str, View<'_>)) -> Result<(), Box<dyn Error>> {
    let app = AppView {
        name: "Growth Chart",
        answers_to: "growth.example.org",
        home_page: Some("https://growth.example.org/"),
    };
    let long = AppView {
        name: "Donaudampfschifffahrtsgesellschaftskapitänsgesundheitsbegleiter Professional",
        answers_to: "a-very-long-host-name-for-an-app.department.of.something.example.org",
        home_page: None,
    };
    let patient = |id: &str, name: &str, born: &str, note: &str| {
        PatientSummary::new(PatientId::new(id), name).with_birth_date(born).with_note(note)
    };
    let own = [
        patient("alice", "Alice Miller", "14 June 1986", "You"),
        patient("ben", "Ben Miller", "2 March 2015", "Your child"),
    ];
    let found = [
        patient("p1", "Miller, Alice", "14 June 1986", "MRN 100-23"),
        patient("p2", "Miller, Benjamin Theodore Alexander Constantine", "2 March 2015", "MRN 100-24"),
        patient("p3", "مريم الخطيب", "9 January 1971", "MRN 100-25"),
        patient(
            "p4",
            "Millerwithaverylongfamilynamethatneverendsandhasnospacesatall",
            "30 May 1959",
            "MRN 100-26",
        ),
    ];
    let patients = PatientsView {
        app: app.clone(),
        user: "Alice Miller",
        form: FORM,
        search: None,
        patients: &own,
        next: None,
        mistake: None,
    };
    show("patients", View::Patients(patients.clone()));
    show(
        "patients-mistake",
        View::Patients(PatientsView { mistake: Some(Mistake::NothingChosen), ..patients.clone() }),
    );
    let searching =
        PatientsView { user: "Dr Robin Lee", search: Some("mill"), patients: &found, ..patients.clone() };
    show("patients-search", View::Patients(PatientsView { next: Some("cursor"), ..searching.clone() }));
    show("patients-search-none", View::Patients(PatientsView { patients: &[], ..searching.clone() }));
    show(
        "patients-search-start",
        View::Patients(PatientsView { patients: &[], search: Some(""), ..searching.clone() }),
    );
    show("patients-long", View::Patients(PatientsView { app: long.clone(), ..searching }));

    let encounter = |id: &str, title: &str, date: &str| EncounterSummary {
        id: EncounterId::new(id),
        title: title.to_owned(),
        date: Some(date.to_owned()),
    };
    let [_, ben] = &own;
    let visits = [
        encounter("e1", "Check-up with Dr Lee", "3 May 2026"),
        encounter("e2", "Emergency department", "11 February 2026"),
    ];
    let encounters = EncountersView {
        app: app.clone(),
        user: "Dr Robin Lee",
        form: FORM,
        patient: ben,
        encounters: &visits,
        next: Some("cursor"),
        mistake: None,
    };
    show("encounters", View::Encounters(encounters.clone()));
    show("encounters-none", View::Encounters(EncountersView { encounters: &[], next: None, ..encounters }));

    let asked = scopes(
        "patient/Patient.rs patient/Condition.rs patient/Observation.rs patient/AllergyIntolerance.rs \
         patient/MedicationRequest.rs patient/DocumentReference.crus patient/Observation.rs?code=8302-2 openid fhirUser \
         launch/patient offline_access __print-labels",
    )?;
    let parts = parts(&asked);
    let consent = ConsentView {
        app: app.clone(),
        user: "Alice Miller",
        form: FORM,
        patient: Some(ben),
        relationship: Some("Parent"),
        encounter: None,
        items: items(&asked, &parts),
        seconds: 3600,
        stay: StayLimits {
            offline_idle_seconds: 180 * 86_400,
            offline_until: Some(UnixMillis::from_seconds(1_826_928_000)),
            online_seconds: 43_200,
        },
        until: Some(UnixMillis::from_seconds(1_826_928_000)),
    };
    show("consent", View::Consent(consent.clone()));
    let wide = scopes("patient/*.rs user/*.cruds user/Practitioner.rs launch openid fhirUser online_access")?;
    show(
        "consent-clinician",
        View::Consent(ConsentView {
            app: long,
            user: "Dr Robin Lee",
            relationship: None,
            encounter: Some("Check-up with Dr Lee, 3 May 2026"),
            until: None,
            items: items(&wide, &[]),
            seconds: 43_200,
            ..consent.clone()
        }),
    );
    show(
        "consent-user",
        View::Consent(ConsentView { patient: None, relationship: None, items: items(&wide, &[]), ..consent }),
    );

    let since = UnixMillis::from_seconds(1_795_392_000);
    let grant = |id: &str, app: &str, patient: Option<&PatientSummary>, scopes: &[Scope]| GrantLine {
        id: id.to_owned(),
        app: app.to_owned(),
        relationship: patient.map(|_| "Parent".to_owned()),
        patient: patient.cloned(),
        scopes: scopes.to_vec(),
        since,
        used: UnixMillis::from_seconds(1_795_478_700),
        until: UnixMillis::from_seconds(1_810_944_000),
        staying: if patient.is_some() { Staying::Away } else { Staying::SignedIn },
        together: usize::from(patient.is_some()),
    };
    let grants = [grant("g1", "Growth Chart", Some(ben), &asked), grant("g2", "Ward Round", None, &wide)];
    let remembered = [RememberedLine {
        id: "c1".to_owned(),
        app: "Diary".to_owned(),
        patient: Some(ben.clone()),
        scopes: asked.clone(),
        since,
    }];
    let manage = ManageView {
        user: "Alice Miller",
        form: FORM,
        grants: &grants,
        remembered: &remembered,
        before: Some("?page=1"),
        after: Some("?page=3"),
        end_all: Some("?all"),
        done: Some(Done::Forgotten),
    };
    show("manage", View::Manage(manage.clone()));
    let nothing = ManageView {
        grants: &[],
        remembered: &[],
        before: None,
        after: None,
        end_all: None,
        done: Some(Done::EndedAll),
        ..manage
    };
    show("manage-empty", View::Manage(nothing));
    let apps = ["Diary", "Growth Chart", "Ward Round"].map(str::to_owned);
    show(
        "end-all",
        View::EndAll(EndAllView { user: "Alice Miller", form: FORM, apps: &apps, back: "#main" }),
    );

    let problem = |problem, way_on| View::Problem(ProblemView { problem, way_on, correlation: "7f3a-91c2" });
    show("problem-client", problem(Problem::UnknownClient, WayOn::StartAgain));
    show("problem-stale", problem(Problem::Stale, WayOn::Continue("/auth/i/abc")));
    show("problem-unavailable", problem(Problem::Unavailable, WayOn::Retry));
    let back = WayOn::App { name: "Growth Chart", url: "https://growth.example.org/" };
    show("problem-expired", problem(Problem::Expired, back));
    show("bounce", View::Bounce(BounceView { to: "#main", app }));
    let fields = [("code".to_owned(), "vc_example".to_owned()), ("state".to_owned(), "st1".to_owned())];
    // Without its script, so that the page stays.
    let answer = FormPostView { to: "#main", fields: &fields, app: "Growth Chart", script: "" };
    show("form_post", View::FormPost(answer));
    Ok(())
}

fn scopes(text: &str) -> Result<Vec<Scope>, Box<dyn Error>> {
    text.split(' ')
        .map(|scope| Scope::parse(scope).map_err(|error| format!("{scope}: {error}").into()))
        .collect()
}

/// Per scope, its categories.
fn parts(scopes: &[Scope]) -> Vec<Vec<(Scope, &'static str)>> {
    let of = |scope: &Scope| {
        let resource = scope.as_resource().filter(|resource| resource.constraint().is_none())?;
        let TypeSpec::Named(named) = resource.resource_type() else { return None };
        Some(categories_of(named).iter().filter_map(|it| Some((scope.refined(it)?, it.code))).collect())
    };
    scopes.iter().map(|scope| of(scope).unwrap_or_default()).collect()
}

fn items<'a>(scopes: &'a [Scope], parts: &'a [Vec<(Scope, &'static str)>]) -> Vec<ScopeItem<'a>> {
    let item = |(at, scope): (usize, &'a Scope)| {
        let text = scope.as_str();
        let parts = parts.get(at).map(Vec::as_slice).unwrap_or_default();
        ScopeItem {
            scope,
            checked: true,
            sensitive: text.contains("MedicationRequest") || text.contains(".c"),
            everything: text.contains('*'),
            parts: parts.iter().map(|(scope, category)| ScopePart { scope, category }).collect(),
        }
    };
    scopes.iter().enumerate().map(item).collect()
}
