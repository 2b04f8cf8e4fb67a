//! Pages and the forms on them.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use super::html::{Piece, pieces};

/// What the browser shows after a request and its redirects.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page {
    /// Where the browser is: the whole address.
    pub url: String,
    /// The status of the last answer.
    pub status: StatusCode,
    /// The headers of the last answer.
    pub headers: HeaderMap,
    /// The body of the last answer.
    pub body: Bytes,
    /// Every address on the way, this one included.
    pub visited: Vec<String>,
    /// Where the last answer redirects to, when it leaves the origin: the whole address. Nobody went there.
    pub location: Option<String>,
}

impl Page {
    /// The HTML.
    pub fn html(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What a person reads, with single spaces.
    pub fn words(&self) -> String {
        let mut text = String::new();
        let mut in_title = false;
        for piece in pieces(&self.html()) {
            match piece {
                Piece::Open { name, .. } if name == "title" => in_title = true,
                Piece::Close(name) if name == "title" => in_title = false,
                Piece::Text(words) if !in_title => {
                    text.push(' ');
                    text.push_str(&words);
                }
                _ => {}
            }
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// A header of the last answer, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A parameter of the address that the last answer redirects to.
    pub fn location_parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.location.as_deref()?.split_once('?')?;
        let query = query.split('#').next().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The addresses that links lead to, as they are written.
    pub fn links(&self) -> Vec<String> {
        let links = pieces(&self.html()).into_iter().filter_map(|piece| match piece {
            Piece::Open { name, attributes } if name == "a" => take(&attributes, "href"),
            _ => None,
        });
        links.collect()
    }

    /// The first form.
    pub fn form(&self) -> Option<Form> {
        self.forms().into_iter().next()
    }

    /// All forms.
    pub fn forms(&self) -> Vec<Form> {
        let mut forms = Vec::<Form>::new();
        let mut open = false;
        let mut label_of_button = false;
        for piece in pieces(&self.html()) {
            match (piece, forms.last_mut()) {
                (Piece::Open { name, attributes }, _) if name == "form" => {
                    forms.push(Form::new(&attributes));
                    open = true;
                }
                (Piece::Close(name), _) if name == "form" => open = false,
                (Piece::Open { name, attributes }, Some(form)) if open && name == "input" => {
                    form.input(&attributes)
                }
                (Piece::Open { name, attributes }, Some(form)) if open && name == "button" => {
                    label_of_button = form.button(&attributes);
                }
                (Piece::Close(name), _) if name == "button" => label_of_button = false,
                (Piece::Text(text), Some(form)) if open && label_of_button => form.label(&text),
                _ => {}
            }
        }
        forms
    }
}

fn take(attributes: &[(String, String)], name: &str) -> Option<String> {
    attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Hidden,
    Text,
    Radio,
    Checkbox,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Field {
    kind: Kind,
    name: String,
    value: String,
    /// Whether it is sent: always for hidden fields and texts.
    on: bool,
}

/// A button that sends the form.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Button {
    /// Its name, or nothing.
    pub name: String,
    /// Its value.
    pub value: String,
    /// What is written on it.
    pub label: String,
}

/// A form, filled in as the page came and then as the test wants it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Form {
    /// Where it is sent, as it is written.
    pub action: String,
    /// How.
    pub method: Method,
    fields: Vec<Field>,
    buttons: Vec<Button>,
}

impl Form {
    fn new(attributes: &[(String, String)]) -> Self {
        let post = take(attributes, "method").is_some_and(|method| method.eq_ignore_ascii_case("post"));
        Self {
            action: take(attributes, "action").unwrap_or_default(),
            method: if post { Method::POST } else { Method::GET },
            fields: Vec::new(),
            buttons: Vec::new(),
        }
    }

    fn input(&mut self, attributes: &[(String, String)]) {
        let name = take(attributes, "name").unwrap_or_default();
        let value = take(attributes, "value");
        let checked = take(attributes, "checked").is_some();
        let (kind, on) = match take(attributes, "type").unwrap_or_default().to_ascii_lowercase().as_str() {
            "submit" | "image" => {
                self.button(attributes);
                return;
            }
            "button" | "reset" => return,
            "hidden" => (Kind::Hidden, true),
            "radio" => (Kind::Radio, checked),
            "checkbox" => (Kind::Checkbox, checked),
            _ => (Kind::Text, true),
        };
        if name.is_empty() || take(attributes, "disabled").is_some() {
            return; // a browser does not send it
        }
        let default = if matches!(kind, Kind::Radio | Kind::Checkbox) { "on" } else { "" };
        self.fields.push(Field { kind, name, value: value.unwrap_or_else(|| default.to_owned()), on });
    }

    /// Says whether the button sends the form.
    fn button(&mut self, attributes: &[(String, String)]) -> bool {
        let plain = take(attributes, "type").is_some_and(|kind| matches!(kind.as_str(), "button" | "reset"));
        // A button that only closes a dialog sends nothing.
        let dialog = take(attributes, "formmethod").is_some_and(|method| method == "dialog");
        if plain || dialog || take(attributes, "disabled").is_some() {
            return false;
        }
        let (name, value) = (take(attributes, "name"), take(attributes, "value"));
        let (name, value) = (name.unwrap_or_default(), value.unwrap_or_default());
        self.buttons.push(Button { name, value, label: String::new() });
        true
    }

    fn label(&mut self, text: &str) {
        if let Some(button) = self.buttons.last_mut() {
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            button.label = [button.label.as_str(), words.as_str()].join(" ").trim().to_owned();
        }
    }

    fn values(&self, kind: Kind, name: &str) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(move |field| field.kind == kind && field.name == name)
    }

    /// The value of a hidden field.
    pub fn hidden(&self, name: &str) -> Option<&str> {
        self.values(Kind::Hidden, name).next().map(|field| field.value.as_str())
    }

    /// The values that can be chosen.
    pub fn radios(&self, name: &str) -> Vec<&str> {
        self.values(Kind::Radio, name).map(|field| field.value.as_str()).collect()
    }

    /// The boxes, and whether each is ticked.
    pub fn checkboxes(&self, name: &str) -> Vec<(&str, bool)> {
        self.values(Kind::Checkbox, name).map(|field| (field.value.as_str(), field.on)).collect()
    }

    /// The buttons that send the form, in their order.
    pub fn buttons(&self) -> &[Button] {
        &self.buttons
    }

    /// Whether there is such a field, of whichever kind.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    /// Writes into a text field or changes a hidden one. A field that is not there is added: pages are not to be trusted, and
    /// neither are browsers.
    #[must_use]
    pub fn fill(mut self, name: &str, value: &str) -> Self {
        let found = self
            .fields
            .iter_mut()
            .find(|field| field.name == name && matches!(field.kind, Kind::Text | Kind::Hidden));
        match found {
            Some(field) => value.clone_into(&mut field.value),
            None => self.add(Kind::Text, name, value),
        }
        self
    }

    /// Chooses a radio button, and un-chooses the others. One that is not there is added.
    #[must_use]
    pub fn choose(mut self, name: &str, value: &str) -> Self {
        let mut found = false;
        for field in self.fields.iter_mut().filter(|field| field.kind == Kind::Radio && field.name == name) {
            field.on = field.value == value && !found;
            found |= field.on;
        }
        if !found {
            self.add(Kind::Radio, name, value);
        }
        self
    }

    /// Ticks or unticks a box. One that is not there is added when it is to be ticked.
    #[must_use]
    pub fn tick(mut self, name: &str, value: &str, on: bool) -> Self {
        let is =
            |field: &&mut Field| field.kind == Kind::Checkbox && field.name == name && field.value == value;
        match self.fields.iter_mut().find(is) {
            Some(field) => field.on = on,
            None if on => self.add(Kind::Checkbox, name, value),
            None => {}
        }
        self
    }

    fn add(&mut self, kind: Kind, name: &str, value: &str) {
        self.fields.push(Field { kind, name: name.to_owned(), value: value.to_owned(), on: true });
    }

    /// What is sent when a button is pressed, which need not be on the page.
    pub fn entries(&self, button: Option<(&str, &str)>) -> Vec<(String, String)> {
        let fields = self.fields.iter().filter(|field| field.on);
        let fields = fields.map(|field| (field.name.clone(), field.value.clone()));
        fields.chain(button.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
    }
}
