//! A PostgreSQL server.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use crate::process::{end, kill_tree, locked, on_a_port, pause_until};
use crate::{Place, process};

/// What every server here is started with. Commits are durable as in production; the directory usually is in memory.
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "max_connections=200",
    "shared_buffers=32MB",
    "max_wal_size=256MB",
    "jit=off",
    "log_min_messages=warning",
];

/// A private server with one superuser, `postgres`, who needs no password from this machine.
#[derive(Debug)]
pub struct Postgres {
    binaries: PathBuf,
    owner: Option<Owner>,
    settings: Vec<String>,
    port: Mutex<u16>,
    process: Mutex<Option<Child>>,
    /// Dropped last: the watch removes the directory.
    place: Place,
}

/// As whom it runs where we are root, as whom it refuses to.
#[derive(Debug)]
struct Owner {
    user: u32,
    group: u32,
}

impl Postgres {
    /// Starts one.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, or does not start.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with settings of its own, like `fsync=off`.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, or does not start.
    pub fn start_with(settings: &[&str]) -> Self {
        let binaries = binaries();
        let owner = Owner::needed();
        let place = Place::new("postgres", "data/postmaster.pid");
        if let Some(owner) = &owner {
            std::os::unix::fs::chown(place.path(), Some(owner.user), Some(owner.group)).unwrap();
        }
        let initialised = run_as(owner.as_ref(), &binaries.join("initdb"))
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(place.path().join("data"))
            .current_dir(place.path())
            .output()
            .unwrap();
        assert!(initialised.status.success(), "initdb: {}", String::from_utf8_lossy(&initialised.stderr));
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let (port, process) = (Mutex::new(0), Mutex::new(None));
        let server = Self { binaries, owner, settings, port, process, place };
        server.resume();
        server
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        *locked(&self.port)
    }

    /// A URL for a database of this server; there is one named `postgres`.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port())
    }

    /// Ends it as an operator would: sessions are cut, what was committed is written down.
    pub fn stop(&self) {
        if let Some(mut process) = locked(&self.process).take() {
            end(&mut process, "INT");
        }
    }

    /// Kills it and all its processes in the middle of whatever they do.
    pub fn kill(&self) {
        if let Some(mut process) = locked(&self.process).take() {
            kill_tree(&mut process);
        }
    }

    /// Starts it again after [`stop`](Self::stop) or [`kill`](Self::kill), on the same port, and waits until it takes connections.
    ///
    /// # Panics
    /// When it does not.
    pub fn resume(&self) {
        let started = on_a_port(&self.port, |port| self.try_on(port));
        assert!(started, "PostgreSQL did not start:\n{}", self.log());
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.place.path().join("log")).unwrap_or_default()
    }

    fn try_on(&self, port: u16) -> bool {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.place.path().join("log"));
        let mut command = run_as(self.owner.as_ref(), &self.binaries.join("postgres"));
        command.arg("-D").arg(self.place.path().join("data")).arg("-p").arg(port.to_string());
        // The socket's directory is the server's own; tests come over TCP.
        command.arg("-k").arg(self.place.path()).current_dir(self.place.path());
        for setting in SETTINGS.iter().copied().chain(self.settings.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        let mut process =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.unwrap()).spawn().unwrap();
        // The eighth line of this file says how far it has come.
        let state = self.place.path().join("data/postmaster.pid");
        let mut is_ready = false;
        let process_id = process.id();
        pause_until(|| {
            is_ready = ready_line(&state, process_id);
            is_ready || !matches!(process.try_wait(), Ok(None))
        });
        if is_ready {
            *locked(&self.process) = Some(process);
        } else {
            let _ = process.kill();
            process::wait(&mut process);
        }
        is_ready
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut process) = locked(&self.process).take() {
            end(&mut process, "QUIT");
        }
    }
}

/// Whether this very process says that it takes connections.
fn ready_line(state: &Path, process: u32) -> bool {
    let text = std::fs::read_to_string(state).unwrap_or_default();
    let mut lines = text.lines();
    lines.next() == Some(process.to_string().as_str())
        && lines.nth(6).is_some_and(|line| line.trim() == "ready")
}

/// Where the server's programs are: `POSTGRES_BIN`, else the newest that Debian has put down, else beside `pg_config`.
fn binaries() -> PathBuf {
    if let Some(named) = std::env::var_os("POSTGRES_BIN") {
        return PathBuf::from(named);
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, path)| path.join("initdb").is_file() && path.join("postgres").is_file())
        .collect();
    found.sort();
    if let Some((_, newest)) = found.pop() {
        return newest;
    }
    let asked = Command::new("pg_config").arg("--bindir").output();
    let beside = asked.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let beside = PathBuf::from(beside.trim());
    assert!(
        beside.join("initdb").is_file(),
        "PostgreSQL is not installed: run scripts/test, or install `postgresql`, or name its directory in POSTGRES_BIN"
    );
    beside
}

impl Owner {
    /// PostgreSQL refuses to run as root; where we are root it runs as its own user, or as nobody.
    fn needed() -> Option<Self> {
        if id(&["-u"]) != Some(0) {
            return None;
        }
        let of = |name| Some(Self { user: id(&["-u", name])?, group: id(&["-g", name])? });
        Some(of("postgres").or_else(|| of("nobody")).expect("a user that is not root"))
    }
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// `setpriv` becomes the program: its process id is the server's.
fn run_as(owner: Option<&Owner>, program: &Path) -> Command {
    let Some(owner) = owner else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={}", owner.user)).arg(format!("--regid={}", owner.group));
    command.arg("--clear-groups").arg(program);
    command
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_server_is_killed_started_again_and_leaves_nothing() {
        let server = Postgres::start();
        let listens = || TcpStream::connect(("127.0.0.1", server.port())).is_ok();
        assert!(listens());
        server.kill();
        assert!(!listens());
        server.resume();
        assert!(listens());
        server.stop();
        assert!(!listens());
        server.resume();
        let (port, directory) = (server.port(), server.place.path().to_owned());
        drop(server);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
        assert!(!directory.exists());
    }
}
