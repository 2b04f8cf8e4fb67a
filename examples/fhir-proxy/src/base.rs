//! Two names for one FHIR base, and how one becomes the other in URLs, queries and bodies.

use http::Uri;
use vestibule_host::BoxError;

/// A FHIR base, as it is written in references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    /// Without a slash at the end.
    text: String,
    path: String,
}

impl Base {
    pub(crate) fn new(uri: &Uri) -> Result<Self, BoxError> {
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(format!("{uri}: not an absolute URL").into());
        };
        if !matches!(scheme, "http" | "https") || uri.query().is_some() || authority.as_str().contains('@') {
            return Err(format!("{uri}: not the base of a FHIR server").into());
        }
        let path = uri.path().trim_end_matches('/').to_owned();
        // What is replaced in JSON and XML must be the same in both.
        if path.bytes().any(|byte| !(byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte))) {
            return Err(format!("{uri}: the path has characters that references would escape").into());
        }
        Ok(Self { text: format!("{scheme}://{authority}{path}"), path })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The same text with `other` where this base was. A longer name that begins alike is another server's.
    pub(crate) fn replaced(&self, text: &str, other: &Self) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(&self.text) {
            let goes_on = after.bytes().next().is_some_and(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%' | b':' | b'@')
            });
            out.push_str(before);
            out.push_str(if goes_on { &self.text } else { &other.text });
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &'static str) -> Base {
        Base::new(&Uri::from_static(text)).unwrap()
    }

    #[test]
    fn only_the_base_is_replaced() {
        let (inside, outside) = (base("http://10.0.0.7:8080/fhir/"), base("https://ehr.example/r4"));
        let read = |text: &str| inside.replaced(text, &outside);
        assert_eq!(read(r#""url":"http://10.0.0.7:8080/fhir?x""#), r#""url":"https://ehr.example/r4?x""#);
        assert_eq!(
            read("http://10.0.0.7:8080/fhir/A/1 http://10.0.0.7:8080/fhir"),
            "https://ehr.example/r4/A/1 https://ehr.example/r4"
        );
        for other in [
            "http://10.0.0.7:8080/fhir2/A",
            "http://10.0.0.7:8080/fhir.evil/",
            "http://10.0.0.7:80801/fhir",
            "nothing",
        ] {
            assert_eq!(read(other), other);
        }
        let bare = base("http://fhir.example");
        assert_eq!(
            bare.replaced(
                "http://fhir.example.evil/ http://fhir.example:81/ http://fhir.example/x",
                &outside
            ),
            "http://fhir.example.evil/ http://fhir.example:81/ https://ehr.example/r4/x"
        );
    }

    #[test]
    fn a_base_is_a_base() {
        for bad in ["/fhir", "ftp://x/fhir", "http://x/fhir?y=z", "http://u:p@x/fhir", "http://x/a%20b"] {
            assert!(Base::new(&Uri::from_static(bad)).is_err(), "{bad}");
        }
        assert_eq!(base("http://x/").path(), "");
    }
}
