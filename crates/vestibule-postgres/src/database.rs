//! Where the database is and how it is reached.

use std::fmt::{self, Debug};
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{ConfigConnectImpl, Connect};
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, Error, NoTls, Socket};

use crate::OpenError;

/// A PostgreSQL database: its address, who comes, and whether the way is encrypted.
#[derive(Clone)]
pub struct Database {
    config: Config,
    connect: Arc<dyn Connect>,
}

impl Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The configuration hides its password.
        f.debug_tuple("Database").field(&self.config).finish()
    }
}

impl Database {
    /// Reads a URL like `postgres://vestibule@localhost/ehr`. Without encryption: this is for a database on the same machine, or
    /// in a network that is encrypted by other means and that says so with `sslmode=disable`.
    ///
    /// `sslmode=prefer` is what a URL says that says nothing, and it would go on in clear text without a word. It therefore counts
    /// only on this machine; `sslmode=require` wants [`with_tls`](Self::with_tls).
    ///
    /// # Errors
    /// [`OpenError`] when it is no such URL, and when it would send passwords and keys in clear text without having been told to.
    pub fn from_url(url: &str) -> Result<Self, OpenError> {
        let config: Config = url.parse().map_err(OpenError::Url)?;
        match config.get_ssl_mode() {
            SslMode::Disable => {}
            SslMode::Prefer if is_here(&config) => {}
            _ => return Err(OpenError::Plaintext),
        }
        Ok(Self::new(config, NoTls))
    }

    /// Reads a URL, and encrypts the way with the host's own connector, whatever the URL says of `sslmode`: a server that does not
    /// encrypt is refused. Whom the connector trusts, and whether it compares names, is the host's choice; it should.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use tokio_postgres_rustls::MakeRustlsConnect;
    /// use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
    /// use vestibule_postgres::Database;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut roots = RootCertStore::empty(); // and in it who vouches for your database
    /// # let _ = &mut roots;
    /// let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
    ///     .with_safe_default_protocol_versions()?
    ///     .with_root_certificates(roots)
    ///     .with_no_client_auth();
    /// let database = Database::with_tls("postgres://vestibule@db.example/ehr", MakeRustlsConnect::new(config))?;
    /// # drop(database);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OpenError`] when it is no such URL, and when it says `sslmode=disable`.
    pub fn with_tls<T>(url: &str, tls: T) -> Result<Self, OpenError>
    where
        T: MakeTlsConnect<Socket> + Clone + Sync + Send + 'static,
        T::Stream: Sync + Send,
        T::TlsConnect: Sync + Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let mut config: Config = url.parse().map_err(OpenError::Url)?;
        if config.get_ssl_mode() == SslMode::Disable {
            return Err(OpenError::TlsDisabled);
        }
        config.ssl_mode(SslMode::Require);
        Ok(Self::new(config, tls))
    }

    fn new<T>(mut config: Config, tls: T) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Sync + Send + 'static,
        T::Stream: Sync + Send,
        T::TlsConnect: Sync + Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        if config.get_application_name().is_none() {
            config.application_name("vestibule");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(3));
        }
        // A network that swallows everything is noticed.
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(Duration::from_secs(10));
        }
        config.keepalives_idle(Duration::from_secs(30));
        Self { config, connect: Arc::new(ConfigConnectImpl { tls }) }
    }

    pub(crate) fn config(&self) -> Config {
        self.config.clone()
    }

    pub(crate) async fn connect(&self) -> Result<(Client, JoinHandle<()>), Error> {
        self.connect.connect(&self.config).await
    }
}

type Connecting<'a> = Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + 'a>>;

impl Connect for Database {
    fn connect(&self, config: &Config) -> Connecting<'_> {
        let config = config.clone();
        Box::pin(async move { self.connect.connect(&config).await })
    }
}

/// Whether nothing leaves this machine.
fn is_here(config: &Config) -> bool {
    let named = config.get_hosts();
    let addressed = config.get_hostaddrs();
    let here = |host: &Host| match host {
        #[cfg(unix)]
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
    };
    addressed.iter().all(IpAddr::is_loopback) && named.iter().all(here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_in_clear_text_unless_it_was_said_or_stays_here() {
        for here in [
            "postgres://localhost/ehr",
            "postgres://me@127.0.0.1:5433/ehr",
            "postgres://[::1]/ehr",
            "host=/run/postgresql dbname=ehr",
            "postgres://db.example/ehr?sslmode=disable",
        ] {
            assert!(Database::from_url(here).is_ok(), "{here}");
        }
        for away in [
            "postgres://db.example/ehr",
            "postgres://10.0.0.1/ehr",
            "postgres://localhost,db.example/ehr",
            "postgres://localhost/ehr?sslmode=require",
            "host=localhost hostaddr=10.0.0.1 dbname=ehr",
        ] {
            assert!(matches!(Database::from_url(away), Err(OpenError::Plaintext)), "{away}");
        }
        // Modes that the driver does not know are refused, not taken for weaker ones.
        for wrong in
            ["postgres://localhost/ehr?sslmode=verify-full", "mysql://localhost/ehr", "postgres://h:x/"]
        {
            assert!(matches!(Database::from_url(wrong), Err(OpenError::Url(_))), "{wrong}");
        }
        let off = Database::with_tls("postgres://db.example/ehr?sslmode=disable", NoTls);
        assert!(matches!(off, Err(OpenError::TlsDisabled)));
    }

    #[test]
    fn a_password_is_not_shown() {
        let database = Database::from_url("postgres://me:hunter2@localhost/ehr").unwrap();
        assert!(!format!("{database:?}").contains("hunter2"));
    }
}
