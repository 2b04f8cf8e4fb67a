//! Vestibule as a [`tower_service::Service`]: mounts in axum, hyper, and whatever else speaks tower.
//!
//! The engine wants whole requests ([`AuthorizationServer::handle`](vestibule::AuthorizationServer::handle)); frameworks hand
//! over bodies that are still arriving. [`VestibuleService`] collects them, up to a bound, and does nothing else: it looks at no
//! OAuth parameter, and every answer is the engine's, also to a body that is too large or broken.
//!
//! # Mounting
//!
//! ```text
//! axum     Router::new().fallback_service(VestibuleService::new(server))
//! hyper    TowerToHyperService::new(VestibuleService::new(server))
//! ```
//!
//! axum's `nest_service` strips the prefix it is mounted under. The engine routes on the whole path after its configured base,
//! so mount it as a fallback or with `route_service` on the whole path.
//!
//! # Time
//!
//! There is no timer in here. A client that sends its body slowly is ended by the server's own timeouts; hyper applies those
//! for headers only if it is given a timer.

mod service;

pub use service::VestibuleService;
