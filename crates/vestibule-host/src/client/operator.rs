//! What is an operator's to set, when the app itself changes its registration.

use super::{ClientAuthentication, ConsentRule, Framing, GrantTypes, RegisteredClient};

impl RegisteredClient {
    /// Whether this is another app than the one that somebody looked at: another name, other addresses, other keys, or more that
    /// it may ask for (DCRM-004).
    pub fn needs_review_after(&self, seen: &Self) -> bool {
        let same_set = |a: &[String], b: &[String]| a.iter().all(|one| b.contains(one));
        let GrantTypes { authorization_code, refresh_token, client_credentials } = self.grant_types;
        self.name != seen.name
            || self.home_page != seen.home_page
            || self.app_kind() != seen.app_kind()
            || !same_set(&self.redirect_uris, &seen.redirect_uris)
            || !same_set(&seen.redirect_uris, &self.redirect_uris)
            || !same_set(&self.launch_uris, &seen.launch_uris)
            || !self.scopes.iter().all(|scope| seen.scopes.covers(scope))
            || authorization_code && !seen.grant_types.authorization_code
            || refresh_token && !seen.grant_types.refresh_token
            || client_credentials && !seen.grant_types.client_credentials
            || !self.authentication.proves_the_same_as(&seen.authentication)
    }

    /// This registration of the app, with what an operator set on the one before.
    ///
    /// What limits the app stays in any case. What it was trusted with stays only with the app that was trusted: not with one that
    /// [`needs_review_after`](Self::needs_review_after) (DCRM-002, A-DCR-13).
    #[must_use]
    pub fn with_settings_of(self, before: &Self) -> Self {
        let trusted = !self.needs_review_after(before);
        // Field by field, so that nobody adds one without deciding whose it is.
        let Self {
            id,
            name,
            home_page,
            kind,
            mut authentication,
            redirect_uris,
            launch_uris,
            allowed_origins,
            scopes,
            fhir_bases: _,
            consent: _,
            framing: _,
            loopback_ports,
            danger_raw_basic: _,
            strict_scopes: _,
            status,
            grant_types,
            token_format: _,
            id_token_alg,
            require_auth_time,
            strict_refresh: _,
            refresh_cap: _,
            legacy_v1: _,
            fhir_context_strings: _,
            introspects: _,
            version,
        } = self;
        if let (ClientAuthentication::PrivateKeyJwt(keys), ClientAuthentication::PrivateKeyJwt(old)) =
            (&mut authentication, &before.authentication)
        {
            keys.strict_aud = old.strict_aud;
            keys.untyped_assertions = old.untyped_assertions;
        }
        Self {
            id,
            name,
            home_page,
            kind,
            authentication,
            redirect_uris,
            launch_uris,
            allowed_origins,
            scopes,
            fhir_bases: before.fhir_bases.clone(),
            consent: if trusted { before.consent } else { ConsentRule::Ask },
            framing: if trusted { before.framing.clone() } else { Framing::Refuse },
            loopback_ports: loopback_ports || trusted && before.loopback_ports,
            danger_raw_basic: trusted && before.danger_raw_basic,
            strict_scopes: before.strict_scopes,
            status,
            grant_types,
            token_format: before.token_format,
            id_token_alg,
            require_auth_time,
            strict_refresh: before.strict_refresh,
            refresh_cap: before.refresh_cap,
            legacy_v1: trusted && before.legacy_v1,
            fhir_context_strings: before.fhir_context_strings,
            introspects: if trusted { before.introspects.clone() } else { Vec::new() },
            version,
        }
    }
}

impl ClientAuthentication {
    /// The same method and the same keys. Secrets are the server's own: they say nothing about the app.
    fn proves_the_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::PrivateKeyJwt(mine), Self::PrivateKeyJwt(theirs)) => {
                mine.source == theirs.source && mine.alg == theirs.alg
            }
            _ => self.method() == other.method(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{ClientKeys, KeySource};
    use crate::{ClientId, TokenFormat};

    fn app() -> RegisteredClient {
        let keys = ClientKeys::new(KeySource::Url("https://app.example/jwks".into()));
        let scopes = "launch/patient patient/*.rs".parse().unwrap();
        RegisteredClient::new(
            ClientId::new("app"),
            ClientAuthentication::PrivateKeyJwt(keys),
            "https://app.example/cb",
            scopes,
        )
    }

    fn changed(change: impl FnOnce(&mut RegisteredClient)) -> RegisteredClient {
        let mut app = app();
        change(&mut app);
        app
    }

    /// DCRM-004
    #[test]
    fn another_app_is_looked_at_again() {
        let again = |change: fn(&mut RegisteredClient)| changed(change).needs_review_after(&app());
        assert!(!again(|_| {}));
        assert!(again(|it| it.name = "Hospital".to_owned()));
        assert!(again(|it| it.home_page = Some("https://app.example/".to_owned())));
        assert!(again(|it| it.redirect_uris.push("https://other.example/".to_owned())));
        assert!(again(|it| it.redirect_uris.clear()));
        assert!(again(|it| it.launch_uris.push("https://other.example/".to_owned())));
        assert!(again(|it| it.scopes = "patient/*.cruds".parse().unwrap()));
        assert!(again(|it| it.grant_types.client_credentials = true));
        assert!(again(|it| it.authentication = ClientAuthentication::Public));
        assert!(again(|it| {
            let ClientAuthentication::PrivateKeyJwt(keys) = &mut it.authentication else { return };
            keys.source = KeySource::Url("https://other.example/jwks".into());
        }));
        assert!(!again(|it| it.scopes = "patient/Observation.rs".parse().unwrap()), "less");
        assert!(!again(|it| it.grant_types.refresh_token = false), "less");
        assert!(!again(|it| it.require_auth_time = true));
    }

    /// DCRM-002, A-DCR-13
    #[test]
    fn limits_stay_and_trust_goes() {
        let before = changed(|it| {
            it.fhir_bases = vec!["https://ehr.example/fhir".to_owned()];
            it.consent = ConsentRule::PreApproved;
            it.framing = Framing::Origins(vec!["https://ehr.example".to_owned()]);
            it.introspects = vec!["https://ehr.example/fhir".to_owned()];
            it.legacy_v1 = true;
            it.danger_raw_basic = true;
            it.loopback_ports = true;
            it.token_format = TokenFormat::Opaque;
            it.strict_scopes = true;
            let ClientAuthentication::PrivateKeyJwt(keys) = &mut it.authentication else { return };
            keys.strict_aud = true;
            keys.untyped_assertions = true;
        });
        assert_eq!(app().with_settings_of(&before), before, "nothing that matters was changed");

        let other = changed(|it| it.name = "Other".to_owned()).with_settings_of(&before);
        assert_eq!(other.fhir_bases, before.fhir_bases);
        assert_eq!(other.token_format, TokenFormat::Opaque);
        assert!(other.strict_scopes && other.authentication == before.authentication);
        assert_eq!((other.consent, other.framing), (ConsentRule::Ask, Framing::Refuse));
        assert!(!other.legacy_v1 && !other.danger_raw_basic && !other.loopback_ports);
        assert!(other.introspects.is_empty());
    }
}
