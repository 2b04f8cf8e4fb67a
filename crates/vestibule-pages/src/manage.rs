//! "Apps with access" (SMART-MGMT-001, SMART-MGMT-002).

use askama::Template;
use vestibule_host::UnixMillis;
use vestibule_host::pages::{Frame, GrantLine, ManageView};

use crate::language::{Sentence, Texts, shown};
use crate::moments::{Day, time_of_day};
use crate::page::{Page, Person, draw};
use crate::words::{Group, ScopeWords};

#[derive(Template)]
#[template(path = "manage.html")]
struct ManagePage<'a> {
    page: Page<'a>,
    view: &'a ManageView<'a>,
    grants: Vec<Grant<'a>>,
}

/// A grant in words.
struct Grant<'a> {
    id: &'a str,
    app: String,
    person: Option<Person<'a>>,
    since: (String, String),
    until: (String, String),
    what: String,
    lines: Vec<Line>,
    revoke_for: Sentence,
}

/// A scope of a grant.
struct Line {
    words: ScopeWords,
    everywhere: bool,
    changes: Option<String>,
}

pub(crate) fn manage(view: &ManageView<'_>, frame: &Frame<'_>, texts: Texts<'_>) -> String {
    draw(&ManagePage {
        page: Page::new(texts, frame, texts.say("manage-title"), Some(view.user)),
        view,
        grants: view.grants.iter().map(|grant| Grant::of(grant, texts)).collect(),
    })
}

impl<'a> Grant<'a> {
    fn of(grant: &'a GrantLine, texts: Texts<'_>) -> Self {
        // Access may be over in minutes: the day alone would say that it began and ended at once.
        let day = |moment: UnixMillis| {
            let (day, time) = (Day::of(moment), time_of_day(moment));
            (format!("{}T{time}Z", day.machine()), format!("{}, {time} UTC", day.in_words(texts)))
        };
        let lines = grant.scopes.iter().map(|scope| {
            let words = ScopeWords::of(scope, texts);
            Line {
                everywhere: words.group == Group::User,
                changes: (!words.changes.is_empty())
                    .then(|| texts.join("badge-changes", &[("verbs", &words.changes)])),
                words,
            }
        });
        Self {
            id: &grant.id,
            app: shown(&grant.app),
            person: grant.patient.as_ref().map(|patient| Person::of(patient, texts)),
            since: day(grant.since),
            until: day(grant.until),
            what: texts.count("manage-what-count", u64::try_from(grant.scopes.len()).unwrap_or(u64::MAX)),
            lines: lines.collect(),
            revoke_for: texts.about("manage-revoke-for", "app", &grant.app),
        }
    }
}
