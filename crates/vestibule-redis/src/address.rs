//! Where the server is, and the way to it, which leaves this machine encrypted or not at all.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use redis::{AsyncConnectionConfig, Client, ConnectionAddr, RedisConnectionInfo, RedisError};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::connection::{Connection, dial, dial_file};
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

/// Whom to trust.
#[derive(Clone)]
pub(crate) struct Trust(pub(crate) Arc<ClientConfig>);

/// It may hold a key of ours.
impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}

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
        let (login, config) = (&self.login, self.config.clone());
        let connecting = async {
            match &self.place {
                Place::File(path) => Connection::begin(dial_file(path).await?, login, config).await,
                Place::Host { host, port, tls } => {
                    let addresses = tokio::net::lookup_host((host.as_str(), *port)).await?;
                    let tcp = dial(addresses.take(MAX_ADDRESSES)).await?;
                    // Nothing is kept back until what was sent before it has arrived: many calls share the connection.
                    tcp.set_nodelay(true)?;
                    match tls {
                        None => Connection::begin(tcp, login, config).await,
                        Some((tls, name)) => {
                            Connection::begin(tls.connect(name.clone(), tcp).await?, login, config).await
                        }
                    }
                }
            }
        };
        let late = |_| RedisError::from(io::Error::from(io::ErrorKind::TimedOut));
        tokio::time::timeout(self.timeout, connecting).await.map_err(late)?
    }
}

/// Whether nothing leaves this machine.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn no_address(why: impl Into<vestibule_host::BoxError>) -> ConnectError {
    ConnectError::Address(why.into())
}
