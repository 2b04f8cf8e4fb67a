//! The SMART style document: what an app may look like to fit in. Its URL is its version (SMART-CTX-041).

use axum::response::IntoResponse;
use http::header;

use crate::random;

/// SMART-CTX-040: colours and sizes of the EHR's own stylesheet.
const DOCUMENT: &str = include_str!("../../templates/smart-style.json");

/// Where the document is served: changed content means a new path.
#[must_use]
pub fn path() -> String {
    let hash = random::hash(DOCUMENT);
    format!("/style/{}.json", hash.get(..16).unwrap_or(&hash))
}

/// SMART-CTX-042: readable by every app, cached for long.
pub(super) async fn document() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, DOCUMENT)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    #[test]
    fn the_document_holds_only_known_members() {
        let style: Map<String, Value> = serde_json::from_str(super::DOCUMENT).unwrap();
        let known = [
            "color_background",
            "color_error",
            "color_highlight",
            "color_modal_backdrop",
            "color_success",
            "color_text",
            "dim_border_radius",
            "dim_font_size",
            "dim_spacing_size",
            "font_family_body",
            "font_family_heading",
        ];
        assert!(!style.is_empty());
        assert!(style.iter().all(|(name, value)| known.contains(&name.as_str()) && value.is_string()));
    }
}
