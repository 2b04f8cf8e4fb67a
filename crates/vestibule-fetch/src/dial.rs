//! From a checked address to a connection.

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A connection before TLS.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens a connection to an address that has been checked. Tests put a network of their own here.
///
/// # Security
/// Connect to `to` and to nothing else: no name is given, so that none can be looked up again (FETCH-003). What is behind the
/// connection is proven by TLS.
#[async_trait]
pub trait Dial: Debug + Send + Sync {
    /// A connection to exactly this address. The future is dropped when it takes too long.
    async fn dial(&self, to: SocketAddr) -> io::Result<Box<dyn Stream>>;
}

/// TCP.
#[derive(Clone, Copy, Default, Debug)]
pub struct TcpDial;

#[async_trait]
impl Dial for TcpDial {
    async fn dial(&self, to: SocketAddr) -> io::Result<Box<dyn Stream>> {
        Ok(Box::new(TcpStream::connect(to).await?))
    }
}
