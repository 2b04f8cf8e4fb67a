//! From a name to addresses.

use std::collections::HashMap;
use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Looks up the addresses of a host name.
///
/// # Contract
/// `host` is a lower-case name of at least two labels, never an address. All addresses are returned, in the order in which they
/// are best tried. The future is dropped when the fetch has taken too long.
///
/// # Errors
/// [`io::ErrorKind::ResourceBusy`] when the resolver itself is overloaded, which is not put down to the client; any other kind
/// when the name cannot be resolved.
///
/// # Security
/// Nothing: whatever comes back is checked, and a connection is made to what was checked. A resolver that lies can make fetches
/// fail.
#[async_trait]
pub trait Resolve: Debug + Send + Sync {
    /// The addresses of `host`.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver, and its `hosts` file.
///
/// It blocks a thread for as long as a name server is slow, which may be longer than anybody waits. So one name holds at most one
/// thread, and all names together hold 32 of the runtime's.
#[derive(Debug)]
pub struct SystemResolve {
    threads: Arc<Semaphore>,
    names: Mutex<HashMap<String, Weak<Semaphore>>>,
}

impl SystemResolve {
    /// A resolver with its own 32 threads.
    pub fn new() -> Self {
        Self { threads: Arc::new(Semaphore::new(THREADS)), names: Mutex::default() }
    }

    /// The queue of those who want this name.
    fn queue(&self, host: &str) -> Arc<Semaphore> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = names.get(host).and_then(Weak::upgrade) {
            return queue;
        }
        // Those without a waiter and without a thread are done.
        names.retain(|_, queue| queue.strong_count() > 0);
        let queue = Arc::new(Semaphore::new(1));
        names.insert(host.to_owned(), Arc::downgrade(&queue));
        queue
    }
}

impl Default for SystemResolve {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Resolve for SystemResolve {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        // Whose name server hangs waits here for its own earlier question, holding no thread.
        let turn = self.queue(host).acquire_owned().await.map_err(io::Error::other)?;
        let thread = timeout(PATIENCE, Arc::clone(&self.threads).acquire_owned())
            .await
            .map_err(|_| io::ErrorKind::ResourceBusy)?
            .map_err(io::Error::other)?;
        let name = host.to_owned();
        let lookup = move || {
            // Held until the system answers, also if nobody waits any more.
            let _held = (turn, thread);
            let found = (name.as_str(), 0).to_socket_addrs()?;
            Ok(found.map(|address| address.ip()).collect())
        };
        tokio::task::spawn_blocking(lookup).await.map_err(io::Error::other)?
    }
}

const THREADS: usize = 32;

/// How long a name waits for one of the threads.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_system_is_asked() {
        let found = SystemResolve::new().resolve("127.0.0.1").await.unwrap();
        assert_eq!(found, ["127.0.0.1".parse::<IpAddr>().unwrap()]);
        assert!(SystemResolve::new().resolve("no such name").await.is_err());
    }

    /// FETCH-006: a name server that hangs costs one thread, and others still have theirs.
    #[tokio::test(start_paused = true)]
    async fn one_name_holds_one_thread() {
        let resolve = SystemResolve::new();
        let hung = resolve.queue("slow.example").acquire_owned().await.unwrap();
        let waits = timeout(Duration::from_secs(3600), resolve.resolve("slow.example")).await;
        assert!(waits.is_err(), "a second question about the same name waits for the first");
        assert_eq!(resolve.threads.available_permits(), THREADS);
        drop(hung);

        let all = Arc::clone(&resolve.threads).acquire_many_owned(32).await.unwrap();
        let error = resolve.resolve("127.0.0.1").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
        drop(all);
        assert!(resolve.resolve("127.0.0.1").await.is_ok());
        drop(resolve.queue("another.example"));
        assert!(resolve.names.lock().unwrap().len() <= 2, "names that are done are forgotten");
    }
}
