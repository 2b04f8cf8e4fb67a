//! How requests reach the engine.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};
use vestibule::AuthorizationServer;

use crate::browser::Answer;
use crate::wire::{self, Socket};

/// What stands between a client and the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapter {
    /// Nothing: `AuthorizationServer::handle` is called.
    Direct,
    /// `vestibule-tower` in hyper, behind a socket.
    #[cfg(feature = "loopback")]
    Tower,
    /// `vestibule-actix` in actix-web, behind a socket.
    #[cfg(feature = "loopback")]
    Actix,
}

/// A way in. Clones share it; with the last one its socket is closed.
#[derive(Clone, Debug)]
pub enum Door {
    Direct(AuthorizationServer),
    Socket(Arc<Socket>),
}

impl Door {
    pub fn open(adapter: Adapter, server: AuthorizationServer) -> Self {
        match adapter {
            Adapter::Direct => Self::Direct(server),
            #[cfg(feature = "loopback")]
            Adapter::Tower => Self::Socket(Arc::new(crate::serve::tower(server))),
            #[cfg(feature = "loopback")]
            Adapter::Actix => Self::Socket(Arc::new(crate::serve::actix(server))),
        }
    }

    /// Sends a request, as a well-behaved client does.
    pub async fn send(&self, request: Request<Bytes>) -> Response<Bytes> {
        match self {
            Self::Direct(server) => Box::pin(server.handle(request)).await,
            Self::Socket(socket) => {
                let (method, bytes) = (request.method().clone(), wire::written(&request));
                wire::read(&method, &socket.exchange(bytes).await)
            }
        }
    }

    /// Sends bytes as they are and gives back the bytes of the answer. `None` where there is no socket.
    pub async fn raw(&self, request: impl Into<Vec<u8>>) -> Option<Vec<u8>> {
        match self {
            Self::Direct(_) => None,
            Self::Socket(socket) => Some(socket.exchange(request.into()).await),
        }
    }

    /// Sends bytes as they are; exactly one whole answer must come back, and then the end.
    pub async fn raw_answer(&self, request: impl Into<Vec<u8>>) -> Answer {
        let request = request.into();
        let end = request.iter().position(|byte| *byte == b' ').unwrap_or(request.len());
        let method = Method::from_bytes(&request[..end]).unwrap_or_default();
        let answer = self.raw(request).await.expect("a door with a socket");
        wire::read(&method, &answer).into()
    }
}
