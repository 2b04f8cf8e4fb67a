//! The token endpoint, in the order of oauth.md 4.2.
//!
//! 1. [`client_auth`]: which app asks, and does it prove it
//! 2. [`request`]: which grant, with which parameters
//! 3. [`code`], [`refresh`], [`backend`]: the grants, each checked, asked again, drafted, settled; `resources`: for which FHIR
//!    server
//! 4. [`content`]: what the tokens say, and [`refresh_token`]: the text of a refresh token
//! 5. [`response`]: the JSON answer, and [`error`]: what an app may learn

pub mod backend;
pub mod client_auth;
pub mod code;
pub mod content;
pub mod error;
pub mod refresh;
pub mod refresh_token;
pub mod request;
mod resources;
pub mod response;

pub use backend::{BackendDraft, BackendRequest, SignedBackend};
pub use client_auth::{Asserted, AuthenticatedClient, Presented};
pub use code::{Checked, CodeRequest, Draft, TokenDraft};
pub use content::{IssuedAccess, TokenContent, TokenLife};
pub use error::TokenError;
pub use refresh::{RefreshChecked, RefreshDraft, RefreshRequest, RefreshTokenDraft, refresh_cap};
pub use refresh_token::RefreshToken;
pub use request::TokenRequest;
pub use response::TokenResponse;
