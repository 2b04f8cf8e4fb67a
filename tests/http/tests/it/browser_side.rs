//! A-UI, A-HDR, A-ERR: what a browser, a frame, a cache, a log or a passer-by gets to see.

use std::collections::BTreeSet;

use http::Method;
use vestibule_http_tests::app::{Az, CB, V1, at_consent, az, az_ehr, tk};
use vestibule_http_tests::browser::{Answer, Browser};
use vestibule_http_tests::log::Log;
use vestibule_http_tests::world::{E1, P1, P2, P3, World, open_visit};

use crate::notation::{asked, begins, each_adapter, j400};

const DOCUMENTS: [&str; 4] = [
    "/r4/.well-known/smart-configuration",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/auth/keys",
];

/// A launch with every page in it: picker, visits, consent, and the answer to the app.
async fn pages(world: &World) -> (Browser, Vec<Answer>) {
    let mut browser = Browser::of(world, "alice");
    let mut seen =
        vec![browser.authorize(&az("pub").set("aud", "x")).await, browser.authorize(&az("nope")).await];
    let scope = "launch/patient launch/encounter patient/Observation.rs";
    seen.push(browser.begin(&az("pub").scope(scope)).await.clone());
    seen.push(browser.pick(P1).await.clone());
    seen.push(browser.submit(&[("encounter", E1), ("move", "choose")]).await.clone());
    seen.push(browser.allow().await.clone());
    seen.push(browser.get("/auth/manage").await);
    seen.push(browser.get("/nowhere").await);
    (browser, seen)
}

/// A-UI-02
#[test]
fn a_ui_02_no_307_after_a_form() {
    each_adapter(async |world| {
        let mut browser = Browser::of(&world, "alice");
        browser.begin(&az("pub")).await;
        for (form, fields) in [
            ("picker", vec![("patient", P1), ("move", "choose")]),
            ("consent", vec![("scope", "launch/patient"), ("decision", "allow")]),
        ] {
            let (path, step) = (browser.path.clone(), browser.page.step());
            let mut all = vec![("step", step.as_str())];
            all.extend(fields);
            let answer = browser.post(&path, &all).await;
            assert_eq!(answer.status, 303, "{form}");
            if form == "picker" {
                browser.reload().await;
            }
        }
        let mut posted = browser.request(Method::POST, "/auth/authorize", &az("pub").query());
        posted.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
        assert_eq!(browser.send(posted).await.status, 303);
    });
}

/// A-UI-04
#[test]
fn a_ui_04_nothing_secret_in_logs() {
    let log = Log::default();
    let _capturing = log.capture();
    let mut secrets: BTreeSet<String> = [
        P1,
        P2,
        P3,
        E1,
        V1,
        "the-state",
        "the-nonce",
        "the-session",
        "Name Of",
        "Displayname",
        "sub-alice",
        "1970-01-31",
    ]
    .map(str::to_owned)
    .into();
    let gathered = std::cell::RefCell::new(&mut secrets);
    each_adapter(async |world| {
        let request = az("pub")
            .scope("openid fhirUser launch/patient patient/Observation.rs unheard-of")
            .set("state", "the-state")
            .add("nonce", "the-nonce");
        let mut browser = Browser::new(&world);
        browser.begin(&request).await;
        browser.session = Some("alice/the-session".into());
        browser.reload().await;
        browser.pick(P3).await;
        browser.pick(P1).await;
        let (path, step) = (browser.path.clone(), browser.page.step());
        let code = browser.allow().await.code();
        browser.post(&path, &[("step", "1.patient.forged-token"), ("patient", P2)]).await;
        world.script.away("patients", true);
        world.redeem("pub", &code).await;
        world.script.away("patients", false);
        tk("pub", &code).set("code_verifier", &"wrong-".repeat(9)).send(&world).await;
        let tokens = world.redeem("pub", &code).await.json();
        world.redeem("pub", &code).await;
        tk("basic", &code).basic(Some(("basic", "wrong-secret"))).send(&world).await;
        let handle = world.launch_for("dr", "pub", open_visit(P1, E1)).await;
        let mut dr = Browser::of(&world, "dr");
        dr.begin(&az_ehr("pub", &handle)).await;
        dr.allow().await.code();
        dr.authorize(&az_ehr("pub", &handle)).await.is_refusal(CB, "invalid_request");
        world.spy.damage(Some(b"\x01{\"secret\":\"damaged-row\"}"));
        browser.reload().await;
        let mut secrets = gathered.borrow_mut();
        for token in ["access_token", "id_token"] {
            secrets.insert(tokens[token].as_str().unwrap().to_owned());
        }
        secrets.extend(browser.set.iter().map(|set| set.split(['=', ';']).nth(1).unwrap().to_owned()));
        let id = path.strip_prefix("/auth/i/").unwrap().to_owned();
        secrets.extend([
            id,
            step,
            code,
            handle,
            "damaged-row".into(),
            "wrong-secret".into(),
            "wrong-wrong".into(),
        ]);
    });
    let log = log.text();
    assert_eq!(log.matches("code replayed").count(), 2, "both adapters were heard: {log}");
    secrets.remove("");
    for secret in &secrets {
        assert!(!log.contains(secret.as_str()), "{secret} in:\n{log}");
    }
}

/// A-UI-06
#[test]
fn a_ui_06_nothing_is_kept_by_caches() {
    each_adapter(async |world| {
        let (_, pages) = pages(&world).await;
        assert_eq!(pages.iter().filter(|page| page.status == 303).count(), 2);
        for page in pages {
            assert_eq!(page.header("cache-control"), "no-store", "{}", page.brief());
        }
        for answer in
            [world.redeem("pub", "vc_x").await, world.redeem("pub", &world.code_for(&az("pub")).await).await]
        {
            assert_eq!(answer.header("cache-control"), "no-store");
        }
    });
}

/// A-UI-07
#[test]
fn a_ui_07_a_form_may_lead_to_loopback() {
    each_adapter(async |world| {
        for (address, source) in [
            ("http://127.0.0.1:51004/cb", "http://127.0.0.1:51004"),
            // No host source can say an IPv6 literal; browsers would ignore it and stop the answer.
            ("http://[::1]:51004/cb", "http:"),
            ("com.example.app:/cb", "com.example.app:"),
        ] {
            let mut browser = Browser::of(&world, "bob");
            let page = browser.begin(&az("nat").set("redirect_uri", address)).await;
            let policy = page.header("content-security-policy");
            let action = policy.split("; ").find_map(|part| part.strip_prefix("form-action ")).unwrap();
            assert_eq!(action, format!("'self' {source}"));
            let answer = browser.allow().await;
            assert!(answer.location().starts_with(&format!("{address}?code=")));
        }
    });
}

/// A-UI-10
#[test]
fn a_ui_10_another_browser_learns_nothing() {
    each_adapter(async |world| {
        let mut browser = at_consent(&world).await;
        let path = browser.path.clone();
        let mut strangers = [
            Browser::new(&world),
            Browser::of(&world, "mallory"),
            // Her session at the host, but not her browser's cookie.
            Browser::of(&world, "alice"),
        ];
        let mut code = String::new();
        for _ in 0..2 {
            for stranger in &mut strangers {
                for below in ["", "/status", "/poll", "/result"] {
                    let page = stranger.get(&format!("{path}{below}")).await;
                    assert!(matches!(page.status, 400 | 403 | 404), "{}", page.brief());
                    assert!(page.headers.get("location").is_none());
                    assert!(code.is_empty() || !page.body.contains(&code));
                    assert!(!page.body.contains(P1) && !page.body.contains("app.example/cb"));
                }
            }
            if code.is_empty() {
                code = browser.allow().await.code();
            }
        }
        assert_eq!(world.redeem("pub", &code).await.status, 200);
    });
}

async fn from_origin(world: &World, method: Method, path: &str, origin: &str) -> Answer {
    let mut browser = Browser::new(world);
    let mut request = browser.request(method.clone(), path, "");
    request.headers_mut().insert("origin", origin.parse().unwrap());
    if method == Method::OPTIONS {
        request.headers_mut().insert("access-control-request-method", "POST".parse().unwrap());
        request.headers_mut().insert("access-control-request-headers", "authorization".parse().unwrap());
    }
    browser.send(request).await
}

/// A-HDR-03: `Answer`s of this package are held to it wherever they come from.
#[test]
fn a_hdr_03_cors_without_credentials() {
    each_adapter(async |world| {
        for path in
            DOCUMENTS.into_iter().chain(["/auth/token", "/auth/authorize", "/auth/manage", "/nowhere"])
        {
            for method in [Method::GET, Method::POST, Method::OPTIONS] {
                for origin in ["https://app.example", "https://evil.test", "null"] {
                    let answer = from_origin(&world, method.clone(), path, origin).await;
                    assert!(answer.headers.get("access-control-allow-credentials").is_none(), "{path}");
                }
            }
        }
    });
}

const TRICKS: [&str; 10] = [
    "null",
    "https://app.example.evil.test",
    "https://evilapp.example",
    "http://app.example",
    "https://app.example:444",
    "https://app.example/",
    "https://APP.example",
    "https://app.example https://evil.test",
    "*",
    "https://app.example\u{a0}",
];

/// A-HDR-04
#[test]
fn a_hdr_04_origins_that_look_alike() {
    each_adapter(async |world| {
        for origin in TRICKS {
            let preflight = from_origin(&world, Method::OPTIONS, "/auth/token", origin).await;
            let answer = tk("pub", "vc_x").at_origin(origin).send(&world).await;
            for answer in [preflight, answer] {
                assert!(answer.headers.get("access-control-allow-origin").is_none(), "{origin}");
            }
        }
        // Two of them, both good.
        let mut request = tk("pub", "vc_x").at_origin("https://app.example").request();
        request.headers_mut().append("origin", "https://app.example".parse().unwrap());
        let twice = Answer::from(world.door.send(request).await);
        assert!(twice.headers.get("access-control-allow-origin").is_none());
        let right = from_origin(&world, Method::OPTIONS, "/auth/token", "https://app.example").await;
        assert_eq!(right.header("access-control-allow-origin"), "https://app.example");
    });
}

/// A-HDR-07
#[test]
fn a_hdr_07_origin_of_another_client() {
    each_adapter(async |world| {
        let code = world.code_for(&az("pub")).await;
        for origin in ["https://other.example", "https://basic.example"] {
            let answer = tk("pub", "vc_x").at_origin(origin).send(&world).await;
            assert!(answer.headers.get("access-control-allow-origin").is_none(), "{origin}");
        }
        let answer = tk("pub", &code).at_origin("https://app.example").send(&world).await;
        assert_eq!(
            (answer.status, answer.header("access-control-allow-origin")),
            (200, "https://app.example")
        );
        assert!(answer.headers.get_all("vary").iter().any(|vary| vary == "origin"));
    });
}

/// A-HDR-08
#[test]
fn a_hdr_08_discovery_for_anybody() {
    each_adapter(async |world| {
        for path in DOCUMENTS {
            let answer = from_origin(&world, Method::GET, path, "https://anybody.example").await;
            assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, "*"), "{path}");
            assert_eq!(answer.header("content-type"), "application/json");
            assert!(answer.json().is_object());
            let preflight = from_origin(&world, Method::OPTIONS, path, "https://anybody.example").await;
            assert_eq!(
                (preflight.status, preflight.header("access-control-allow-origin")),
                (204, "*"),
                "{path}"
            );
            let head = from_origin(&world, Method::HEAD, path, "https://anybody.example").await;
            assert_eq!((head.status, head.body.as_str()), (200, ""));
        }
    });
}

/// A-HDR-09
#[test]
fn a_hdr_09_response_splitting() {
    each_adapter(async |world| {
        let injected = "x%0d%0aInjected:%20yes%0d%0a%0d%0a%3Chtml%3E";
        for name in [
            "state",
            "scope",
            "redirect_uri",
            "client_id",
            "nonce",
            "launch",
            "aud",
            "ui_locales",
            "resource",
        ] {
            let rest = az("pub").without(name).query();
            let line = format!("GET /auth/authorize?{rest}&{name}={injected} HTTP/1.1");
            let raw =
                world.door.raw(format!("{line}\r\nhost: h\r\nconnection: close\r\n\r\n")).await.unwrap();
            let raw = String::from_utf8(raw).unwrap();
            assert!(!raw.to_ascii_lowercase().contains("\r\ninjected:"), "{name}: {raw}");
            assert_eq!(raw.matches("HTTP/1.1 ").count(), 1, "{name}: {raw}");
        }
        let mut browser = Browser::of(&world, "alice");
        for path in
            [format!("/{injected}"), format!("/auth/i/{injected}"), format!("/auth/manage?x={injected}")]
        {
            let answer = browser.get(&path).await;
            assert!(answer.headers.get("injected").is_none(), "{path}");
        }
        begins(&world).await;
    });
}

/// A-HDR-11: the interaction's own cookie is bound to its path, which `__Host-` does not allow (design §4.3).
#[test]
fn a_hdr_11_cookie_attributes() {
    each_adapter(async |world| {
        let mut browser = Browser::new(&world);
        browser.begin(&az("pub")).await;
        browser.session = Some("alice/s1".into());
        browser.reload().await;
        browser.pick(P1).await;
        browser.allow().await.code();
        assert!(browser.set.len() >= 3);
        for cookie in &browser.set {
            let parts: Vec<&str> = cookie.split("; ").collect();
            for attribute in ["HttpOnly", "Secure", "SameSite=Lax"] {
                assert!(parts.contains(&attribute), "{cookie}");
            }
            assert!(!cookie.to_ascii_lowercase().contains("domain"), "{cookie}");
            let whole_site = parts.contains(&"Path=/");
            assert_eq!(cookie.starts_with("__Host-"), whole_site, "{cookie}");
            assert!(
                whole_site || cookie.starts_with("__Secure-") && cookie.contains("; Path=/auth/i/"),
                "{cookie}"
            );
        }
    });
}

/// A-HDR-12
#[test]
fn a_hdr_12_method_override() {
    each_adapter(async |world| {
        let mut browser = at_consent(&world).await;
        let code = world.code_for(&az("pub")).await;
        for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
            let mut request = tk("pub", &code).request();
            *request.method_mut() = Method::PUT;
            request.headers_mut().insert(name, "POST".parse().unwrap());
            Answer::from(world.door.send(request).await).is_error(405, "invalid_request");
            let mut request = browser.request(Method::GET, "/auth/authorize?client_id=nope", "");
            request.headers_mut().insert(name, "DELETE".parse().unwrap());
            browser.send(request).await.is_page(400);
            let mut request = browser.request(Method::GET, &browser.path.clone(), "");
            request.headers_mut().insert(name, "POST".parse().unwrap());
            assert!(browser.send(request).await.is_consent());
        }
        assert_eq!(tk("pub", &code).add("_method", "DELETE").send(&world).await.status, 200);
        let fields = [("scope", "launch/patient"), ("decision", "allow"), ("_method", "DELETE")];
        browser.submit(&fields).await.code();
    });
}

/// A-ERR-05, SMART-TOKEN-056
#[test]
fn a_err_05_error_texts() {
    each_adapter(async |world| {
        let code = world.code_for(&az("pub")).await;
        let of = |tk: vestibule_http_tests::app::Tk| {
            let world = world.clone();
            async move { tk.send(&world).await.json()["error_description"].as_str().map(str::to_owned) }
        };
        let odd = "\"\\\u{e9}\u{7f}\n";
        let mut texts = Vec::new();
        for tk in [
            tk("pub", &code).set("code_verifier", odd),
            tk("pub", odd),
            tk("pub", &code).set("grant_type", odd),
            tk("pub", &code).set("client_id", odd),
            tk("pub", &code).set("redirect_uri", odd),
            tk("pub", &code).add("code", odd),
            tk("pub", &code).add(odd, odd).add(odd, odd),
            tk("basic", &code).basic(Some(("basic", odd))),
            tk("basic", &code).basic(None),
        ] {
            texts.extend(of(tk).await);
        }
        let refused: [Az; 6] = [
            az("pub").set("response_type", odd),
            az("pub").scope(odd),
            az("pub").set("aud", odd),
            az("pub").set("code_challenge", odd),
            az("pub").add("response_mode", odd),
            az("pub").add("resource", odd),
        ];
        for request in refused {
            for answer in asked(&world, &request).await {
                texts.push(answer.params()["error_description"].clone());
            }
        }
        assert!(texts.len() >= 20);
        for text in texts {
            // RFC 6749 §5.2
            assert!(text.bytes().all(|b| matches!(b, 0x20..=0x7e) && b != b'"' && b != b'\\'), "{text:?}");
        }
        assert_eq!(world.redeem("pub", &code).await.status, 200);
    });
}

/// A-ERR-07
#[test]
fn a_err_07_no_banner_and_no_trace() {
    each_adapter(async |world| {
        let large = "a".repeat(70_000);
        let head =
            |line: &str, rest: &str| format!("{line} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{rest}\r\n");
        let requests = [
            head("GET /nowhere", ""),
            head("GET /auth/token", ""),
            head("DELETE /auth/authorize", ""),
            head("POST /auth/keys", "content-length: 0\r\n"),
            head("POST /auth/token", &format!("content-length: {}\r\n", large.len())) + &large,
            head("POST /auth/token", "content-length: 0\r\n"),
            head("POST /auth/token", "content-length: 3\r\n") + "a=b",
            head("GET /auth/i/x", ""),
            head("OPTIONS *", ""),
        ];
        for request in requests {
            let line = request.lines().next().unwrap().to_owned();
            let answer = world.door.raw_answer(request).await;
            assert!(
                (400..500).contains(&answer.status) || line.starts_with("OPTIONS"),
                "{line}: {}",
                answer.status
            );
            for banner in ["server", "x-powered-by", "via"] {
                assert!(answer.headers.get(banner).is_none(), "{line}: {banner}");
            }
            let said = format!("{:?} {}", answer.headers, answer.body).to_ascii_lowercase();
            for word in ["hyper", "actix", "axum", "rust", "panicked", "src/", ".rs:"] {
                assert!(!said.contains(word), "{line}: {word} in {said}");
            }
        }
        j400(&tk("pub", "vc_x").send(&world).await, "invalid_grant");
    });
}

/// A-ERR-08
#[test]
fn a_err_08_nobody_is_named_in_a_url() {
    each_adapter(async |world| {
        let (browser, _) = pages(&world).await;
        let mut urls = browser.urls;
        let mut dr = Browser::of(&world, "dr");
        let handle = world.launch_for("dr", "pub", open_visit(P1, E1)).await;
        dr.begin(&az_ehr("pub", &handle)).await;
        dr.allow().await.code();
        dr.begin(&az("pub")).await;
        dr.submit(&[("q", "patient-three"), ("move", "search")]).await;
        dr.submit(&[("q", "ward"), ("after", "10")]).await;
        dr.pick(P3).await;
        dr.deny().await;
        let page = dr.get("/auth/manage").await;
        let grant = page.values("button", "revoke").remove(0);
        dr.post("/auth/manage", &[("step", &page.step()), ("revoke", &grant)]).await;
        urls.append(&mut dr.urls);
        assert!(urls.len() > 20);
        for url in urls {
            for name in [P1, P2, P3, E1, "Name", "Displayname", "alice", "session-of", "ward", V1, &grant] {
                assert!(!url.contains(name), "{name} in {url}");
            }
            assert!(!url.contains("vc_") || url.starts_with(&format!("{CB}?code=")), "{url}");
            assert!(!url.contains("vl_") || url.starts_with("/auth/authorize?"), "{url}");
        }
    });
}
