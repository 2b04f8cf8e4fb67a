//! Forms that only our own pages can send: each carries a token that another site cannot know.

use http::{HeaderMap, StatusCode, header};
use ring::hmac;

/// Makes and checks the tokens; a new key at each start, so old forms ask to be sent again.
#[derive(Debug)]
pub struct Forms {
    key: hmac::Key,
    /// The origin our pages live on.
    origin: String,
}

/// Why a form was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It came from another site.
    Foreign,
    /// It is from an earlier start or sign-in: harmless, show it again.
    Stale,
}

impl Refused {
    /// What the browser is answered.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Foreign | Self::Stale => StatusCode::FORBIDDEN,
        }
    }
}

impl Forms {
    /// For pages on this origin. Whoever serves the same pages needs the same key.
    #[must_use]
    pub fn new(origin: &str, key: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), origin: origin.to_owned() }
    }

    /// The token for one form in one browser; `holder` is the value of a cookie.
    #[must_use]
    pub fn token(&self, form: &str, holder: &str) -> String {
        use base64::Engine as _;
        let tag = hmac::sign(&self.key, message(form, holder).as_bytes());
        base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(tag)
    }

    /// Whether a form is ours, of this browser and of this session.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, headers: &HeaderMap, form: &str, holder: &str, token: &str) -> Result<(), Refused> {
        if !self.same_origin(headers) {
            return Err(Refused::Foreign);
        }
        use base64::Engine as _;
        let tag = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| Refused::Stale)?;
        hmac::verify(&self.key, message(form, holder).as_bytes(), &tag).map_err(|_| Refused::Stale)
    }

    /// INT-004: a browser that says where a form comes from must name us; `null` names nobody.
    fn same_origin(&self, headers: &HeaderMap) -> bool {
        match (headers.get(header::ORIGIN), headers.get("sec-fetch-site")) {
            (Some(origin), _) => origin.as_bytes() == self.origin.as_bytes(),
            (None, Some(site)) => site == "same-origin",
            (None, None) => true,
        }
    }
}

fn message(form: &str, holder: &str) -> String {
    // The form's name has no line break, so the two cannot run into each other.
    format!("{form}\n{holder}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn a_token_fits_one_form_of_one_holder() {
        let forms = Forms::new("http://127.0.0.1:8080", &[1; 32]);
        let token = forms.token("sign-out", "holder");
        let none = HeaderMap::new();
        assert_eq!(forms.check(&none, "sign-out", "holder", &token), Ok(()));
        assert_eq!(forms.check(&none, "sign-in", "holder", &token), Err(Refused::Stale));
        assert_eq!(forms.check(&none, "sign-out", "other", &token), Err(Refused::Stale));
        assert_eq!(forms.check(&none, "sign-out", "holder", "%%%"), Err(Refused::Stale));
        assert_eq!(
            Forms::new("http://127.0.0.1:8080", &[2; 32]).check(&none, "sign-out", "holder", &token),
            Err(Refused::Stale)
        );
    }

    #[test]
    fn a_form_of_another_site_is_refused_whatever_it_carries() {
        let forms = Forms::new("http://127.0.0.1:8080", &[1; 32]);
        let token = forms.token("sign-out", "holder");
        for (name, value, answer) in [
            ("origin", "http://127.0.0.1:8080", Ok(())),
            ("origin", "http://localhost:8081", Err(Refused::Foreign)),
            ("origin", "null", Err(Refused::Foreign)),
            ("sec-fetch-site", "same-origin", Ok(())),
            ("sec-fetch-site", "cross-site", Err(Refused::Foreign)),
        ] {
            assert_eq!(
                forms.check(&headers(name, value), "sign-out", "holder", &token),
                answer,
                "{name}: {value}"
            );
        }
    }
}
