use vestibule_host::UnixMillis;
use vestibule_host::pages::{Done, EndAllView, GrantLine, ManageView, RememberedLine, Staying, View};

use crate::html::{check, forms, text, values};
use crate::views::{FORM, draw, draw_in, grant, manage, patient, scopes};

/// SMART-AUTHZ-075, SMART-MGMT-003
#[test]
fn apps_and_what_they_may() {
    let grants = [
        grant("g1", "Growth Chart", "patient/Observation.rs offline_access"),
        GrantLine { patient: None, ..grant("g2", "Ward Round", "user/Task.cruds") },
    ];
    let html = draw(View::Manage(manage(&grants)));
    check(&html);
    assert_eq!(values(&html, "revoke"), ["g1", "g2"]);
    assert_eq!(forms(&html).len(), 2);
    let said = text(&html);
    for words in [
        "Whose record Ben",
        "Allowed on 23 November 2026, 00:00 UTC",
        "Ends by 22 May 2027",
        "What it may use (2 permissions)",
        "What it may use (1 permission)",
        "Test results and measurements See",
        "Tasks See Changes data: add, change, delete In every record you can open",
        "Remove access for Ward Round",
    ] {
        assert!(said.contains(words), "{words} in {said}");
    }
    assert!(html.contains(r#"datetime="2026-11-23T00:00Z""#));
    assert!(!said.contains("Access was removed"));
}

/// SMART-MGMT-002, SMART-MGMT-003
#[test]
fn what_ends_together_is_said_before_it_ends() {
    let of = |together| GrantLine { together, ..grant("g1", "Growth Chart", "patient/*.rs") };
    for (language, one, more) in [
        ("en", "one more time, for example on another device. Removing access ends both.", "3 more times"),
        ("de", "noch einmal erlaubt, zum Beispiel auf einem anderen Gerät.", "noch 3-mal erlaubt"),
    ] {
        let said = |together| {
            let html = draw_in(language, &View::Manage(manage(&[of(together)])));
            check(&html);
            text(&html)
        };
        assert!(said(1).contains(one) && said(3).contains(more), "{}", said(3));
        assert!(!said(0).contains(one) && !said(0).contains(more));
    }
}

#[test]
fn nothing_left() {
    let html = draw(View::Manage(ManageView { done: Some(Done::Revoked), ..manage(&[]) }));
    check(&html);
    let said = text(&html);
    assert!(
        said.contains("Access was removed.") && said.contains("No app has access at the moment."),
        "{said}"
    );
    assert!(html.contains(r#"role="status""#));
    assert!(values(&html, "revoke").is_empty());
}

/// SMART-MGMT-003
#[test]
fn how_long_for_whom_and_used_when() {
    let used = UnixMillis::from_seconds(1_795_478_700);
    let grants = [
        GrantLine {
            staying: Staying::Away,
            used,
            relationship: Some("parent".to_owned()),
            ..grant("g1", "Growth Chart", "patient/*.rs")
        },
        GrantLine { staying: Staying::SignedIn, ..grant("g2", "Ward Round", "user/Task.rs") },
        grant("g3", "Viewer", "user/Task.rs"),
    ];
    let view = ManageView { after: Some("/auth/manage?page=2"), ..manage(&grants) };
    let html = draw(View::Manage(view));
    check(&html);
    let said = text(&html);
    for words in [
        "You are parent",
        "Last used on 24 November 2026, 00:05 UTC",
        "How long Also while you are away Ends if it is not used before 22 May 2027",
        "How long While you are signed in Ends by 22 May 2027",
        "How long For a short time; then it has to ask again",
        "Older access",
    ] {
        assert!(said.contains(words), "{words} in {said}");
    }
    assert_eq!(said.matches("Last used on").count(), 1, "never used says nothing");
    assert!(html.contains(r#"href="/auth/manage?page=2""#) && !said.contains("Newer access"));
    assert!(!said.contains("need not ask again"));
}

/// SMART-MGMT-003
#[test]
fn what_is_remembered_can_be_forgotten() {
    let remembered = [RememberedLine {
        id: "c1".to_owned(),
        app: "Diary".to_owned(),
        patient: Some(patient("ben", "Ben")),
        scopes: scopes("patient/Observation.rs"),
        since: UnixMillis::from_seconds(1_795_392_000),
    }];
    let view = ManageView { remembered: &remembered, end_all: Some("/auth/manage?all"), ..manage(&[]) };
    let html = draw(View::Manage(view.clone()));
    check(&html);
    assert_eq!(values(&html, "forget"), ["c1"]);
    let said = text(&html);
    for words in [
        "No app has access at the moment.",
        "Apps that need not ask again",
        "Answered on 23 November 2026",
        "What you allowed (1 permission)",
        "Ask me again next time about Diary",
    ] {
        assert!(said.contains(words), "{words} in {said}");
    }
    assert!(html.contains(r#"href="/auth/manage?all""#));
    let german = draw_in("de", &View::Manage(view));
    check(&german);
    assert!(text(&german).contains("Das nächste Mal wieder fragen bei Diary"));
}

/// SMART-MGMT-002
#[test]
fn ending_everything_is_asked_once() {
    let apps = ["Diary".to_owned(), "Growth \u{202e}Chart".to_owned()];
    let view = EndAllView { user: "Alice", form: FORM, apps: &apps, back: "/auth/manage" };
    for language in ["en", "de"] {
        let html = draw_in(language, &View::EndAll(view.clone()));
        check(&html);
        assert_eq!(values(&html, "end_all"), ["yes"]);
        assert!(html.contains(r#"href="/auth/manage""#) && !html.contains('\u{202e}'));
        assert!(text(&html).contains("Diary"));
    }
    let done = draw(View::Manage(ManageView { done: Some(Done::EndedAll), ..manage(&[]) }));
    assert!(text(&done).contains("All access was ended."));
}
