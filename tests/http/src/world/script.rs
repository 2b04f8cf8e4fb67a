//! Which call of a host's part fails, and where a future may be dropped.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

#[derive(Debug, Default)]
struct State {
    /// Every call of every part, in order.
    calls: Vec<&'static str>,
    /// Calls that fail, counted from 0 since the last restart, and how.
    faults: HashMap<usize, Failing>,
    /// Parts that are away altogether.
    away: HashSet<&'static str>,
    /// Whether every call suspends before and after its effect.
    suspends: bool,
    /// A call that does not begin before the other end of this is dropped.
    held: Option<(&'static str, Arc<tokio::sync::Semaphore>)>,
}

/// Counts calls over all parts and lets the chosen ones fail. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Script(Arc<Mutex<State>>);

/// How a call fails.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Failing {
    /// The part says so.
    Error,
    /// No answer ever comes.
    Hang,
    /// The part panics.
    Panic,
}

impl Failing {
    pub const ALL: [Self; 3] = [Self::Error, Self::Hang, Self::Panic];
}

/// What a failing part says. It stands for anything secret that an error may hold.
#[derive(Debug, thiserror::Error)]
#[error("injected")]
pub struct Injected;

impl Script {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn restart(&self) {
        let mut state = self.state();
        state.calls.clear();
        state.faults.clear();
    }

    /// Lets one call fail, counted from 0 over all parts since the last [`restart`](Self::restart).
    pub fn fail(&self, call: usize, how: Failing) {
        self.state().faults.insert(call, how);
    }

    /// A part, or one method of it (`users` or `users.standing`), is away or back.
    pub fn away(&self, part: &'static str, away: bool) {
        let mut state = self.state();
        if away {
            state.away.insert(part);
        } else {
            state.away.remove(part);
        }
    }

    pub fn suspend(&self, on: bool) {
        self.state().suspends = on;
    }

    /// The next call of this name does not begin before the result is dropped.
    pub fn hold(&self, name: &'static str) -> Held {
        let gate = Arc::new(tokio::sync::Semaphore::new(0));
        self.state().held = Some((name, gate.clone()));
        Held(gate)
    }

    /// Waits until the call that is held has come.
    pub async fn until_held(&self) {
        while self.state().held.is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }

    pub fn calls(&self) -> Vec<&'static str> {
        self.state().calls.clone()
    }

    /// Notes a call; an error if it is to fail.
    pub async fn call(&self, name: &'static str) -> Result<(), Injected> {
        self.pause().await;
        let held = self.state().held.take_if(|(held, _)| *held == name);
        if let Some((_, gate)) = held {
            // Closed when it is let go.
            let _ = gate.acquire().await;
        }
        match self.next(name) {
            None => Ok(()),
            Some(Failing::Error) => Err(Injected),
            Some(Failing::Hang) => std::future::pending().await,
            Some(Failing::Panic) => panic!("{name}: injected"),
        }
    }

    fn next(&self, name: &'static str) -> Option<Failing> {
        let mut state = self.state();
        let index = state.calls.len();
        state.calls.push(name);
        let part = name.split('.').next().unwrap_or(name);
        let is_away = state.away.contains(name) || state.away.contains(part);
        state.faults.get(&index).copied().or(is_away.then_some(Failing::Error))
    }

    /// A point at which a caller may go away.
    pub async fn pause(&self) {
        let on = self.state().suspends;
        if on {
            Pause(false).await;
        }
    }
}

/// Holds a call up until it is dropped.
#[derive(Debug)]
pub struct Held(Arc<tokio::sync::Semaphore>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.close();
    }
}

struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Polls a future at most so often and then drops it; `Some` if it ended before.
pub fn poll_some<T>(future: impl Future<Output = T>, times: usize) -> Option<T> {
    let mut future = Box::pin(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..times).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    })
}
