//! A tolerant scanner: tags with their attributes, and text. One pass, no tree.

/// A piece of a document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Piece {
    Open { name: String, attributes: Vec<(String, String)> },
    Close(String),
    Text(String),
}

/// The pieces in their order. Comments, doctypes, styles and scripts are left out.
pub(super) fn pieces(html: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        let (text, tag) = rest.split_at(open);
        push_text(&mut found, text);
        let Some(end) = end_of(tag) else { return found };
        let (tag, after) = tag.split_at(end);
        rest = after;
        let inner = tag.trim_start_matches('<').trim_end_matches('>');
        if inner.starts_with('!') || inner.starts_with('?') {
            continue;
        }
        if let Some(name) = inner.strip_prefix('/') {
            found.push(Piece::Close(name.trim().to_ascii_lowercase()));
            continue;
        }
        let (name, attributes) = parse(inner);
        if matches!(name.as_str(), "style" | "script") {
            let close = format!("</{name}");
            let end = rest.to_ascii_lowercase().find(&close).unwrap_or(rest.len());
            rest = rest.get(end..).unwrap_or_default();
        }
        found.push(Piece::Open { name, attributes });
    }
    push_text(&mut found, rest);
    found
}

fn push_text(found: &mut Vec<Piece>, text: &str) {
    if !text.trim().is_empty() {
        found.push(Piece::Text(decode(text)));
    }
}

/// The length of the tag that `html` begins with; a `>` in quotes does not end it.
fn end_of(html: &str) -> Option<usize> {
    if html.starts_with("<!--") {
        return html.find("-->").map(|at| at + 3);
    }
    let mut quote = None;
    for (at, c) in html.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(at + 1),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

/// Name and attributes of `input type="text" checked`.
fn parse(inner: &str) -> (String, Vec<(String, String)>) {
    let inner = inner.trim_end_matches('/');
    let end = inner.find(|c: char| c.is_whitespace()).unwrap_or(inner.len());
    let (name, mut rest) = inner.split_at(end);
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start();
        let end = rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len());
        let (attribute, after) = rest.split_at(end);
        if attribute.is_empty() && after.is_empty() {
            return (name.to_ascii_lowercase(), attributes);
        }
        rest = after.trim_start();
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            let quoted = after.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (raw, next) = match quoted {
                Some(quote) => after.get(1..).unwrap_or_default().split_once(quote).unwrap_or((after, "")),
                None => after.split_at(after.find(char::is_whitespace).unwrap_or(after.len())),
            };
            value = decode(raw);
            rest = next;
        }
        attributes.push((attribute.to_ascii_lowercase(), value));
    }
}

/// Character references that template engines write.
pub(super) fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, reference) = rest.split_at(at);
        out.push_str(before);
        let known = reference.get(1..).and_then(|name| name.split_once(';')).and_then(|(name, after)| {
            let c = match name {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                "nbsp" => '\u{a0}',
                _ => {
                    let number = name.strip_prefix('#')?;
                    let hex = number.strip_prefix(['x', 'X']).map(|hex| u32::from_str_radix(hex, 16));
                    char::from_u32(hex.unwrap_or_else(|| number.parse()).ok()?)?
                }
            };
            Some((c, after))
        });
        match known {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = reference.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(name: &str, attributes: &[(&str, &str)]) -> Piece {
        let attributes =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Piece::Open { name: name.to_owned(), attributes }
    }

    #[test]
    fn tags_attributes_and_text_come_out_of_untidy_html() {
        let html = "<!DOCTYPE html><!-- <form> --><STYLE>a > b { }</style><INPUT name=a value='x > y' checked/>\
                    <p title=\"&quot;&#x27;&#39;&amp;amp;\">1 &lt; 2 & 3</p><br";
        let found = pieces(html);
        assert_eq!(
            found,
            [
                open("style", &[]),
                Piece::Close("style".to_owned()),
                open("input", &[("name", "a"), ("value", "x > y"), ("checked", "")]),
                open("p", &[("title", "\"''&amp;")]),
                Piece::Text("1 < 2 & 3".to_owned()),
                Piece::Close("p".to_owned()),
            ]
        );
    }

    #[test]
    fn nothing_makes_it_panic() {
        for html in
            ["<", "<>", "</", "<a b=", "<a b='", "&", "&#x;", "&#xffffffff;", "<!--", "<script>", "<ä ö=ü>é"]
        {
            let _ = pieces(html);
        }
    }
}
