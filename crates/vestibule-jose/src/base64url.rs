//! base64url as JOSE means it: no padding, no white space, canonical trailing bits (JOSE-002).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn push(out: &mut String, bytes: &[u8]) {
    URL_SAFE_NO_PAD.encode_string(bytes, out);
}

pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_only() {
        assert_eq!(decode("QQ").as_deref(), Some(&b"A"[..]));
        for other in ["QQ==", "QQ=", "QR", "Q", "Q Q", "Q\nQ", "+A", "/A", "QQ\0"] {
            assert_eq!(decode(other), None, "{other:?}");
        }
    }
}
