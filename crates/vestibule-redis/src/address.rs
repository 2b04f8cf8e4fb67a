//! Where the server is, and whether the way to it is encrypted.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, RedisConnectionInfo, RedisError};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::{ConnectError, RedisOptions};

/// A server that may be spoken to.
pub(crate) enum Address {
    /// On this machine, or where the host has accepted it.
    Clear(Client),
    Encrypted {
        host: String,
        port: u16,
        name: ServerName<'static>,
        login: RedisConnectionInfo,
        tls: TlsConnector,
        /// For the connection and the handshake together.
        timeout: Duration,
    },
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
        let open = |address: &str| Client::open(address).map_err(|error| ConnectError::Address(error.into()));
        let Some((_, place)) = encrypted else {
            let client = open(address)?;
            if options.trust.is_some() {
                return Err(ConnectError::NotEncrypted);
            }
            let is_safe = options.clear_text || is_here(client.get_connection_info().addr());
            return if is_safe { Ok(Self::Clear(at_once(client)?)) } else { Err(ConnectError::Plaintext) };
        };
        let Some(Trust(trust)) = options.trust.clone() else { return Err(ConnectError::NobodyTrusted) };
        // Behind it other clients know a word that switches the certificate's check off.
        if place.contains('#') {
            return Err(ConnectError::Address("there is a fragment in it".into()));
        }
        let client = open(&format!("redis://{place}"))?;
        let ConnectionAddr::Tcp(host, port) = client.get_connection_info().addr() else {
            return Err(ConnectError::Address("it names no host".into()));
        };
        let host = host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|error| ConnectError::Address(error.into()))?;
        let login = client.get_connection_info().redis_settings().clone();
        let (tls, timeout) = (TlsConnector::from(trust), options.connect_timeout);
        Ok(Self::Encrypted { host, port: *port, name, login, tls, timeout })
    }

    pub(crate) async fn connect(
        &self,
        config: &AsyncConnectionConfig,
    ) -> Result<MultiplexedConnection, RedisError> {
        match self {
            Self::Clear(client) => client.get_multiplexed_async_connection_with_config(config).await,
            Self::Encrypted { host, port, name, login, tls, timeout } => {
                let connecting = async {
                    let tcp = TcpStream::connect((host.as_str(), *port)).await?;
                    tcp.set_nodelay(true)?;
                    let stream = tls.connect(name.clone(), tcp).await?;
                    MultiplexedConnection::new_with_config(login, stream, config.clone()).await
                };
                let (connection, driver) = tokio::time::timeout(*timeout, connecting)
                    .await
                    .map_err(|_| RedisError::from(io::Error::from(io::ErrorKind::TimedOut)))??;
                // It ends with the last handle to the connection, or with the connection.
                tokio::spawn(driver);
                Ok(connection)
            }
        }
    }
}

/// The same, with nothing kept back until what was sent before it has arrived: many calls share the connection.
fn at_once(client: Client) -> Result<Client, ConnectError> {
    let info =
        client.get_connection_info().clone().set_tcp_settings(TcpSettings::default().set_nodelay(true));
    Client::open(info).map_err(|error| ConnectError::Address(error.into()))
}

/// Whether nothing leaves this machine.
fn is_here(address: &ConnectionAddr) -> bool {
    match address {
        ConnectionAddr::Unix(_) => true,
        ConnectionAddr::Tcp(host, _) => {
            let literal = host.trim_matches(['[', ']']);
            host == "localhost" || literal.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
        _ => false,
    }
}
