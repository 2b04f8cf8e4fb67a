//! "Apps with access" (SMART-MGMT-001, SMART-MGMT-002), and the question before all of it ends.

use askama::Template;
use vestibule_host::UnixMillis;
use vestibule_host::pages::{Done, EndAllView, Frame, GrantLine, ManageView, RememberedLine, Staying, field};
use vestibule_scope::Scope;

use crate::language::{Sentence, Texts, shown};
use crate::moments::{Day, time_of_day};
use crate::page::{Page, Person, draw};
use crate::words::{Group, ScopeWords};

#[derive(Template)]
#[template(path = "manage.html")]
struct ManagePage<'a> {
    page: Page<'a>,
    view: &'a ManageView<'a>,
    done: Option<String>,
    grants: Vec<Entry<'a>>,
    remembered: Vec<Entry<'a>>,
}

/// A grant or a remembered answer in words.
struct Entry<'a> {
    app: String,
    person: Option<Person<'a>>,
    /// Labels, moments and what else is said in place of one.
    facts: Vec<Fact>,
    what: String,
    lines: Vec<Line>,
    /// What else the button ends.
    together: Option<String>,
    button: Button<'a>,
}

/// A line of a description list.
struct Fact {
    label: String,
    /// For `datetime`, and for people.
    time: Option<(String, String)>,
    text: String,
    /// Whether the text is from outside.
    outside: bool,
}

/// The button of an entry.
struct Button<'a> {
    name: &'static str,
    value: &'a str,
    label: String,
    about: Sentence,
}

/// A scope of a grant.
struct Line {
    words: ScopeWords,
    everywhere: bool,
    changes: Option<String>,
}

pub(crate) fn manage(view: &ManageView<'_>, frame: &Frame<'_>, texts: Texts<'_>) -> String {
    let done = view.done.map(|done| match done {
        Done::Revoked => "manage-revoked",
        Done::Forgotten => "manage-forgotten",
        Done::EndedAll => "manage-ended-all",
    });
    draw(&ManagePage {
        page: Page::new(texts, frame, texts.say("manage-title"), Some(view.user)),
        view,
        done: done.map(|key| texts.say(key)),
        grants: view.grants.iter().map(|grant| Entry::of_grant(grant, texts)).collect(),
        remembered: view.remembered.iter().map(|answer| Entry::of_answer(answer, texts)).collect(),
    })
}

impl<'a> Entry<'a> {
    fn of_grant(grant: &'a GrantLine, texts: Texts<'_>) -> Self {
        let mut facts = Vec::new();
        if let Some(relationship) = &grant.relationship {
            facts.push(Fact::said("consent-relationship", shown(relationship), true, texts));
        }
        facts.push(Fact::at("manage-since", grant.since, texts));
        if grant.used > grant.since {
            facts.push(Fact::at("manage-used", grant.used, texts));
        }
        let stays = match grant.staying {
            Staying::Once => "manage-stays-once",
            Staying::SignedIn => "manage-stays-signed-in",
            Staying::Away => "manage-stays-away",
        };
        facts.push(Fact::said("manage-stays", texts.say(stays), false, texts));
        facts.push(match grant.staying {
            // It moves on with each use.
            Staying::Away => Fact::at("manage-until-unused", grant.until, texts),
            Staying::Once | Staying::SignedIn => Fact::at("manage-until", grant.until, texts),
        });
        let count = u64::try_from(grant.scopes.len()).unwrap_or(u64::MAX);
        Self {
            app: shown(&grant.app),
            person: grant.patient.as_ref().map(|patient| Person::of(patient, texts)),
            facts,
            what: texts.count("manage-what-count", count),
            lines: lines(&grant.scopes, texts),
            together: (grant.together > 0)
                .then(|| texts.count("manage-together", u64::try_from(grant.together).unwrap_or(u64::MAX))),
            button: Button {
                name: field::REVOKE,
                value: &grant.id,
                label: texts.say("manage-revoke"),
                about: texts.about("manage-revoke-for", "app", &grant.app),
            },
        }
    }

    fn of_answer(answer: &'a RememberedLine, texts: Texts<'_>) -> Self {
        let count = u64::try_from(answer.scopes.len()).unwrap_or(u64::MAX);
        Self {
            app: shown(&answer.app),
            person: answer.patient.as_ref().map(|patient| Person::of(patient, texts)),
            facts: vec![Fact::at("manage-answered", answer.since, texts)],
            what: texts.count("manage-answer-count", count),
            lines: lines(&answer.scopes, texts),
            together: None,
            button: Button {
                name: field::FORGET,
                value: &answer.id,
                label: texts.say("manage-forget"),
                about: texts.about("manage-forget-for", "app", &answer.app),
            },
        }
    }
}

impl Fact {
    fn at(label: &str, moment: UnixMillis, texts: Texts<'_>) -> Self {
        // Access may be over in minutes: the day alone would say that it began and ended at once.
        let (day, time) = (Day::of(moment), time_of_day(moment));
        let words = format!("{}, {time} UTC", day.in_words(texts));
        let time = Some((format!("{}T{time}Z", day.machine()), words));
        Self { label: texts.say(label), time, text: String::new(), outside: false }
    }

    fn said(label: &str, text: String, outside: bool, texts: Texts<'_>) -> Self {
        Self { label: texts.say(label), time: None, text, outside }
    }
}

fn lines(scopes: &[Scope], texts: Texts<'_>) -> Vec<Line> {
    let line = |scope: &Scope| {
        let words = ScopeWords::of(scope, texts);
        Line {
            everywhere: words.group == Group::User,
            changes: (!words.changes.is_empty())
                .then(|| texts.join("badge-changes", &[("verbs", &words.changes)])),
            words,
        }
    };
    scopes.iter().map(line).collect()
}

#[derive(Template)]
#[template(path = "end_all.html")]
struct EndAllPage<'a> {
    page: Page<'a>,
    view: &'a EndAllView<'a>,
    apps: Vec<String>,
}

pub(crate) fn end_all(view: &EndAllView<'_>, frame: &Frame<'_>, texts: Texts<'_>) -> String {
    draw(&EndAllPage {
        page: Page::new(texts, frame, texts.say("end-all-title"), Some(view.user)),
        view,
        apps: view.apps.iter().map(|app| shown(app)).collect(),
    })
}
