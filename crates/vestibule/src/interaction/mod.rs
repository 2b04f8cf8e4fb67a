//! What happens between an authorize request and its answer: sign-in, patient, visit, consent.
//!
//! 1. [`id`]: the interaction's name
//! 2. [`held`]: where it is held, and who may see it
//! 3. [`restore`]: looks everything up again, and sends the browser to sign in
//! 4. [`drive`]: what comes next, as a function of what is proven
//! 5. [`prompt`]: the steps that a human must take, as owned values consumed by their moves
//! 6. [`step_token`]: the proof in each form
//! 7. [`answer`]: the end: an error for the app, or a code

pub(crate) mod answer;
pub(crate) mod drive;
pub(crate) mod held;
pub(crate) mod id;
pub(crate) mod prompt;
mod restore;
pub(crate) mod step_token;

pub use id::InteractionId;
pub use prompt::{AuthorizeStep, ConsentPrompt, EncounterPrompt, PatientPrompt, SignInPrompt, Turn};
pub use step_token::StepToken;
