//! A Redis server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use crate::certificate::Certificate;
use crate::process::{end, free_port, locked, on_a_port, pause_until};
use crate::{Place, process};

/// What every server here is started with: one that keeps what it has acknowledged.
const SETTINGS: &[(&str, &str)] = &[
    ("bind", "127.0.0.1"),
    ("daemonize", "no"),
    // The watch knows the server by its directory, which stands among its arguments.
    ("set-proc-title", "no"),
    ("pidfile", "redis.pid"),
    ("logfile", "log"),
    ("save", ""),
    ("appendonly", "yes"),
    ("appendfsync", "always"),
    ("maxmemory-policy", "noeviction"),
];

/// A private server without a password.
#[derive(Debug)]
pub struct Redis {
    settings: Vec<(String, String)>,
    certificate: Option<Certificate>,
    /// Where it is encrypted, if it can be.
    encrypted: Mutex<u16>,
    port: Mutex<u16>,
    process: Mutex<Option<Child>>,
    /// Dropped last: the watch removes the directory.
    place: Place,
}

impl Redis {
    /// Starts one.
    ///
    /// # Panics
    /// When Redis is not installed, or does not start.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with settings of its own, like `("appendonly", "no")`.
    ///
    /// # Panics
    /// When Redis is not installed, or does not start.
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::start_on(settings, false)
    }

    /// Starts one that can encrypt as well, on a port of its own, with a certificate for `localhost` by an authority of its own.
    ///
    /// # Panics
    /// When Redis is not installed, or does not start.
    pub fn start_encrypted(settings: &[(&str, &str)]) -> Self {
        Self::start_on(settings, true)
    }

    fn start_on(settings: &[(&str, &str)], is_encrypted: bool) -> Self {
        let settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let place = Place::new("redis", "redis.pid");
        let certificate = is_encrypted.then(|| Certificate::new("localhost", place.path()));
        let (port, encrypted, process) = (Mutex::new(0), Mutex::new(0), Mutex::new(None));
        let server = Self { settings, certificate, encrypted, port, process, place };
        server.resume();
        server
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        *locked(&self.port)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port())
    }

    /// Its encrypted address by another name: the certificate is for `localhost` alone.
    pub fn encrypted_url(&self, host: &str) -> String {
        format!("rediss://{host}:{}/0", self.encrypted_port())
    }

    /// Where it is encrypted, and nothing else.
    pub fn encrypted_port(&self) -> u16 {
        *locked(&self.encrypted)
    }

    /// The file with the authority that vouches for it.
    ///
    /// # Panics
    /// When it does not encrypt.
    pub fn authority(&self) -> &Path {
        &self.certificate.as_ref().unwrap().authority
    }

    /// Its certificate and the key for it, which are good for a client as well.
    ///
    /// # Panics
    /// When it does not encrypt.
    pub fn certificate(&self) -> (&Path, &Path) {
        let own = self.certificate.as_ref().unwrap();
        (&own.certificate, &own.key)
    }

    /// Ends it as an operator would.
    pub fn stop(&self) {
        if let Some(mut process) = locked(&self.process).take() {
            end(&mut process, "TERM");
        }
    }

    /// Kills it in the middle of whatever it does.
    pub fn kill(&self) {
        if let Some(mut process) = locked(&self.process).take() {
            end(&mut process, "KILL");
        }
    }

    /// Stops it from answering, without ending it, until [`thaw`](Self::thaw).
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    /// Leaves no room for anything new.
    ///
    /// # Panics
    /// When it does not run.
    pub fn fill(&self) {
        self.orders("CONFIG SET maxmemory 1");
    }

    /// Gives the room back.
    ///
    /// # Panics
    /// When it does not run.
    pub fn make_room(&self) {
        self.orders("CONFIG SET maxmemory 0");
    }

    fn orders(&self, command: &str) {
        assert_eq!(told(self.port(), command).as_deref(), Some("+OK\r\n"), "{command}");
    }

    /// Starts it again after [`stop`](Self::stop) or [`kill`](Self::kill), on the same port and with what it had kept, and waits
    /// until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn resume(&self) {
        let started = on_a_port(&self.port, |port| self.try_on(port));
        assert!(started, "Redis did not start:\n{}", self.log());
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.place.path().join("log")).unwrap_or_default()
    }

    fn signal(&self, signal: &str) {
        if let Some(process) = locked(&self.process).as_ref() {
            let _ = Command::new("kill").arg(format!("-{signal}")).arg(process.id().to_string()).status();
        }
    }

    fn try_on(&self, port: u16) -> bool {
        let mut command = Command::new(binary());
        command.arg("--port").arg(port.to_string()).arg("--dir").arg(self.place.path());
        let mut encrypted = locked(&self.encrypted);
        if let Some(own) = &self.certificate {
            if *encrypted == 0 {
                *encrypted = free_port();
            }
            command.arg("--tls-port").arg(encrypted.to_string());
            let files = [("cert", &own.certificate), ("key", &own.key), ("ca-cert", &own.authority)];
            for (name, file) in files {
                command.arg(format!("--tls-{name}-file")).arg(file);
            }
            command.args(["--tls-auth-clients", "no"]);
        }
        let own = self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in SETTINGS.iter().copied().chain(own) {
            command.arg(format!("--{name}")).args(value.split(' '));
        }
        command.current_dir(self.place.path());
        let mut process =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut is_ready = false;
        pause_until(|| {
            is_ready = answers(port);
            is_ready || !matches!(process.try_wait(), Ok(None))
        });
        // Somebody else on the same port answers as well.
        is_ready = is_ready && matches!(process.try_wait(), Ok(None));
        if is_ready {
            *locked(&self.process) = Some(process);
        } else {
            // Somebody else may have the other port.
            *encrypted = 0;
            let _ = process.kill();
            process::wait(&mut process);
        }
        is_ready
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.thaw();
        self.kill();
    }
}

/// `+PONG` comes when everything is loaded.
fn answers(port: u16) -> bool {
    told(port, "PING").as_deref() == Some("+PONG\r\n")
}

/// The first line of what the server says to a command.
fn told(port: u16, command: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    Some(line)
}

/// `REDIS_SERVER`, else what is on the path, Valkey's included.
fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("REDIS_SERVER") {
        return PathBuf::from(named);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = ["redis-server", "valkey-server"]
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |directory| directory.join(name)))
        .find(|program| program.is_file());
    found.expect(
        "Redis is not installed: run scripts/test, or install `redis-server`, or name it in REDIS_SERVER",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_killed_started_again_and_leaves_nothing() {
        let server = Redis::start();
        let listens = || answers(server.port());
        assert!(listens());
        server.kill();
        assert!(!listens());
        server.resume();
        assert!(listens());
        server.stop();
        assert!(!listens());
        server.resume();
        let written = || told(server.port(), "SET x y");
        server.fill();
        assert!(written().unwrap().starts_with("-OOM"));
        server.make_room();
        assert_eq!(written().as_deref(), Some("+OK\r\n"));
        let (port, directory) = (server.port(), server.place.path().to_owned());
        drop(server);
        assert!(!answers(port));
        assert!(!directory.exists());
    }
}
