use vestibule_host::pages::{EncountersView, Mistake, PatientsView, View};

use crate::html::{check, forms, text, values};
use crate::views::{draw, encounter, encounters, patient, patients};

#[test]
fn a_short_list_is_radio_buttons_and_nothing_is_chosen() {
    let people = [patient("alice", "Alice Miller"), patient("ben", "Ben Miller")];
    let html = draw(View::Patients(patients("Growth Chart", &people)));
    check(&html);
    assert_eq!(values(&html, "patient"), ["alice", "ben"]);
    assert_eq!(values(&html, "move"), ["choose", "cancel"]);
    assert!(values(&html, "q").is_empty() && values(&html, "after").is_empty());
    assert!(!html.contains(" checked"));
    let text = text(&html);
    for words in [
        "Growth Chart",
        "Ben Miller",
        "Born 2 March 2015",
        "Your child",
        "Signed in as Alice",
        "app.example.org",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert!(html.contains("<title>Choose a record – Example Hospital</title>"));
}

#[test]
fn enter_in_the_search_field_searches() {
    let people = [patient("p1", "One")];
    let view = PatientsView { search: Some("mi\"ll"), next: Some("c&1"), ..patients("App", &people) };
    let html = draw(View::Patients(view));
    check(&html);
    let forms = forms(&html);
    let search = forms.iter().find(|form| form.contains(r#"type="search""#)).unwrap();
    let tags = crate::html::tags(&format!("<form{search}"));
    // The field's own form has one button, so it is the one that Enter presses; and there is no patient to choose.
    let buttons: Vec<_> = tags.iter().filter(|tag| tag.name == "button").collect();
    assert_eq!(buttons.len(), 1);
    assert_eq!((buttons[0].get("name"), buttons[0].get("value")), (Some("move"), Some("search")));
    assert!(!search.contains(r#"name="patient""#));
    assert!(tags.iter().any(|tag| tag.is("input", "name", "q") && tag.get("value") == Some("mi\"ll")));

    // "More" goes on with the same search; the search text is kept when a choice is refused.
    assert_eq!(values(&html, "after"), ["c&1"]);
    let more = forms.iter().find(|form| form.contains(r#"id="more""#)).unwrap();
    assert_eq!(values(&format!("<form{more}"), "q"), ["mi\"ll"]);
    assert!(html.contains(r#"form="more" name="after""#));
}

#[test]
fn every_empty_list_says_what_to_do() {
    let said = |search| {
        let html = draw(View::Patients(PatientsView { search, ..patients("App", &[]) }));
        check(&html);
        assert!(!values(&html, "move").contains(&"choose".to_owned()));
        text(&html)
    };
    assert!(said(None).contains("You have no record here"));
    assert!(said(Some("")).contains("Type a name"));
    assert!(said(Some("Zz")).contains("Nobody was found for “Zz”"));
}

#[test]
fn mistakes_lead_to_the_input() {
    let people = [patient("p1", "One")];
    for (mistake, target) in [
        (Mistake::NothingChosen, "choice-1"),
        (Mistake::NotAvailable, "choice-1"),
        (Mistake::SearchTooLong, "q"),
    ] {
        let view = PatientsView { search: Some("x"), mistake: Some(mistake), ..patients("App", &people) };
        let html = draw(View::Patients(view));
        check(&html);
        assert!(html.contains(r#"role="alert""#));
        assert!(html.contains(&format!("href=\"#{target}\"")), "{mistake:?}");
        // The list may be empty by now.
        check(&draw(View::Patients(PatientsView {
            search: Some(""),
            mistake: Some(mistake),
            ..patients("App", &[])
        })));

        let (who, visits) = (patient("p1", "One"), [encounter("e1", "Check-up")]);
        if mistake != Mistake::SearchTooLong {
            check(&draw(View::Encounters(EncountersView {
                mistake: Some(mistake),
                ..encounters(&who, &visits)
            })));
            check(&draw(View::Encounters(EncountersView {
                mistake: Some(mistake),
                ..encounters(&who, &[])
            })));
        }
    }
}

#[test]
fn visits() {
    let (who, visits) =
        (patient("ben", "Ben Miller"), [encounter("e1", "Check-up"), encounter("e2", "X-ray")]);
    let html = draw(View::Encounters(EncountersView { next: Some("c2"), ..encounters(&who, &visits) }));
    check(&html);
    assert_eq!(values(&html, "encounter"), ["e1", "e2"]);
    assert_eq!(values(&html, "move"), ["choose", "skip", "cancel"]);
    assert_eq!(values(&html, "after"), ["c2"]);
    let said = text(&html);
    for words in ["Record of Ben Miller", "Born 2 March 2015", "Check-up", "3 May 2026", "app.example.org"] {
        assert!(said.contains(words), "{words} in {said}");
    }

    let html = draw(View::Encounters(encounters(&who, &[])));
    check(&html);
    assert_eq!(values(&html, "move"), ["skip", "cancel"]);
}
