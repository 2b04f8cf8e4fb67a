//! Step 1: which client, which address. Until both are proven, nothing may redirect (SMART-AUTHZ-030).

use vestibule_host::pages::Problem;

use crate::params::Params;

/// What an authorize request says about who asks. Nothing is proven yet.
#[derive(Clone, Debug)]
pub struct Identified {
    client_id: String,
    redirect_uri: String,
}

impl Identified {
    /// Reads `client_id` and `redirect_uri`.
    ///
    /// # Errors
    /// The [`Problem`] to show to the user: missing, repeated or malformed (AUTHZ-002, SMART-AUTHZ-002, -003, -016).
    pub fn read(params: &Params) -> Result<Self, Problem> {
        let one = |name| params.one(name).map_err(|_| Problem::Malformed);
        let client_id = one("client_id")?.ok_or(Problem::UnknownClient)?.to_owned();
        // REDIR-008: required even if only one is registered.
        let redirect_uri = one("redirect_uri")?.ok_or(Problem::UnknownRedirect)?.to_owned();
        Ok(Self { client_id, redirect_uri })
    }

    /// The presented `client_id`.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(crate) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }
}
