//! The token endpoint, in the order of oauth.md 4.2.
//!
//! 1. [`client_auth`]: which app asks, and does it prove it
//! 2. [`request`]: which grant, with which parameters
//! 3. [`code`]: the code's grant, checked, asked again, drafted, settled
//! 4. [`response`]: the JSON answer, and [`error`]: what an app may learn

pub mod client_auth;
pub mod code;
pub mod error;
pub mod request;
pub mod response;

pub use client_auth::{AuthenticatedClient, Presented};
pub use code::{Checked, CodeRequest, Draft, TokenDraft, TokenLife};
pub use error::TokenError;
pub use request::TokenRequest;
pub use response::TokenResponse;
