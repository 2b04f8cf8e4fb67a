//! "Whose record?" and "Which visit?"

use askama::Template;
use vestibule_host::pages::{EncountersView, Frame, Mistake, PatientsView};

use crate::language::{Sentence, Texts, shown};
use crate::page::{App, Page, Person, draw, mistake};

/// A mistake and the input it is about.
struct Alert {
    text: String,
    field: &'static str,
}

#[derive(Template)]
#[template(path = "patients.html")]
struct PatientsPage<'a> {
    page: Page<'a>,
    view: &'a PatientsView<'a>,
    heading: Sentence,
    app: App,
    people: Vec<Person<'a>>,
    /// What was searched for, where something was.
    searched: Option<&'a str>,
    /// Nobody was found.
    nobody: Option<Sentence>,
    legend: Sentence,
    search_refused: bool,
    alert: Option<Alert>,
}

pub(crate) fn patients(view: &PatientsView<'_>, frame: &Frame<'_>, texts: Texts<'_>) -> String {
    let searched = view.search.filter(|text| !text.is_empty());
    draw(&PatientsPage {
        page: Page::new(texts, frame, texts.say("patients-title"), Some(view.user)),
        view,
        heading: texts.about("patients-heading", "app", view.app.name),
        app: App::of(&view.app),
        people: view.patients.iter().map(|patient| Person::of(patient, texts)).collect(),
        searched,
        nobody: searched
            .filter(|_| view.patients.is_empty())
            .map(|text| texts.about("patients-not-found", "text", text)),
        legend: searched.map_or_else(
            || Sentence::own(texts.say("patients-legend")),
            |text| texts.about("patients-results", "text", text),
        ),
        search_refused: view.mistake == Some(Mistake::SearchTooLong),
        alert: alert(view.mistake, texts, view.patients.is_empty()),
    })
}

/// An encounter as the page shows it.
struct Visit<'a> {
    id: &'a str,
    title: String,
    date: Option<String>,
}

#[derive(Template)]
#[template(path = "encounters.html")]
struct EncountersPage<'a> {
    page: Page<'a>,
    view: &'a EncountersView<'a>,
    lead: Sentence,
    of: Sentence,
    person: Person<'a>,
    app: App,
    visits: Vec<Visit<'a>>,
    alert: Option<Alert>,
}

pub(crate) fn encounters(view: &EncountersView<'_>, frame: &Frame<'_>, texts: Texts<'_>) -> String {
    let visits = view.encounters.iter().map(|encounter| Visit {
        id: encounter.id.as_str(),
        title: shown(&encounter.title),
        date: encounter.date.as_deref().map(shown),
    });
    draw(&EncountersPage {
        page: Page::new(texts, frame, texts.say("encounters-title"), Some(view.user)),
        view,
        lead: texts.about("encounters-lead", "app", view.app.name),
        of: texts.about("encounters-of", "patient", &view.patient.name),
        person: Person::of(view.patient, texts),
        app: App::of(&view.app),
        visits: visits.collect(),
        alert: alert(view.mistake, texts, view.encounters.is_empty()),
    })
}

fn alert(made: Option<Mistake>, texts: Texts<'_>, empty: bool) -> Option<Alert> {
    made.map(|made| Alert {
        text: mistake(made, texts),
        field: match made {
            Mistake::SearchTooLong => "q",
            // With nothing to choose from there is nothing to lead to but the page itself.
            _ if empty => "main",
            _ => "choice-1",
        },
    })
}
