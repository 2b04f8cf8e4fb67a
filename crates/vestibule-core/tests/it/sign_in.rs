//! The table of `authorize::sign_in`, and the parameters behind it.

use vestibule_core::authorize::error::AuthorizeCode;
use vestibule_core::authorize::sign_in::Page;
use vestibule_core::authorize::{SignInWish, Verdict};
use vestibule_host::{SignInReason, SignedInUser, Standing, UnixMillis};

use crate::fixture::{Az, NOW, user};

fn wish(params: &[(&'static str, &str)]) -> SignInWish {
    let az = params.iter().fold(Az::new(), |az, (name, value)| az.add(name, value));
    az.send().accepted().sign_in
}

/// `sub-alice`, signed in so many milliseconds before the request.
fn alice(ago: i64) -> SignedInUser {
    let mut alice = user("alice", "s1");
    alice.auth_time = UnixMillis(NOW.0 - ago);
    alice
}

#[track_caller]
fn refused(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Refuse(refusal) => refusal.code.as_str(),
        other => panic!("{other:?}"),
    }
}

/// OIDC-001, OIDC-002, A-OIDC-05, A-OIDC-07, A-OIDC-08, A-DOS-13
#[test]
fn the_table() {
    use SignInReason::{Again, NobodyIsSignedIn, SelectAccount};
    let to = Verdict::SignIn;
    let hint = "hint:pub:sub-bob";
    for (params, there, first, back) in [
        (&[][..], None, to(NobodyIsSignedIn), to(NobodyIsSignedIn)),
        (&[][..], Some(alice(86_400_000)), Verdict::GoOn, Verdict::GoOn),
        (&[("prompt", "login")][..], None, to(NobodyIsSignedIn), to(NobodyIsSignedIn)),
        (&[("prompt", "login")], Some(alice(-1)), Verdict::GoOn, Verdict::GoOn),
        (&[("max_age", "60")], Some(alice(59_000)), Verdict::GoOn, Verdict::GoOn),
        (&[("max_age", "4294967295")], Some(alice(86_400_000)), Verdict::GoOn, Verdict::GoOn),
        (&[("id_token_hint", "hint:pub:sub-alice")], Some(alice(1)), Verdict::GoOn, Verdict::GoOn),
        (&[("prompt", "select_account")], None, to(SelectAccount), to(SelectAccount)),
        (&[("prompt", "select_account")], Some(alice(1)), to(SelectAccount), Verdict::GoOn),
        (&[("prompt", "consent")], Some(alice(1)), Verdict::GoOn, Verdict::GoOn),
    ] {
        let wish = wish(params);
        assert_eq!(wish.judge(there.as_ref(), false), first, "{params:?}");
        assert_eq!(wish.judge(there.as_ref(), true), back, "{params:?}");
    }
    for (params, there, reason) in [
        (&[("prompt", "login")][..], alice(1_000), Again),
        (&[("max_age", "0")], alice(1_000), Again),
        (&[("max_age", "60")], alice(61_000), Again),
        (&[("prompt", "login consent select_account")], alice(1_000), Again),
        (&[("prompt", "login"), ("max_age", "3600")], alice(1_000), Again),
        (&[("id_token_hint", hint)], alice(1), SelectAccount),
        (&[("id_token_hint", hint), ("prompt", "login")], alice(-1), SelectAccount),
    ] {
        let wish = wish(params);
        assert_eq!(wish.judge(Some(&there), false), to(reason), "{params:?}");
        assert_eq!(refused(wish.judge(Some(&there), true)), "login_required", "{params:?}");
    }
    for (params, there) in [
        (&[][..], None),
        (&[("max_age", "0")], Some(alice(1))),
        (&[("max_age", "60")], Some(alice(60_001))),
        (&[("id_token_hint", hint)], Some(alice(1))),
    ] {
        let mut all = vec![("prompt", "none")];
        all.extend_from_slice(params);
        for back in [false, true] {
            assert_eq!(refused(wish(&all).judge(there.as_ref(), back)), "login_required", "{params:?}");
        }
    }
    assert_eq!(wish(&[("prompt", "none")]).judge(Some(&alice(86_400_000)), false), Verdict::GoOn);
}

/// OIDC-002
#[test]
fn a_host_that_counts_in_seconds_is_believed_after_the_sign_in() {
    let wish = wish(&[("prompt", "login")]);
    // The request came in the middle of a second; the sign-in is told as its beginning.
    let mut there = alice(0);
    assert_eq!(wish.judge(Some(&there), false), Verdict::GoOn);
    there.auth_time = UnixMillis(NOW.0 - 1);
    assert_eq!(wish.judge(Some(&there), false), Verdict::SignIn(SignInReason::Again));
    assert_eq!(refused(wish.judge(Some(&there), true)), "login_required", "another second");
}

/// OIDC-014, A-CTX-45
#[test]
fn the_host_has_the_last_word() {
    use Standing::{Active, NotAllowed, SessionEnded, SignInAgain};
    let (loud, silent) = (wish(&[]), wish(&[("prompt", "none")]));
    let again = Verdict::SignIn(SignInReason::StepUp);
    for back in [false, true] {
        assert_eq!(loud.judge_standing(Active, back), Verdict::GoOn);
        assert_eq!(silent.judge_standing(Active, back), Verdict::GoOn);
        assert_eq!(refused(loud.judge_standing(NotAllowed, back)), "access_denied");
        assert_eq!(refused(silent.judge_standing(NotAllowed, back)), "access_denied");
        assert_eq!(refused(silent.judge_standing(SessionEnded, back)), "login_required");
    }
    assert_eq!(loud.judge_standing(SignInAgain, false), again);
    assert_eq!(refused(loud.judge_standing(SignInAgain, true)), "unmet_authentication_requirements");
    assert_eq!(refused(silent.judge_standing(SignInAgain, false)), "login_required");
    let nobody = Verdict::SignIn(SignInReason::NobodyIsSignedIn);
    assert_eq!(loud.judge_standing(SessionEnded, false), nobody);
    assert_eq!(refused(loud.judge_standing(SessionEnded, true)), "login_required");
}

/// OIDC-001, A-OIDC-05
#[test]
fn a_silent_request_shows_no_page() {
    let silent = wish(&[("prompt", "none")]);
    assert_eq!(silent.may_show(Page::Picker).unwrap_err().code, AuthorizeCode::InteractionRequired);
    assert_eq!(silent.may_show(Page::Consent).unwrap_err().code, AuthorizeCode::ConsentRequired);
    for page in [Page::Picker, Page::Consent] {
        assert!(wish(&[("prompt", "login consent")]).may_show(page).is_ok());
    }
}

/// A-OIDC-06, A-DOS-15, GEN-004
#[test]
fn parameters_are_read_strictly() {
    for bad in [
        "none login",
        "login none",
        "none consent",
        "bogus",
        "login bogus",
        "Login",
        "login  consent",
        " none",
    ] {
        assert_eq!(Az::new().add("prompt", bad).send().error(Some("st1")), "invalid_request", "{bad}");
    }
    for bad in ["-1", "99999999999999999999", "4294967296", "1e3", " 5", "+5", "5 ", "0x5", "1.5", "x"] {
        assert_eq!(Az::new().add("max_age", bad).send().error(Some("st1")), "invalid_request", "{bad}");
    }
    for name in ["login_hint", "acr_values", "ui_locales"] {
        let (most, more) = ("x".repeat(512), "x".repeat(513));
        assert!(!wish(&[(name, &most)]).eq(&wish(&[])), "{name}");
        assert_eq!(Az::new().add(name, &more).send().error(Some("st1")), "invalid_request", "{name}");
    }
    assert_eq!(wish(&[("prompt", "login login")]), wish(&[("prompt", "login")]));
    assert_eq!(wish(&[("prompt", "none none")]), wish(&[("prompt", "none")]));
    // Sent empty, it was not sent; what is not supported is not kept.
    for (name, value) in [
        ("prompt", ""),
        ("max_age", ""),
        ("id_token_hint", ""),
        ("display", "hologram"),
        ("claims", r#"{"id_token":{"patient":{"value":"P9"}}}"#),
        ("claims_locales", "de"),
    ] {
        assert_eq!(wish(&[(name, value)]), wish(&[]), "{name}");
    }
}

/// OIDC-012
#[test]
fn a_hint_is_an_id_token_of_this_app() {
    for bad in ["x", "hint:other:sub-alice", "hint:pub"] {
        let heard = Az::new().add("id_token_hint", bad).send();
        assert_eq!(heard.error(Some("st1")), "invalid_request", "{bad}");
    }
    let wish =
        wish(&[("id_token_hint", "hint:pub:sub-alice"), ("login_hint", "a@b"), ("acr_values", "x  y")]);
    let ask = wish.ask("/back", Some("App"), SignInReason::StepUp);
    assert_eq!((ask.expected_subject, ask.login_hint), (Some("sub-alice"), Some("a@b")));
    assert_eq!((ask.acr_values, ask.reason), (&["x".to_owned(), "y".to_owned()][..], SignInReason::StepUp));
}

/// AUTHZ-012, A-AERR-19
#[test]
fn an_app_without_the_code_flow_is_told_so() {
    let mut client = crate::fixture::client();
    client.grant_types.authorization_code = false;
    let heard = crate::fixture::Server::new().hear(&Az::new().query(), &client);
    assert_eq!(heard.error(Some("st1")), "unauthorized_client");
}
