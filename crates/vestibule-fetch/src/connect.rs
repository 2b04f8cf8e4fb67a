//! The one way to a connection: resolve, check every address, dial what was checked, prove the name by TLS (FETCH-001, FETCH-003).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::dial::{Dial, Stream};
use crate::failure::Failure;
use crate::public_address::is_public;
use crate::resolve::Resolve;
use crate::target::{Host, Target};

#[derive(Clone, Debug)]
pub(crate) struct Connector {
    pub(crate) resolve: Arc<dyn Resolve>,
    pub(crate) dial: Arc<dyn Dial>,
    pub(crate) tls: Arc<ClientConfig>,
}

impl Connector {
    /// A connection to the host of `target`, encrypted and proven if the target says so.
    pub(crate) async fn connect(&self, target: &Target) -> Result<Box<dyn Stream>, Failure> {
        let addresses = match &target.host {
            // Checked when it was read; what an operator allowed is allowed in writing only.
            Host::Address(address) => vec![*address],
            Host::Name(name) => self.public_addresses(name).await?,
        };
        let deadline = Instant::now() + CONNECT;
        let stream = self.dial_one(&addresses, target.port, deadline).await?;
        if !target.secure {
            return Ok(stream);
        }
        let name = match &target.host {
            Host::Address(address) => ServerName::from(*address),
            Host::Name(name) => ServerName::try_from(name.to_string())
                .map_err(|error| Failure::NoTls(io::Error::new(io::ErrorKind::InvalidInput, error)))?,
        };
        let handshake = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream);
        let stream = timeout_at(deadline, handshake).await.map_err(|_| Failure::ConnectedTooLate)?;
        Ok(Box::new(stream.map_err(Failure::NoTls)?))
    }

    /// FETCH-003, A-JWKS-01: one address that is not public condemns the name. Who mixes them means the private one.
    async fn public_addresses(&self, name: &str) -> Result<Vec<IpAddr>, Failure> {
        let mut addresses = self.resolve.resolve(name).await.map_err(|error| match error.kind() {
            io::ErrorKind::ResourceBusy => Failure::TooManyNames,
            _ => Failure::Unresolved(error),
        })?;
        if let Some(address) = addresses.iter().find(|address| !is_public(**address)) {
            return Err(Failure::NotPublic(*address));
        }
        // The second try goes to the other family: where one of them leads nowhere, all its addresses do.
        let first = addresses.first().map(IpAddr::is_ipv4);
        if let Some(other) = addresses.iter().position(|address| Some(address.is_ipv4()) != first) {
            let other = addresses.remove(other);
            addresses.insert(1, other);
        }
        addresses.truncate(TRIES);
        Ok(addresses)
    }

    /// Each address gets its share of the time that is left, so that one that leads nowhere leaves some for the next.
    async fn dial_one(
        &self,
        addresses: &[IpAddr],
        port: u16,
        deadline: Instant,
    ) -> Result<Box<dyn Stream>, Failure> {
        let mut failure = Failure::NoAddress;
        let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        for address in addresses {
            let now = Instant::now();
            let share = deadline.saturating_duration_since(now) / left.max(1);
            left = left.saturating_sub(1);
            // A-JWKS-02: the address that was checked, not the name again.
            let dialled = self.dial.dial(SocketAddr::new(*address, port));
            failure = match timeout_at(now + share, dialled).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => Failure::NoConnection(error),
                Err(_) => Failure::ConnectedTooLate,
            };
        }
        Err(failure)
    }
}

/// FETCH-004: TCP and TLS together.
const CONNECT: Duration = Duration::from_secs(2);

/// How many addresses of a name are tried.
const TRIES: usize = 4;
