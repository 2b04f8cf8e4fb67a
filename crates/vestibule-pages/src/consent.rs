//! "Do you agree?"

use askama::Template;
use vestibule_host::pages::{ConsentView, Frame, ScopeItem, StayLimits};
use vestibule_scope::{RefreshScope, Scope, ScopeKind};

use crate::language::{Sentence, Texts, shown};
use crate::moments::{Day, span};
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
    until: Option<String>,
    encounter: Option<String>,
    lasts: Vec<String>,
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
    draw(&ConsentPage {
        page: Page::new(texts, frame, texts.say("consent-title"), Some(view.user)),
        view,
        heading,
        app: App::of(&view.app),
        person: view.patient.map(|patient| Person::of(patient, texts)),
        relationship: view.relationship.map(shown),
        until: view.until.map(|until| Day::of(until).in_words(texts)),
        encounter: view.encounter.map(shown),
        lasts: lasts(view, texts),
        groups: groups(view, texts),
    })
}

/// For how long, in a few short sentences.
fn lasts(view: &ConsentView<'_>, texts: Texts<'_>) -> Vec<String> {
    let time = span(view.seconds, texts);
    let mut lasts = vec![texts.join("consent-duration-value", &[("time", &time)])];
    if view.items.iter().any(|item| matches!(item.scope.kind(), ScopeKind::Refresh(_))) {
        lasts.push(texts.say("consent-duration-longer"));
    }
    if let Some(until) = view.until {
        let date = Day::of(until).in_words(texts);
        lasts.push(texts.join("consent-duration-until", &[("date", &date)]));
    }
    lasts
}

/// What keeping access means, with its ends; `None` for every other scope.
fn staying(scope: &Scope, stay: &StayLimits, texts: Texts<'_>) -> Option<String> {
    let ScopeKind::Refresh(refresh) = scope.kind() else { return None };
    Some(match (refresh, stay.offline_until) {
        (RefreshScope::Online, _) => {
            let time = span(stay.online_seconds, texts);
            texts.join("scope-online_access-limit", &[("time", &time)])
        }
        (RefreshScope::Offline, None) => {
            let time = span(stay.offline_idle_seconds, texts);
            texts.join("scope-offline_access-idle", &[("time", &time)])
        }
        (RefreshScope::Offline, Some(until)) => {
            let (time, date) = (span(stay.offline_idle_seconds, texts), Day::of(until).in_words(texts));
            texts.join("scope-offline_access-until", &[("time", &time), ("date", &date)])
        }
    })
}

fn groups<'a>(view: &'a ConsentView<'a>, texts: Texts<'_>) -> Vec<Part<'a>> {
    let mut lines: Vec<Line<'_>> =
        view.items.iter().enumerate().map(|(at, item)| line(at + 1, item, &view.stay, texts)).collect();
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

fn line<'a>(number: usize, item: &'a ScopeItem<'a>, stay: &StayLimits, texts: Texts<'_>) -> Line<'a> {
    let mut words = ScopeWords::of(item.scope, texts);
    if let Some(detail) = staying(item.scope, stay, texts) {
        words.detail = detail;
    }
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
