use vestibule_host::pages::{GrantLine, ManageView, View};

use crate::html::{check, forms, text, values};
use crate::views::{draw, grant, manage};

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

#[test]
fn nothing_left() {
    let html = draw(View::Manage(ManageView { revoked: true, ..manage(&[]) }));
    check(&html);
    let said = text(&html);
    assert!(
        said.contains("Access was removed.") && said.contains("No app has access at the moment."),
        "{said}"
    );
    assert!(html.contains(r#"role="status""#));
    assert!(values(&html, "revoke").is_empty());
}
