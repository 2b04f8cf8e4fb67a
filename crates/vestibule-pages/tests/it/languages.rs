use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use vestibule_host::pages::{Frame, Pages, View};
use vestibule_pages::{HtmlPages, LanguageError};

use crate::views::{draw_in, manage};

/// Key, or `key.attribute`, with the values it uses.
fn messages(file: &str) -> BTreeMap<String, BTreeSet<String>> {
    let source =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("locales").join(file)).unwrap();
    // A file that does not parse is refused here.
    HtmlPages::new().with_language("fr", &source).map_or_else(|error| panic!("{error}"), |_| ());
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut key, mut at) = (String::new(), String::new());
    for line in source.lines().filter(|line| !line.starts_with('#')) {
        let text = if let Some(attribute) = line.trim_start().strip_prefix('.') {
            let (name, text) = attribute.split_once(" = ").unwrap();
            at = format!("{key}.{name}");
            text
        } else if line.starts_with(' ') || line.is_empty() {
            line
        } else {
            let (name, text) = line.split_once(" = ").unwrap();
            assert!(!found.contains_key(name), "{name} stands twice in {file}");
            key = name.to_owned();
            at = key.clone();
            text
        };
        let values = text
            .split('$')
            .skip(1)
            .map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>());
        found.entry(at.clone()).or_default().extend(values);
    }
    found.remove("");
    found
}

#[test]
fn every_language_has_every_text_with_the_same_values() {
    let english = messages("en.ftl");
    assert!(english.len() > 250, "the files are read");
    for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/locales")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert_eq!(messages(&name), english, "{name}");
    }
}

/// Keys are string literals in the sources and templates; those made from parts are families.
#[test]
fn every_key_used_exists_and_every_key_is_used() {
    let english = messages("en.ftl");
    let mut used = BTreeSet::new();
    for folder in ["src", "templates"] {
        for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
            let source = fs::read_to_string(file.unwrap().path()).unwrap();
            let source = source.split("#[cfg(test)]").next().unwrap();
            used.extend(source.split('"').skip(1).step_by(2).map(str::to_owned));
            // A call with a literal key, whatever the quotes around it do to the count.
            for call in [".say(\"", ".about(\"", ".about2(\"", ".detail(\"", ".count(\"", ".join(\""] {
                for rest in source.split(call).skip(1) {
                    let key = rest.split('"').next().unwrap();
                    assert!(english.contains_key(key), "{key} is used but not there");
                    used.insert(key.to_owned());
                }
            }
        }
    }
    let families = ["type-", "category-", "month-"];
    for key in english.keys().filter(|key| !key.contains('.')) {
        let known = used.contains(key) || families.iter().any(|family| key.starts_with(family));
        assert!(known, "{key} is not used");
    }
    for month in 1..=12 {
        assert!(english.contains_key(&format!("month-{month}")));
    }
}

#[test]
fn the_page_says_its_language() {
    let pages = HtmlPages::new();
    for (wishes, tag) in
        [(vec!["de-CH".to_owned(), "en".to_owned()], "de"), (vec![], "en"), (vec!["fr".to_owned()], "en")]
    {
        assert_eq!(pages.language(&wishes), tag);
        let frame = Frame { languages: &wishes, nonce: "n", organization: "Example Hospital" };
        let html = pages.render(&View::Manage(manage(&[])), &frame);
        assert!(html.contains(&format!(r#"<html lang="{tag}" dir="ltr">"#)));
    }
    assert!(draw_in("de", &View::Manage(manage(&[]))).contains("Zurzeit hat keine App Zugriff."));
}

#[test]
fn a_host_adds_and_changes_texts() {
    let pages = HtmlPages::new()
        .with_language("ar", "direction = rtl\nmanage-heading = التطبيقات")
        .unwrap()
        .with_language("en", "manage-heading = My apps")
        .unwrap();
    let draw = |tag: &str| {
        let wishes = [tag.to_owned()];
        pages.render(&View::Manage(manage(&[])), &Frame { languages: &wishes, nonce: "n", organization: "O" })
    };
    assert!(draw("ar").contains(r#"<html lang="ar" dir="rtl">"#));
    assert!(draw("ar").contains("<h1>التطبيقات</h1>"));
    // What the new language lacks is English.
    assert!(draw("ar").contains("No app has access at the moment."));
    assert!(draw("en").contains("<h1>My apps</h1>"));
    assert!(matches!(HtmlPages::new().with_language("??", ""), Err(LanguageError::Tag(_))));
    assert!(matches!(HtmlPages::new().with_language("fr", "= x"), Err(LanguageError::Syntax { .. })));
}
