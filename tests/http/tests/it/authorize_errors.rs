//! A-AERR: where an error goes, and what becomes of a request that is no good.

use http::Method;
use vestibule_http_tests::app::{Az, CB, address_of, az};
use vestibule_http_tests::browser::Browser;

use crate::notation::{asked, asked_with, begins, each_adapter, page, posted, red, red_at};

/// A-AERR-02
#[test]
fn a_aerr_02_other_mistakes_do_not_open_a_bad_address() {
    each_adapter(async |world| {
        let evil = || az("pub").set("redirect_uri", "https://evil.test/");
        for request in [
            evil().scope("profile"),
            evil().scope("openid"),
            evil().scope("openid").add("nonce", ""),
            evil().set("response_type", "id_token"),
            evil().add("response_mode", "fragment"),
            evil().add("request", "x.y.z"),
            evil().without("state"),
            evil().add("prompt", "none"),
        ] {
            for answer in asked(&world, &request).await {
                page(&answer, "evil.test");
            }
        }
        begins(&world).await;
    });
}

/// A-AERR-04
#[test]
fn a_aerr_04_unknown_client() {
    each_adapter(async |world| {
        for id in ["nope", "PUB", "pub ", "pub\u{200b}", "'; drop table", "<script>alert(1)</script>", ""] {
            for answer in asked(&world, &az("pub").set("client_id", id)).await {
                page(&answer, id);
                assert!(!answer.body.contains("nope"));
            }
        }
        for answer in asked(&world, &az("pub").without("client_id")).await {
            page(&answer, "");
        }
        begins(&world).await;
    });
}

/// A-AERR-05
#[test]
fn a_aerr_05_duplicate_client_id() {
    each_adapter(async |world| {
        for request in [
            az("pub").add("client_id", "other"),
            az("pub").add_first("client_id", "other"),
            az("pub").add("client_id", "pub"),
            az("pub").add("client_id", ""),
        ] {
            for answer in asked(&world, &request).await {
                page(&answer, "");
            }
        }
        begins(&world).await;
    });
}

/// A-AERR-06
#[test]
fn a_aerr_06_response_types() {
    each_adapter(async |world| {
        for kind in
            ["token", "id_token", "code token", "code id_token", "token code", "none", "CODE", "code "]
        {
            for answer in asked(&world, &az("pub").set("response_type", kind)).await {
                red(&answer, "unsupported_response_type");
            }
        }
        for request in [az("pub").set("response_type", ""), az("pub").without("response_type")] {
            for answer in asked(&world, &request).await {
                red(&answer, "invalid_request");
            }
        }
        begins(&world).await;
    });
}

/// A-AERR-07
#[test]
fn a_aerr_07_response_modes() {
    each_adapter(async |world| {
        for mode in ["fragment", "web_message", "form_post", "x", "Query", "query fragment", "query.jwt"] {
            for answer in asked(&world, &az("pub").add("response_mode", mode)).await {
                red(&answer, "invalid_request");
                assert!(!answer.location().contains('#'), "{}", answer.location());
            }
        }
        let answer = Browser::new(&world).authorize(&az("pub").add("response_mode", "query")).await;
        assert!(answer.location().starts_with("/auth/i/"));
    });
}

/// A-AERR-10
#[test]
fn a_aerr_10_state_comes_back_as_it_was() {
    each_adapter(async |world| {
        let rest = az("pub").without("state");
        for (sent, state) in [
            ("a%26b%3Dc%2B%20~%23%25", "a&b=c+ ~#%"),
            ("%26iss%3Dhttps%3A%2F%2Fevil.test%26code%3Dx", "&iss=https://evil.test&code=x"),
            ("%C3%A9%F0%9F%98%80", "\u{e9}\u{1f600}"),
            ("%22%3E%3Cscript%3E", "\"><script>"),
            ("a+b", "a b"),
        ] {
            for answer in
                asked_with(&world, &format!("{}&aud=x&state={sent}", rest.clone().without("aud").query()))
                    .await
            {
                answer.is_refusal(CB, "invalid_request");
                assert_eq!(answer.params()["state"], state);
                assert_eq!(answer.params().len(), 4, "{}", answer.location());
            }
            let mut browser = Browser::of(&world, "bob");
            let answer = browser.get(&format!("/auth/authorize?{}&state={sent}", rest.query())).await;
            browser.path = answer.location().to_owned();
            browser.reload().await;
            let answer = browser.allow().await;
            answer.code();
            assert_eq!(answer.params()["state"], state);
            assert_eq!(answer.params().len(), 3, "{}", answer.location());
        }
    });
}

/// A-AERR-12: and no outbound call, since nothing here could make one.
#[test]
fn a_aerr_12_request_objects_while_off() {
    each_adapter(async |world| {
        for (name, value, error) in [
            ("request", "x.y.z", "request_not_supported"),
            ("request_uri", "https://169.254.169.254/", "request_uri_not_supported"),
            ("request_uri", "urn:ietf:params:oauth:request_uri:x", "request_uri_not_supported"),
        ] {
            for answer in asked(&world, &az("pub").add(name, value)).await {
                red(&answer, error);
            }
        }
        assert!(!world.script.calls().iter().any(|call| call.starts_with("fetch")));
        begins(&world).await;
    });
}

/// A-AERR-14
#[test]
fn a_aerr_14_methods() {
    each_adapter(async |world| {
        let mut browser = Browser::of(&world, "alice");
        let path = format!("/auth/authorize?{}", az("pub").query());
        for method in ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
            let request = browser.request(Method::from_bytes(method.as_bytes()).unwrap(), &path, "");
            let answer = browser.send(request).await;
            assert_eq!(answer.status, 405, "{method}");
            assert_eq!(answer.header("allow"), "GET, POST");
            assert!(answer.cookies().is_empty() && answer.headers.get("location").is_none(), "{method}");
        }
        assert_eq!(world.script.calls(), [""; 0], "nobody was asked");
        begins(&world).await;
    });
}

/// A-AERR-15
#[test]
fn a_aerr_15_a_posted_request_is_treated_alike() {
    each_adapter(async |world| {
        // `asked` posts each of these, too: A-REDIR-01, -04 and -11.
        for request in [
            az("pub").set("redirect_uri", "https://app.example/cb/evil"),
            az("pub").set("redirect_uri", "https://app.example@evil.test/cb"),
            az("pub").add("redirect_uri", "https://evil.test/"),
        ] {
            let [by_get, by_post] = asked(&world, &request).await;
            page(&by_get, "evil");
            page(&by_post, "evil");
        }
        let answer = posted(&world, "/auth/authorize", &az("pub").query()).await;
        assert!(answer.location().starts_with("/auth/i/"));
        // Bodies of another kind are no requests.
        for kind in ["application/json", "multipart/form-data; boundary=x", "text/plain", ""] {
            let browser = Browser::new(&world);
            let mut request = browser.request(Method::POST, "/auth/authorize", &az("pub").query());
            request.headers_mut().insert("content-type", kind.parse().unwrap());
            page(&Browser::new(&world).send(request).await, "");
        }
    });
}

/// A-AERR-16
#[test]
fn a_aerr_16_split_over_query_and_body() {
    each_adapter(async |world| {
        for (query, body) in [
            ("client_id=pub", az("pub").set("client_id", "other").query()),
            ("client_id=other", az("pub").query()),
            ("client_id=pub", az("pub").query()),
        ] {
            page(&posted(&world, &format!("/auth/authorize?{query}"), &body).await, "");
        }
        // Any other parameter twice: the address is proven, so the app is told.
        let twice = posted(&world, "/auth/authorize?scope=openid", &az("pub").query()).await;
        red(&twice, "invalid_request");
        // Split without a repeat it is one request.
        let whole = posted(&world, "/auth/authorize?state=st1", &az("pub").without("state").query()).await;
        assert!(whole.location().starts_with("/auth/i/"));
    });
}

/// More than a cookie can hold, so that it must be stored.
fn large(client: &str) -> Az {
    let scope: String =
        (0..100).map(|number| format!(" patient/Observation.rs?category=category-number-{number}")).collect();
    az(client).scope(&format!("launch/patient{scope}"))
}

/// A-AERR-17
#[test]
fn a_aerr_17_store_down_at_the_start() {
    each_adapter(async |world| {
        world.script.away("grants", true);
        for answer in asked(&world, &large("pub")).await {
            red(&answer, "temporarily_unavailable");
        }
        // What fits into a cookie needs no store.
        begins(&world).await;
        world.script.away("grants", false);
        assert_eq!(world.count_rows_and_purge().await, 0, "nothing half");
        for part in ["clients"] {
            world.script.away(part, true);
            for answer in asked(&world, &az("pub")).await {
                answer.is_page(503);
                assert_eq!(answer.header("retry-after"), "5");
                assert!(answer.cookies().is_empty());
            }
            world.script.away(part, false);
        }
        begins(&world).await;
    });
}

/// A-AERR-18
#[test]
fn a_aerr_18_disabled_client() {
    each_adapter(async |world| {
        world.clients.change("pub", |client| client.status = vestibule_host::ClientStatus::Disabled);
        let unknown = Browser::new(&world).authorize(&az("pub").set("client_id", "nope")).await;
        for answer in asked(&world, &az("pub")).await {
            page(&answer, CB);
            assert_eq!(answer.status, unknown.status, "like an unknown one");
        }
        for answer in asked(&world, &az("other")).await {
            assert!(answer.location().starts_with("/auth/i/"), "others go on");
        }
        world.clients.change("pub", |client| client.status = vestibule_host::ClientStatus::Enabled);
        begins(&world).await;
        red_at(
            &Browser::new(&world).authorize(&az("other").set("aud", "x")).await,
            address_of("other"),
            "invalid_request",
        );
    });
}

/// A-AERR-19
#[test]
fn a_aerr_19_grant_not_allowed() {
    each_adapter(async |world| {
        world.clients.change("svc", |client| client.redirect_uris = vec!["https://svc.example/cb".into()]);
        let request = az("svc").set("redirect_uri", "https://svc.example/cb").scope("openid");
        for answer in asked(&world, &request).await {
            red_at(&answer, "https://svc.example/cb", "unauthorized_client");
        }
        begins(&world).await;
    });
}
