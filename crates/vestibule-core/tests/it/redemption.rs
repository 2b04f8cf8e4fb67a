//! From a decision to a code, and from a code to tokens: what is compared, what is asked again, what is said.

use std::time::Duration;

use serde_json::{Value, json};
use vestibule_core::authorize::progress::Progress;
use vestibule_core::authorize::{Challenge, CodeProof, Refusal};
use vestibule_core::digest;
use vestibule_core::explain::Trail;
use vestibule_core::grant::{GrantRecord, Grantable};
use vestibule_core::params::Params;
use vestibule_core::token::{
    AuthenticatedClient, Checked, Draft, Presented, TokenDraft, TokenError, TokenLife, TokenRequest,
    TokenResponse,
};
use vestibule_host::{
    AllowedPatient, ClientAuthentication, ClientId, ClientSecret, EncounterId, FhirContextItem, GrantId,
    GrantStatus, LaunchContext, Moment, PatientAnswer, PatientId, PatientSummary, Redemption,
    RegisteredClient, Standing, UnixMillis, UserId,
};

use crate::fixture::{
    C1, FHIR1, ISSUER, Issue, NOW, REDIRECT, Server, V1, agreed, agreed_with, client, decided, encode, names,
    patient, scope, set, who, yes,
};

pub(crate) const LIFE: TokenLife = TokenLife {
    access_token: Duration::from_secs(3600),
    unrefreshed: Duration::from_secs(3600),
    id_token: Duration::from_secs(300),
    offline_idle: Duration::from_secs(180 * 86_400),
    online: Duration::from_secs(12 * 3600),
    now: NOW,
};
const SECONDS: i64 = NOW.0 / 1000;

fn sign(draft: TokenDraft, id_token: Option<String>) -> Draft {
    let access = draft.content().as_jwt(vestibule_host::Secret::new("AT"));
    draft.signed(access, id_token, None)
}

/// A patient chose a record: standalone.
fn standalone() -> GrantRecord {
    let scopes = "launch/patient patient/Observation.read openid fhirUser";
    Issue::new(scopes, false).grant(&decided(Some("P1"), None, scopes), None)
}

/// A clinician launched the app with everything open.
fn ehr_launch() -> GrantRecord {
    let scopes = "launch launch/imagingstudy patient/Observation.rs user/Patient.r openid profile";
    let mut issue = Issue::new(scopes, true);
    issue.user.acr = Some("urn:example:loa:3".into());
    issue.user.amr = vec!["pwd".into(), "otp".into()];
    issue.grant(&decided(Some("P1"), Some("E1"), scopes), Some(&full_context()))
}

fn full_context() -> LaunchContext {
    LaunchContext::new()
        .with_patient(patient("P1"))
        .with_encounter(EncounterId::new("E1"))
        .with_fhir_context(FhirContextItem::reference("ImagingStudy/55").unwrap())
        .with_intent("reconcile-medications")
        .with_need_patient_banner(false)
        .with_smart_style_url("https://ehr.example/styles/smart_v7.json")
        .with_tenant("2ddd6c3a")
        .with_app_context("cds-17")
}

const SECRET: &str = "a-secret-a-secret-a-secret-a-secret-a";

/// The same app, with a secret.
pub(crate) fn confidential(mut client: RegisteredClient) -> RegisteredClient {
    let secret = ClientSecret::new(vestibule_host::client::SecretHash::of(SECRET).unwrap());
    client.authentication = ClientAuthentication::SecretPost(vec![secret]);
    client
}

fn authenticated(client: RegisteredClient) -> AuthenticatedClient {
    let secret = client.authentication.is_confidential().then(|| format!("&client_secret={SECRET}"));
    let form = format!("client_id={}{}", client.id.as_str(), secret.unwrap_or_default());
    let presented = Presented::read(&Params::parse(form.as_bytes()).unwrap(), &[], |_| None).unwrap();
    presented.authenticate(Some(client), None, NOW).unwrap()
}

/// TK, with what is different.
struct Tk {
    code: String,
    redirect_uri: String,
    verifier: Option<String>,
    client: RegisteredClient,
    server: Server,
}

impl Tk {
    fn new() -> Self {
        let (redirect_uri, verifier) = (REDIRECT.to_owned(), Some(V1.to_owned()));
        Self { code: "vc_code".to_owned(), redirect_uri, verifier, client: client(), server: Server::new() }
    }

    fn check(&self, grant: Option<GrantRecord>) -> Result<Checked, TokenError> {
        let mut form = format!(
            "grant_type=authorization_code&code={}&redirect_uri={}",
            encode(&self.code),
            encode(&self.redirect_uri)
        );
        if let Some(verifier) = &self.verifier {
            form = format!("{form}&code_verifier={}", encode(verifier));
        }
        let form = Params::parse(form.as_bytes()).unwrap();
        let TokenRequest::Code(request) = TokenRequest::read(&form, &client())? else {
            panic!("a code's request")
        };
        let grant = grant.map(|record| (GrantId::new("grant-1"), record));
        request.check(&authenticated(self.client.clone()), grant, &self.server.rules(), &mut Trail::default())
    }
}

/// The redemption of a grant's code by this app, with or without a verifier.
pub(crate) fn check_with(
    grant: GrantRecord,
    client: RegisteredClient,
    verifier: Option<&str>,
) -> Result<Checked, TokenError> {
    Tk { client, verifier: verifier.map(str::to_owned), ..Tk::new() }.check(Some(grant))
}

fn checked(grant: GrantRecord) -> Checked {
    Tk::new().check(Some(grant)).unwrap()
}

/// Everybody agrees again; the policy says this.
fn again(checked: &Checked, says: PatientAnswer) -> Result<Grantable, Refusal> {
    let reask = checked.reask();
    let answer = reask.patient_question().is_some().then_some(says);
    reask.answered(Standing::Active, answer, true, NOW)
}

fn limited(make: impl FnOnce(AllowedPatient) -> AllowedPatient) -> PatientAnswer {
    PatientAnswer::Allowed(Box::new(make(AllowedPatient::new(PatientSummary::new(
        patient("P1"),
        "A Person",
    )))))
}

fn draft(grant: GrantRecord) -> TokenDraft {
    let checked = checked(grant);
    let grantable = again(&checked, yes("P1")).unwrap();
    checked.granted(grantable, &LIFE, &[7; 64]).unwrap()
}

fn signed(grant: GrantRecord) -> Draft {
    sign(draft(grant), Some("IDT".into()))
}

fn body(response: &TokenResponse) -> Value {
    serde_json::from_str(response.expose_secret()).unwrap()
}

/// SMART-TOKEN-021, SMART-TOKEN-022, SMART-TOKEN-023, SMART-TOKEN-024, SMART-AUTHZ-057, SMART-PKCE-004, SMART-PKCE-005, SMART-PKCE-006, PKCE-006, PKCE-007, REDIR-009, CODE-007, TOKEN-009, A-CODE-04, A-PKCE-04, A-PKCE-09, SMART-TOKEN-052
#[test]
fn whatever_differs_the_answer_is_invalid_grant() {
    assert!(Tk::new().check(Some(standalone())).is_ok());
    let refused = |tk: Tk, what: &str| {
        let error = tk.check(Some(standalone())).unwrap_err();
        assert_eq!(error, TokenError::InvalidGrant, "{what}");
        assert_eq!((error.code(), error.status()), ("invalid_grant", 400));
    };
    assert_eq!(Tk::new().check(None).unwrap_err(), TokenError::InvalidGrant, "unknown, expired and purged");
    let mut other = client();
    other.id = ClientId::new("other");
    refused(Tk { client: other, ..Tk::new() }, "another client's code");
    for redirect in [
        "https://app.example/cb/",
        "https://app.example/CB",
        "https://app.example/cb?",
        "https://other.example/cb",
    ] {
        refused(Tk { redirect_uri: redirect.into(), ..Tk::new() }, redirect);
    }
    for verifier in
        [C1, &V1.to_lowercase(), &V1[..42], &format!("{V1}A"), &"a".repeat(129), &format!("{}+", &V1[..42])]
    {
        refused(Tk { verifier: Some(verifier.into()), ..Tk::new() }, verifier);
    }
    refused(Tk { verifier: Some(String::new()), ..Tk::new() }, "an empty verifier");
    refused(Tk { verifier: None, ..Tk::new() }, "no verifier");
}

/// A-AUD-13, SMART-AUTHZ-044, RES-005
#[test]
fn a_base_that_was_taken_away_buys_nothing() {
    let mut server = Server::new();
    server.bases.remove(0);
    let gone = Tk { server, ..Tk::new() };
    assert_eq!(gone.check(Some(standalone())).unwrap_err(), TokenError::InvalidGrant);
    let mut kept = client();
    kept.fhir_bases = vec!["https://fhir2.example/r4".into()];
    let kept = Tk { client: kept, ..Tk::new() };
    assert_eq!(kept.check(Some(standalone())).unwrap_err(), TokenError::InvalidGrant);
}

/// CODE-003, CODE-010, SMART-AUTHZ-057, A-CODE-11
#[test]
fn the_verb_repeats_code_and_binding() {
    let draft = signed(standalone());
    assert_eq!(draft.operation().code, digest::code(ISSUER, "vc_code"));
    assert_eq!(draft.operation().binding, digest::binding("pub", REDIRECT, C1));
    let codes = ["vc_cod", "vc_codeA", "VC_CODE", "vc_code "].map(|code| digest::code(ISSUER, code));
    assert!(codes.iter().all(|code| *code != draft.operation().code));
    assert_ne!(digest::code("https://as2.example", "vc_code"), draft.operation().code);
    for (a, b, c) in [
        ("other", REDIRECT, C1),
        ("pub", "https://app.example/cb/", C1),
        ("pub", REDIRECT, V1),
        ("pubh", &REDIRECT[1..], C1),
    ] {
        assert_ne!(digest::binding(a, b, c), draft.operation().binding);
    }
}

/// CODE-004, CODE-006, CODE-007, CODE-008, SMART-AUTHZ-058, A-CODE-01, A-CODE-05, TOKEN-008
#[test]
fn only_a_won_redemption_opens_the_answer() {
    let grant = GrantId::new("grant-1");
    for (outcome, opens) in [
        (Redemption::Won, true),
        (Redemption::Replayed { grant }, false),
        (Redemption::Mismatch, false),
        (Redemption::Expired, false),
        (Redemption::Revoked, false),
        (Redemption::NotFound, false),
    ] {
        let settled = signed(standalone()).settle(outcome.clone());
        assert_eq!(settled.is_ok(), opens, "{outcome:?}");
        assert_eq!(settled.err(), (!opens).then_some(TokenError::InvalidGrant));
    }
}

/// ATJWT-002, ATJWT-003, ATJWT-007, SMART-CTX-001, SMART-CTX-060, SMART-IDT-010, A-AUD-12, A-CTX-52, SMART-TOKEN-013
#[test]
fn access_token_claims_of_a_patients_choice() {
    assert_eq!(
        Value::Object(draft(standalone()).content().access_claims("jti-1")),
        json!({
            "iss": ISSUER,
            "sub": "sub-alice",
            "aud": FHIR1,
            "client_id": "pub",
            "iat": SECONDS,
            "exp": SECONDS + 3600,
            "jti": "jti-1",
            "scope": "launch/patient patient/Observation.read openid fhirUser",
            "grant_id": "grant-1",
            "patient": "P1",
            "fhirUser": "https://fhir.example/r4/Practitioner/lee",
        })
    );
}

/// ATJWT-002, SMART-CTX-002, SMART-IDT-017
#[test]
fn access_token_claims_of_an_ehr_launch() {
    assert_eq!(
        Value::Object(draft(ehr_launch()).content().access_claims("jti-1")),
        json!({
            "iss": ISSUER,
            "sub": "sub-alice",
            "aud": FHIR1,
            "client_id": "pub",
            "iat": SECONDS,
            "exp": SECONDS + 3600,
            "jti": "jti-1",
            "scope": "launch launch/imagingstudy patient/Observation.rs user/Patient.r openid profile",
            "grant_id": "grant-1",
            "patient": "P1",
            "encounter": "E1",
            "fhirUser": "https://fhir.example/r4/Practitioner/lee",
        })
    );
}

/// SMART-IDT-001, SMART-IDT-006, SMART-IDT-007, SMART-IDT-008, SMART-IDT-009, SMART-IDT-010, SMART-IDT-015, SMART-IDT-016
#[test]
fn id_token_claims_of_a_patients_choice() {
    let claims = draft(standalone()).content().id_claims("hash").unwrap();
    assert_eq!(
        Value::Object(claims),
        json!({
            "iss": ISSUER,
            "sub": "sub-alice",
            "aud": "pub",
            "iat": SECONDS,
            "exp": SECONDS + 300,
            "auth_time": SECONDS - 60,
            "nonce": "n-0S6",
            "at_hash": "hash",
            "fhirUser": "https://fhir.example/r4/Practitioner/lee",
        })
    );
}

/// SMART-SCOPE-091, SMART-IDT-017, SMART-IDT-016
#[test]
fn id_token_claims_of_an_ehr_launch() {
    let claims = draft(ehr_launch()).content().id_claims("hash").unwrap();
    assert_eq!(
        Value::Object(claims),
        json!({
            "iss": ISSUER,
            "sub": "sub-alice",
            "aud": "pub",
            "iat": SECONDS,
            "exp": SECONDS + 300,
            "auth_time": SECONDS - 60,
            "nonce": "n-0S6",
            "at_hash": "hash",
            "acr": "urn:example:loa:3",
            "amr": ["pwd", "otp"],
            "profile": "https://fhir.example/r4/Practitioner/lee",
        })
    );
}

/// SMART-SCOPE-088, SMART-SCOPE-089, SMART-TOKEN-034
#[test]
fn without_openid_there_is_no_id_token() {
    let scopes = "launch/patient patient/Observation.rs";
    let grant = Issue::new(scopes, false).grant(&decided(Some("P1"), None, scopes), None);
    assert!(!grant.has_open_id());
    let draft = draft(grant);
    assert!(draft.content().id_claims("hash").is_none());
    assert!(!draft.content().access_claims("j").contains_key("fhirUser"), "nobody asked who the user is");
    let response = sign(draft, None).settle(Redemption::Won).unwrap();
    assert_eq!(names(&body(&response)), ["access_token", "expires_in", "patient", "scope", "token_type"]);
    // A user without a FHIR resource.
    let mut issue = Issue::new("openid fhirUser user/Patient.r", false);
    issue.user.fhir_user = None;
    let grant = issue.grant(&decided(None, None, "openid fhirUser user/Patient.r"), None);
    assert!(!checked_claims(grant).contains_key("fhirUser"));
}

fn checked_claims(grant: GrantRecord) -> serde_json::Map<String, Value> {
    draft(grant).content().id_claims("hash").unwrap()
}

/// SMART-TOKEN-009, SMART-TOKEN-030, SMART-TOKEN-031, SMART-TOKEN-032, SMART-TOKEN-033, SMART-TOKEN-034, SMART-TOKEN-038, SMART-SCOPE-110, SMART-CTX-011, SMART-CTX-012, SMART-CTX-015, TOKEN-002, TOKEN-003, SMART-SCOPE-116, SMART-TOKEN-002
#[test]
fn token_response_of_a_patients_choice() {
    let response = signed(standalone()).settle(Redemption::Won).unwrap();
    assert_eq!(
        body(&response),
        json!({
            "access_token": "AT",
            "token_type": "Bearer",
            "expires_in": 3600,
            "scope": "launch/patient patient/Observation.read openid fhirUser",
            "id_token": "IDT",
            "patient": "P1",
        })
    );
    assert!(!format!("{response:?}").contains("AT\""), "no token in a log line");
}

/// SMART-CTX-001, SMART-CTX-002, SMART-CTX-003, SMART-CTX-004, SMART-CTX-005, SMART-CTX-006, SMART-CTX-007, SMART-CTX-008, SMART-CTX-012, SMART-CTX-020, SMART-CTX-021, SMART-CTX-028, SMART-TOKEN-036, SMART-SCOPE-081, SMART-CTX-030, SMART-SCOPE-009, SMART-TASK-003
#[test]
fn token_response_of_an_ehr_launch() {
    let response = signed(ehr_launch()).settle(Redemption::Won).unwrap();
    assert_eq!(
        body(&response),
        json!({
            "access_token": "AT",
            "token_type": "Bearer",
            "expires_in": 3600,
            "scope": "launch launch/imagingstudy patient/Observation.rs user/Patient.r openid profile",
            "id_token": "IDT",
            "patient": "P1",
            "encounter": "E1",
            "fhirContext": [{"reference": "ImagingStudy/55"}],
            "need_patient_banner": false,
            "smart_style_url": "https://ehr.example/styles/smart_v7.json",
            "intent": "reconcile-medications",
            "tenant": "2ddd6c3a",
            "appContext": "cds-17",
        })
    );
}

/// SMART-CTX-004, SMART-CTX-015
#[test]
fn the_banner_is_answered_in_every_ehr_launch_and_nowhere_else() {
    let scopes = "launch user/Patient.r";
    let (issue, progress) = (Issue::new(scopes, true), decided(None, None, scopes));
    let response = |grant| body(&sign(draft(grant), None).settle(Redemption::Won).unwrap());
    let bare = response(issue.grant(&progress, Some(&LaunchContext::new())));
    assert_eq!(names(&bare), ["access_token", "expires_in", "need_patient_banner", "scope", "token_type"]);
    assert_eq!(bare["need_patient_banner"], json!(true));
    let standalone =
        response(Issue::new("user/Patient.r", false).grant(&decided(None, None, "user/Patient.r"), None));
    assert!(!names(&standalone).contains(&"need_patient_banner"));
    for value in [bare, standalone] {
        let blank =
            |value: &Value| matches!(value, Value::Null) || *value == json!("") || *value == json!([]);
        assert!(!value.as_object().unwrap().values().any(blank));
    }
}

/// SMART-TOKEN-032
#[test]
fn the_end_of_the_access_ends_the_token() {
    let expires_in = |until: i64| {
        let checked = checked(standalone());
        let grantable = again(&checked, limited(|yes| yes.with_until(UnixMillis(NOW.0 + until))));
        let draft = checked.granted(grantable.map_err(|_| TokenError::InvalidGrant)?, &LIFE, &[7; 64])?;
        let exp = draft.content().access_claims("j")["exp"].as_i64().unwrap();
        let response = sign(draft, None).settle(Redemption::Won).unwrap();
        let seconds = body(&response)["expires_in"].as_i64().unwrap();
        assert_eq!(exp, SECONDS + seconds, "claim and response agree");
        Ok::<_, TokenError>(seconds)
    };
    assert_eq!(expires_in(7_200_000), Ok(3600));
    assert_eq!(expires_in(3_600_000), Ok(3600));
    assert_eq!(expires_in(90_000), Ok(90));
    assert_eq!(expires_in(90_999), Ok(90), "never beyond the end");
    for over in [999, 0, -1, i64::MIN / 2] {
        assert_eq!(expires_in(over), Err(TokenError::InvalidGrant), "{over}");
    }
}

/// SMART-SCOPE-110, SMART-CTX-060, INT-010, SMART-SCOPE-117
#[test]
fn a_relationships_ceiling_narrows_again() {
    let scopes = "launch/patient patient/Observation.rs patient/Condition.rs user/Patient.r openid";
    let grant = || Issue::new(scopes, false).grant(&decided(Some("P1"), None, scopes), None);
    let granted = |ceiling: &str| {
        let checked = checked(grant());
        let grantable = again(&checked, limited(|yes| yes.with_ceiling(set(ceiling)))).unwrap();
        checked.granted(grantable, &LIFE, &[7; 64])
    };
    let draft = granted("patient/Observation.r user/*.cruds").unwrap();
    let narrowed = "launch/patient patient/Observation.r user/Patient.r openid";
    assert_eq!(draft.content().access_claims("j")["scope"], json!(narrowed));
    let response = sign(draft, None).settle(Redemption::Won).unwrap();
    assert_eq!(body(&response)["scope"], json!(narrowed), "claim and response agree");
    // The same at issue: what is stored is what is left.
    let progress = decided(Some("P1"), None, scopes);
    let ceiling = || limited(|yes| yes.with_ceiling(set("patient/Condition.r")));
    let grantable = agreed_with(&progress, |_| ceiling()).unwrap();
    let issue = Issue::new(scopes, false);
    let stored = issue.operation(&issue.draft(&progress, None, grantable).unwrap()).grant;
    let stored: GrantRecord = vestibule_core::record::read(&stored.record).unwrap();
    assert_eq!(stored.scopes, set("launch/patient patient/Condition.r user/Patient.r openid"));
    // Nothing is left: nothing is issued, nothing is bought.
    let only = decided(Some("P1"), None, "patient/Observation.rs");
    let nothing = agreed_with(&only, |_| ceiling()).unwrap();
    assert_eq!(issue.draft(&only, None, nothing).unwrap_err(), Refusal::NothingLeft);
    let mut grant = standalone();
    grant.scopes = set("patient/Observation.rs");
    let checked = checked(grant);
    let nothing = again(&checked, ceiling()).unwrap();
    assert_eq!(checked.granted(nothing, &LIFE, &[7; 64]).unwrap_err(), TokenError::InvalidGrant);
}

/// INT-010, A-CODE-16
#[test]
fn everybody_is_asked_again_at_redemption() {
    let reask = || checked(standalone()).reask();
    let question = reask();
    let question = question.patient_question().unwrap();
    assert_eq!((question.moment, question.user), (Moment::Redeem, &UserId::new("alice")));
    assert_eq!((question.patient, question.client), (&patient("P1"), &ClientId::new("pub")));
    let question = reask();
    let question = question.standing_question();
    assert_eq!((question.user.as_str(), question.session.unwrap().as_str()), ("alice", "s1"));
    assert_eq!(reask().consent().unwrap().as_str(), "consent-1");
    let answered = |standing, patient, given| reask().answered(standing, patient, given, NOW).map(drop);
    assert_eq!(answered(Standing::Active, Some(yes("P1")), true), Ok(()));
    assert_eq!(answered(Standing::SessionEnded, Some(yes("P1")), true), Err(Refusal::NotAllowed));
    assert_eq!(answered(Standing::NotAllowed, Some(yes("P1")), true), Err(Refusal::NotAllowed));
    assert_eq!(answered(Standing::SignInAgain, Some(yes("P1")), true), Err(Refusal::SignInAgain));
    assert_eq!(answered(Standing::Active, Some(yes("P1")), false), Err(Refusal::ConsentWithdrawn));
    assert_eq!(answered(Standing::Active, Some(PatientAnswer::Denied), true), Err(Refusal::PatientDenied));
    assert_eq!(answered(Standing::Active, Some(yes("P2")), true), Err(Refusal::PatientDenied));
    assert_eq!(answered(Standing::Active, None, true), Err(Refusal::PatientDenied));
    // A pre-approved app has no recorded consent to withdraw.
    let mut approved = standalone();
    approved.consent = None;
    let approved = checked(approved).reask();
    assert!(approved.consent().is_none());
    assert!(approved.answered(Standing::Active, Some(yes("P1")), false, NOW).is_ok());
}

/// INT-010, SMART-CTX-060
#[test]
fn a_yes_about_somebody_else_makes_no_code_and_no_token() {
    let scopes = "patient/Observation.rs";
    let issue = Issue::new(scopes, false);
    let mine = decided(Some("P1"), None, scopes);
    let others = [
        decided(Some("P2"), None, scopes),
        decided(None, None, "user/Patient.r"),
        Progress::Decided {
            who: who("bob", "s3"),
            patient: Some(patient("P1")),
            encounter: None,
            scopes: set(scopes),
            consent: None,
        },
    ];
    for other in others {
        let refusal = issue.draft(&mine, None, agreed(&other)).unwrap_err();
        assert_eq!(refusal, Refusal::OutOfOrder, "{other:?}");
        let refused = checked(standalone()).granted(agreed(&other), &LIFE, &[7; 64]).unwrap_err();
        assert_eq!(refused, TokenError::ServerError, "{other:?}");
    }
    // The yes at issue is none at redemption.
    let early = agreed(&decided(Some("P1"), None, scopes));
    assert_eq!(checked(standalone()).granted(early, &LIFE, &[7; 64]).unwrap_err(), TokenError::ServerError);
    assert!(issue.draft(&mine, None, agreed(&mine)).is_ok());
}

/// CODE-003, CODE-005, SMART-AUTHZ-044, SMART-AUTHZ-053, SMART-AUTHZ-054, SMART-AUTHZ-055, SMART-AUTHZ-057, SMART-AUTHZ-059, A-CODE-25, A-TYPE-12, SMART-CTX-063
#[test]
fn a_code_is_bound_to_everything() {
    let scopes = "launch patient/Observation.rs openid fhirUser";
    let (issue, progress) = (Issue::new(scopes, true), decided(Some("P1"), Some("E1"), scopes));
    let draft = issue.draft(&progress, Some(&full_context()), agreed(&progress)).unwrap();
    assert_eq!(
        draft.answer().location(),
        "https://app.example/cb?code=vc_code&state=st1&iss=https%3A%2F%2Fas.example"
    );
    let operation = issue.operation(&draft);
    assert_eq!(operation.launch, issue.request.launch);
    assert!(operation.launch.is_some(), "the launch is spent in the same commit");
    assert_eq!(operation.code, digest::code(ISSUER, "vc_code"));
    assert_eq!(operation.binding, digest::binding("pub", REDIRECT, C1));
    assert_eq!(operation.expires, UnixMillis(NOW.0 + 60_000));
    let grant = &operation.grant;
    assert_eq!(
        (grant.user.as_str(), grant.client.as_str(), grant.session.as_ref().unwrap().as_str()),
        ("alice", "pub", "s1")
    );
    assert_eq!((grant.status, grant.keep_until), (GrantStatus::Live, UnixMillis(NOW.0 + 3_660_000)));
    let record: GrantRecord = vestibule_core::record::read(&grant.record).unwrap();
    assert_eq!((record.client.as_str(), record.subject.as_str()), ("pub", "sub-alice"));
    assert_eq!((record.redirect_uri.as_str(), record.base.as_str()), (REDIRECT, FHIR1));
    assert_eq!(record.proof, CodeProof::S256(Challenge::try_from(C1.to_owned()).unwrap()));
    assert_eq!((record.issued, record.code_expires), (NOW, operation.expires));
    assert_eq!(record.context.patient, Some(PatientId::new("P1")));
    let text = String::from_utf8_lossy(&grant.record.0).into_owned();
    assert!(!text.contains("vc_code") && !text.contains(V1), "no code, no verifier at rest");
    assert!(record.scopes.contains(&scope("openid")));
}

/// INT-002, A-CTX-24, A-CODE-19, SMART-IDT-018
#[test]
fn only_who_decided_gets_the_code() {
    let progress = decided(None, None, "user/Patient.r");
    let issue = |user: vestibule_host::SignedInUser| {
        let issue = Issue { user, ..Issue::new("user/Patient.r", false) };
        issue.draft(&progress, None, agreed(&progress)).map(drop)
    };
    assert_eq!(issue(crate::fixture::user("alice", "s1")), Ok(()));
    assert_eq!(issue(crate::fixture::user("alice", "s2")), Err(Refusal::OtherUser));
    assert_eq!(issue(crate::fixture::user("bob", "s1")), Err(Refusal::OtherUser));
    let mut nobody = crate::fixture::user("alice", "s1");
    nobody.subject.clear();
    assert_eq!(issue(nobody), Err(Refusal::OtherUser));
}

/// SMART-CAUTH-003, A-PKCE-13, A-CODE-04
#[test]
fn pkce_is_no_client_authentication() {
    let secret = vestibule_host::client::SecretHash::of(&"s".repeat(32)).unwrap();
    let mut confidential = client();
    confidential.authentication =
        ClientAuthentication::SecretBasic(vec![vestibule_host::ClientSecret::new(secret)]);
    let form = Params::parse(format!("client_id=pub&code_verifier={V1}").as_bytes()).unwrap();
    let error = Presented::read(&form, &[], |_| None)
        .unwrap()
        .authenticate(Some(confidential), None, NOW)
        .unwrap_err();
    assert_eq!((error.code(), error.status()), ("invalid_client", 401));
}

/// CODE-003, REDIR-010
#[test]
fn a_code_is_made_for_the_client_of_its_request_only() {
    let progress = decided(None, None, "openid");
    let mut issue = Issue::new("openid", false);
    assert!(issue.draft(&progress, None, agreed(&progress)).is_ok());
    issue.client.redirect_uris = vec!["https://elsewhere.example/cb".to_owned()];
    assert_eq!(issue.draft(&progress, None, agreed(&progress)).err(), Some(Refusal::OutOfOrder));
}
