//! Which grant, with which parameters.

use vestibule_host::RegisteredClient;

use super::backend::BackendRequest;
use super::code::CodeRequest;
use super::error::TokenError;
use super::refresh::RefreshRequest;
use crate::params::Params;

/// A token request whose client is authenticated elsewhere.
#[derive(Debug)]
pub enum TokenRequest {
    /// `authorization_code`.
    Code(CodeRequest),
    /// `refresh_token`.
    Refresh(RefreshRequest),
    /// `client_credentials`.
    Backend(BackendRequest),
}

impl TokenRequest {
    /// Refuses what no token request may be, before any client is looked up: repeats, and parameters in the query (GEN-003,
    /// GEN-007, SMART-TOKEN-001).
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn check_form(form: &Params, query: Option<&str>) -> Result<(), TokenError> {
        if query.is_some_and(|query| !query.is_empty()) {
            return Err(TokenError::InvalidRequest("parameters belong into the body, not into the URL"));
        }
        if form.repeats_any_but("resource") {
            return Err(TokenError::repeated());
        }
        // A missing grant type is a malformed request; an unknown one is told to authenticated clients only.
        match form.one("grant_type") {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(TokenError::InvalidRequest("grant_type is missing")),
            Err(_) => Err(TokenError::malformed()),
        }
    }

    /// Reads the grant of an authenticated client's request.
    ///
    /// # Errors
    /// `unsupported_grant_type` (SMART-TOKEN-007), `unauthorized_client` (SMART-TOKEN-053), or what the grant's own parameters
    /// are missing.
    pub fn read(form: &Params, client: &RegisteredClient) -> Result<Self, TokenError> {
        let grants = client.grant_types;
        let may = |allowed: bool| if allowed { Ok(()) } else { Err(TokenError::UnauthorizedClient) };
        match form.one("grant_type") {
            Ok(Some("authorization_code")) => {
                may(grants.authorization_code)?;
                CodeRequest::read(form).map(Self::Code)
            }
            Ok(Some("refresh_token")) => {
                may(grants.refresh_token)?;
                RefreshRequest::read(form).map(Self::Refresh)
            }
            // TOKEN-006, A-CAUTH-19, -20
            Ok(Some("client_credentials")) => {
                may(grants.client_credentials && client.authentication.is_confidential())?;
                BackendRequest::read(form).map(Self::Backend)
            }
            Ok(Some(_)) => Err(TokenError::UnsupportedGrantType),
            Ok(None) => Err(TokenError::InvalidRequest("grant_type is missing")),
            Err(_) => Err(TokenError::malformed()),
        }
    }
}
