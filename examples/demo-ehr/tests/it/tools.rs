//! The pages for staff: calls to try, and the audit log.

use http::StatusCode;

use crate::browser::{Answer, Browser, PUBLIC};

/// Presses a button of `/ehr/try`.
async fn press(browser: &mut Browser, what: &str, fields: &[(&str, &str)]) -> Answer {
    let token = browser.get("/ehr/try").await.field("form_token");
    let base = format!("{PUBLIC}/fhir");
    let mut form = vec![("form_token", token.as_str()), ("what", what), ("base", &base)];
    form.extend_from_slice(fields);
    let answer = browser.post("/ehr/try", &form).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer
}

/// What is in the field for the next button.
fn token(page: &Answer) -> String {
    let rest = page.body.split_once("<textarea id=\"token\"").unwrap().1.split_once('>').unwrap().1;
    rest.split_once('<').unwrap().0.to_owned()
}

/// SMART-BACK-001, SMART-INTRO-011, SMART-REVOKE-005
#[tokio::test]
async fn a_service_gets_a_token_which_is_looked_into_and_given_back() {
    let mut lee = Browser::signed_in("dr-lee").await;
    let page = press(&mut lee, "backend", &[("scope", "system/Patient.rs")]).await;
    assert!(page.body.contains("Answer: <strong>200</strong>"), "{}", page.body);
    assert!(page.body.contains("grant_type=client_credentials") && page.body.contains("client_assertion="));
    let token = token(&page);
    assert!(token.contains('.'), "the next button finds it in its field");

    for what in ["introspect", "introspect-bearer"] {
        let page = press(&mut lee, what, &[("token", &token)]).await;
        assert!(page.body.contains("&#34;active&#34;: true"), "{what}: {}", page.body);
    }
    let page = press(&mut lee, "revoke", &[("token", &token), ("client", "backend-example")]).await;
    assert!(page.body.contains("Answer: <strong>200</strong>"), "{}", page.body);
    let page = press(&mut lee, "introspect", &[("token", &token)]).await;
    assert!(page.body.contains("&#34;active&#34;: false"), "{}", page.body);
    // No header can have this; the page says so.
    let page = press(&mut lee, "userinfo", &[("token", "a\nb")]).await;
    assert!(page.body.contains("The call could not be made"), "{}", page.body);
}

#[tokio::test]
async fn the_pages_for_staff_are_for_staff() {
    for page in ["/ehr/try", "/ehr/audit", "/ehr/audit/00"] {
        let nobody = Browser::default().get(page).await;
        assert_eq!(nobody.status, StatusCode::SEE_OTHER, "{page}");
        assert!(nobody.header("location").starts_with("/sign-in?resume=/ehr/"));
        assert_eq!(Browser::signed_in("alice").await.get(page).await.status, StatusCode::FORBIDDEN, "{page}");
    }
    let mut lee = Browser::signed_in("dr-lee").await;
    let forged = lee.post("/ehr/try", &[("what", "backend"), ("form_token", "x")]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_audit_log_tells_what_happened_to_those_who_may_know() {
    let mut lee = Browser::signed_in("dr-lee").await;
    press(&mut lee, "backend", &[("scope", "system/Patient.rs")]).await;
    let log = lee.get("/ehr/audit").await;
    assert_eq!(log.status, StatusCode::OK);
    assert!(log.body.contains("A service fetched a token for itself"), "{}", log.body);
    let link = log.body.split_once("href=\"/ehr/audit/").unwrap().1.split_once('"').unwrap().0.to_owned();
    let event = lee.get(&format!("/ehr/audit/{link}")).await;
    assert!(event.header("content-type").starts_with("application/fhir+json"));
    assert_eq!(event.json()["resourceType"], "AuditEvent");
    assert_eq!(lee.get("/ehr/audit/nosuch").await.status, StatusCode::NOT_FOUND);
    assert_eq!(lee.get("/ehr/audit?from=100000").await.status, StatusCode::OK);
}
