//! Which apps there are: two that come with the demo, and those of `--clients`. Both go through the same checks.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde_json::json;
use vestibule_host::{ClientsError, StaticClients};

use crate::sample_app;

/// What the built-in apps may ask for at most.
const SCOPES: &str =
    "launch launch/patient launch/encounter openid fhirUser profile offline_access patient/*.rs user/*.rs";

/// A secret everybody knows, for an app that exists to be tried. It opens invented records only.
const TEST_SECRET: &str = "this-is-a-public-test-secret-of-the-demo";

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
    /// The built-in apps are wrong: a mistake of this program.
    #[error("the built-in clients have mistakes")]
    BuiltIn(#[source] ClientsError),
}

/// All registered apps, read once.
///
/// # Errors
/// When the file cannot be read or has mistakes; each is named with its client and its field.
pub fn registry(sample_app_url: &str, file: Option<&Path>) -> Result<StaticClients, ClientsFileError> {
    let clients = StaticClients::from_json(&built_in(sample_app_url)).map_err(ClientsFileError::BuiltIn)?;
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

fn built_in(sample_app_url: &str) -> String {
    json!([
        {
            "client_id": sample_app::CLIENT_ID,
            "client_name": "Sample SMART app",
            "client_uri": format!("{sample_app_url}/"),
            "token_endpoint_auth_method": "none",
            "redirect_uris": [format!("{sample_app_url}/callback.html")],
            "launch_uris": [format!("{sample_app_url}/launch.html")],
            "scope": SCOPES
        },
        {
            "client_id": "confidential-example",
            "client_name": "Confidential example app",
            "client_uri": format!("{sample_app_url}/"),
            "client_secret": TEST_SECRET,
            "token_endpoint_auth_method": "client_secret_basic",
            "redirect_uris": [format!("{sample_app_url}/confidential/callback")],
            "launch_uris": [format!("{sample_app_url}/confidential/launch")],
            "scope": SCOPES
        }
    ])
    .to_string()
}
