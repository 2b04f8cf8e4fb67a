use vestibule_host::UnixMillis;
use vestibule_host::pages::{ConsentView, ScopeItem, StayLimits, View};
use vestibule_scope::{ResourceType, Scope, categories_of};

use crate::html::{check, tags, text, values};
use crate::views::{consent, draw, draw_in, item, patient, scopes, with_parts};

fn said(scope: &str) -> String {
    let scope = Scope::parse(scope).unwrap();
    let html = draw(View::Consent(consent("App", None, vec![item(&scope)])));
    check(&html);
    assert_eq!(values(&html, "scope"), [scope.as_str()]);
    text(&html)
}

/// INT-018
#[test]
fn one_box_a_scope_with_its_exact_text() {
    let asked = scopes(
        "patient/Patient.rs patient/Observation.read user/Condition.cruds openid fhirUser launch/patient",
    );
    let ben = patient("ben", "Ben Miller");
    let mut items: Vec<ScopeItem<'_>> = asked.iter().map(item).collect();
    items[1].checked = false;
    let html = draw(View::Consent(consent("Growth Chart", Some(&ben), items)));
    check(&html);
    let mut expected: Vec<&str> = asked.iter().map(Scope::as_str).collect();
    let mut drawn = values(&html, "scope");
    expected.sort_unstable();
    drawn.sort_unstable();
    assert_eq!(drawn, expected);
    for tag in tags(&html).iter().filter(|tag| tag.get("name") == Some("scope")) {
        assert_eq!(tag.get("type"), Some("checkbox"));
        assert_eq!(
            tag.get("checked").is_some(),
            tag.get("value") != Some("patient/Observation.read"),
            "{tag:?}"
        );
    }
    assert_eq!(values(&html, "decision"), ["allow", "deny"]);
    let text = text(&html);
    for words in [
        "Let Growth Chart use the record of Ben Miller?",
        "Born 2 March 2015",
        "You are Parent",
        "Your answer goes to app.example.org",
        "Up to 1 hour",
        "From the record of Ben Miller",
        "From every record that you can open",
        "Personal details",
        "Who you are",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert!(html.contains(r#"href="https://app.example.org/" target="_blank" rel="noopener noreferrer""#));
}

#[test]
fn enter_in_a_box_decides_nothing() {
    let html = draw(View::Consent(consent("App", None, Vec::new())));
    check(&html);
    let first = tags(&html).into_iter().find(|tag| tag.name == "button").unwrap();
    // Outside a dialog that method submits nothing.
    assert_eq!(first.get("formmethod"), Some("dialog"));
    assert!(first.get("name").is_none() && first.get("tabindex") == Some("-1"));
}

/// SMART-AUTHZ-072, SMART-AUTHZ-074
#[test]
fn plain_words_for_every_kind_of_scope() {
    for (scope, words) in [
        ("patient/Observation.rs", "Test results and measurements See Lab results, blood pressure"),
        ("patient/Observation.r", "measurements Open Lab"),
        ("patient/Observation.s", "measurements Search Lab"),
        ("patient/Observation.cud", "measurements Changes data: add, change, delete Lab"),
        ("patient/Observation.write", "measurements Changes data: add, change, delete Lab"),
        ("patient/Observation.crs", "measurements See Changes data: add Lab"),
        ("patient/*.rs", "Everything in this record See All data of every kind, also data that is added"),
        ("user/*.rs", "Everything you can open See All data of every kind in every record"),
        (
            "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
            "Lab results See Blood, urine",
        ),
        ("patient/Condition.rs?category=health-concern", "Health concerns See"),
        (
            "patient/Observation.rs?category=http://elsewhere.example|laboratory",
            "Limited to: category=http://elsewhere.example|laboratory",
        ),
        ("patient/Observation.rs?category=zebra", "Limited to: zebra"),
        (
            "patient/Observation.rs?code=1234-5&status=final",
            "Test results and measurements See Lab results, blood pressure, weight, smoking status and other observations. Limited to: code=1234-5&status=final",
        ),
        ("patient/BiologicallyDerivedProduct.rs", "Biologically derived product See Entries of this kind"),
        ("openid", "Who you are"),
        ("fhirUser", "Your own entry"),
        ("profile", "Your profile"),
        ("offline_access", "Keep access when you are away"),
        ("online_access", "Keep access while you are signed in"),
        ("launch", "What you have open"),
        ("launch/patient", "Which record you chose"),
        ("launch/encounter", "Which visit you chose"),
        ("launch/imagingstudy", "What you are working on: X-rays and scans"),
        ("__special", "Special permission"),
        ("https://ehr.example/scopes/print", "https://ehr.example/scopes/print"),
    ] {
        let said = said(scope);
        assert!(said.contains(words), "{scope}: {words} in {said}");
    }
}

#[test]
fn every_type_has_words() {
    for kind in ResourceType::all() {
        let scope = format!("patient/{}.rs", kind.name());
        let said = said(&scope);
        if kind.in_patient_compartment() {
            assert!(!said.contains("Entries of this kind."), "{scope} has words of its own");
        }
    }
}

#[test]
fn every_category_that_may_be_chosen_has_words() {
    for name in ["Condition", "Observation"] {
        for category in categories_of(ResourceType::from_name(name).unwrap()) {
            let scope = Scope::parse(&format!("patient/{name}.rs")).unwrap();
            let parts = [scope.refined(category).unwrap()];
            let item = with_parts(&scope, &parts, &[category.code]);
            let html = draw(View::Consent(consent("App", None, vec![item])));
            check(&html);
            assert!(!html.contains("Entries of this category only."), "{}", category.code);
            assert_eq!(values(&html, "scope"), [scope.as_str(), parts[0].as_str()]);
        }
    }
}

#[test]
fn parts_are_not_ticked() {
    let scope = Scope::parse("patient/Condition.rs").unwrap();
    let parts = scopes("patient/Condition.rs?category=health-concern patient/Condition.rs?category=x");
    let html = draw(View::Consent(consent(
        "App",
        None,
        vec![with_parts(&scope, &parts, &["health-concern", "<x>"])],
    )));
    check(&html);
    assert_eq!(html.matches(" checked>").count(), 1);
    assert!(html.contains("<details"));
    let said = text(&html);
    assert!(said.contains("Share only a part of this : Health problems and diagnoses Parts of “Health problems and diagnoses”"), "{said}");
    assert!(said.contains("<x> Entries of this category only."), "{said}");
}

#[test]
fn marks_are_words() {
    let scope = Scope::parse("patient/*.rs").unwrap();
    let marked = ScopeItem { sensitive: true, everything: true, ..item(&scope) };
    let said = text(&draw(View::Consent(consent("App", None, vec![marked]))));
    assert!(said.contains("Sensitive Also future data"), "{said}");
}

#[test]
fn an_end_of_the_users_own_access_is_said() {
    let view = ConsentView { until: Some(UnixMillis(1_767_225_600_000)), ..consent("App", None, Vec::new()) };
    let said = text(&draw(View::Consent(view)));
    assert!(said.contains("Your access ends on 1 January 2026"), "{said}");
    assert!(!text(&draw(View::Consent(consent("App", None, Vec::new())))).contains("ends on"));
}

#[test]
fn how_long() {
    for (seconds, english, german) in [
        (0, "Up to 1 minute,", "Bis zu 1 Minute,"),
        (300, "Up to 5 minutes,", "Bis zu 5 Minuten,"),
        (301, "Up to 6 minutes,", "Bis zu 6 Minuten,"),
        (3600, "Up to 1 hour,", "Bis zu 1 Stunde,"),
        (43_200, "Up to 12 hours,", "Bis zu 12 Stunden,"),
        (86_400, "Up to 1 day,", "Bis zu 1 Tag,"),
        (180 * 86_400, "Up to about 6 months,", "Bis zu etwa 6 Monate"),
        (365 * 86_400, "Up to about 1 year,", "Bis zu etwa 1 Jahr"),
        (u64::MAX, "Up to about", "Bis zu etwa"),
    ] {
        let view = ConsentView { seconds, ..consent("App", None, Vec::new()) };
        let said = text(&draw(View::Consent(view.clone())));
        assert!(said.contains(english), "{seconds}: {said}");
        let said = text(&draw_in("de", &View::Consent(view)));
        assert!(said.contains(german), "{seconds}: {said}");
    }
}

#[test]
fn two_hundred_scopes() {
    let asked: Vec<Scope> = ResourceType::all()
        .flat_map(|kind| ["patient", "user"].map(|level| format!("{level}/{}.cruds", kind.name())))
        .take(200)
        .map(|text| Scope::parse(&text).unwrap())
        .collect();
    assert_eq!(asked.len(), 200);
    let html = draw(View::Consent(consent("App", None, asked.iter().map(item).collect())));
    check(&html);
    assert_eq!(values(&html, "scope").len(), 200);
}

/// SMART-REFRESH-016, USG10-027
#[test]
fn keeping_access_says_until_when() {
    let asked = scopes("offline_access online_access");
    let view = consent("App", None, asked.iter().map(item).collect());
    let html = draw(View::Consent(view.clone()));
    check(&html);
    let said = text(&html);
    for words in [
        "Up to 1 hour, unless you end it sooner. Longer if you also allow “Keep access” below.",
        "when you are not signed in. It ends when the app has not used it for about 6 months, or when you remove it.",
        "until you sign out, for 12 hours at most.",
    ] {
        assert!(said.contains(words), "{words} in {said}");
    }
    assert!(!said.contains("Never after"));
    let day = UnixMillis::from_seconds(1_795_392_000);
    let stay = StayLimits { offline_until: Some(day), ..view.stay };
    let html = draw(View::Consent(ConsentView { stay, until: Some(day), ..view }));
    let said = text(&html);
    assert!(said.contains("on 23 November 2026 at the latest"), "{said}");
    assert!(said.contains("Never after 23 November 2026."), "{said}");
}
