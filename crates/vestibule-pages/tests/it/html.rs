//! Just enough of a reader of HTML to check the pages: tags with quoted attributes, as the templates write them.

/// A start tag.
#[derive(Debug)]
pub(crate) struct Tag {
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn is(&self, name: &str, attribute: &str, value: &str) -> bool {
        self.name == name && self.get(attribute) == Some(value)
    }
}

/// Every start tag, in order. Panics on a tag that is not written the way we write them: an attribute without quotes is a
/// hole (no template engine escapes for it).
pub(crate) fn tags(html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if rest.starts_with('!') {
            continue;
        }
        let closing = rest.starts_with('/');
        let mut chars = rest.char_indices();
        let mut quoted = false;
        let end = chars
            .find_map(|(at, c)| {
                quoted ^= c == '"';
                (c == '>' && !quoted).then_some(at)
            })
            .expect("every tag ends");
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if !closing {
            tags.push(read(tag));
        }
    }
    tags
}

fn read(tag: &str) -> Tag {
    let (name, mut rest) = tag.split_once([' ', '\n']).unwrap_or((tag, ""));
    assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{tag}");
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Tag { name: name.to_owned(), attributes };
        }
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let attribute = &rest[..end];
        assert!(attribute.chars().all(|c| c.is_ascii_alphabetic() || c == '-'), "{tag}");
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix('=') {
            let inner = after.strip_prefix('"').expect("attributes are quoted");
            let (text, after) = inner.split_once('"').expect("quotes are closed");
            value = unescape(text);
            rest = after;
        }
        attributes.push((attribute.to_owned(), value));
    }
}

pub(crate) fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}

/// The text without tags.
pub(crate) fn text(html: &str) -> String {
    let body = html.split_once("<body>").map_or(html, |(_, body)| body);
    let mut text = String::new();
    for piece in body.split('<') {
        let (tag, shown) = piece.split_once('>').unwrap_or_default();
        if !matches!(tag, "bdi" | "/bdi") {
            text.push(' ');
        }
        text.push_str(shown);
    }
    unescape(&text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The parts of the page that are forms.
pub(crate) fn forms(html: &str) -> Vec<&str> {
    html.split("<form").skip(1).map(|form| form.split_once("</form>").expect("forms are closed").0).collect()
}

/// The values of the fields of that name.
pub(crate) fn values(html: &str, name: &str) -> Vec<String> {
    tags(html)
        .iter()
        .filter(|tag| tag.get("name") == Some(name) && tag.name != "meta")
        .map(|tag| tag.get("value").unwrap_or_default().to_owned())
        .collect()
}

/// What holds for every page.
pub(crate) fn check(html: &str) {
    let tags = tags(html);
    let count = |name: &str| tags.iter().filter(|tag| tag.name == name).count();
    assert!(html.starts_with("<!DOCTYPE html>"), "{html}");
    for once in ["html", "head", "title", "style", "body", "header", "main", "h1"] {
        assert_eq!(count(once), 1, "{once} in {html}");
    }
    for never in
        ["script", "img", "link", "iframe", "object", "embed", "base", "svg", "font", "video", "audio"]
    {
        assert_eq!(count(never), 0, "{never} in {html}");
    }
    assert_eq!(html.matches("nonce=").count(), 1);
    assert!(tags.iter().any(|tag| tag.is("style", "nonce", crate::views::NONCE)));
    let style = html.split_once("<style").unwrap().1.split_once("</style>").unwrap().0;
    assert!(!style.contains("url(") && !style.contains("@import"), "nothing is loaded");
    for tag in &tags {
        assert!(
            tag.get("style").is_none() && tag.get("src").is_none() && tag.get("srcset").is_none(),
            "{tag:?}"
        );
        assert!(!tag.attributes.iter().any(|(name, _)| name.starts_with("on")), "{tag:?}");
        if let Some(href) = tag.get("href") {
            assert_eq!(tag.name, "a", "{tag:?}");
            assert!(!href.trim().to_lowercase().starts_with("javascript:"), "{tag:?}");
        }
    }
    let mut ids: Vec<&str> = tags.iter().filter_map(|tag| tag.get("id")).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(all, ids.len(), "an id stands for one element");
    for tag in &tags {
        for reference in ["for", "aria-describedby", "form"] {
            if let Some(id) = tag.get(reference) {
                assert!(ids.binary_search(&id).is_ok(), "{reference} leads to {id}");
            }
        }
        if let Some(id) = tag.get("href").and_then(|href| href.strip_prefix('#')) {
            assert!(ids.binary_search(&id).is_ok(), "a link leads to {id}");
        }
        let wants_label = tag.name == "input" && tag.get("type") != Some("hidden");
        if wants_label {
            let id = tag.get("id").expect("an input has an id");
            assert_eq!(
                tags.iter().filter(|label| label.is("label", "for", id)).count(),
                1,
                "a label for {id}"
            );
        }
    }
    assert_eq!(count("fieldset"), count("legend"));
    for form in forms(html) {
        assert!(form.contains(r#" method="post" action="/auth/i/abc""#), "{form}");
        assert_eq!(values(&format!("<form{form}"), "step"), ["st3p"], "{form}");
    }
}
