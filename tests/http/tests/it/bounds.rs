//! A-DOS: full means refuse, and nobody waits for somebody else.

use std::time::Duration;

use http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use vestibule_host::{Clock as _, UnixMillis};
use vestibule_http_tests::Door;
use vestibule_http_tests::app::{Az, CB, address_of, az, cc, introspection, revocation, rf, tk};
use vestibule_http_tests::assertion::assertion;
use vestibule_http_tests::browser::{Answer, Browser};
use vestibule_http_tests::world::{World, config};
use vestibule_testkit::SeededEntropy;

use crate::notation::{asked, begins, each_adapter, each_adapter_with, posted, red};

const ENDPOINTS: [&str; 6] =
    ["/auth/authorize", "/auth/token", "/auth/introspect", "/auth/revoke", "/auth/manage", "/auth/userinfo"];

/// A-DOS-01
#[test]
fn a_dos_01_large_body() {
    each_adapter(async |world| {
        let mut browser = Browser::of(&world, "alice");
        browser.begin(&az("pub")).await;
        let megabytes = "a".repeat(10 * 1024 * 1024);
        let kind = "host: h\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded";
        let asked = world.script.calls().len();
        for path in ENDPOINTS.into_iter().chain([browser.path.as_str()]) {
            let announced = format!(
                "POST {path} HTTP/1.1\r\n{kind}\r\ncontent-length: {}\r\n\r\n{megabytes}",
                megabytes.len()
            );
            let chunk = format!("8000\r\n{}\r\n", "a".repeat(0x8000)).repeat(320);
            let chunked = format!(
                "POST {path} HTTP/1.1\r\n{kind}\r\ntransfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"
            );
            for request in [announced, chunked] {
                let answer = world.door.raw(request).await.unwrap();
                // A server that has answered may close before it has read; the answer may be lost with it.
                assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 413"), "{path}");
            }
        }
        assert_eq!(world.script.calls().len(), asked, "nobody was asked");
        assert_eq!(browser.reload().await.status, 200);
        begins(&world).await;
    });
}

/// A-DOS-04: as a client's assertion; where clients register themselves, JSON is read by the same reader.
#[test]
fn a_dos_04_deep_json() {
    each_adapter(async |world| {
        let good = assertion(&world, "svc");
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let claims = |depth: usize| {
                let mut claims = serde_json::Value::Object(good.claims.clone()).to_string();
                claims.pop();
                format!("{claims},\"deep\":{}1{}}}", open.repeat(depth), close.repeat(depth))
            };
            let header = serde_json::Value::Object(good.header.clone()).to_string();
            for depth in [200, 3_000, 100_000] {
                let answer = cc(&good.text_of(&header, &claims(depth))).send(&world).await;
                assert!(matches!(answer.status, 400 | 401 | 413), "{depth}: {}", answer.brief());
            }
        }
        assert_eq!(cc(&good.text()).send(&world).await.status, 200);
    });
}

/// A-DOS-06
#[test]
fn a_dos_06_compressed_request() {
    each_adapter(async |world| {
        let code = world.code_for(&az("pub")).await;
        for encoding in ["gzip", "br", "deflate, gzip", "zstd", "x"] {
            let mut request = tk("pub", &code).request();
            request.headers_mut().insert("content-encoding", encoding.parse().unwrap());
            let answer = Answer::from(world.door.send(request).await);
            assert!(matches!(answer.status, 400 | 415), "{encoding}: {}", answer.brief());
            let mut request =
                Browser::new(&world).request(Method::POST, "/auth/authorize", &az("pub").query());
            request.headers_mut().insert("content-encoding", encoding.parse().unwrap());
            let answer = Answer::from(world.door.send(request).await);
            assert!(matches!(answer.status, 400 | 415), "{encoding}: {}", answer.brief());
        }
        assert_eq!(world.redeem("pub", &code).await.status, 200);
    });
}

/// More than a cookie can hold, so that it must be stored.
fn large(client: &str) -> Az {
    let scope: String =
        (0..100).map(|number| format!(" patient/Observation.rs?category=category-number-{number}")).collect();
    az(client).scope(&format!("launch/patient{scope}"))
}

/// A-DOS-07: small requests are held by the browser, large ones have a quota.
#[test]
fn a_dos_07_interaction_flood() {
    each_adapter_with(
        || config().with_quota_per_client(3),
        async |world| {
            for request in [
                az("pub"),
                az("nope"),
                az("pub").set("aud", "x"),
                az("basic").set("state", &"s".repeat(1_000)),
            ] {
                for _ in 0..100 {
                    Browser::new(&world).authorize(&request).await;
                }
            }
            assert_eq!(world.count_rows_and_purge().await, 0);
            for round in 0..6 {
                let answer = posted(&world, "/auth/authorize", &large("pub").query()).await;
                if round < 3 {
                    assert!(answer.location().starts_with("/auth/i/"));
                } else {
                    red(&answer, "temporarily_unavailable");
                }
            }
            // Other apps, and small requests, go on.
            let other = posted(&world, "/auth/authorize", &large("other").query()).await;
            assert!(other.location().starts_with("/auth/i/"), "{} {}", address_of("other"), other.brief());
            begins(&world).await;
            world.advance(660);
            assert!(
                posted(&world, "/auth/authorize", &large("pub").query())
                    .await
                    .location()
                    .starts_with("/auth/i/")
            );
            begins(&world).await;
        },
    );
}

/// A-DOS-09
#[test]
fn a_dos_09_expensive_work_first() {
    each_adapter(async |world| {
        // As long as a signature of an 8192-bit key; nobody is registered under that name.
        let header = r#"{"alg":"RS384","kid":"r1","typ":"JWT"}"#;
        let claims = serde_json::Value::Object(assertion(&world, "nope").claims).to_string();
        let input = vestibule_http_tests::assertion::signing_input(header, &claims);
        let unknown = format!("{input}.{}", "A".repeat(1_366));
        let known = input_of(&world, "svc", header);
        for text in [unknown, format!("{known}.{}", "A".repeat(1_366))] {
            cc(&text).send(&world).await.is_error(401, "invalid_client");
        }
        let asked: Vec<_> = world
            .script
            .calls()
            .into_iter()
            .filter(|call| *call != "clients.client" && *call != "clients.is_known_origin")
            .collect();
        assert_eq!(asked, [""; 0], "only who the client is");
        assert_eq!(world.network.fetched(), [""; 0]);
        assert_eq!(cc(&assertion(&world, "svc").text()).send(&world).await.status, 200);
    });
}

fn input_of(world: &World, client: &str, header: &str) -> String {
    let claims = serde_json::Value::Object(assertion(world, client).claims).to_string();
    vestibule_http_tests::assertion::signing_input(header, &claims)
}

/// A-DOS-10
#[test]
fn a_dos_10_slow_part() {
    each_adapter(async |world| {
        let code = world.code_for(&az("pub")).await;
        let free = world.script.hold("grants.redeem_code");
        let slow = tokio::spawn({
            let (world, code) = (world.clone(), code.clone());
            async move { world.redeem("pub", &code).await }
        });
        world.script.until_held().await;
        // Behind the same adapter, with the same store.
        begins(&world).await;
        let other = world.code_for(&az("basic").scope("launch/patient patient/Observation.rs")).await;
        assert!(other.starts_with("vc_"));
        assert!(!slow.is_finished());
        drop(free);
        assert_eq!(slow.await.unwrap().status, 200);
    });
}

/// A-DOS-11
#[test]
fn a_dos_11_arbitrary_bytes() {
    each_adapter(async |world| {
        let random = SeededEntropy::new(11);
        let below = |bound: usize| usize::try_from(random.below(bound as u64)).unwrap();
        let mut browser = Browser::of(&world, "alice");
        browser.begin(&az("pub")).await;
        let mut paths: Vec<&str> = ENDPOINTS.to_vec();
        paths.push(&browser.path);
        let words = [
            "client_id=pub",
            "client_id=svc",
            "&",
            "=",
            "%",
            "%0",
            "%00",
            "%ff",
            "scope=",
            "launch=vl_",
            "step=1.patient.",
            "patient=",
            "decision=allow",
            "grant_type=authorization_code",
            "grant_type=refresh_token",
            "code=vc_",
            "\u{0}",
            "\u{e9}",
            "+",
            ";",
            "refresh_token=vr_",
            "client_assertion=a.b.c",
            "client_assertion_type=",
            "token=",
            "prompt=none",
            "max_age=-1",
            "redirect_uri=https%3A%2F%2Fapp.example%2Fcb",
            "response_type=code",
            "state=s",
            "aud=",
            "move=choose",
        ];
        let methods = ["GET", "POST", "POST", "POST", "PUT", "HEAD", "OPTIONS"];
        for _ in 0..600 {
            let body: Vec<u8> = if below(4) == 0 {
                (0..below(64)).map(|_| random.next().to_be_bytes()[7]).collect()
            } else {
                (0..below(24)).flat_map(|_| words[below(words.len())].bytes()).collect()
            };
            let mut head = format!(
                "{} {} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n",
                methods[below(methods.len())],
                paths[below(paths.len())]
            )
            .into_bytes();
            if below(3) > 0 {
                head.extend_from_slice(b"content-type: application/x-www-form-urlencoded\r\n");
            }
            if below(4) == 0 {
                let names = [
                    "authorization",
                    "cookie",
                    "accept-language",
                    "origin",
                    "sec-fetch-site",
                    "content-type",
                ];
                head.extend_from_slice(names[below(names.len())].as_bytes());
                head.extend_from_slice(b": ");
                let value = (0..below(32)).map(|_| random.next().to_be_bytes()[7]);
                head.extend(value.filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)));
                head.extend_from_slice(b"\r\n");
            }
            head.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
            head.extend_from_slice(&body);
            let answer = world.door.raw(head.clone()).await.unwrap();
            let status =
                answer.get(9..12).and_then(|code| std::str::from_utf8(code).ok()?.parse::<u16>().ok());
            assert!(
                status.is_some_and(|status| (200..500).contains(&status)),
                "{status:?}: {}",
                String::from_utf8_lossy(&head)
            );
        }
        assert_eq!(world.spy.codes(), 0);
        begins(&world).await;
    });
}

/// A-DOS-12: the host's timeouts end it; the engine is not asked before a body is whole.
#[test]
fn a_dos_12_slow_body() {
    each_adapter(async |world| {
        let Door::Socket(socket) = &world.door else { panic!("a socket") };
        let mut slow = Vec::new();
        for path in ["/auth/token", "/auth/authorize", "/auth/introspect"] {
            for _ in 0..5 {
                let mut stream = tokio::net::TcpStream::connect(socket.address()).await.unwrap();
                let head = format!(
                    "POST {path} HTTP/1.1\r\nhost: h\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 100\r\n\r\n"
                );
                stream.write_all(format!("{head}client_id=pub&grant_type=").as_bytes()).await.unwrap();
                slow.push(stream);
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(world.script.calls(), [""; 0], "nobody is asked, nothing is kept");
        let answer = tk("pub", "vc_x").send(&world).await;
        assert_eq!(answer.status, 400, "others go on");
        begins(&world).await;
        // One that goes away in the middle has done nothing.
        let mut one = slow.pop().unwrap();
        one.shutdown().await.unwrap();
        let mut rest = Vec::new();
        let _ = one.read_to_end(&mut rest).await;
        assert!(!rest.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&rest));
        assert_eq!(world.count_rows_and_purge().await, 0);
    });
}

/// A-DOS-14
#[test]
fn a_dos_14_near_misses_cost_no_more() {
    each_adapter(async |world| {
        let near = [
            az("pub").scope(&format!("patient/Observation.{}", "r".repeat(20_000))),
            az("pub").scope(&format!("patient/Observation.rs?{}", "a=b&".repeat(4_000))),
            az("pub").scope(&format!("patient/{}.rs", "Observation".repeat(1_500))),
            az("pub").set("redirect_uri", &format!("https://app.example/cb{}", "/../cb".repeat(3_000))),
            az("pub").set("aud", &format!("https://fhir.example/r4{}", "/".repeat(20_000))),
            az("pub").add("launch", &format!("vl_{}", "A".repeat(20_000))),
        ];
        let started = elapsed();
        for request in &near {
            let answer = Browser::new(&world).authorize(request).await;
            assert!(matches!(answer.status, 303 | 400 | 413), "{}", answer.brief());
        }
        let header = format!(r#"{{"alg":"ES384","kid":"{}","typ":"JWT"}}"#, "e1".repeat(10_000));
        let text = assertion(&world, "svc").text_of(&header, "{}");
        cc(&text).send(&world).await;
        for text in
            ["vr_".repeat(8_000), format!("vr_{}", ".".repeat(20_000)), format!("vo_{}", "A".repeat(20_000))]
        {
            for request in
                [rf("pub", &text), introspection("rs1", &text), revocation("pub", &text), tk("pub", &text)]
            {
                assert!(matches!(request.send(&world).await.status, 200 | 400), "{text:.10}");
            }
        }
        let took = started();
        assert!(took < Duration::from_secs(5), "{took:?}");
        begins(&world).await;
    });
}

#[allow(clippy::disallowed_methods, reason = "how long it takes is what is tested")]
fn elapsed() -> impl Fn() -> Duration {
    let start = std::time::Instant::now();
    move || start.elapsed()
}

/// A-DOS-13
#[test]
fn a_dos_13_redirect_loop() {
    each_adapter(async |world| {
        for request in [
            az("pub").add("prompt", "login"),
            az("pub").add("max_age", "0"),
            az("pub").add("prompt", "login").add("max_age", "0"),
        ] {
            let before = world.users.asked().len();
            world.users.signed_in_at("bob", UnixMillis(world.clock.now().0 - 61_000));
            let mut browser = Browser::of(&world, "bob");
            browser.begin(&request).await;
            assert!(browser.page.location().starts_with("/login?"), "{}", browser.page.brief());
            // One sign-in, and it is enough.
            world.advance(20);
            world.users.signed_in_at("bob", UnixMillis(world.clock.now().0 - 3_000));
            assert!(browser.come_back().await.is_consent());
            browser.allow().await.code();
            assert_eq!(world.users.asked().len(), before + 1);
            // A host that does not renew it: the app is told, nobody goes round.
            world.users.signed_in_at("bob", UnixMillis(world.clock.now().0 - 61_000));
            browser.begin(&request).await;
            browser.come_back().await.is_refusal(CB, "login_required");
            assert_eq!(world.users.asked().len(), before + 2);
        }
    });
}

/// A-DOS-15
#[test]
fn a_dos_15_integer_edges() {
    each_adapter(async |world| {
        for age in ["-1", "99999999999999999999", "1e3", " 5", "+5", "0x5", "5.0", "\u{665}", "5 "] {
            for answer in asked(&world, &az("pub").add("max_age", age)).await {
                red(&answer, "invalid_request");
            }
        }
        let answer = Browser::new(&world).authorize(&az("pub").add("max_age", "")).await;
        assert!(answer.location().starts_with("/auth/i/"), "sent without a value is not sent");
        begins(&world).await;
    });
}
