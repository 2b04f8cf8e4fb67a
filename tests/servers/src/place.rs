//! A directory of its own for a server, and the watch that removes both.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::process;

/// Waits until the test program is gone, which closes its standard input; then ends the server whose id is in the file `$2` and that
/// was started in the directory `$1`, and removes the directory.
const WATCH: &str = r#"
trap '' INT TERM HUP
cat >/dev/null
pid=$(head -n 1 "$2" 2>/dev/null)
case $pid in ''|*[!0-9]*) pid= ;; esac
# A number may have been given to another process: only one that was started in our directory is ended.
if [ -n "$pid" ] && grep -qaF "$1" "/proc/$pid/cmdline" 2>/dev/null; then
  kill -QUIT "$pid" 2>/dev/null
  tries=0
  while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 40 ]; do sleep 0.05; tries=$((tries + 1)); done
  kill -KILL "$pid" 2>/dev/null
fi
tries=0
while ! rm -rf "$1" 2>/dev/null && [ "$tries" -lt 40 ]; do sleep 0.05; tries=$((tries + 1)); done
"#;

/// A directory for one server. Gone, with the server, when this value is dropped or the program ends in any other way.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    watch: Child,
}

impl Place {
    /// A new directory. `pid_file` is the name, below it, of the file in whose first line the server writes its process id.
    ///
    /// In memory where the system has a place for that: a test should not wait for a disk. `VESTIBULE_PLACE` names another place,
    /// where what a disk costs is to be measured.
    ///
    /// # Panics
    /// When there can be none.
    pub fn new(kind: &str, pid_file: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let memory = Path::new("/dev/shm");
        let chosen = std::env::var_os("VESTIBULE_PLACE").map(PathBuf::from);
        let above =
            chosen.unwrap_or_else(|| if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() });
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = above.join(format!("vestibule-{kind}-{}-{number}", std::process::id()));
        // Left behind by a program of the same number whose watch was killed too.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a directory for a server");
        let watch = Command::new("sh")
            .args(["-c", WATCH, "watch"])
            .args([&path, &path.join(pid_file)])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a watch");
        Self { path, watch }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.watch.stdin.take()); // it takes that for the end of the program
        process::wait(&mut self.watch);
    }
}
