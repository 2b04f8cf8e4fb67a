//! The authorize endpoint, in the order of smart.md 2.5.
//!
//! 1. [`request`]: which client and which address (nothing may redirect yet)
//! 2. [`redirect`]: the proof that an address is registered; only it can carry an answer to the app: [`response`]
//! 3. [`validate`]: everything else that can be judged before anybody signs in, with [`pkce`], [`launch`] and [`sign_in`],
//!    which afterwards judges who signed in
//! 4. [`negotiate`]: what becomes of each requested scope, and why
//! 5. [`progress`]: who, whose record, which visit, consent: the patient-context machine, with [`patient`], the witness
//! 6. [`consent`]: what is offered and what was ticked
//! 7. [`issue`]: the code and its grant

pub mod consent;
pub mod error;
pub mod issue;
pub mod launch;
pub mod negotiate;
pub mod patient;
pub mod pkce;
pub mod progress;
pub mod redirect;
pub mod refusal;
pub mod request;
pub mod response;
pub mod sign_in;
pub mod validate;

pub use consent::{ConsentChoice, Offer, OfferItem};
pub use error::{AuthorizeCode, AuthorizeRefusal};
pub use negotiate::{Fate, Line, Negotiation, Reason, Stage};
pub use patient::{Ask, PatientAccess};
pub use pkce::{Challenge, CodeProof, Verifier};
pub use progress::{Event, Needs, Progress, Who};
pub use redirect::ProvenRedirect;
pub use refusal::Refusal;
pub use request::Identified;
pub use response::{AuthorizeResponse, ResponseMode};
pub use sign_in::{SignInWish, Verdict};
pub use validate::{PendingRequest, Rules};
