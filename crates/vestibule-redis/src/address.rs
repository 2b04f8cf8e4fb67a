//! Where the server is, and the way to it, which leaves this machine encrypted or not at all.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::ConnectionLike as _;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, RedisConnectionInfo, RedisError, RedisResult, Value,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::{ConnectError, RedisOptions};

/// So many addresses of a name are tried.
const MAX_ADDRESSES: usize = 16;

/// A server that may be spoken to.
pub(crate) struct Address {
    place: Place,
    login: RedisConnectionInfo,
    config: AsyncConnectionConfig,
    /// For names, the connection, encryption and login together.
    timeout: Duration,
}

enum Place {
    File(PathBuf),
    Host { host: String, port: u16, tls: Option<(TlsConnector, ServerName<'static>)> },
}

/// Whom to trust. Equal is only itself.
#[derive(Clone)]
pub(crate) struct Trust(pub(crate) Arc<ClientConfig>);

/// It may hold a key of ours.
impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}

impl PartialEq for Trust {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Trust {}

impl Address {
    /// Reads a URL, and refuses the way where it would be in clear text and nobody has accepted that.
    pub(crate) fn read(address: &str, options: &RedisOptions) -> Result<Self, ConnectError> {
        let encrypted = address.split_once("://").filter(|(scheme, _)| scheme.eq_ignore_ascii_case("rediss"));
        let client = match encrypted {
            // Behind it other clients know a word that switches the certificate's check off.
            Some((_, place)) if place.contains('#') => return Err(no_address("there is a fragment in it")),
            Some((_, place)) => Client::open(format!("redis://{place}")),
            None => Client::open(address),
        };
        let client = client.map_err(no_address)?;
        let (info, is_encrypted) = (client.get_connection_info(), encrypted.is_some());
        let trust = match &options.trust {
            None if is_encrypted => return Err(ConnectError::NobodyTrusted),
            Some(_) if !is_encrypted => return Err(ConnectError::NotEncrypted),
            trust => trust.clone(),
        };
        let place = match info.addr() {
            ConnectionAddr::Unix(path) if !is_encrypted => Place::File(path.clone()),
            ConnectionAddr::Tcp(host, port) => {
                let host = host.trim_matches(['[', ']']).to_owned();
                if !is_encrypted && !options.clear_text && !is_here(&host) {
                    return Err(ConnectError::Plaintext);
                }
                let name = |Trust(trust)| {
                    let name = ServerName::try_from(host.clone()).map_err(no_address)?;
                    Ok((TlsConnector::from(trust), name))
                };
                let tls = trust.map(name).transpose()?;
                Place::Host { host, port: *port, tls }
            }
            // What the Redis client itself would encrypt trusts whom it likes.
            _ => return Err(no_address("it names no host")),
        };
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(options.response_timeout));
        Ok(Self { place, login: info.redis_settings().clone(), config, timeout: options.connect_timeout })
    }

    /// Connects, and logs in.
    pub(crate) async fn connect(&self) -> Result<Connection, RedisError> {
        let connecting = async {
            match &self.place {
                Place::File(path) => self.begin(dial_file(path).await?).await,
                Place::Host { host, port, tls } => {
                    let addresses = tokio::net::lookup_host((host.as_str(), *port)).await?;
                    let tcp = dial(addresses.take(MAX_ADDRESSES)).await?;
                    // Nothing is kept back until what was sent before it has arrived: many calls share the connection.
                    tcp.set_nodelay(true)?;
                    match tls {
                        None => self.begin(tcp).await,
                        Some((tls, name)) => self.begin(tls.connect(name.clone(), tcp).await?).await,
                    }
                }
            }
        };
        let late = |_| RedisError::from(io::Error::from(io::ErrorKind::TimedOut));
        tokio::time::timeout(self.timeout, connecting).await.map_err(late)?
    }

    async fn begin<S>(&self, stream: S) -> Result<Connection, RedisError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let config = self.config.clone();
        let (commands, carrier) = MultiplexedConnection::new_with_config(&self.login, stream, config).await?;
        Ok(Connection { commands, carrier: Arc::new(Carrier(tokio::spawn(carrier))) })
    }
}

/// A connection for all. It ends with the last who holds it.
#[derive(Clone)]
pub(crate) struct Connection {
    commands: MultiplexedConnection,
    carrier: Arc<Carrier>,
}

impl Connection {
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
async fn dial(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpStream> {
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
async fn dial_file(path: &PathBuf) -> io::Result<tokio::net::UnixStream> {
    tokio::net::UnixStream::connect(path).await
}

#[cfg(not(unix))]
async fn dial_file(_: &PathBuf) -> io::Result<TcpStream> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

/// Whether nothing leaves this machine.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn no_address(why: impl Into<vestibule_host::BoxError>) -> ConnectError {
    ConnectError::Address(why.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::net::Ipv4Addr;

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
