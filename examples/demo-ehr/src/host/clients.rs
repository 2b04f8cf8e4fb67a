//! Which apps there are: those that come with the demo, and those of `--clients`. Both go through the same checks.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde_json::json;
use vestibule_host::client::SecretHash;
use vestibule_host::registration::Admitted;
use vestibule_host::{ClientsError, InitialTokens, JwksFetcher, StaticClients};
use vestibule_scope::ScopeSet;

use crate::apps::{
    AppKey, CLINIC_APP, GUESSED, INTROSPECT_SCOPE, INTROSPECTOR, KEY_APP, KEY_SET_APP, OLD_APP,
    RESOURCE_SERVER, SECRET_APP, SERVICE, TEST_SECRET,
};
use crate::embed::{ARCHIVE, FHIR};
use crate::sample_app;

/// What the built-in apps may ask for at most.
const SCOPES: &str = "launch launch/patient launch/encounter openid fhirUser profile offline_access online_access \
                      patient/*.rs user/*.rs";

/// Larger than any list of apps somebody writes by hand.
const LARGEST_FILE: u64 = 4 * 1024 * 1024;

/// The `--clients` file cannot be used. The text says what to mend.
#[derive(Debug, thiserror::Error)]
pub enum ClientsFileError {
    /// It cannot be read.
    #[error("the clients file {0} cannot be read")]
    Unreadable(String, #[source] std::io::Error),
    /// It is too large to be a list of apps.
    #[error("the clients file {0} is larger than 4 MiB")]
    TooLarge(String),
    /// It says something wrong.
    #[error("the clients file {0} has mistakes")]
    Mistakes(String, #[source] ClientsError),
    /// The built-in policy is wrong: a mistake of this program.
    #[error("the built-in registration policy has mistakes")]
    Registration,
    /// The built-in apps are wrong: a mistake of this program.
    #[error("the built-in clients have mistakes")]
    BuiltIn(#[source] ClientsError),
}

/// Where the hospital and its sample apps are, and the key of those that have one.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The hospital: the issuer.
    pub public_url: &'a str,
    /// The sample apps' origin.
    pub sample_app_url: &'a str,
    /// Where one of them publishes its keys.
    pub key_set_url: &'a str,
    /// Their key.
    pub app_key: &'a AppKey,
}

/// All registered apps, read once.
///
/// # Errors
/// When the file cannot be read or has mistakes; each is named with its client and its field.
pub fn registry(around: Surroundings<'_>, file: Option<&Path>) -> Result<StaticClients, ClientsFileError> {
    let clients = StaticClients::from_json(&built_in(around)).map_err(ClientsFileError::BuiltIn)?;
    let Some(path) = file else { return Ok(clients) };
    let name = path.display().to_string();
    let unreadable = |error| ClientsFileError::Unreadable(name.clone(), error);
    // Not by the size that the system tells: a pipe or a device has none.
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(ClientsFileError::TooLarge(name));
    }
    let text = String::from_utf8(bytes).map_err(|error| unreadable(io::Error::other(error)))?;
    clients.extend_from_json(&text).map_err(|mistakes| ClientsFileError::Mistakes(name, mistakes))
}

/// A client whose key set could never be fetched is a mistake to be told at start, not one to be met by its assertions (A-JWKS-01).
///
/// # Errors
/// Each such client.
pub fn check_key_sets(
    clients: &StaticClients,
    fetcher: &dyn JwksFetcher,
    file: Option<&Path>,
) -> Result<(), ClientsFileError> {
    clients.check_key_sets(Some(fetcher)).map_err(|mistakes| match file {
        Some(path) => ClientsFileError::Mistakes(path.display().to_string(), mistakes),
        None => ClientsFileError::BuiltIn(mistakes),
    })
}

/// Whoever has this token may register an app, which then waits for approval at `/ehr/apps`. Everybody has it: it is a test value.
pub const REGISTRATION_TOKEN: &str = "this-is-the-public-registration-token-of-the-demo";

/// Who may register an app.
///
/// # Errors
/// Never, in practice: when the built-in ceiling is wrong.
pub fn registration() -> Result<InitialTokens, ClientsFileError> {
    let wrong = || ClientsFileError::Registration;
    let ceiling = ScopeSet::parse(SCOPES).map_err(|_| wrong())?;
    let token = SecretHash::of(REGISTRATION_TOKEN).ok_or_else(wrong)?;
    Ok(InitialTokens::new().with_token(token, None, Admitted::pending(ceiling)))
}

/// The clinic's one app.
///
/// # Errors
/// Never, in practice: when it is wrong.
pub fn of_the_clinic(apps: &str) -> Result<StaticClients, ClientsFileError> {
    let list = json!([{
        "client_id": CLINIC_APP,
        "client_name": "App of the clinic",
        "client_uri": format!("{apps}/clinic"),
        "client_secret": TEST_SECRET,
        "token_endpoint_auth_method": "client_secret_basic",
        "redirect_uris": [format!("{apps}/clinic/callback")],
        "scope": SCOPES
    }]);
    StaticClients::from_json(&list.to_string()).map_err(ClientsFileError::BuiltIn)
}

fn built_in(around: Surroundings<'_>) -> String {
    let Surroundings { public_url, sample_app_url: apps, key_set_url, app_key } = around;
    json!([
        {
            "client_id": sample_app::CLIENT_ID,
            "client_name": "Sample SMART app",
            "client_uri": format!("{apps}/"),
            "token_endpoint_auth_method": "none",
            "redirect_uris": [format!("{apps}/callback.html")],
            "launch_uris": [format!("{apps}/launch.html")],
            "scope": SCOPES
        },
        {
            "client_id": SECRET_APP,
            "client_name": "App with a secret",
            "client_uri": format!("{apps}/confidential"),
            "client_secret": TEST_SECRET,
            "token_endpoint_auth_method": "client_secret_basic",
            "redirect_uris": [format!("{apps}/confidential/callback")],
            "launch_uris": [format!("{apps}/confidential/launch")],
            "scope": SCOPES,
            // Asked once for the same thing: "apps with access" shows how that is taken back.
            "vestibule": {"consent": "remember"}
        },
        {
            "client_id": KEY_APP,
            "client_name": "App with a key",
            "client_uri": format!("{apps}/asymmetric"),
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": app_key.jwks(),
            "id_token_signed_response_alg": "ES384",
            "redirect_uris": [format!("{apps}/asymmetric/callback")],
            "launch_uris": [format!("{apps}/asymmetric/launch")],
            "scope": SCOPES,
            "vestibule": {"token_format": "opaque"}
        },
        {
            "client_id": KEY_SET_APP,
            "client_name": "App with its keys at an address",
            "client_uri": format!("{apps}/key-set"),
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks_uri": key_set_url,
            "redirect_uris": [format!("{apps}/key-set/callback")],
            "launch_uris": [format!("{apps}/key-set/launch")],
            "scope": SCOPES
        },
        {
            "client_id": OLD_APP,
            "client_name": "App from before PKCE",
            "client_uri": format!("{apps}/old"),
            "client_secret": TEST_SECRET,
            "token_endpoint_auth_method": "client_secret_basic",
            "redirect_uris": [format!("{apps}/old/callback")],
            "launch_uris": [format!("{apps}/old/launch")],
            "scope": SCOPES,
            "vestibule": {"legacy_v1": true}
        },
        {
            "client_id": SERVICE,
            "client_name": "Nightly export",
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": app_key.jwks(),
            "grant_types": ["client_credentials"],
            "scope": "system/*.rs"
        },
        {
            "client_id": INTROSPECTOR,
            "client_name": "FHIR gateway with a key",
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": app_key.jwks(),
            "grant_types": ["client_credentials"],
            "scope": INTROSPECT_SCOPE
        },
        {
            "client_id": GUESSED,
            "client_name": "App whose secret is guessed",
            "client_secret": TEST_SECRET,
            "token_endpoint_auth_method": "client_secret_basic",
            // It never gets as far as a browser.
            "redirect_uris": [format!("{apps}/nowhere")],
            "scope": "openid"
        },
        {
            "client_id": RESOURCE_SERVER,
            "client_name": "FHIR server elsewhere",
            "client_secret": TEST_SECRET,
            "token_endpoint_auth_method": "client_secret_basic",
            // It only introspects; nobody is ever sent here.
            "redirect_uris": [format!("{apps}/nowhere")],
            "scope": "openid",
            "vestibule": {"introspects": [format!("{public_url}{FHIR}"), format!("{public_url}{ARCHIVE}")]}
        }
    ])
    .to_string()
}
