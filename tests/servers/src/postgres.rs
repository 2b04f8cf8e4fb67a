//! A PostgreSQL server.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use crate::certificate::Certificate;
use crate::process::{end, kill_tree, locked, on_a_port, pause_until};
use crate::{Place, SmallDisk, process};

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
    /// Where its tables are, if not in its place.
    disk: Option<SmallDisk>,
    certificate: Option<Certificate>,
    port: Mutex<u16>,
    process: Mutex<Option<Child>>,
    /// Dropped last: the watch removes the directory.
    place: Place,
}

/// Takes the tables to the disk, and leaves the log of changes where it is: without room for that the server gives up as a whole.
const ON_DISK: &str = r#"cp -a "$0/data" "$1" && rm -r "$1/data/pg_wal" && ln -s "$0/data/pg_wal" "$1/data/" && shift && exec "$@""#;

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
        Self::start_on(None, settings, false)
    }

    /// Starts one that can encrypt, with a certificate for `localhost` by an authority of its own.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, or does not start.
    pub fn start_encrypted() -> Self {
        Self::start_on(None, &[], true)
    }

    /// Starts one whose tables are on a disk of so many MiB, which can be [filled](Self::fill_disk). A new one needs about 25. The
    /// disk is gone when the server ends.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, or does not start, or nobody may make a disk here.
    pub fn start_on_small_disk(mebibytes: u32) -> Self {
        Self::start_on(Some(mebibytes), &[], false)
    }

    fn start_on(mebibytes: Option<u32>, settings: &[&str], is_encrypted: bool) -> Self {
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
        let mut settings: Vec<_> = settings.iter().map(|&setting| setting.to_owned()).collect();
        let certificate = is_encrypted.then(|| Certificate::new("localhost", place.path()));
        if let Some(certificate) = &certificate {
            if let Some(owner) = &owner {
                std::os::unix::fs::chown(&certificate.key, Some(owner.user), Some(owner.group)).unwrap();
            }
            settings.extend(certificate.settings());
        }
        let disk = mebibytes.map(|mebibytes| SmallDisk::new(place.path().join("disk"), mebibytes));
        let (port, process) = (Mutex::new(0), Mutex::new(None));
        let server = Self { binaries, owner, settings, disk, certificate, port, process, place };
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

    /// The same by another name, and encrypted: the certificate is for `localhost` alone.
    pub fn encrypted_url(&self, host: &str, database: &str) -> String {
        format!("postgres://postgres@{host}:{}/{database}?sslmode=require", self.port())
    }

    /// The file with the authority that vouches for it.
    ///
    /// # Panics
    /// When it does not encrypt.
    pub fn authority(&self) -> &Path {
        &self.certificate.as_ref().unwrap().authority
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

    /// Leaves no room on the small disk.
    ///
    /// # Panics
    /// When it has none, or does not run.
    pub fn fill_disk(&self) {
        self.disk.as_ref().unwrap().fill(locked(&self.process).as_ref().unwrap().id());
    }

    /// Gives the room back.
    ///
    /// # Panics
    /// When the disk was not full.
    pub fn make_room(&self) {
        self.disk.as_ref().unwrap().make_room(locked(&self.process).as_ref().unwrap().id());
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.place.path().join("log")).unwrap_or_default()
    }

    fn try_on(&self, port: u16) -> bool {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.place.path().join("log"));
        let program = run_as(self.owner.as_ref(), &self.binaries.join("postgres"));
        let (mut command, data) = match &self.disk {
            None => (program, self.place.path().join("data")),
            Some(disk) => (self.on(disk, &program), disk.path().join("data")),
        };
        command.arg("-D").arg(&data).arg("-p").arg(port.to_string());
        // Who removes the place does not see the disk.
        let pid_file = self.place.path().join("data/postmaster.pid");
        if self.disk.is_some() {
            command.arg("-c").arg(format!("external_pid_file={}", pid_file.display()));
        }
        // The socket's directory is the server's own; tests come over TCP.
        command.arg("-k").arg(self.place.path()).current_dir(self.place.path());
        for setting in SETTINGS.iter().copied().chain(self.settings.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        let mut process =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.unwrap()).spawn().unwrap();
        // The eighth line of this file says how far it has come.
        let process_id = process.id();
        let state = match &self.disk {
            None => pid_file,
            Some(disk) => disk.seen_through(process_id).join("data/postmaster.pid"),
        };
        let mut is_ready = false;
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

    /// The program with the disk.
    fn on(&self, disk: &SmallDisk, program: &Command) -> Command {
        let mut command = disk.command();
        command.args(["sh", "-c", ON_DISK]).arg(self.place.path()).arg(disk.path());
        if self.owner.is_none() {
            // Whoever may have a disk without being root is taken for root there, as whom the server refuses to run.
            command.args(["unshare", "--user", "--map-user=1000", "--map-group=1000"]);
        }
        command.arg(program.get_program()).args(program.get_args());
        command
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

    #[test]
    fn a_small_disk_is_full_and_has_room_again() {
        let server = Postgres::start_on_small_disk(64);
        let query = |query: &str| {
            let mut psql = Command::new(server.binaries.join("psql"));
            psql.args([&server.url("postgres"), "-qAtc", query]).output().unwrap()
        };
        assert!(query("create table rows (text text)").status.success());
        let insert = "insert into rows select repeat('x', 500) from generate_series(1, 1000)";
        assert!(query(insert).status.success());
        server.fill_disk();
        let refused = query(insert);
        assert!(!refused.status.success());
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(told.contains("No space left on device"), "{told}");
        server.make_room();
        assert!(query(insert).status.success());
        assert_eq!(query("select count(*) from rows").stdout, b"2000\n");
        let directory = server.place.path().to_owned();
        drop(server);
        assert!(!directory.exists());
    }
}
