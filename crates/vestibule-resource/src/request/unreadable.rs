//! Why a request is not understood.

/// A request that this crate cannot read exactly. It is refused: the server behind might read it in another way.
///
/// Answer with [`status`](Self::status). The text is constant and says nothing about what is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// No FHIR interaction has this method on this path.
    #[error("no FHIR interaction has this method and path")]
    NoInteraction,
    /// The path has an empty or dot segment, an escape or a character that FHIR paths do not have.
    #[error("the path is not a plain FHIR path")]
    Path,
    /// The release does not have this resource type, or it is written in another case.
    #[error("the resource type is not known")]
    UnknownType,
    /// An id is not 1 to 64 letters, digits, `-` and `.`.
    #[error("an id is malformed")]
    Id,
    /// An escape is broken, a character is not allowed, or there is too much.
    #[error("the query or form is malformed, or too large")]
    Query,
    /// A search parameter that FHIR does not allow in this place, or not in this form, or not twice.
    #[error("a search parameter is not allowed here")]
    Parameter,
    /// Query and form say different things, or one of them does not belong here.
    #[error("query and form do not go together")]
    QueryBesideForm,
    /// The body is not the resource that the path speaks of.
    #[error("the body does not fit the path")]
    Body,
    /// A patch in a format that FHIR does not define.
    #[error("the format of the patch is not known")]
    PatchFormat,
    /// A batch in a batch, too many entries, or an entry that is no request.
    #[error("the batch is malformed, or too large")]
    Batch,
}

impl Unreadable {
    /// The status to answer with.
    pub const fn status(self) -> http::StatusCode {
        match self {
            Self::UnknownType | Self::NoInteraction => http::StatusCode::NOT_FOUND,
            Self::PatchFormat => http::StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => http::StatusCode::BAD_REQUEST,
        }
    }

    /// A FHIR `OperationOutcome` as body, of type `application/fhir+json`.
    pub const fn operation_outcome(self) -> &'static str {
        r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"not-supported","diagnostics":"the request is not understood"}]}"#
    }
}
