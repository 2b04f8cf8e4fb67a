//! Processes, by their ids.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const STEP: Duration = Duration::from_millis(20);

/// A port on the loopback address that nobody listens on. Another program may take it before the server does: try again then.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts a server on its port, or on a free one the first time, and keeps the port that it got. Says whether it runs.
pub(crate) fn on_a_port(kept: &Mutex<u16>, start: impl Fn(u16) -> bool) -> bool {
    (0..5).any(|_| {
        let mut port = locked(kept);
        // The first time the port may have gone to somebody else; later the old one is wanted.
        let chosen = if *port == 0 { free_port() } else { *port };
        let started = start(chosen);
        if started {
            *port = chosen;
        }
        started
    })
}

/// A test that failed elsewhere does not keep the server from being ended.
pub(crate) fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits, at most half a minute, until something is so.
pub fn pause_until(mut is_so: impl FnMut() -> bool) -> bool {
    for _ in 0..1_500 {
        if is_so() {
            return true;
        }
        std::thread::sleep(STEP);
    }
    false
}

/// Waits for an end, at most half a minute.
pub(crate) fn wait(child: &mut Child) {
    pause_until(|| !matches!(child.try_wait(), Ok(None)));
}

/// Sends a signal to a child of ours and waits for its end; after half a minute it is killed.
pub fn end(child: &mut Child, signal: &str) {
    send(signal, &[child.id()]);
    wait(child);
    let _ = child.kill();
    let _ = child.wait();
}

/// Kills a child of ours and everything that it started, at once, and waits until all are gone.
pub fn kill_tree(child: &mut Child) {
    // Stopped first, so that it starts nobody new while its children are counted.
    send("STOP", &[child.id()]);
    let mut all = children_of(child.id());
    all.push(child.id());
    send("KILL", &all);
    let _ = child.wait();
    pause_until(|| all.iter().all(|pid| !is_running(*pid)));
}

fn send(signal: &str, pids: &[u32]) {
    let pids = pids.iter().map(u32::to_string);
    // That one of them has ended already is fine.
    let _ = Command::new("kill").arg(format!("-{signal}")).args(pids).stderr(Stdio::null()).status();
}

fn children_of(parent: u32) -> Vec<u32> {
    let line = format!("PPid:\t{parent}");
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            status.lines().any(|found| found == line)
        })
        .collect()
}

/// Ended children that nobody has waited for do not run.
fn is_running(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z') && !line.contains('X'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_killed_as_a_whole() {
        let mut parent = Command::new("sh").args(["-c", "sleep 600 & wait"]).spawn().unwrap();
        let mut child = None;
        assert!(pause_until(|| {
            child = children_of(parent.id()).first().copied();
            child.is_some()
        }));
        kill_tree(&mut parent);
        assert!(!is_running(child.unwrap()));
    }
}
