//! Between the store and the server: counts round trips, and can fall silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server says arrives so much later. Whoever sends twice without waiting has sent twice by then.
const DELAY: Duration = Duration::from_millis(40);

#[derive(Debug, Default)]
pub(crate) struct Traffic {
    trips: AtomicU32,
    /// Set while nothing was sent since the last answer arrived.
    answered: AtomicBool,
    silent: AtomicBool,
}

/// Listens on the loopback address and passes everything on to a port there.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    traffic: Arc<Traffic>,
}

impl Proxy {
    pub(crate) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let traffic = Arc::new(Traffic::default());
        let proxy = Self { port, traffic };
        let shared = Arc::clone(&proxy.traffic);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                tokio::spawn(pass(client, server, Arc::clone(&shared)));
            }
        });
        proxy
    }

    /// How many round trips there were since the last time somebody asked.
    pub(crate) fn trips(&self) -> u32 {
        self.traffic.answered.store(true, Ordering::SeqCst);
        self.traffic.trips.swap(0, Ordering::SeqCst)
    }

    /// From now on nothing that the server says arrives.
    pub(crate) fn fall_silent(&self, silent: bool) {
        self.traffic.silent.store(silent, Ordering::SeqCst);
    }
}

async fn pass(client: TcpStream, server: TcpStream, traffic: Arc<Traffic>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let seen = Arc::clone(&traffic);
    let there = tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            if seen.answered.swap(false, Ordering::SeqCst) {
                seen.trips.fetch_add(1, Ordering::SeqCst);
            }
            if to_server.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
        tokio::time::sleep(DELAY).await;
        while traffic.silent.load(Ordering::SeqCst) {
            tokio::time::sleep(DELAY).await;
        }
        traffic.answered.store(true, Ordering::SeqCst);
        if to_client.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    there.abort();
}
