//! A-CTX, the browser: whose interaction it is, which form answers it, and how long.

use std::collections::HashSet;

use http::HeaderValue;
use http::Method;
use vestibule_http_tests::app::{at_consent, az, patient_of};
use vestibule_http_tests::browser::{Answer, Browser, Cookie, form};
use vestibule_http_tests::world::{P1, P2, World, config};

use crate::notation::each_adapter;

const ALLOW: [(&str, &str); 2] = [("scope", "launch/patient"), ("decision", "allow")];

async fn answered(browser: &mut Browser, path: &str, step: &str) -> Answer {
    let mut fields = vec![("step", step)];
    fields.extend(ALLOW);
    browser.post(path, &fields).await
}

/// A-CTX-09: the host owns the sign-in form; every form of the engine is held to it.
#[test]
fn a_ctx_09_forms_from_another_site() {
    each_adapter(async |world| {
        let mut browser = at_consent(&world).await;
        let (path, step) = (browser.path.clone(), browser.page.step());
        let mut fields = vec![("step", step.as_str())];
        fields.extend(ALLOW);
        let body = form(&fields);
        for (origin, site) in [
            (Some("https://evil.test"), None),
            (Some("https://evil.test"), Some("cross-site")),
            (Some("https://as.example.evil.test"), Some("same-origin")),
            (Some("http://as.example"), None),
            (Some("https://as.example:444"), None),
            (Some("null"), Some("cross-site")),
            (Some("null"), Some("same-site")),
            (Some("null"), None),
            (None, Some("cross-site")),
            (None, Some("same-site")),
            (Some("https://as.example"), Some("cross-site")),
        ] {
            let mut request = browser.request(Method::POST, &path, &body);
            let headers = request.headers_mut();
            headers.remove("origin");
            headers.remove("sec-fetch-site");
            if let Some(origin) = origin {
                headers.insert("origin", HeaderValue::from_static(origin));
            }
            if let Some(site) = site {
                headers.insert("sec-fetch-site", HeaderValue::from_static(site));
            }
            browser.send(request).await.is_page(403);
        }
        assert_eq!(world.spy.codes(), 0);
        browser.allow().await.code();
    });
}

/// A-CTX-10
#[test]
fn a_ctx_10_step_token_of_another_interaction() {
    each_adapter(async |world| {
        let mut browser = at_consent(&world).await;
        let first = browser.tab();
        let path = browser.path.clone();
        browser.begin(&az("pub")).await;
        browser.pick(P2).await;
        let foreign = browser.page.step();
        let mut mallory = Browser::of(&world, "mallory");
        mallory.begin(&az("pub")).await;
        for step in [foreign, mallory.page.step(), String::new(), "x".into(), "1.consent.AAAA".into()] {
            answered(&mut browser, &path, &step).await.is_page(403);
        }
        browser.post(&path, &ALLOW).await.is_page(403);
        assert_eq!(world.spy.codes(), 0);
        browser.switch_to(&first);
        let answer = browser.allow().await.clone();
        assert_eq!(patient_of(&world, &answer).await, P1);
    });
}

/// A-CTX-11
#[test]
fn a_ctx_11_step_token_of_another_step() {
    each_adapter(async |world| {
        let mut browser = Browser::of(&world, "alice");
        browser.begin(&az("pub")).await;
        let (picker, of_picker) = (browser.tab(), browser.page.step());
        // The token of the picker with the fields of consent: still the picker.
        let page = browser.submit(&ALLOW).await;
        assert!(page.is_picker() && page.body.contains("role=\"alert\""));
        browser.switch_to(&picker);
        browser.pick(P1).await;
        let of_consent = browser.page.step();
        let path = browser.path.clone();
        let (revision, rest) = of_consent.split_once('.').unwrap();
        let mac = rest.rsplit_once('.').unwrap().1;
        for step in [
            format!("{revision}.patient.{mac}"),
            format!("{revision}.encounter.{mac}"),
            format!("0.consent.{mac}"),
            format!("99.consent.{mac}"),
            format!("18446744073709551616.consent.{mac}"),
            format!("+{of_consent}"),
            format!("{of_consent}A"),
            of_consent.to_uppercase(),
        ] {
            answered(&mut browser, &path, &step).await.is_page(403);
        }
        // An older step's own token: the page was left behind.
        let page = answered(&mut browser, &path, &of_picker).await;
        assert!(matches!(page.status, 403 | 409), "{}", page.brief());
        assert_eq!(world.spy.codes(), 0);
        answered(&mut browser, &path, &of_consent).await.code();
    });
}

/// A-CTX-12: the same form within ten seconds gets the same redirect, and never a second code (design §4.5).
#[test]
fn a_ctx_12_the_same_form_twice() {
    each_adapter(async |world| {
        let mut browser = at_consent(&world).await;
        let consent = browser.tab();
        let first = browser.allow().await.clone();
        for (after, same) in [(0, true), (9, true), (1, false)] {
            world.advance(after);
            browser.switch_to(&consent);
            let again = browser.allow().await;
            if same {
                assert_eq!(again.location(), first.location());
            } else {
                again.is_page(400);
            }
        }
        assert_eq!((world.spy.codes(), world.grants_of("alice").await), (1, 1));
        // At the same moment.
        let browser = at_consent(&world).await;
        let step = browser.page.step();
        let (mut one, mut two) = (browser.clone(), browser.clone());
        let path = browser.path.clone();
        let (one, two) = tokio::join!(
            Box::pin(answered(&mut one, &path, &step)),
            Box::pin(answered(&mut two, &path, &step))
        );
        assert_eq!(one.location(), two.location());
        assert_eq!((one.code() == two.code(), world.spy.codes()), (true, 2));
        let answer = first;
        assert_eq!(patient_of(&world, &answer).await, P1);
    });
}

/// A-CTX-18
#[test]
fn a_ctx_18_interaction_theft() {
    each_adapter(async |world| {
        let mut browser = at_consent(&world).await;
        let (path, step) = (browser.path.clone(), browser.page.step());
        let mut thief = Browser::of(&world, "mallory");
        thief.get(&path).await.is_page(403);
        answered(&mut thief, &path, &step).await.is_page(403);
        // With Alice's session at the host, but not her browser's cookie; then with a cookie of the thief's own.
        thief.session = Some("alice/session-of-alice".into());
        answered(&mut thief, &path, &step).await.is_page(403);
        thief.begin(&az("pub")).await;
        answered(&mut thief, &path, &step).await.is_page(403);
        // With her cookie, and the thief's session.
        let mut thief = browser.clone();
        thief.session = Some("mallory/session-of-mallory".into());
        answered(&mut thief, &path, &step).await.is_page(403);
        assert_eq!(world.spy.codes(), 0);
        let answer = browser.allow().await.clone();
        assert_eq!(patient_of(&world, &answer).await, P1);
    });
}

/// A-CTX-20
#[test]
fn a_ctx_20_planted_cookie() {
    each_adapter(async |world| {
        let mut attacker = Browser::of(&world, "alice");
        attacker.begin(&az("pub")).await;
        let name = attacker.cookies.iter().find(|cookie| cookie.path == "/").unwrap().name.clone();
        for value in ["chosen-by-somebody", "a.b", "AAAA.AAAA", "", &"A".repeat(43)] {
            let mut victim = Browser::of(&world, "alice");
            victim.cookies = vec![Cookie { name: name.clone(), value: value.into(), path: "/".into() }];
            assert!(victim.begin(&az("pub")).await.is_picker(), "{value}");
            let now = victim.cookies.iter().find(|cookie| cookie.name == name).unwrap();
            assert_ne!(now.value, value);
        }
    });
}

/// A-CTX-21
#[test]
fn a_ctx_21_another_user_in_the_same_browser() {
    each_adapter(async |world| {
        let mut browser = at_consent(&world).await;
        let of_alice = browser.path.clone();
        browser.session = Some("bob/session-of-bob".into());
        browser.get(&of_alice).await.is_page(403);
        let page = browser.begin(&az("pub")).await;
        assert!(page.body.contains("Name Of patient-three-bob") && !page.body.contains(P1));
        assert_ne!(browser.path, of_alice);
        // The same user who has signed in again is not in the session that began it.
        browser.session = Some("alice/another".into());
        browser.get(&of_alice).await.is_page(403);
        assert_eq!(world.spy.codes(), 0);
    });
}

/// A-CTX-24
#[test]
fn a_ctx_24_another_user_in_another_tab() {
    each_adapter(async |world| {
        let mut browser = at_consent(&world).await;
        let consent = browser.tab();
        for session in
            [Some("bob/session-of-bob"), Some("bob/session-of-alice"), Some("alice/a-new-sign-in"), None]
        {
            browser.session = session.map(str::to_owned);
            browser.switch_to(&consent);
            let page = browser.allow().await;
            assert!(matches!(page.status, 400 | 403), "{}", page.brief());
            assert!(page.headers.get("location").is_none());
        }
        assert_eq!(world.spy.codes(), 0);
        browser.session = Some("alice/session-of-alice".into());
        browser.switch_to(&consent);
        let answer = browser.allow().await.clone();
        assert_eq!(patient_of(&world, &answer).await, P1);
    });
}

/// A-CTX-41
#[test]
fn a_ctx_41_ten_minutes() {
    each_adapter(async |world| {
        let mut in_time = at_consent(&world).await;
        let mut late = at_consent(&world).await;
        world.advance(599);
        in_time.allow().await.code();
        world.advance(1);
        late.allow().await.is_page(400);
        late.reload().await.is_page(400);
        assert_eq!(world.spy.codes(), 1);
    });
}

/// A-CTX-42
#[test]
fn a_ctx_42_ids_of_interactions() {
    each_adapter(async |world| {
        let mut seen = HashSet::new();
        let path = format!("/auth/authorize?{}", az("pub").query());
        for _ in 0..1_000 {
            let answer = Browser::new(&world).get(&path).await;
            let id = answer.location().strip_prefix("/auth/i/").unwrap().to_owned();
            assert_eq!(id.len(), 43, "256 bits");
            assert!(seen.insert(id));
        }
        // Of 1000 random ids, any place holds nearly all 64 letters; the last of 43 places has four bits.
        for place in 0..43 {
            let letters: HashSet<u8> = seen.iter().map(|id| id.as_bytes()[place]).collect();
            assert!(letters.len() >= if place == 42 { 16 } else { 60 }, "{place}: {}", letters.len());
        }
        let id = seen.iter().next().unwrap();
        for other in
            [format!("{id}="), id[1..].to_owned(), format!("{id}A"), format!("{id}/"), format!("{id}/x")]
        {
            let page = Browser::of(&world, "alice").get(&format!("/auth/i/{other}")).await;
            assert!(matches!(page.status, 400 | 404), "{other}");
        }
    });
}

/// A-CTX-43
#[test]
fn a_ctx_43_a_row_that_cannot_be_read() {
    each_adapter(async |world| {
        let mut browser = at_consent(&world).await;
        let consent = browser.tab();
        for damage in [&b"\x01{\"open\":{}}"[..], b"\x01{\"unheard_of\":1}", b"\x02{}", b"", b"\x01", b"junk"]
        {
            world.spy.damage(Some(damage));
            browser.switch_to(&consent);
            let page = browser.allow().await;
            assert!(matches!(page.status, 400 | 503), "{}", page.brief());
        }
        assert_eq!(world.spy.codes(), 0);
        world.spy.damage(None);
        browser.switch_to(&consent);
        let answer = browser.allow().await.clone();
        assert_eq!(patient_of(&world, &answer).await, P1);
    });
}

/// A-CTX-44
#[test]
fn a_ctx_44_restart_between_steps() {
    each_adapter(async |world| {
        let mut browser = at_consent(&world).await;
        let after = world.restarted(config());
        browser.door = after.door.clone();
        let answer = browser.allow().await.clone();
        assert_eq!(patient_of(&after, &answer).await, P1);
        // Before sign-in there is nothing but the cookie, which any node can read.
        let mut waiting = Browser::new(&world);
        waiting.begin(&az("pub")).await;
        waiting.door = after.door.clone();
        waiting.session = Some("alice/s1".into());
        assert!(waiting.reload().await.is_picker());
        // A store that forgot everything: a page, and never a code.
        let mut browser = at_consent(&world).await;
        browser.door = world.door_to(&World::new().server);
        browser.allow().await.is_page(400);
    });
}

/// A-CTX-48
#[test]
fn a_ctx_48_forged_cookies() {
    each_adapter(async |world| {
        let mut browser = Browser::new(&world);
        browser.begin(&az("pub")).await;
        browser.session = Some("alice/s1".into());
        let pending = browser.cookies.iter().position(|cookie| cookie.name.contains("pending")).unwrap();
        let value = browser.cookies[pending].value.clone();
        let flip = |at: usize| {
            let mut bytes = value.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(bytes).unwrap()
        };
        let mut forged: Vec<String> =
            (0..value.len()).step_by(11).map(flip).filter(|other| *other != value).collect();
        forged.extend([
            format!("{value}A"),
            value[1..].to_owned(),
            value[..value.len() - 1].to_owned(),
            String::new(),
        ]);
        forged.push("A".repeat(3_000));
        for value in forged {
            let mut other = browser.clone();
            other.cookies[pending].value = value;
            other.reload().await.is_page(400);
        }
        // Moved to another interaction of the same browser, and into another browser.
        let mut other = browser.clone();
        other.session = None;
        other.begin(&az("other").scope("patient/Observation.rs")).await;
        let second = other.cookies.iter().position(|cookie| cookie.path == other.path).unwrap();
        other.cookies[second].value = value;
        other.session = Some("alice/s1".into());
        other.reload().await.is_page(400);
        let mut mallory = Browser::of(&world, "mallory");
        mallory.begin(&az("pub")).await;
        mallory.cookies.retain(|cookie| cookie.path == "/");
        mallory.cookies.push(browser.cookies[pending].clone());
        mallory.path = browser.path.clone();
        let page = mallory.reload().await;
        assert!(matches!(page.status, 400 | 403), "{}", page.brief());
        assert!(browser.reload().await.is_picker(), "untouched, it opens");
    });
}
