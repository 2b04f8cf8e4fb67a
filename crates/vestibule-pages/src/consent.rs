//! "Do you agree?"

use askama::Template;
use vestibule_host::pages::{ConsentView, Frame, ScopeItem};

use crate::language::{Sentence, Texts, shown};
use crate::moments::span;
use crate::page::{App, Page, Person, draw};
use crate::words::{Group, ScopeWords, category_or_code};

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    page: Page<'a>,
    view: &'a ConsentView<'a>,
    heading: Sentence,
    app: App,
    person: Option<Person<'a>>,
    relationship: Option<String>,
    encounter: Option<String>,
    lasts: String,
    groups: Vec<Part<'a>>,
}

/// A group of lines.
struct Part<'a> {
    legend: Sentence,
    hint: Option<String>,
    lines: Vec<Line<'a>>,
}

/// A checkbox.
struct Line<'a> {
    number: usize,
    value: &'a str,
    item: &'a ScopeItem<'a>,
    words: ScopeWords,
    changes: Option<String>,
    limit: Option<Sentence>,
    parts_title: Sentence,
    parts: Vec<Narrower<'a>>,
}

/// A checkbox below a checkbox.
struct Narrower<'a> {
    value: &'a str,
    label: Sentence,
    detail: String,
}

pub(crate) fn consent(view: &ConsentView<'_>, frame: &Frame<'_>, texts: Texts<'_>) -> String {
    let heading = match view.patient {
        Some(patient) => {
            texts.about2("consent-heading-patient", ("app", view.app.name), ("patient", &patient.name))
        }
        None => texts.about("consent-heading-user", "app", view.app.name),
    };
    let time = span(view.seconds, texts);
    draw(&ConsentPage {
        page: Page::new(texts, frame, texts.say("consent-title"), Some(view.user)),
        view,
        heading,
        app: App::of(&view.app),
        person: view.patient.map(|patient| Person::of(patient, texts)),
        relationship: view.relationship.map(shown),
        encounter: view.encounter.map(shown),
        lasts: texts.join("consent-duration-value", &[("time", &time)]),
        groups: groups(view, texts),
    })
}

fn groups<'a>(view: &'a ConsentView<'a>, texts: Texts<'_>) -> Vec<Part<'a>> {
    let mut lines: Vec<Line<'_>> =
        view.items.iter().enumerate().map(|(at, item)| line(at + 1, item, texts)).collect();
    let mut groups = Vec::new();
    for group in Group::ALL {
        let (here, rest) = lines.into_iter().partition(|line| line.words.group == group);
        lines = rest;
        let here: Vec<Line<'_>> = here;
        if !here.is_empty() {
            groups.push(Part {
                legend: legend(group, view, texts),
                hint: (group == Group::User).then(|| texts.say("consent-group-user-hint")),
                lines: here,
            });
        }
    }
    groups
}

fn legend(group: Group, view: &ConsentView<'_>, texts: Texts<'_>) -> Sentence {
    let key = match (group, view.patient) {
        (Group::Patient, Some(patient)) => {
            return texts.about("consent-group-patient", "patient", &patient.name);
        }
        (Group::Patient, None) => "consent-group-patient-unnamed",
        (Group::User, _) => "consent-group-user",
        (Group::System, _) => "consent-group-system",
        (Group::Identity, _) => "consent-group-identity",
        (Group::Staying, _) => "consent-group-staying",
        (Group::Context, _) => "consent-group-context",
        (Group::Other, _) => "consent-group-other",
    };
    Sentence::own(texts.say(key))
}

fn line<'a>(number: usize, item: &'a ScopeItem<'a>, texts: Texts<'_>) -> Line<'a> {
    let words = ScopeWords::of(item.scope, texts);
    let parts = item.parts.iter().map(|part| {
        let (label, detail) = category_or_code(part.category, texts);
        Narrower { value: part.scope.as_str(), label, detail }
    });
    Line {
        number,
        value: item.scope.as_str(),
        item,
        changes: (!words.changes.is_empty())
            .then(|| texts.join("badge-changes", &[("verbs", &words.changes)])),
        limit: words.literal.as_deref().map(|literal| match words.group {
            Group::Other => {
                Sentence { parts: vec![crate::language::Part { text: literal.to_owned(), outside: true }] }
            }
            _ => texts.about("consent-only", "limit", literal),
        }),
        parts_title: texts.about("consent-parts-of", "name", &words.label.to_string()),
        parts: parts.collect(),
        words,
    }
}
