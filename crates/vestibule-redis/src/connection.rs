//! One connection to a server, and the task that carries it.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use redis::aio::{ConnectionLike as _, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Cmd, RedisConnectionInfo, RedisError, RedisResult, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};

/// A connection for all. It ends with the last who holds it.
#[derive(Clone)]
pub(crate) struct Connection {
    commands: MultiplexedConnection,
    carrier: Arc<Carrier>,
}

impl Connection {
    /// Logs in.
    pub(crate) async fn begin<S>(
        stream: S,
        login: &RedisConnectionInfo,
        config: AsyncConnectionConfig,
    ) -> Result<Self, RedisError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (commands, carrier) = MultiplexedConnection::new_with_config(login, stream, config).await?;
        Ok(Self { commands, carrier: Arc::new(Carrier(tokio::spawn(carrier))) })
    }

    pub(crate) async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        self.commands.req_packed_command(command).await
    }

    /// Whether nothing can be sent any more.
    pub(crate) fn is_over(&self) -> bool {
        self.carrier.0.is_finished()
    }
}

/// The task that carries commands and answers. It would wait for a peer that takes nothing more as long as that lives.
struct Carrier(JoinHandle<()>);

impl Drop for Carrier {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whoever takes the connection first: of the addresses of a name some may be dead.
pub(crate) async fn dial(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let mut dialling: JoinSet<_> = addresses.map(TcpStream::connect).collect();
    let mut error = io::Error::from(io::ErrorKind::AddrNotAvailable);
    while let Some(dialled) = dialling.join_next().await {
        match dialled.map_err(io::Error::from).flatten() {
            Ok(stream) => return Ok(stream),
            Err(refused) => error = refused,
        }
    }
    Err(error)
}

#[cfg(unix)]
pub(crate) async fn dial_file(path: &Path) -> io::Result<tokio::net::UnixStream> {
    tokio::net::UnixStream::connect(path).await
}

#[cfg(not(unix))]
pub(crate) async fn dial_file(_: &Path) -> io::Result<TcpStream> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// One that takes no connections any more, as a dead machine does not.
    async fn full() -> (TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(0).unwrap();
        let (address, mut held) = (listener.local_addr().unwrap(), Vec::new());
        while let Ok(taken) =
            tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
        {
            held.push(taken.unwrap());
        }
        (listener, held)
    }

    #[tokio::test]
    async fn a_dead_address_does_not_hide_a_living_one() {
        let (dead, _held) = full().await;
        let living = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addresses = [dead.local_addr().unwrap(), living.local_addr().unwrap()];
        let dialled = tokio::time::timeout(Duration::from_secs(5), dial(addresses.into_iter()));
        assert_eq!(dialled.await.expect("the living one").unwrap().peer_addr().unwrap(), addresses[1]);
        drop(living);
        let refused = dial(addresses.into_iter().skip(1)).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(dial(std::iter::empty()).await.unwrap_err().kind(), io::ErrorKind::AddrNotAvailable);
    }
}
