//! The pages for staff: calls to try, and the audit log.

use http::StatusCode;

use crate::browser::{Answer, Browser, PUBLIC};

/// Presses a button of `/ehr/try`.
pub(crate) async fn press(browser: &mut Browser, what: &str, fields: &[(&str, &str)]) -> Answer {
    let token = browser.get("/ehr/try").await.field("form_token");
    let base = format!("{PUBLIC}/fhir");
    let mut form = vec![("form_token", token.as_str()), ("what", what)];
    form.extend_from_slice(fields);
    if !fields.iter().any(|(name, _)| *name == "base") {
        form.push(("base", &base));
    }
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

/// IPA-003
#[tokio::test]
async fn a_partner_discovers_more_than_everybody() {
    let mut lee = Browser::signed_in("dr-lee").await;
    let capability = format!("{PUBLIC}/capabilities/older-records");
    let everybody = lee.get("/fhir/.well-known/smart-configuration").await;
    assert!(!everybody.body.contains(&capability));
    let page = press(&mut lee, "discover", &[]).await;
    assert!(page.body.contains("Answer: <strong>200</strong>") && page.body.contains("curl \\\n  -u"));
    let beyond = page.body.split_once("What everybody else is not told").unwrap().1;
    assert!(beyond.split_once("</ul>").unwrap().0.contains(&capability), "{}", page.body);
    let archive = format!("{PUBLIC}/archive/fhir");
    let page = press(&mut lee, "discover", &[("base", &archive)]).await;
    assert!(page.body.contains("everybody is told the same"), "{}", page.body);
}

/// SMART-REG-014
#[tokio::test]
async fn an_app_registers_and_waits_for_approval() {
    let mut lee = Browser::signed_in("dr-lee").await;
    let metadata = r#"{"client_name": "Brand new", "token_endpoint_auth_method": "none",
        "redirect_uris": ["https://new.example/cb"], "scope": "launch/patient patient/*.rs"}"#;
    let page = press(&mut lee, "register", &[("metadata", metadata)]).await;
    assert!(page.body.contains("Answer: <strong>201</strong>"), "{}", page.body);
    let id = page.body.split_once("&#34;client_id&#34;: &#34;").unwrap().1.split_once("&#34;").unwrap().0;
    let ask = format!(
        "/auth/authorize?response_type=code&client_id={id}&redirect_uri=https%3A%2F%2Fnew.example%2Fcb&scope=patient%2F*.rs\
         &state=s&aud={PUBLIC}%2Ffhir&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
    );
    assert_eq!(lee.get(&ask).await.status, StatusCode::BAD_REQUEST, "unknown until then");

    let apps = lee.get("/ehr/apps").await;
    assert!(apps.body.contains("Brand new") && apps.body.contains("waits for approval"), "{}", apps.body);
    let token = apps.field("form_token");
    let form = [("form_token", token.as_str()), ("client_id", id), ("revision", "0"), ("what", "approve")];
    assert_eq!(lee.post("/ehr/apps", &form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(lee.get(&ask).await.status, StatusCode::SEE_OTHER, "known now");
    assert_eq!(lee.post("/ehr/apps", &form).await.status, StatusCode::CONFLICT, "that was another version");
    let off = [("form_token", token.as_str()), ("client_id", id), ("revision", "1"), ("what", "switch-off")];
    assert_eq!(lee.post("/ehr/apps", &off).await.status, StatusCode::SEE_OTHER);
    assert_eq!(lee.get(&ask).await.status, StatusCode::BAD_REQUEST);
    // What is no JSON is refused by the endpoint.
    let page = press(&mut lee, "register", &[("metadata", "{")]).await;
    assert!(page.body.contains("Answer: <strong>400</strong>"), "{}", page.body);
}

/// CAUTH-014, GEN-013
#[tokio::test]
async fn who_guesses_has_to_wait_and_the_inspector_says_so() {
    let mut lee = Browser::signed_in("dr-lee").await;
    let page = press(&mut lee, "guess", &[]).await;
    assert!(page.body.contains("Answer: <strong>401</strong>"), "{}", page.body);
    let last = page.body.split_once("<strong>429</strong>, again in ").expect("a wait").1;
    let seconds: u32 = last.split(' ').next().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    let told = lee.get("/ehr/inspector?ending=refused").await;
    assert!(told.body.contains("not too many requests") && told.body.contains("CAUTH-014"), "{}", told.body);
    // Only the one that was guessed at waits.
    let page = press(&mut lee, "backend", &[("scope", "system/Patient.rs")]).await;
    assert!(page.body.contains("Answer: <strong>200</strong>"), "{}", page.body);
}

/// LOG-003, SMART-REG-014
#[tokio::test]
async fn the_audit_log_tells_of_registrations() {
    let mut lee = Browser::signed_in("dr-lee").await;
    let metadata = r#"{"client_name": "Logged", "token_endpoint_auth_method": "none",
        "redirect_uris": ["https://logged.example/cb"], "scope": "launch/patient patient/*.rs"}"#;
    let page = press(&mut lee, "register", &[("metadata", metadata)]).await;
    let (address, own) = (page.field("registration"), page.field("registration_token"));
    let id = address.rsplit('/').next().unwrap().to_owned();
    let form_token = lee.get("/ehr/apps").await.field("form_token");
    let form =
        [("form_token", form_token.as_str()), ("client_id", &id), ("revision", "0"), ("what", "approve")];
    assert_eq!(lee.post("/ehr/apps", &form).await.status, StatusCode::SEE_OTHER);
    let fields =
        [("registration", address.as_str()), ("registration_token", own.as_str()), ("metadata", metadata)];
    press(&mut lee, "change-registration", &fields).await;
    press(&mut lee, "delete-registration", &fields[..2]).await;
    let log = lee.get("/ehr/audit").await.body;
    for what in [
        "An app registered itself",
        "Staff let an app in, or shut it out",
        "An app changed its registration",
        "An app removed its registration",
    ] {
        assert!(log.contains(what), "{what}: {log}");
    }
    assert!(log.contains(&id), "{log}");
}

/// DCRM-002, DCRM-003, DCRM-005
#[tokio::test]
async fn an_app_looks_after_its_registration() {
    let mut lee = Browser::signed_in("dr-lee").await;
    let metadata = r#"{"client_name": "Fairly new", "token_endpoint_auth_method": "none",
        "redirect_uris": ["https://new.example/cb"], "scope": "launch/patient patient/*.rs"}"#;
    let page = press(&mut lee, "register", &[("metadata", metadata)]).await;
    let (address, own) = (page.field("registration"), page.field("registration_token"));
    let fields =
        [("registration", address.as_str()), ("registration_token", own.as_str()), ("metadata", metadata)];
    let read = press(&mut lee, "read-registration", &fields).await;
    assert!(
        read.body.contains("Answer: <strong>200</strong>") && read.body.contains("Fairly new"),
        "{}",
        read.body
    );
    let changed = metadata.replace("Fairly new", "Even newer");
    let fields = [fields[0], fields[1], ("metadata", changed.as_str())];
    let change = press(&mut lee, "change-registration", &fields).await;
    assert!(change.body.contains("Answer: <strong>200</strong>"), "{}", change.body);
    assert!(lee.get("/ehr/apps").await.body.contains("Even newer"));
    let own = change.field("registration_token");
    let fields = [fields[0], ("registration_token", own.as_str())];
    let gone = press(&mut lee, "delete-registration", &fields).await;
    assert!(gone.body.contains("Answer: <strong>204</strong>"), "{}", gone.body);
    assert!(!lee.get("/ehr/apps").await.body.contains("Even newer"));
}

#[tokio::test]
async fn the_pages_for_staff_are_for_staff() {
    for page in ["/ehr/try", "/ehr/apps", "/ehr/inspector", "/ehr/audit", "/ehr/audit/00"] {
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
