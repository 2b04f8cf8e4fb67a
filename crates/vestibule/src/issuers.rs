//! Several issuers in one process, over one store or several (design §5 "Tenancy").

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};

use crate::AuthorizationServer;
use crate::config::path_of;

/// No path of ours has more segments.
const MAX_SEGMENTS: usize = 16;

/// Servers by the paths of their issuers. Cheap to clone.
///
/// Each issuer is a tenant of its own: codes, tokens, launches, interactions, cookies, claims of assertions and keys of one are
/// unknown to the others, also over one store (A-MIX-05, A-KEY-11).
///
/// ```
/// # use vestibule::{AuthorizationServer, Issuers, SamePath};
/// # fn example(north: AuthorizationServer, south: AuthorizationServer) -> Result<(), SamePath> {
/// // https://ehr.example/north and https://ehr.example/south
/// let issuers = Issuers::new([north, south])?;
/// assert!(issuers.by_path("/north/auth/token").is_some());
/// assert!(issuers.by_path("/northern/auth/token").is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Issuers {
    servers: Arc<[AuthorizationServer]>,
    at: Arc<HashMap<String, usize>>,
}

/// Two issuers, or FHIR bases of two issuers, have the same path: a request could be for either.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("two issuers share the path {0:?}")]
pub struct SamePath(pub String);

impl Issuers {
    /// Servers whose issuers differ in their paths.
    ///
    /// # Errors
    /// [`SamePath`].
    pub fn new(servers: impl IntoIterator<Item = AuthorizationServer>) -> Result<Self, SamePath> {
        let servers: Arc<[AuthorizationServer]> = servers.into_iter().collect();
        let mut at = HashMap::new();
        for (index, server) in servers.iter().enumerate() {
            let config = server.config();
            let issuer = config.issuer_path();
            let mut paths = vec![
                issuer.to_owned(),
                // SMART-DISC-062: inserted before the issuer's path, not appended.
                format!("/.well-known/oauth-authorization-server{issuer}"),
            ];
            paths.extend(config.bases().iter().flat_map(|base| {
                let smart = format!("{}/.well-known/smart-configuration", path_of(base.url()));
                [format!("{smart}.json"), smart]
            }));
            for path in paths {
                if at.insert(path.clone(), index).is_some() {
                    return Err(SamePath(path));
                }
            }
        }
        Ok(Self { servers, at: Arc::new(at) })
    }

    /// The server that a path belongs to: the longest issuer path that it begins with, compared in whole segments.
    pub fn by_path(&self, path: &str) -> Option<AuthorizationServer> {
        let mut rest = path;
        for _ in 0..MAX_SEGMENTS {
            if let Some(server) = self.at.get(rest).and_then(|index| self.servers.get(*index)) {
                return Some(server.clone());
            }
            rest = rest.get(..rest.rfind('/')?)?;
        }
        None
    }

    /// All of them, for [`tick`](AuthorizationServer::tick).
    pub fn iter(&self) -> impl Iterator<Item = &AuthorizationServer> {
        self.servers.iter()
    }

    /// Answers a request by the server that its path belongs to; 404 for nobody's.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        match self.by_path(request.uri().path()) {
            Some(server) => server.handle(request).await,
            None => {
                let mut response = Response::new(Bytes::new());
                *response.status_mut() = StatusCode::NOT_FOUND;
                response
            }
        }
    }
}
