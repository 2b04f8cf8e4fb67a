//! The body of a registration request.

use serde_json::{Map, Value};

use crate::Secret;
use crate::client::members::Members;
use crate::client::{ClientMetadata, Wrong, WrongField, strict_json};

/// The largest body (DCR-010).
const MAX_BODY: usize = 64 * 1024;
/// The most addresses of one kind (DCR-010).
const MAX_URIS: usize = 10;
/// The most contacts (DCR-010).
const MAX_CONTACTS: usize = 20;

/// What only a server says. Sent back, it might be meant as a wish (DCRM-002).
const OF_THE_SERVER: [&str; 4] = [
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
];

/// What an app sent: a JSON object in which nothing stands twice, of which nothing is known yet.
#[derive(Clone, Debug)]
pub struct RegistrationRequest {
    members: Map<String, Value>,
}

/// The members of a request that mean something to us. Everything else was ignored (DCR-002), so that nothing can be set that has
/// no place here (DCR-005).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sent {
    /// What the app says about itself.
    pub metadata: ClientMetadata,
    /// `client_id`, which only a change may name.
    pub client_id: Option<String>,
    /// `client_secret`, which only a change may name.
    pub client_secret: Option<Secret>,
    /// The first member that only the server says.
    pub of_the_server: Option<&'static str>,
    /// `software_statement`.
    pub statement: Option<String>,
}

impl RegistrationRequest {
    /// Reads the body of a POST or PUT.
    ///
    /// # Errors
    /// What is wrong with it as a document.
    pub fn from_json(body: &[u8]) -> Result<Self, Vec<WrongField>> {
        object(body).map(|members| Self { members })
    }

    /// The software statement in it.
    pub fn statement(&self) -> Option<&str> {
        self.members.get("software_statement")?.as_str()
    }

    /// Puts what a trusted software statement says in the place of what the app says (RFC 7591 §2.3).
    ///
    /// # Errors
    /// What is wrong with the statement as a document.
    pub fn with_statement(mut self, values: &str) -> Result<Self, Vec<WrongField>> {
        let mut values = object(values.as_bytes())?;
        // `jwks` and `jwks_uri` are one choice: the statement's, if it makes it.
        if values.contains_key("jwks") || values.contains_key("jwks_uri") {
            self.members.remove("jwks");
            self.members.remove("jwks_uri");
        }
        // What names this request, and not the software.
        for of_the_request in
            ["client_id", "client_secret", "software_statement"].iter().chain(&OF_THE_SERVER)
        {
            values.remove(*of_the_request);
        }
        self.members.extend(values);
        Ok(self)
    }

    /// Takes out what means something.
    ///
    /// # Errors
    /// Everything that cannot be read, or is more than may be sent.
    pub fn read(self) -> Result<Sent, Vec<WrongField>> {
        let mut members = self.members;
        // RFC 7592 §2.2: null is the same as nothing.
        members.retain(|_, value| !value.is_null());
        let of_the_server = OF_THE_SERVER.into_iter().find(|name| members.contains_key(*name));
        let mut members = Members::new(members, Vec::new());
        let metadata = ClientMetadata::read(&mut members);
        let client_id = members.string("client_id");
        let client_secret = members.string("client_secret").map(Secret::new);
        let statement = members.string("software_statement");
        let lists = [
            ("redirect_uris", metadata.redirect_uris.len(), MAX_URIS),
            ("launch_uris", metadata.launch_uris.len(), MAX_URIS),
            ("allowed_origins", metadata.allowed_origins.as_ref().map_or(0, Vec::len), MAX_URIS),
            ("contacts", metadata.details.contacts.len(), MAX_CONTACTS),
        ];
        for (field, len, most) in lists {
            if len > most {
                members.say(field, Wrong::TooMany(most));
            }
        }
        let mut wrongs = members.into_wrongs();
        // A scope that we do not know is one that this app does not get (SMART-SCOPE-004); it sees so from the answer.
        wrongs.retain(|found| !matches!(found.wrong, Wrong::Scope { .. }));
        if !wrongs.is_empty() {
            return Err(wrongs);
        }
        Ok(Sent { metadata, client_id, client_secret, of_the_server, statement })
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Vec<WrongField>> {
    let document = |wrong| vec![WrongField::new("", wrong)];
    if body.len() > MAX_BODY {
        return Err(document(Wrong::Json("it is larger than 64 KiB".to_owned())));
    }
    let text = std::str::from_utf8(body).map_err(|error| document(Wrong::Json(error.to_string())))?;
    let (value, twice) = strict_json::read(text).map_err(|error| document(Wrong::Json(error.to_string())))?;
    let Value::Object(members) = value else { return Err(document(Wrong::NotAnObject)) };
    if twice.is_empty() {
        return Ok(members);
    }
    Err(twice.into_iter().map(|twice| WrongField::new(twice.field, Wrong::DuplicateMember)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(json: &str) -> Sent {
        RegistrationRequest::from_json(json.as_bytes()).unwrap().read().unwrap()
    }

    fn refused(json: &str) -> Vec<String> {
        let read = RegistrationRequest::from_json(json.as_bytes()).and_then(RegistrationRequest::read);
        read.unwrap_err().iter().map(ToString::to_string).collect()
    }

    /// DCR-002, DCR-005, A-DCR-04
    #[test]
    fn what_is_not_known_is_ignored() {
        let sent = sent(
            r#"{ "redirect_uris": ["https://app.example/cb"], "trusted": true, "skip_consent": true, "owner": "x",
                 "vestibule": { "consent": "pre_approved" }, "fhir_bases": ["https://x"], "client_id": "pub",
                 "client_name#de": "App", "scope": "openid patient/Foo.rs", "client_uri": null }"#,
        );
        assert_eq!(sent.metadata.redirect_uris, ["https://app.example/cb"]);
        assert_eq!(sent.metadata.scopes.unwrap().to_string(), "openid");
        assert_eq!(sent.client_id.as_deref(), Some("pub"), "for a change to compare, and nothing else");
        assert!(sent.metadata.home_page.is_none() && sent.of_the_server.is_none());
    }

    /// DCR-010
    #[test]
    fn documents_have_bounds() {
        assert!(refused("")[0].starts_with("not valid JSON: "));
        assert_eq!(refused("[]"), ["must be a JSON object"]);
        assert_eq!(refused(r#"{"scope":"openid","scope":"openid"}"#), ["scope: stands here twice"]);
        assert_eq!(refused(r#"{"x":{"y":1,"y":2}}"#), ["x.y: stands here twice"]);
        let deep = format!(r#"{{"x":{}1{}}}"#, "[".repeat(8), "]".repeat(8));
        assert!(refused(&deep)[0].starts_with("not valid JSON: nested too deeply"));
        assert!(refused(&format!("{{}}{}", " ".repeat(MAX_BODY)))[0].contains("larger than 64 KiB"));
        let list = |field: &str, len: usize| format!(r#"{{"{field}":[{}]}}"#, vec![r#""a""#; len].join(","));
        for (field, most) in
            [("redirect_uris", 10), ("launch_uris", 10), ("allowed_origins", 10), ("contacts", 20)]
        {
            assert!(RegistrationRequest::from_json(list(field, most).as_bytes()).unwrap().read().is_ok());
            assert_eq!(
                refused(&list(field, most + 1)),
                [format!("{field}: must not have more than {most} elements")]
            );
        }
        assert!(RegistrationRequest::from_json(b"\xff").is_err());
    }

    #[test]
    fn a_trusted_statement_wins() {
        let request = RegistrationRequest::from_json(
            br#"{ "client_name": "Mine", "client_uri": "https://app.example/", "software_statement": "a.b.c",
                  "jwks_uri": "https://app.example/jwks", "token_endpoint_auth_method": "private_key_jwt" }"#,
        )
        .unwrap();
        assert_eq!(request.statement(), Some("a.b.c"));
        let values = r#"{ "client_name": "Reviewed", "iss": "https://ehr.example", "client_id": "x",
                          "jwks": { "keys": [] }, "software_statement": "other" }"#;
        let sent = request.with_statement(values).unwrap().read().unwrap();
        assert_eq!(sent.metadata.name.as_deref(), Some("Reviewed"));
        assert_eq!(sent.metadata.home_page.as_deref(), Some("https://app.example/"));
        assert_eq!(sent.statement.as_deref(), Some("a.b.c"));
        assert!(sent.client_id.is_none() && sent.metadata.keys.is_some());
    }
}
