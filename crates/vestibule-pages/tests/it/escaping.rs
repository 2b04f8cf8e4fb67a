use vestibule_host::UnixMillis;
use vestibule_host::pages::{
    AppView, BounceView, ConsentView, EncountersView, EndAllView, Form, Frame, ManageView, Pages,
    PatientsView, Problem, ProblemView, RememberedLine, StayLimits, View, WayOn,
};
use vestibule_pages::HtmlPages;

use crate::html::{tags, text};
use crate::views::{encounter, grant, item, patient, scopes};

const EVIL: &str = "<script>\"'&</script><b>{ $app }\u{202E}\u{2066}\r\n";
/// What may be seen of it.
const SHOWN: &str = "<script>\"'&</script><b>{ $app }";

fn hostile_views(see: impl Fn(View<'_>)) {
    let app = AppView { name: EVIL, answers_to: EVIL, home_page: Some("javascript:alert(1)//https://") };
    let form = Form { action: EVIL, step: EVIL };
    let who = patient(EVIL, EVIL).with_birth_date(EVIL).with_note(EVIL);
    let people = [who.clone()];
    let visits = [encounter(EVIL, EVIL)];
    let asked = scopes("__<script>'& patient/Observation.rs?code=<b>'&x=y patient/Condition.rs");
    let grants = [grant(EVIL, EVIL, "__<script>'&")];
    see(View::Patients(PatientsView {
        app: app.clone(),
        user: EVIL,
        form: form.clone(),
        search: Some(EVIL),
        patients: &people,
        next: Some(EVIL),
        mistake: None,
    }));
    see(View::Encounters(EncountersView {
        app: app.clone(),
        user: EVIL,
        form: form.clone(),
        patient: &who,
        encounters: &visits,
        next: Some(EVIL),
        mistake: None,
    }));
    see(View::Consent(ConsentView {
        app: app.clone(),
        user: EVIL,
        form: form.clone(),
        patient: Some(&who),
        relationship: Some(EVIL),
        encounter: Some(EVIL),
        items: asked.iter().map(item).collect(),
        seconds: 60,
        stay: StayLimits { offline_idle_seconds: 60, offline_until: None, online_seconds: 60 },
        until: None,
    }));
    let remembered = [RememberedLine {
        id: EVIL.to_owned(),
        app: EVIL.to_owned(),
        patient: Some(who.clone()),
        scopes: asked.clone(),
        since: UnixMillis(0),
    }];
    see(View::Manage(ManageView {
        user: EVIL,
        form: form.clone(),
        grants: &grants,
        remembered: &remembered,
        before: Some("/\"><script>"),
        after: Some("/\"><script>"),
        end_all: Some("/\"><script>"),
        done: None,
    }));
    let apps = [EVIL.to_owned()];
    see(View::EndAll(EndAllView { user: EVIL, form, apps: &apps, back: "/\"><script>" }));
    see(View::Problem(ProblemView {
        problem: Problem::Stale,
        way_on: WayOn::App { name: EVIL, url: "https://x.example/\"><script>" },
        correlation: EVIL,
    }));
    see(View::Problem(ProblemView {
        problem: Problem::Stale,
        way_on: WayOn::Continue("/\"><script>alert(1)</script>"),
        correlation: EVIL,
    }));
    see(View::Bounce(BounceView { to: "/\"><script>", app }));
}

#[test]
fn nothing_from_outside_is_markup() {
    let pages = HtmlPages::new();
    for language in ["en", "de"] {
        let languages = [language.to_owned(), EVIL.to_owned()];
        let frame = Frame { languages: &languages, nonce: "\"><script>", organization: EVIL };
        hostile_views(|view| {
            let html = pages.render(&view, &frame);
            assert!(!html.contains("<script"), "{html}");
            assert!(!html.contains("<b>"), "{html}");
            assert!(!html.contains("javascript:"), "{html}");
            let tags = tags(&html);
            assert_eq!(tags.iter().filter(|tag| tag.name == "style").count(), 1);
            assert!(tags.iter().any(|tag| tag.is("style", "nonce", "\"><script>")));
            let said = text(&html);
            assert!(said.contains(SHOWN), "shown as it is written: {said}");
            assert!(
                !said.contains('\u{202E}') && !said.contains('\u{2066}'),
                "no name turns the text around"
            );
            // Values that travel back are exact, whatever they hold.
            for field in ["step", "patient", "encounter", "after", "revoke"] {
                for tag in tags.iter().filter(|tag| tag.get("name") == Some(field)) {
                    assert_eq!(tag.get("value"), Some(EVIL));
                }
            }
        });
    }
}

#[test]
fn no_template_switches_escaping_off() {
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/templates")).unwrap() {
        let path = file.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        assert!(!source.contains("safe") && !source.contains("escape"), "{}", path.display());
        // Style is part of the page's document and may hold no value.
        if path.extension().is_some_and(|extension| extension == "css") {
            assert!(!source.contains("{{") && !source.contains("{%"), "{}", path.display());
        }
    }
}
