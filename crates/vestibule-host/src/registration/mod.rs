//! Apps that register themselves (RFC 7591) and look after their registration (RFC 7592). Off unless a host wires it (DCR-004).
//!
//! * [`RegistrationPolicy`]: who may register what; the host's to decide
//! * [`ClientRegistrar`]: keeps registrations; a store
//! * [`RegistrationRequest`]: what an app sent, read and not yet judged
//!
//! What a registration turns into is decided in `vestibule-core`, under the same rules as for clients in a file
//! ([`RegisteredClient::wrongs`](crate::RegisteredClient::wrongs)).

mod policies;
mod policy;
mod record;
mod registrar;
mod request;

pub use policies::{InitialTokens, OpenRegistration};
pub use policy::{
    Admission, Admitted, Candidate, RegistrationAsk, RegistrationPolicy, Review, SingleUse, StatementAnswer,
};
pub use record::RecordError;
pub use registrar::{
    ChangeError, ClientRegistrar, CreateClient, Created, DeleteClient, Registration, SpendToken,
    UpdateClient, Updated,
};
pub use request::{RegistrationRequest, Sent};
