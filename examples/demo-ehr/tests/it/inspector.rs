//! The page that says what happened to each request, and why.

use http::StatusCode;

use crate::browser::{Answer, Browser};
use crate::launch::{answer, authorize, follow, redeem, sent};
use crate::tools::press;

/// The inspector's page about one request or one launch.
async fn about(lee: &mut Browser, name: &str) -> Answer {
    let page = lee.get(&format!("/ehr/inspector?name={name}")).await;
    assert_eq!(page.status, StatusCode::OK);
    page
}

fn requests(page: &Answer) -> usize {
    page.body.matches("<h2>").count()
}

/// LOG-001, LOG-003
#[tokio::test]
async fn a_launch_is_told_step_by_step_and_names_nobody() {
    let mut browser = Browser::signed_in("alice").await;
    let asked = "launch/patient openid fhirUser patient/*.cruds patient/Foo.rs launch/list";
    let (picker, at) = follow(&mut browser, authorize(&[("scope", asked)]).await).await;
    let (consent, at) = answer(&mut browser, &picker, &at, &[("patient", "ben"), ("move", "choose")]).await;
    let fields =
        [("decision", "allow"), ("scope", "launch/patient"), ("scope", "openid"), ("scope", "patient/*.rs")];
    let (done, _) = answer(&mut browser, &consent, &at, &fields).await;
    let code = sent(&done)["code"].clone();
    let tokens = redeem(&code).await;

    let mut lee = Browser::signed_in("dr-lee").await;
    let page = about(&mut lee, done.header("x-correlation-id")).await;
    assert_eq!(requests(&page), 1, "{}", page.body);
    assert!(page.body.contains("interaction: granted") && page.body.contains("all passed"), "{}", page.body);
    for why in [
        "the app is not registered for it (the app&#39;s registration)",
        "the user said no (the user&#39;s consent)",
        "only a launch from the EHR has it (this server and its FHIR base)",
    ] {
        assert!(page.body.contains(why), "{why}: {}", page.body);
    }
    // From one request to the whole launch.
    let flow = page.body.split_once("launch <a href=\"/ehr/inspector?name=").unwrap().1;
    let flow = flow.split_once('"').unwrap().0.to_owned();
    let whole = about(&mut lee, &flow).await;
    assert_eq!(requests(&whole), 6, "asked, cookie kept, shown, picked, shown, allowed: {}", whole.body);
    assert!(whole.body.contains("authorize: goes on to: interaction"));
    let redeemed = about(&mut lee, tokens.header("x-correlation-id")).await;
    assert!(
        redeemed.body.contains("token: granted") && redeemed.body.contains("PKCE-006"),
        "{}",
        redeemed.body
    );
    for page in [page, whole, redeemed] {
        let said = page.body.split_once("<main>").unwrap().1;
        for hidden in ["alice", "ben", "Ben", "Ashdown", code.as_str().unwrap(), "some-state"] {
            assert!(!said.contains(hidden), "{hidden}: {said}");
        }
    }
}

/// GEN-012, LOG-001
#[tokio::test]
async fn what_a_page_or_an_app_was_not_told_is_told_here() {
    let mut lee = Browser::signed_in("dr-lee").await;
    let problem = lee.get(&authorize(&[("redirect_uri", "https://evil.example/")]).await).await;
    assert_eq!(problem.status, StatusCode::BAD_REQUEST);
    let reference = problem.header("x-correlation-id").to_owned();
    assert!(problem.body.contains(&reference), "the user can read it out");
    let page = about(&mut lee, &reference).await;
    assert!(page.body.contains("a page said: unknown redirect URI"), "{}", page.body);
    assert!(page.body.contains("<dt>Failed</dt>") && page.body.contains("SMART-AUTHZ-030"), "{}", page.body);

    // From a call of the tools page to what was checked.
    let made = press(&mut lee, "backend", &[("scope", "system/Patient.rs")]).await;
    let link = made.body.split_once("href=\"/ehr/inspector?name=").unwrap().1.split_once('"').unwrap().0;
    let page = about(&mut lee, link).await;
    assert!(requests(&page) == 1 && page.body.contains("token: granted"), "{}", page.body);
    // Who is refused gets no reference; the refusal stands among the newest.
    let made = press(&mut lee, "backend", &[("scope", "patient/*.rs")]).await;
    assert!(made.body.contains("href=\"/ehr/inspector\""), "{}", made.body);
    let page = lee.get("/ehr/inspector?app=backend-example&ending=refused").await;
    assert!(page.body.contains("token: invalid_scope"), "{}", page.body);
    assert!(page.body.contains("<dt>The app was told</dt>") && page.body.contains("SMART-BACK-001"));
}

#[tokio::test]
async fn the_list_can_be_narrowed_and_turned_over() {
    let mut lee = Browser::signed_in("dr-lee").await;
    for _ in 0..21 {
        press(&mut lee, "backend", &[("scope", "system/Patient.rs")]).await;
    }
    let first = lee.get("/ehr/inspector?app=backend-example&ending=granted").await;
    assert_eq!(requests(&first), 20, "{}", first.body);
    assert!(first.body.contains("<option selected>backend-example</option>"));
    assert!(!first.body.contains("token: invalid_scope"));
    let older = first.body.split_once("<a href=\"/ehr/inspector?app=").unwrap().1.split_once('"').unwrap().0;
    let older = lee.get(&format!("/ehr/inspector?app={}", older.replace("&#38;", "&"))).await;
    assert!((1..=20).contains(&requests(&older)), "{}", older.body);
    assert!(older.body.contains("Show all, the newest first"));

    // Whatever stands in the address, there is a page.
    for odd in ["name=nosuch", "app=nosuch&ending=granted", "before=0", "app=%3Cb%3E&name=%00"] {
        let page = lee.get(&format!("/ehr/inspector?{odd}")).await;
        assert_eq!(page.status, StatusCode::OK, "{odd}");
        assert!(page.body.contains("No request of the last hour fits"), "{odd}: {}", page.body);
        assert!(!page.body.contains("<b>"));
    }
    for odd in ["before=x".to_owned(), format!("name={}", "x".repeat(501))] {
        assert!(requests(&lee.get(&format!("/ehr/inspector?{odd}")).await) > 0, "{odd}");
    }
}
