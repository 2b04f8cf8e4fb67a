//! A-REDIR: which address an answer goes to.

use vestibule_host::{RegisteredClient, StaticClients};
use vestibule_http_tests::app::{CB, address_of, az, tk};
use vestibule_http_tests::browser::{Answer, Browser};
use vestibule_http_tests::world::World;

use crate::notation::{asked, asked_with, begins, each_adapter, j400, page, posted};

/// Each address is no registered one: a page, by GET and by POST, and the right one still works.
fn refused(client: &'static str, addresses: &'static [&'static str]) {
    each_adapter(async |world| {
        for address in addresses {
            for answer in asked(&world, &az(client).set("redirect_uri", address)).await {
                page(&answer, address);
            }
        }
        assert_eq!(world.spy.written(), "", "nothing is stored");
        begins(&world).await;
    });
}

/// A-REDIR-01
#[test]
fn a_redir_01_suffix_appended_to_path() {
    refused(
        "pub",
        &["https://app.example/cb/evil", "https://app.example/cbevil", "https://app.example/cb;x"],
    );
}

/// A-REDIR-04
#[test]
fn a_redir_04_userinfo() {
    refused("pub", &["https://app.example@evil.test/cb", "https://app.example:x@evil.test/cb"]);
}

/// A-REDIR-05
#[test]
fn a_redir_05_several_at_signs() {
    refused("pub", &["https://app.example@evil.test@app.example/cb", "https://evil.test@app.example/cb"]);
}

/// A-REDIR-06
#[test]
fn a_redir_06_dot_segments() {
    refused(
        "pub",
        &[
            "https://app.example/cb/../open",
            "https://app.example/x/../cb",
            "https://app.example/./cb",
            "https://app.example//cb",
            "https://app.example/x/..\\cb",
        ],
    );
}

/// A-REDIR-08
#[test]
fn a_redir_08_double_encoding() {
    refused(
        "pub",
        &["https://app.example/cb%252e", "https://app.example/cb%2e", "https://app.example/cb%00"],
    );
}

/// A-REDIR-09
#[test]
fn a_redir_09_percent_equivalent() {
    refused("pub", &["https://app.example/%63b", "https://app.example%2fcb", "https%3A//app.example/cb"]);
}

/// A-REDIR-11
#[test]
fn a_redir_11_duplicate_parameter() {
    each_adapter(async |world| {
        for request in [
            az("pub").add("redirect_uri", "https://evil.test/"),
            az("pub").add_first("redirect_uri", "https://evil.test/"),
            az("pub").add("redirect_uri", CB),
        ] {
            for answer in asked(&world, &request).await {
                page(&answer, "evil.test");
            }
        }
        for (first, second) in [(CB, "https://evil.test/"), ("https://evil.test/", CB)] {
            let path = format!("/auth/authorize?{}", form(&[("redirect_uri", first)]));
            let body = az("pub").set("redirect_uri", second).query();
            page(&posted(&world, &path, &body).await, "evil.test");
        }
        begins(&world).await;
    });
}

fn form(fields: &[(&str, &str)]) -> String {
    vestibule_http_tests::browser::form(fields)
}

/// A-REDIR-12
#[test]
fn a_redir_12_host_case() {
    refused("pub", &["https://APP.example/cb", "https://app.Example/cb"]);
}

/// A-REDIR-13
#[test]
fn a_redir_13_path_case() {
    refused("pub", &["https://app.example/CB", "https://app.example/Cb"]);
}

/// A-REDIR-14
#[test]
fn a_redir_14_scheme_case() {
    refused("pub", &["HTTPS://app.example/cb", "Https://app.example/cb"]);
    refused("nat", &["COM.example.app:/cb", "com.example.App:/cb"]);
}

/// A-REDIR-15
#[test]
fn a_redir_15_scheme_downgrade() {
    refused("pub", &["http://app.example/cb", "ftp://app.example/cb", "//app.example/cb", "app.example/cb"]);
}

/// A-REDIR-16
#[test]
fn a_redir_16_default_port() {
    refused("pub", &["https://app.example:443/cb", "https://app.example:/cb", "https://app.example:0443/cb"]);
}

/// A-REDIR-17
#[test]
fn a_redir_17_other_port_off_loopback() {
    refused("pub", &["https://app.example:8443/cb", "https://app.example:80/cb"]);
}

/// A-REDIR-18
#[test]
fn a_redir_18_trailing_slash_or_dot() {
    refused("pub", &["https://app.example/cb/", "https://app.example./cb", "https://app.example/cb."]);
}

/// A-REDIR-19
#[test]
fn a_redir_19_query_or_fragment_added() {
    refused(
        "pub",
        &[
            "https://app.example/cb?x=1",
            "https://app.example/cb?",
            "https://app.example/cb#",
            "https://app.example/cb#code=x",
        ],
    );
    refused(
        "query",
        &[
            "https://query.example/cb",
            "https://query.example/cb?tenant=2",
            "https://query.example/cb?tenant=1&x=1",
            "https://query.example/cb?tenant=1&",
        ],
    );
}

/// A-REDIR-20
#[test]
fn a_redir_20_loopback_on_any_port() {
    each_adapter(async |world| {
        for address in ["http://127.0.0.1:51004/cb", "http://[::1]:51004/cb"] {
            let mut browser = Browser::of(&world, "bob");
            browser.begin(&az("nat").set("redirect_uri", address)).await;
            let answer = browser.allow().await.clone();
            assert!(answer.location().starts_with(&format!("{address}?code=")), "{}", answer.location());
            let request = tk("nat", &answer.code()).set("redirect_uri", address);
            assert_eq!(request.send(&world).await.status, 200);
        }
    });
    refused(
        "nat",
        &[
            "http://127.0.0.1:51004/cb/x",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:99999/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:+1/cb",
            "http://127.0.0.1:51004@evil.test/cb",
            "http://127.0.0.1.evil.test:51004/cb",
            "http://127.0.0.2:51004/cb",
            "http://localhost:51004/cb",
            "http://127.1:51004/cb",
            "http://[::ffff:127.0.0.1]:51004/cb",
        ],
    );
}

/// A-REDIR-24
#[test]
fn a_redir_24_loopback_for_a_web_client() {
    refused("pub", &["http://127.0.0.1/cb", "http://[::1]/cb", "http://localhost/cb"]);
}

/// A-REDIR-25
#[test]
fn a_redir_25_https_loopback_has_no_free_port() {
    each_adapter(async |world| {
        world.clients.change("nat", |client| client.redirect_uris = vec!["https://127.0.0.1/cb".into()]);
        for address in ["https://127.0.0.1:5/cb", "http://127.0.0.1/cb", "http://127.0.0.1:5/cb"] {
            for answer in asked(&world, &az("nat").set("redirect_uri", address)).await {
                page(&answer, address);
            }
        }
        let as_registered = az("nat").set("redirect_uri", "https://127.0.0.1/cb");
        assert_eq!(Browser::new(&world).authorize(&as_registered).await.status, 303);
    });
}

/// A registration as an operator writes it, with one redirect URI.
fn registered(uri: &str) -> Result<RegisteredClient, String> {
    let uri = serde_json::Value::from(uri);
    let file = format!(
        r#"[{{ "client_id": "x", "token_endpoint_auth_method": "none", "application_type": "native",
            "redirect_uris": [{uri}], "scope": "openid" }}]"#
    );
    let clients = StaticClients::from_json(&file).map_err(|error| error.to_string())?;
    Ok(clients.iter().next().unwrap().clone())
}

#[track_caller]
fn is_not_registered(uri: &str) {
    let error = registered(uri).unwrap_err();
    assert!(error.contains("redirect_uris[0]"), "{uri}: {error}");
}

/// A-REDIR-26: in a registration by file; by the registration endpoint: `registration.rs`.
#[test]
fn a_redir_26_dangerous_scheme_at_registration() {
    for uri in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///x",
        "blob:https://x",
        "%09javascript:x",
        "\tjavascript:x",
        " https://app.example/cb",
        "about:blank",
        "view-source:https://x",
    ] {
        is_not_registered(uri);
    }
    registered("https://app.example/cb").unwrap();
}

/// A-REDIR-27
#[test]
fn a_redir_27_private_scheme_without_a_dot() {
    for uri in ["myapp:/cb", "myapp://cb", "my-app:/cb"] {
        is_not_registered(uri);
    }
    registered("com.example.app:/cb").unwrap();
}

/// A-REDIR-30
#[test]
fn a_redir_30_nothing_is_learned_on_first_use() {
    each_adapter(async |world| {
        world.clients.change("pub", |client| client.redirect_uris.clear());
        let before = world.clients.get("pub");
        for address in [CB, CB, "https://evil.test/", "*", ".*", ""] {
            for answer in asked(&world, &az("pub").set("redirect_uri", address)).await {
                page(&answer, address);
            }
        }
        assert_eq!(world.clients.get("pub"), before);
    });
}

/// A-REDIR-31
#[test]
fn a_redir_31_missing_or_empty() {
    each_adapter(async |world| {
        // `memo` has registered a single address, which is not filled in for it.
        for client in ["memo", "pub"] {
            for request in [az(client).without("redirect_uri"), az(client).set("redirect_uri", "")] {
                for answer in asked(&world, &request).await {
                    page(&answer, address_of(client));
                }
            }
        }
        begins(&world).await;
    });
}

/// A-REDIR-33
#[test]
fn a_redir_33_unicode_and_idn() {
    refused(
        "pub",
        &[
            "https://app.ex\u{ff41}mple/cb",
            "https://xn--app-.example/cb",
            "https://xn--app-3sa.example/cb",
            "https://app.example\u{3002}evil.test/cb",
            "https://app.example/\u{441}b",
            "https://app.example\u{200b}/cb",
        ],
    );
}

/// A-REDIR-34
#[test]
fn a_redir_34_response_parameter_in_a_registered_query() {
    for query in ["iss=https://evil.test", "code=x", "state=x", "error=x", "a=b&code=x", "%63ode=x"] {
        is_not_registered(&format!("https://app.example/cb?{query}"));
    }
    registered("https://app.example/cb?tenant=1").unwrap();
}

/// A-REDIR-35
#[test]
fn a_redir_35_a_registered_query_is_kept() {
    each_adapter(async |world| {
        let mut browser = Browser::of(&world, "bob");
        browser.begin(&az("query")).await;
        let answer = browser.allow().await.clone();
        let rest = answer.location().strip_prefix("https://query.example/cb?tenant=1&code=vc_").unwrap();
        assert!(rest.ends_with("&state=st1&iss=https%3A%2F%2Fas.example"), "{rest}");
        assert_eq!(answer.params().len(), 4);
        browser.begin(&az("query")).await;
        let refusal = browser.deny().await;
        refusal.is_refusal(address_of("query"), "access_denied");
        assert_eq!(refusal.params()["tenant"], "1");
    });
}

/// A-REDIR-36
#[test]
fn a_redir_36_another_registered_address_at_redemption() {
    each_adapter(async |world| {
        let code = world.code_for(&az("pub")).await;
        for address in ["https://app.example/cb-two", "https://app.example/cb/", "https://evil.test/"] {
            j400(&tk("pub", &code).set("redirect_uri", address).send(&world).await, "invalid_grant");
        }
        assert_eq!(world.redeem("pub", &code).await.status, 200);
    });
}

/// A-REDIR-37
#[test]
fn a_redir_37_no_address_at_redemption() {
    each_adapter(async |world| {
        let code = world.code_for(&az("pub")).await;
        j400(&tk("pub", &code).without("redirect_uri").send(&world).await, "invalid_request");
        j400(&tk("pub", &code).set("redirect_uri", "").send(&world).await, "invalid_request");
        assert_eq!(world.redeem("pub", &code).await.status, 200);
    });
}

/// A-REDIR-38
#[test]
fn a_redir_38_deregistered_in_between() {
    each_adapter(async |world| {
        let mut browser = Browser::of(&world, "bob");
        browser.begin(&az("pub")).await;
        let consent = browser.tab();
        let registered = world.clients.get("pub").redirect_uris;
        world.clients.change("pub", |client| client.redirect_uris.retain(|uri| uri != CB));
        for deny in [false, true] {
            browser.switch_to(&consent);
            let answer = if deny { browser.deny().await } else { browser.allow().await };
            answer.is_page(400);
            assert!(!answer.body.contains("vc_") && !answer.body.contains("code="));
        }
        assert_eq!(world.spy.codes(), 0);
        world.clients.change("pub", |client| client.redirect_uris = registered);
        browser.switch_to(&consent);
        browser.allow().await.code();
    });
}

/// A-REDIR-40
#[test]
fn a_redir_40_over_long() {
    each_adapter(async |world| {
        let of = |length: usize| form(&[("redirect_uri", &format!("{CB}?{}", "x".repeat(length)))]);
        let rest = az("pub").without("redirect_uri").query();
        // Within what is read: a page of ours.
        for answer in asked_with(&world, &format!("{rest}&{}", of(20_000))).await {
            page(&answer, "xxxxx");
        }
        for length in [40_000, 64 * 1024, 1_000_000] {
            let query = format!("{rest}&{}", of(length));
            let line =
                format!("GET /auth/authorize?{query} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
            let head = format!("host: h\r\nconnection: close\r\ncontent-length: {}", query.len());
            let kind = "content-type: application/x-www-form-urlencoded";
            let post = format!("POST /auth/authorize HTTP/1.1\r\n{head}\r\n{kind}\r\n\r\n{query}");
            for request in [line, post] {
                no_redirect(&world, request, length).await;
            }
        }
        assert_eq!(world.spy.written(), "");
        begins(&world).await;
    });
}

/// Whoever refuses it, the framework or the engine: nobody follows it.
async fn no_redirect(world: &World, request: String, length: usize) {
    let answer: Answer = world.door.raw_answer(request).await;
    assert!(matches!(answer.status, 400 | 413 | 414 | 431), "{length}: {}", answer.brief());
    assert!(answer.headers.get("location").is_none() && answer.cookies().is_empty(), "{length}");
    assert!(!answer.body.contains("xxxxx"));
}
