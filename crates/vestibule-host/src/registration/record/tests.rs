use super::*;

fn registration(authentication: ClientAuthentication) -> Registration {
    let mut scopes: ScopeSet = "launch/patient patient/Observation.rs?category=laboratory".parse().unwrap();
    scopes.insert(Scope::extension("smart/orchestrate_launch").unwrap());
    let id = ClientId::new("app");
    let mut client = RegisteredClient::new(id, authentication, "https://app.example/cb", scopes.clone());
    client.version = client.fingerprint();
    let token = RegistrationTokenHash::new([7; 32]);
    Registration::new(client, AppDetails::default(), scopes, UnixMillis(1_700_000_000_123), token)
}

/// Nothing at its default.
fn full() -> Registration {
    let keys = ClientKeys {
        source: KeySource::Url("https://app.example/jwks".into()),
        alg: Some("ES384".to_owned()),
        strict_aud: true,
        untyped_assertions: true,
    };
    let mut full = registration(ClientAuthentication::PrivateKeyJwt(keys));
    let client = &mut full.client;
    client.name = "Äpp \"quoted\"".to_owned();
    client.home_page = Some("https://app.example/".to_owned());
    client.kind = Some(AppKind::Native);
    client.launch_uris = vec!["https://app.example/launch".to_owned()];
    client.allowed_origins = vec!["https://app.example".to_owned()];
    client.fhir_bases = vec!["https://ehr.example/fhir".to_owned()];
    client.consent = ConsentRule::PreApproved;
    client.framing = Framing::Origins(vec!["https://ehr.example".to_owned()]);
    client.loopback_ports = true;
    client.danger_raw_basic = true;
    client.strict_scopes = true;
    client.status = ClientStatus::Pending;
    client.grant_types =
        GrantTypes { authorization_code: true, refresh_token: false, client_credentials: true };
    client.token_format = TokenFormat::Opaque;
    client.id_token_alg = Alg::EdDsa;
    client.require_auth_time = true;
    client.strict_refresh = true;
    client.refresh_cap = Some(Duration::from_millis(1_234_567));
    client.legacy_v1 = true;
    client.fhir_context_strings = true;
    client.introspects = vec!["https://ehr.example/fhir".to_owned()];
    full.details = AppDetails {
        logo: Some("https://app.example/logo".to_owned()),
        terms: Some("https://app.example/terms".to_owned()),
        privacy_policy: Some("https://app.example/privacy".to_owned()),
        contacts: vec!["help@app.example".to_owned()],
        software_id: Some("app".to_owned()),
        software_version: Some("1".to_owned()),
    };
    full.software_statement = Some("a.b.c".to_owned());
    full.revision = Revision(9);
    full
}

#[test]
fn a_registration_comes_back_as_it_was() {
    let secret = |end| ClientSecret {
        hash: SecretHash::of("test-secret-test-secret-test-secret").unwrap(),
        not_after: end,
    };
    let secrets = vec![secret(None), secret(Some(UnixMillis(5)))];
    let inline = ClientKeys::new(KeySource::Inline(r#"{"keys":[]}"#.into()));
    for registration in [
        full(),
        registration(ClientAuthentication::Public),
        registration(ClientAuthentication::SecretBasic(secrets.clone())),
        registration(ClientAuthentication::SecretPost(secrets)),
        registration(ClientAuthentication::PrivateKeyJwt(inline)),
    ] {
        let record = registration.to_record().unwrap();
        assert_eq!(Registration::from_record(&record), Ok(registration));
    }
}

#[test]
fn nothing_is_guessed() {
    let record = full().to_record().unwrap();
    let text = std::str::from_utf8(&record.0[1..]).unwrap();
    let read = |version: u8, text: &str| {
        let bytes = [&[version], text.as_bytes()].concat();
        Registration::from_record(&Record(bytes.into())).map(drop)
    };
    assert_eq!(read(1, text), Ok(()));
    assert_eq!(read(2, text), Err(RecordError::Newer));
    assert_eq!(read(0, text), Err(RecordError::Damaged));
    assert_eq!(Registration::from_record(&Record(Bytes::new())), Err(RecordError::Damaged));
    // A limit that this version does not know, a field that is gone, a scope that is none.
    assert_eq!(read(1, &text.replacen("\"native\"", "\"limit\":1,\"native\"", 1)), Err(RecordError::Damaged));
    assert_eq!(read(1, &text.replacen("\"strict_scopes\":true,", "", 1)), Err(RecordError::Damaged));
    assert_eq!(read(1, &text.replace("launch/patient", "launch/x")), Err(RecordError::Damaged));
    assert!(!text.contains("test-secret"));
}
