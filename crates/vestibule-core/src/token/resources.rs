//! `resource` at the token endpoint: which FHIR server a token is asked for (RFC 8707 §2.2).

use super::error::TokenError;
use crate::audience::FhirBase;
use crate::params::Params;

/// Every `resource` of a request, as it came. A token has one audience, so all of them must name one base (RES-002, RES-003).
#[derive(Debug)]
pub(crate) struct Resources(Vec<String>);

impl Resources {
    /// RES-001: what cannot be read names nothing.
    pub(crate) fn read(form: &Params) -> Result<Self, TokenError> {
        let all = form.all("resource").map_err(|_| TokenError::InvalidTarget)?;
        Ok(Self(all.into_iter().map(str::to_owned).collect()))
    }

    pub(crate) fn first(&self) -> Option<&str> {
        self.0.first().map(String::as_str)
    }

    /// Whether nothing else than this base is named, byte for byte (design §9). Nothing at all is named by most apps.
    ///
    /// # Errors
    /// [`TokenError::InvalidTarget`]
    pub(crate) fn name_only(&self, base: &FhirBase) -> Result<(), TokenError> {
        let same = self.0.iter().all(|resource| base.is_named(resource));
        if same { Ok(()) } else { Err(TokenError::InvalidTarget) }
    }
}
