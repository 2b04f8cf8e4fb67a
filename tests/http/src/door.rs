//! How requests reach the engine.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use vestibule::AuthorizationServer;

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
                wire::read(&method, &self.exchange(socket, bytes).await)
            }
        }
    }

    /// Sends bytes as they are and gives back the bytes of the answer. `None` where there is no socket.
    pub async fn raw(&self, request: impl Into<Vec<u8>>) -> Option<Vec<u8>> {
        match self {
            Self::Direct(_) => None,
            Self::Socket(socket) => Some(self.exchange(socket, request.into()).await),
        }
    }

    async fn exchange(&self, socket: &Socket, bytes: Vec<u8>) -> Vec<u8> {
        socket.exchange(bytes).await
    }
}
