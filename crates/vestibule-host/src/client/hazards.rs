//! What is allowed in a registration and still worth a second look.
//!
//! A rule that is broken refuses a registration; a hazard is a choice that somebody may have had reasons for. Each says in a
//! sentence what can go wrong, so that an operator who reads a list of them knows what to do.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use vestibule_scope::{Level, Permission, RefreshScope, Scope, ScopeKind, TypeSpec};

use super::{ClientAuthentication, ClientSecret, ConsentRule, Framing, KeySource, RegisteredClient};
use crate::redirect_uri::{self, AppKind};

/// Longer than any three months: what US rules want refresh tokens to live at least (SMART-REFRESH-020).
const THREE_MONTHS: Duration = Duration::from_secs(92 * 24 * 60 * 60);

/// More redirect URIs than an app needs that runs in a few places.
const MANY_REDIRECT_URIS: usize = 10;

/// A choice in a registration that is worth a second look. `Display` names the place and explains.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Hazard {
    /// A public app may have a refresh token, and nobody set an end.
    OfflineWithoutEnd,
    /// PKCE may be left out.
    LegacyV1,
    /// HTTP Basic is read raw.
    RawBasic,
    /// The secret is sent in the body.
    SecretInBody,
    /// A redirect URI of a web app is plain `http`.
    HttpRedirect(String),
    /// A redirect URI goes to the name `localhost`.
    LocalhostRedirect(String),
    /// A confidential app is answered on the user's own machine.
    ConfidentialLoopback(String),
    /// A redirect URI has a scheme that any app on the device can claim.
    PrivateScheme(String),
    /// More than ten redirect URIs.
    ManyRedirectUris(usize),
    /// It may ask to write every type of resource.
    WildcardWrite(String),
    /// It may do everything to every record, without a user.
    SystemEverything(String),
    /// Nobody is asked for consent.
    PreApproved,
    /// A secret without an end.
    SecretWithoutEnd,
    /// More than one secret opens.
    SeveralSecrets(usize),
    /// A native app is said to keep a secret.
    SecretInNativeApp,
    /// Its keys are in the registration.
    InlineKeys,
    /// Its keys are read from this machine.
    LoopbackKeys(String),
    /// Its assertions are signed with RS256.
    Rs256Assertions,
    /// Refresh ends within three months.
    ShortRefreshCap(u64),
    /// A lost answer ends the grant of an app that is often offline.
    StrictRefreshOnDevice,
    /// It sees every app's tokens of these bases.
    Introspects(Vec<String>),
    /// A page of ours may be framed by one that came over plain `http`.
    HttpFraming(String),
    /// The app's home page is on none of the hosts that it is answered on (DCR-009).
    HomePageElsewhere(String),
}

impl Hazard {
    /// A word for it that does not change: for filters and for hosts with explanations of their own.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::OfflineWithoutEnd => "offline-without-end",
            Self::LegacyV1 => "legacy-v1",
            Self::RawBasic => "raw-basic",
            Self::SecretInBody => "secret-in-body",
            Self::HttpRedirect(_) => "http-redirect",
            Self::LocalhostRedirect(_) => "localhost-redirect",
            Self::ConfidentialLoopback(_) => "confidential-loopback",
            Self::PrivateScheme(_) => "private-scheme",
            Self::ManyRedirectUris(_) => "many-redirect-uris",
            Self::WildcardWrite(_) => "wildcard-write",
            Self::SystemEverything(_) => "system-everything",
            Self::PreApproved => "pre-approved",
            Self::SecretWithoutEnd => "secret-without-end",
            Self::SeveralSecrets(_) => "several-secrets",
            Self::SecretInNativeApp => "secret-in-native-app",
            Self::InlineKeys => "inline-keys",
            Self::LoopbackKeys(_) => "loopback-keys",
            Self::Rs256Assertions => "rs256-assertions",
            Self::ShortRefreshCap(_) => "short-refresh-cap",
            Self::StrictRefreshOnDevice => "strict-refresh-on-device",
            Self::Introspects(_) => "introspects",
            Self::HttpFraming(_) => "http-framing",
            Self::HomePageElsewhere(_) => "home-page-elsewhere",
        }
    }

    /// What can go wrong, and what would be better.
    #[must_use]
    pub const fn explanation(&self) -> &'static str {
        match self {
            Self::OfflineWithoutEnd => {
                "this app cannot prove who it is and may have offline access: whoever copies a refresh token from a device can use it until the default end of 365 days; set refresh_cap_days, or leave offline_access out of its scopes"
            }
            Self::LegacyV1 => {
                "the app may leave PKCE out, so that only its secret or key protects a stolen code; remove the switch as soon as the app sends a code_challenge"
            }
            Self::RawBasic => {
                "id and secret in the Authorization header are read without form-decoding, against RFC 6749; use it only for a client that cannot be mended, with an id and a secret of letters and digits"
            }
            Self::SecretInBody => {
                "the secret is sent as a form parameter, where logs and proxies keep it more often than a header; client_secret_basic or private_key_jwt is better"
            }
            Self::HttpRedirect(_) => {
                "codes for this web app travel without encryption; fine on a developer's machine, wrong in production"
            }
            Self::LocalhostRedirect(_) => {
                "the name localhost can lead to another machine or to another program; register 127.0.0.1 or [::1]"
            }
            Self::ConfidentialLoopback(_) => {
                "the app is said to keep a secret and is answered on its user's own machine, where every copy of it has the same secret; register it as public and native"
            }
            Self::PrivateScheme(_) => {
                "any app on the device can claim this scheme and receive the answer; PKCE protects the code, nothing protects the app's name; an https app link is better"
            }
            Self::ManyRedirectUris(_) => {
                "each redirect URI is one more place whose loss gives away codes; register what is used, and several apps as several clients"
            }
            Self::WildcardWrite(_) => {
                "the app may ask to change resources of every type, also of types that do not exist yet; name the types it writes"
            }
            Self::SystemEverything(_) => {
                "the service may change and delete every record without a user; name the types and permissions it needs"
            }
            Self::PreApproved => {
                "clinicians are never asked whether they want this app to act for them; whoever can send them to its redirect URI starts it in their name"
            }
            Self::SecretWithoutEnd => {
                "the secret works until somebody removes it; give it an end, and a second secret before that"
            }
            Self::SeveralSecrets(_) => {
                "several secrets open this client at a time; that is how a secret is replaced, and the older ones should have an end soon"
            }
            Self::SecretInNativeApp => {
                "everybody who has a native app has its secret too; register it as public, or let each copy register itself"
            }
            Self::InlineKeys => {
                "the app's keys are a copy in the registration: it must tell you of every new key and every lost one, and whoever can edit the registration can become the app; a jwks_uri is better"
            }
            Self::LoopbackKeys(_) => {
                "the key set is read without encryption from this machine, by a fetcher for development only"
            }
            Self::Rs256Assertions => {
                "SMART names RS384 and ES384 for assertions; RS256 is accepted for clients that know nothing else"
            }
            Self::ShortRefreshCap(_) => {
                "refresh ends before three months have passed, which US certification does not allow for apps that can protect a refresh token"
            }
            Self::StrictRefreshOnDevice => {
                "an answer that is lost on a mobile network ends the grant, and the user has to sign in again; without the switch the app gets the same answer once more"
            }
            Self::Introspects(_) => {
                "this client can look into the tokens of every app for these FHIR servers, including whose record they open; only a resource server should"
            }
            Self::HttpFraming(_) => {
                "pages for this app may stand in a frame of a page that anybody on the network can change"
            }
            Self::HomePageElsewhere(_) => {
                "the app's home page is on another host than its redirect URIs: users may be shown the address of somebody whom the app only pretends to be"
            }
        }
    }

    /// What it is about, where it is about one of several.
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        match self {
            Self::HttpRedirect(text)
            | Self::LocalhostRedirect(text)
            | Self::ConfidentialLoopback(text)
            | Self::PrivateScheme(text)
            | Self::WildcardWrite(text)
            | Self::SystemEverything(text)
            | Self::LoopbackKeys(text)
            | Self::HttpFraming(text)
            | Self::HomePageElsewhere(text) => Some(text.clone()),
            Self::ManyRedirectUris(count) | Self::SeveralSecrets(count) => Some(count.to_string()),
            Self::ShortRefreshCap(days) => Some(format!("{days} days")),
            Self::Introspects(bases) => Some(bases.join(" ")),
            _ => None,
        }
    }
}

impl fmt::Display for Hazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if let Some(subject) = self.subject() {
            write!(f, " ({})", subject.escape_debug())?;
        }
        write!(f, ": {}", self.explanation())
    }
}

impl RegisteredClient {
    /// What is worth a second look in this registration, which is otherwise in order.
    ///
    /// ```
    /// use vestibule_host::StaticClients;
    ///
    /// let clients = StaticClients::from_json(
    ///     r#"[{ "client_id": "app", "token_endpoint_auth_method": "none", "scope": "openid patient/*.cruds",
    ///           "redirect_uris": ["http://localhost:3000/"] }]"#,
    /// )?;
    /// for client in &clients {
    ///     let names: Vec<_> = client.hazards().iter().map(|hazard| hazard.name()).collect();
    ///     assert_eq!(names, ["http-redirect", "localhost-redirect", "wildcard-write"]);
    /// }
    /// # Ok::<(), vestibule_host::ClientsError>(())
    /// ```
    pub fn hazards(&self) -> Vec<Hazard> {
        let mut hazards = Vec::new();
        self.address_hazards(&mut hazards);
        self.scope_hazards(&mut hazards);
        self.authentication_hazards(&mut hazards);
        self.refresh_hazards(&mut hazards);
        let switches = [
            (self.legacy_v1, Hazard::LegacyV1),
            (self.danger_raw_basic, Hazard::RawBasic),
            (self.consent == ConsentRule::PreApproved, Hazard::PreApproved),
        ];
        hazards.extend(switches.into_iter().filter(|(on, _)| *on).map(|(_, hazard)| hazard));
        if !self.introspects.is_empty() {
            hazards.push(Hazard::Introspects(self.introspects.clone()));
        }
        hazards
    }

    fn address_hazards(&self, hazards: &mut Vec<Hazard>) {
        let web = self.app_kind() == AppKind::Web;
        let confidential = self.authentication.is_confidential();
        for uri in &self.redirect_uris {
            let http = uri.strip_prefix("http://");
            let localhost = http.and_then(|rest| rest.strip_prefix("localhost"));
            let localhost =
                localhost.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/', '?']));
            let private = http.is_none() && !uri.starts_with("https://");
            let found = [
                // Nothing on a device but the device itself sees what a native app is sent this way.
                (http.is_some() && (web || confidential), Hazard::HttpRedirect as fn(String) -> Hazard),
                (localhost, Hazard::LocalhostRedirect),
                (http.is_some() && confidential, Hazard::ConfidentialLoopback),
                (private, Hazard::PrivateScheme),
            ];
            hazards.extend(found.into_iter().filter(|(is, _)| *is).map(|(_, hazard)| hazard(uri.clone())));
        }
        if self.redirect_uris.len() > MANY_REDIRECT_URIS {
            hazards.push(Hazard::ManyRedirectUris(self.redirect_uris.len()));
        }
        if let Framing::Origins(origins) = &self.framing {
            let http = origins.iter().filter(|origin| origin.starts_with("http://"));
            hazards.extend(http.cloned().map(Hazard::HttpFraming));
        }
        if let Some(page) = self.home_page.as_deref().filter(|page| !self.is_answered_beside(page)) {
            hazards.push(Hazard::HomePageElsewhere(page.to_owned()));
        }
    }

    /// DCR-009. An app without a web address of its own is answered nowhere else.
    fn is_answered_beside(&self, page: &str) -> bool {
        let mut hosts = self.redirect_uris.iter().filter_map(|uri| redirect_uri::host(uri)).peekable();
        hosts.peek().is_none() || hosts.any(|host| redirect_uri::host(page) == Some(host))
    }

    fn scope_hazards(&self, hazards: &mut Vec<Hazard>) {
        for scope in &self.scopes {
            let Some(resource) = scope.as_resource() else { continue };
            let writes = [Permission::Create, Permission::Update, Permission::Delete];
            let writes = writes.into_iter().any(|one| resource.permissions().contains(one));
            if writes && resource.resource_type() == TypeSpec::Any {
                let hazard = match resource.level() {
                    Level::System => Hazard::SystemEverything,
                    _ => Hazard::WildcardWrite,
                };
                hazards.push(hazard(scope.as_str().to_owned()));
            }
        }
    }

    fn authentication_hazards(&self, hazards: &mut Vec<Hazard>) {
        match &self.authentication {
            ClientAuthentication::Public => {}
            ClientAuthentication::SecretBasic(secrets) => self.secret_hazards(secrets, hazards),
            ClientAuthentication::SecretPost(secrets) => {
                hazards.push(Hazard::SecretInBody);
                self.secret_hazards(secrets, hazards);
            }
            ClientAuthentication::PrivateKeyJwt(keys) => {
                match &keys.source {
                    // SMART-CAUTH-060, -062
                    KeySource::Inline(_) => hazards.push(Hazard::InlineKeys),
                    KeySource::Url(url) if url.starts_with("http:") => {
                        hazards.push(Hazard::LoopbackKeys(url.to_string()));
                    }
                    KeySource::Url(_) => {}
                }
                // SMART-CAUTH-037
                if keys.alg.as_deref() == Some("RS256") {
                    hazards.push(Hazard::Rs256Assertions);
                }
            }
        }
    }

    fn secret_hazards(&self, secrets: &[ClientSecret], hazards: &mut Vec<Hazard>) {
        if secrets.iter().any(|secret| secret.not_after.is_none()) {
            hazards.push(Hazard::SecretWithoutEnd);
        }
        if secrets.len() > 1 {
            hazards.push(Hazard::SeveralSecrets(secrets.len()));
        }
        // NATIVE-002
        if self.app_kind() == AppKind::Native {
            hazards.push(Hazard::SecretInNativeApp);
        }
    }

    fn refresh_hazards(&self, hazards: &mut Vec<Hazard>) {
        let refresh = |wanted: RefreshScope| {
            let is = |scope: &Scope| matches!(scope.kind(), ScopeKind::Refresh(one) if *one == wanted);
            self.grant_types.refresh_token && self.scopes.iter().any(is)
        };
        let public = !self.authentication.is_confidential();
        if public && refresh(RefreshScope::Offline) && self.refresh_cap.is_none() {
            hazards.push(Hazard::OfflineWithoutEnd);
        }
        let can_protect = !public || self.app_kind() == AppKind::Native;
        if let Some(cap) = self.refresh_cap.filter(|cap| can_protect && *cap < THREE_MONTHS)
            && refresh(RefreshScope::Offline)
        {
            hazards.push(Hazard::ShortRefreshCap(cap.as_secs() / (24 * 60 * 60)));
        }
        if self.strict_refresh && self.app_kind() == AppKind::Native {
            hazards.push(Hazard::StrictRefreshOnDevice);
        }
    }
}
