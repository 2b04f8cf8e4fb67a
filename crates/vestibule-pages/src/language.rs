//! The texts: one Fluent file a language, English as the reference.
//!
//! A text that a file lacks is taken from English, and a text that even English lacks shows its own key: a page with an
//! odd word on it still works, a panic does not.

use std::fmt::{self, Debug};

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

/// So many wishes of a browser are looked at.
const MAX_WISHES: usize = 16;

/// So many characters of a value from outside are shown; what is longer ends in "…".
const MAX_SHOWN: usize = 300;

/// A language file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LanguageError {
    /// The tag is no language tag, for example `pt-BR`.
    #[error("{0:?} is not a language tag")]
    Tag(String),
    /// The file does not parse.
    #[error("the language file for {tag} does not parse: {problem}")]
    Syntax {
        /// The language.
        tag: String,
        /// What the parser says first.
        problem: String,
    },
}

/// One language.
pub(crate) struct Language {
    tag: String,
    bundle: FluentBundle<FluentResource>,
}

impl Language {
    /// Reads a file.
    pub(crate) fn new(tag: &str, source: &str) -> Result<Self, LanguageError> {
        let id: LanguageIdentifier = tag.parse().map_err(|_| LanguageError::Tag(tag.to_owned()))?;
        let mut language = Self { tag: id.to_string(), bundle: empty(id) };
        language.add(source)?;
        Ok(language)
    }

    /// One of our own files: a test proves that they parse, and what did parse is used in any case.
    pub(crate) fn built_in(tag: &str, source: &str) -> Self {
        let id: LanguageIdentifier = tag.parse().unwrap_or_default();
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(parsed, _)| parsed);
        let mut language = Self { tag: id.to_string(), bundle: empty(id) };
        language.bundle.add_resource_overriding(resource);
        language
    }

    /// Reads another file over this one.
    pub(crate) fn add(&mut self, source: &str) -> Result<(), LanguageError> {
        let resource =
            FluentResource::try_new(source.to_owned()).map_err(|(_, errors)| LanguageError::Syntax {
                tag: self.tag.clone(),
                problem: errors.first().map(ToString::to_string).unwrap_or_default(),
            })?;
        self.bundle.add_resource_overriding(resource);
        Ok(())
    }

    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    fn primary(&self) -> &str {
        self.tag.split('-').next().unwrap_or_default()
    }

    fn find(&self, key: &str, attribute: Option<&str>, args: Option<&FluentArgs<'_>>) -> Option<String> {
        let message = self.bundle.get_message(key)?;
        let pattern = match attribute {
            Some(name) => message.get_attribute(name)?.value(),
            None => message.value()?,
        };
        let mut errors = Vec::new();
        // A faulty placeable shows as its own name; that is better than no text.
        Some(self.bundle.format_pattern(pattern, args, &mut errors).into_owned())
    }
}

impl Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Language({})", self.tag)
    }
}

fn empty(id: LanguageIdentifier) -> FluentBundle<FluentResource> {
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    // Values never pass through Fluent: `Sentence` keeps them apart and the page isolates them with `<bdi>`.
    bundle.set_use_isolating(false);
    bundle
}

/// The best of `languages` (not empty, English first) for what a browser wants, best first.
pub(crate) fn choose<'a>(languages: &'a [Language], wishes: &[String]) -> Option<&'a Language> {
    wishes
        .iter()
        .take(MAX_WISHES)
        .find_map(|wish| {
            let primary = wish.split('-').next().unwrap_or_default();
            languages.iter().find(|language| language.tag.eq_ignore_ascii_case(wish)).or_else(|| {
                languages.iter().find(|language| language.primary().eq_ignore_ascii_case(primary))
            })
        })
        .or_else(|| languages.first())
}

/// The texts of a page in its language.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Texts<'a> {
    chosen: Option<&'a Language>,
    english: Option<&'a Language>,
}

impl<'a> Texts<'a> {
    pub(crate) const fn new(chosen: Option<&'a Language>, english: Option<&'a Language>) -> Self {
        Self { chosen, english }
    }

    /// For `lang`.
    pub(crate) fn tag(&self) -> &'a str {
        self.chosen.map_or("en", Language::tag)
    }

    /// For `dir`: the file says which way its language runs.
    pub(crate) fn direction(&self) -> &'static str {
        if self.say("direction") == "rtl" { "rtl" } else { "ltr" }
    }

    fn look_up(&self, key: &str, attribute: Option<&str>, args: Option<&FluentArgs<'_>>) -> Option<String> {
        [self.chosen, self.english]
            .into_iter()
            .flatten()
            .find_map(|language| language.find(key, attribute, args))
    }

    /// Whether there is such a text.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.look_up(key, None, None).is_some()
    }

    /// A text without values.
    pub(crate) fn say(&self, key: &str) -> String {
        self.look_up(key, None, None).unwrap_or_else(|| key.to_owned())
    }

    /// The longer line below a text.
    pub(crate) fn detail(&self, key: &str) -> String {
        self.look_up(key, Some("detail"), None).unwrap_or_default()
    }

    /// A text with a number in it.
    pub(crate) fn count(&self, key: &str, count: u64) -> String {
        let mut args = FluentArgs::new();
        args.set("count", FluentValue::from(count));
        self.look_up(key, None, Some(&args)).unwrap_or_else(|| key.to_owned())
    }

    /// A text with texts of our own in it.
    pub(crate) fn join(&self, key: &str, values: &[(&'static str, &str)]) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in values {
            args.set(*name, FluentValue::from(*value));
        }
        self.look_up(key, None, Some(&args)).unwrap_or_else(|| key.to_owned())
    }

    /// A text with one value from outside.
    pub(crate) fn about(&self, key: &str, name: &'static str, value: &str) -> Sentence {
        self.sentence(key, &[(name, value)])
    }

    /// A text with two values from outside.
    pub(crate) fn about2(
        &self,
        key: &str,
        first: (&'static str, &str),
        second: (&'static str, &str),
    ) -> Sentence {
        self.sentence(key, &[first, second])
    }

    /// Fluent sees a place holder from the private use area in place of each value, so no value can act on the text.
    fn sentence(&self, key: &str, values: &[(&'static str, &str)]) -> Sentence {
        let mut args = FluentArgs::new();
        for ((name, _), mark) in values.iter().zip(MARKS) {
            args.set(*name, FluentValue::from(String::from(mark)));
        }
        let text = self.look_up(key, None, Some(&args)).unwrap_or_else(|| key.to_owned());
        let mut parts = Vec::new();
        for piece in text.split_inclusive(MARKS) {
            let own = piece.trim_end_matches(MARKS);
            if !own.is_empty() {
                parts.push(Part { text: own.to_owned(), outside: false });
            }
            let mark = piece.get(own.len()..).and_then(|rest| rest.chars().next());
            let value = mark
                .and_then(|mark| MARKS.iter().position(|known| *known == mark))
                .and_then(|position| values.get(position));
            if let Some((_, value)) = value {
                parts.push(Part { text: shown(value), outside: true });
            }
        }
        Sentence { parts }
    }
}

const MARKS: [char; 2] = ['\u{E000}', '\u{E001}'];

/// A text in which the values from outside are kept apart, so that a page can isolate them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sentence {
    pub(crate) parts: Vec<Part>,
}

impl Sentence {
    /// A text of our own.
    pub(crate) fn own(text: String) -> Self {
        Self { parts: vec![Part { text, outside: false }] }
    }
}

/// The text alone, for places without markup such as `<title>`.
impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| f.write_str(&part.text))
    }
}

/// A piece of a sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Part {
    pub(crate) text: String,
    pub(crate) outside: bool,
}

/// A value from outside as it is shown: without control characters and without the marks that turn the direction of
/// the text around it (a name must not rewrite the sentence it stands in, INT-018), and not endless.
pub(crate) fn shown(value: &str) -> String {
    let mut text: String = value.chars().filter(|c| !is_hidden(*c)).take(MAX_SHOWN + 1).collect();
    if let Some((cut, _)) = text.char_indices().nth(MAX_SHOWN) {
        text.truncate(cut);
        text.push('…');
    }
    text
}

fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn english() -> Language {
        Language::new("en", "hello = Hello { $app }, { $who }!\nonly = Only here").expect("parses")
    }

    #[test]
    fn missing_texts_fall_back_and_never_fail() {
        let (english, german) = (english(), Language::new("de", "hello = Hallo { $app }").expect("parses"));
        let texts = Texts::new(Some(&german), Some(&english));
        assert_eq!(texts.say("only"), "Only here");
        assert_eq!(texts.say("nowhere"), "nowhere");
        assert_eq!(texts.detail("only"), "");
        assert_eq!(Texts::new(None, None).say("x"), "x");
        assert_eq!(texts.about("hello", "app", "A").to_string(), "Hallo A");
        // A value that the caller forgot shows its name; there is no panic.
        assert!(texts.say("hello").contains("app"));
    }

    #[test]
    fn values_stay_apart_from_the_text() {
        let english = english();
        let texts = Texts::new(Some(&english), Some(&english));
        let sentence = texts.about2("hello", ("app", "{ $who }\u{E001}"), ("who", "\u{202E}Bob\n"));
        let parts: Vec<_> = sentence.parts.iter().map(|part| (part.text.as_str(), part.outside)).collect();
        assert_eq!(
            parts,
            [("Hello ", false), ("{ $who }\u{E001}", true), (", ", false), ("Bob", true), ("!", false)]
        );
    }

    #[test]
    fn what_is_shown_is_bounded() {
        assert_eq!(shown(&"ä".repeat(MAX_SHOWN)).chars().count(), MAX_SHOWN);
        let cut = shown(&"ä".repeat(100_000));
        assert_eq!(cut.chars().count(), MAX_SHOWN + 1);
        assert!(cut.ends_with('…'));
    }

    #[test]
    fn wishes() {
        let languages = [
            english(),
            Language::new("de", "").expect("parses"),
            Language::new("pt-BR", "").expect("parses"),
        ];
        let choice = |wishes: &[&str]| {
            let wishes: Vec<String> = wishes.iter().map(ToString::to_string).collect();
            choose(&languages, &wishes).map(|language| language.tag().to_owned()).unwrap_or_default()
        };
        assert_eq!(choice(&[]), "en");
        assert_eq!(choice(&["de-AT", "en"]), "de");
        assert_eq!(choice(&["fr", "DE"]), "de");
        assert_eq!(choice(&["pt"]), "pt-BR");
        assert_eq!(choice(&["*", "", "-", "x-y-z", "\u{0}"]), "en");
        assert_eq!(choice(&["zz"; 100]), "en");
    }

    #[test]
    fn bad_files_are_refused() {
        assert!(matches!(Language::new("not a tag", ""), Err(LanguageError::Tag(_))));
        assert!(matches!(Language::new("fr", "= nothing"), Err(LanguageError::Syntax { .. })));
    }
}
