//! A bounded form, or a clear refusal (GEN-002, GEN-009).

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use vestibule_core::params::Params;
use vestibule_host::pages::Problem;

use super::MAX_BODY;

/// Why a body is no form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FormError {
    /// Larger than [`MAX_BODY`].
    TooLarge,
    /// Another media type, an unknown charset, or compressed: nothing is ever inflated (A-DOS-06).
    NotAForm,
    /// More parameters than a request may have.
    TooMany,
}

impl From<FormError> for Problem {
    fn from(error: FormError) -> Self {
        match error {
            FormError::TooLarge => Self::TooLarge,
            FormError::NotAForm | FormError::TooMany => Self::Malformed,
        }
    }
}

/// Adds the form's parameters to those that were read already.
pub(crate) fn append(head: &Parts, body: &[u8], params: &mut Params) -> Result<(), FormError> {
    if body.len() > MAX_BODY {
        return Err(FormError::TooLarge);
    }
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !matches!(text(CONTENT_ENCODING), "" | "identity") {
        return Err(FormError::NotAForm);
    }
    let mut parts = text(CONTENT_TYPE).split(';').map(str::trim);
    let is_form =
        parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    let is_utf8 = parts.all(|param| match param.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    if !is_form || !is_utf8 {
        return Err(FormError::NotAForm);
    }
    params.append(body).map_err(|_| FormError::TooMany)
}
