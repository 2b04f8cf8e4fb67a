//! A disk that can be full.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const WITH_DISK: &str = r#"mount -t tmpfs -o "size=$1m,mode=777" tmpfs "$0" && shift && exec "$@""#;

/// A small disk of its own: in memory, seen by one program only, and gone with it.
#[derive(Debug)]
pub struct SmallDisk {
    /// The directory on it, as the program sees it.
    at: PathBuf,
    mebibytes: u32,
}

impl SmallDisk {
    /// A disk that a program will see in this directory.
    ///
    /// # Panics
    /// When the directory cannot be made.
    pub fn new(at: PathBuf, mebibytes: u32) -> Self {
        std::fs::create_dir_all(&at).unwrap();
        Self { at, mebibytes }
    }

    /// Where the program sees it.
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// A command that gives the disk to a program; the program and its arguments are added to it. Such a disk needs a namespace,
    /// which root, and on most systems everybody, may make. The program takes itself for root there.
    pub fn command(&self) -> Command {
        let mut command = Command::new("unshare");
        command.args(if may(&["-m"]) { &["-m"][..] } else { &["-r", "-m"] });
        command.args(["sh", "-c", WITH_DISK]).arg(&self.at).arg(self.mebibytes.to_string());
        command
    }

    /// The same directory, as everybody else may see it while the program runs.
    pub fn seen_through(&self, process: u32) -> PathBuf {
        PathBuf::from(format!("/proc/{process}/root")).join(self.at.strip_prefix("/").unwrap())
    }

    /// Leaves no room on it.
    ///
    /// # Panics
    /// When there is room after all.
    pub fn fill(&self, process: u32) {
        let ballast = vec![0; usize::try_from(self.mebibytes).unwrap() << 20];
        let full = std::fs::write(self.seen_through(process).join("ballast"), ballast).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::StorageFull);
    }

    /// Gives the room back.
    ///
    /// # Panics
    /// When it was not full.
    pub fn make_room(&self, process: u32) {
        std::fs::remove_file(self.seen_through(process).join("ballast")).unwrap();
    }
}

fn may(arguments: &[&str]) -> bool {
    let mut trial = Command::new("unshare");
    trial.args(arguments).arg("true").stderr(Stdio::null());
    trial.status().is_ok_and(|status| status.success())
}
