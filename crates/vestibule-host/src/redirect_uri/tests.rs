use super::*;

/// NATIVE-001, SMART-REG-002
#[test]
fn what_may_be_registered() {
    for good in [
        "https://app.example/cb",
        "https://app.example",
        "https://app.example/",
        "https://app.example:8443/cb",
        "https://app.example/cb?tenant=1",
        "https://app.example/cb?",
        "https://app.example/cb?my_code=1&States=2",
        "https://app.example/a%20b/~c;d=1,e/@me:x",
        "https://xn--bcher-kva.example/cb",
        "https://127.0.0.1/cb",
        "https://[2001:db8::1]:8443/cb",
        "http://127.0.0.1/cb",
        "http://127.0.0.1:8000/cb",
        "http://[::1]:8000/cb",
        "http://localhost:3000/",
        "https://app.example/...",
        "https://app.example/a.b/..c",
    ] {
        assert_eq!(check(good, AppKind::Web), Ok(()), "{good}");
        assert_eq!(check(good, AppKind::Native), Ok(()), "{good}");
    }
    for native in ["com.example.app:/cb", "com.example.app://oauth/cb", "com.example.app:/cb?x=1"] {
        assert_eq!(check(native, AppKind::Native), Ok(()), "{native}");
        assert_eq!(check(native, AppKind::Web), Err(RedirectUriError::NotNative), "{native}");
    }
}

/// NATIVE-004, REDIR-005
#[test]
fn what_may_not_be_registered() {
    use RedirectUriError as E;
    for (bad, why) in [
        ("", E::Empty),
        ("/cb", E::Relative),
        ("app.example/cb", E::Relative),
        ("//app.example/cb", E::Relative),
        // A-REDIR-04, A-REDIR-05
        ("https://app.example@evil.test/cb", E::UserInfo),
        ("https://app.example:x@evil.test/cb", E::UserInfo),
        ("https://app.example@evil.test@app.example/cb", E::UserInfo),
        ("com.example.app://me@host/cb", E::UserInfo),
        // A-REDIR-06, and what some servers make of it
        ("https://app.example/cb/../open", E::DotSegment),
        ("https://app.example/./cb", E::DotSegment),
        ("https://app.example/cb/..", E::DotSegment),
        ("https://app.example/x/..;/cb", E::DotSegment),
        ("https://app.example/x/..;a=b/cb", E::DotSegment),
        ("https://app.example/x/%2e%2e/cb", E::DotSegment),
        ("https://app.example/x/.%2E/cb", E::DotSegment),
        ("https://app.example/x%2fy", E::DotSegment),
        ("https://app.example/x%5Cy", E::DotSegment),
        ("https://app.example/x%00", E::DotSegment),
        ("https://app.example/x%0d%0aSet-Cookie:a", E::DotSegment),
        ("https://app.example/x%", E::PercentEncoding),
        ("https://app.example/x%2", E::PercentEncoding),
        ("https://app.example/x%zz", E::PercentEncoding),
        ("https://app.example/cb?x=%", E::PercentEncoding),
        // A-REDIR-14: only one spelling of a scheme
        ("HTTPS://app.example/cb", E::Scheme),
        // A-REDIR-15
        ("http://app.example/cb", E::HttpNotLoopback),
        ("http://127.0.0.1.evil.test/cb", E::HttpNotLoopback),
        ("http://2130706433/cb", E::HttpNotLoopback),
        ("http://0x7f.1/cb", E::HttpNotLoopback),
        ("http://127.1/cb", E::HttpNotLoopback),
        ("http://0.0.0.0/cb", E::HttpNotLoopback),
        ("http://[::]/cb", E::HttpNotLoopback),
        ("http://localhost.evil.test/cb", E::HttpNotLoopback),
        ("http://LOCALHOST/cb", E::HttpNotLoopback),
        // A-REDIR-26
        ("javascript:alert(1)", E::SchemeWithoutDot),
        ("JaVaScRiPt:alert(1)", E::Scheme),
        ("data:text/html,x", E::SchemeWithoutDot),
        ("vbscript:x", E::SchemeWithoutDot),
        ("file:///x", E::SchemeWithoutDot),
        ("blob:https://x", E::SchemeWithoutDot),
        ("about:blank", E::SchemeWithoutDot),
        ("%09javascript:x", E::Scheme),
        (" javascript:alert(1)", E::Character),
        ("\tjavascript:alert(1)", E::Character),
        (" https://app.example/cb", E::Character),
        ("https://app.example/cb ", E::Character),
        ("https://app.example/c\nb", E::Character),
        ("https://app.example/\0", E::Character),
        ("https://app.example/\u{7f}", E::Character),
        ("https://app.example/\u{a0}", E::Character),
        ("https://app.example/<b>", E::Character),
        ("https://app.example/[1]", E::Character),
        // A-REDIR-27
        ("myapp:/cb", E::SchemeWithoutDot),
        ("my.:/cb", E::SchemeWithoutDot),
        (".app:/cb", E::Scheme),
        ("com.example.app:cb", E::Host),
        ("com.Example.app:/cb", E::Scheme),
        ("com.example.app:/a/../cb", E::DotSegment),
        ("com.example.app:/cb?code=1", E::ReservedQuery("code")),
        // A-REDIR-33
        ("https://app.ex\u{ff41}mple/cb", E::NotAscii),
        ("https://app.example/c\u{e4}", E::NotAscii),
        // A-REDIR-34
        ("https://app.example/cb?iss=https://evil.test", E::ReservedQuery("iss")),
        ("https://app.example/cb?code=x", E::ReservedQuery("code")),
        ("https://app.example/cb?a=1&state=x", E::ReservedQuery("state")),
        ("https://app.example/cb?a=1;state=x", E::ReservedQuery("state")),
        ("https://app.example/cb?st%61te=x", E::ReservedQuery("state")),
        ("https://app.example/cb?error", E::ReservedQuery("error")),
        // The rest of REDIR-004 and REDIR-005
        ("https://app.example/cb#", E::Fragment),
        ("https://app.example/cb#x", E::Fragment),
        ("https://app.example\\@evil.test/cb", E::Backslash),
        ("https:\\\\app.example/cb", E::Backslash),
        ("https://*.app.example/cb", E::Wildcard),
        ("https://app.example/*", E::Wildcard),
        ("https:///cb", E::Host),
        ("https://", E::Host),
        ("https://?x", E::Host),
        ("https:/app.example/cb", E::Host),
        ("https:app.example/cb", E::Host),
        ("https://:443/cb", E::Host),
        ("https://.app.example/cb", E::Host),
        ("https://app..example/cb", E::Host),
        ("https://app%2eexample/cb", E::Host),
        ("https://[::1/cb", E::Host),
        ("https://[x]/cb", E::Host),
        ("https://[::1]x/cb", E::Host),
        ("https://a:b:443/cb", E::Host),
        ("https://app.example:/cb", E::Port),
        ("https://app.example:0/cb", E::Port),
        ("https://app.example:0443/cb", E::Port),
        ("https://app.example:+443/cb", E::Port),
        ("https://app.example:65536/cb", E::Port),
        ("https://app.example:x/cb", E::Port),
    ] {
        assert_eq!(check(bad, AppKind::Native), Err(why), "{bad}");
    }
    let long = |n| format!("https://app.example/{}", "a".repeat(n - 20));
    assert_eq!(check(&long(MAX_LEN), AppKind::Web), Ok(()));
    assert_eq!(check(&long(MAX_LEN + 1), AppKind::Web), Err(RedirectUriError::TooLong));
}

/// SMART-REG-001
#[test]
fn launch_uris() {
    assert_eq!(check_launch("https://app.example/launch?state=1"), Ok(()));
    assert_eq!(check_launch("http://localhost:3000/launch"), Ok(()));
    assert_eq!(check_launch("https://app.example/?launch=x"), Err(RedirectUriError::ReservedQuery("launch")));
    assert_eq!(check_launch("com.example.app:/launch"), Err(RedirectUriError::Scheme));
    assert_eq!(check_launch("javascript:alert(1)"), Err(RedirectUriError::Scheme));
    assert_eq!(check_launch("http://app.example/launch"), Err(RedirectUriError::HttpNotLoopback));
}

#[test]
fn a_presented_uri_is_the_registered_one_or_none() {
    let registered = "https://app.example/cb";
    assert!(matches(registered, registered, false));
    for other in [
        "https://app.example/cb/evil",                  // A-REDIR-01
        "https://app.example@evil.test/cb",             // A-REDIR-04
        "https://app.example@evil.test@app.example/cb", // A-REDIR-05
        "https://app.example/cb/../open",               // A-REDIR-06
        "https://app.example/x/../cb",                  // A-REDIR-06
        "https://app.example/cb%2e",                    // A-REDIR-08
        "https://app.example/%63b",                     // A-REDIR-09
        "https://APP.example/cb",                       // A-REDIR-12
        "https://app.example/CB",                       // A-REDIR-13
        "HTTPS://app.example/cb",                       // A-REDIR-14
        "http://app.example/cb",                        // A-REDIR-15
        "https://app.example:443/cb",                   // A-REDIR-16
        "https://app.example:8443/cb",                  // A-REDIR-17
        "https://app.example/cb/",                      // A-REDIR-18
        "https://app.example./cb",                      // A-REDIR-18
        "https://app.example/cb?x=1",                   // A-REDIR-19
        "https://app.example/cb?",                      // A-REDIR-19
        "https://app.example/cb#",
        "http://127.0.0.1/cb",           // A-REDIR-24
        "https://app.ex\u{ff41}mple/cb", // A-REDIR-33
        "https://xn--app-.example/cb",   // A-REDIR-33
        "",                              // A-REDIR-31
    ] {
        assert!(!matches(registered, other, false), "{other}");
        assert!(!matches(registered, other, true), "{other}");
    }
}

#[test]
fn only_the_port_of_a_loopback_literal_is_free() {
    // A-REDIR-20
    for (registered, presented) in [
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb"),
        ("http://127.0.0.1:8000/cb", "http://127.0.0.1:51004/cb"),
        ("http://127.0.0.1:8000/cb", "http://127.0.0.1/cb"),
        ("http://[::1]/cb", "http://[::1]:51004/cb"),
        ("http://127.0.0.1/cb?a=1", "http://127.0.0.1:1/cb?a=1"),
        ("http://127.0.0.1", "http://127.0.0.1:65535"),
    ] {
        assert!(matches(registered, presented, true), "{presented}");
        assert!(!matches(registered, presented, false), "the switch is off: {presented}");
    }
    for (registered, presented) in [
        ("https://127.0.0.1/cb", "https://127.0.0.1:5/cb"), // A-REDIR-25
        ("http://localhost/cb", "http://localhost:51004/cb"),
        ("http://127.0.0.1/cb", "http://[::1]/cb"),
        ("http://127.0.0.1/cb", "http://localhost:51004/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.2:51004/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/CB"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb?x"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:0/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:080/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:70000/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:1:2/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:80@evil.test/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1.evil.test/cb"),
        ("http://127.0.0.1", "http://127.0.0.1.evil.test"),
        ("http://127.0.0.1", "http://127.0.0.1:80evil"),
    ] {
        assert!(!matches(registered, presented, true), "{presented}");
    }
}

#[test]
fn origins_as_a_browser_writes_them() {
    for (uri, expected) in [
        ("https://app.example/cb?x", Some("https://app.example")),
        ("https://APP.example:443/cb", Some("https://app.example")),
        ("https://app.example:8443", Some("https://app.example:8443")),
        ("http://localhost:3000/cb", Some("http://localhost:3000")),
        ("http://127.0.0.1:80/cb", Some("http://127.0.0.1")),
        ("http://[::1]:5/cb", Some("http://[::1]:5")),
        ("http://app.example/cb", None),
        ("com.example.app:/cb", None),
        ("https://a@b/", None),
        ("null", None),
        ("", None),
    ] {
        assert_eq!(origin(uri).as_deref(), expected, "{uri}");
    }
}
