//! A network made of memory: names, addresses, servers. It notes who was looked up and what was connected to.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use vestibule_fetch::{Dial, Resolve, Stream};

use crate::server::Server;

#[derive(Default, Debug)]
pub(crate) struct Net {
    /// What each name resolves to at the first, second, … look-up; the last one stays.
    names: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    servers: Mutex<HashMap<SocketAddr, Arc<Server>>>,
    black_holes: Mutex<HashSet<IpAddr>>,
    looked_up: Mutex<Vec<String>>,
    dialled: Mutex<Vec<SocketAddr>>,
}

/// Names whose look-up never ends.
pub(crate) const TAR_PIT: &str = "tar-pit.example";

/// Names for which the resolver has no room.
pub(crate) const NO_ROOM: &str = "no-room.example";

impl Net {
    pub(crate) fn name(&self, name: &str, look_ups: &[&[&str]]) {
        let parse = |addresses: &&[&str]| addresses.iter().map(|text| text.parse().unwrap()).collect();
        self.names.lock().unwrap().insert(name.to_owned(), look_ups.iter().map(parse).collect());
    }

    pub(crate) fn server(&self, address: &str, port: u16, server: Server) -> Arc<Server> {
        let at = SocketAddr::new(address.parse().unwrap(), port);
        let server = Arc::new(server);
        self.servers.lock().unwrap().insert(at, Arc::clone(&server));
        server
    }

    /// Packets to this address are lost.
    pub(crate) fn black_hole(&self, address: &str) {
        self.black_holes.lock().unwrap().insert(address.parse().unwrap());
    }

    pub(crate) fn looked_up(&self) -> Vec<String> {
        self.looked_up.lock().unwrap().clone()
    }

    pub(crate) fn dialled(&self) -> Vec<SocketAddr> {
        self.dialled.lock().unwrap().clone()
    }
}

#[async_trait]
impl Resolve for Net {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.looked_up.lock().unwrap().push(host.to_owned());
        match host {
            TAR_PIT => std::future::pending().await,
            NO_ROOM => Err(io::ErrorKind::ResourceBusy.into()),
            _ => {
                let mut names = self.names.lock().unwrap();
                let look_ups = names.get_mut(host).ok_or(io::ErrorKind::NotFound)?;
                Ok(if look_ups.len() > 1 { look_ups.remove(0) } else { look_ups[0].clone() })
            }
        }
    }
}

#[async_trait]
impl Dial for Net {
    async fn dial(&self, to: SocketAddr) -> io::Result<Box<dyn Stream>> {
        self.dialled.lock().unwrap().push(to);
        if self.black_holes.lock().unwrap().contains(&to.ip()) {
            std::future::pending::<()>().await;
        }
        let server = self.servers.lock().unwrap().get(&to).cloned();
        let server = server.ok_or(io::ErrorKind::ConnectionRefused)?;
        let (ours, theirs) = tokio::io::duplex(16 * 1024);
        tokio::spawn(server.serve(theirs));
        Ok(Box::new(ours))
    }
}
