//! One answer from a thread to a future.
//!
//! The only thing that an executor's channel would be needed for, so it is written out: no dependency, no runtime.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    over: bool,
    waker: Option<Waker>,
}

/// No code that could panic runs under this lock, so poison means nothing.
fn lock<T>(slot: &Mutex<Slot<T>>) -> MutexGuard<'_, Slot<T>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread's half.
#[derive(Debug)]
pub(crate) struct Reply<T>(Arc<Mutex<Slot<T>>>);

/// The caller's half: the answer, or `None` when the thread's half was dropped without one.
#[derive(Debug)]
pub(crate) struct Answer<T>(Arc<Mutex<Slot<T>>>);

pub(crate) fn reply<T>() -> (Reply<T>, Answer<T>) {
    let slot = Arc::new(Mutex::new(Slot { value: None, over: false, waker: None }));
    (Reply(Arc::clone(&slot)), Answer(slot))
}

impl<T> Reply<T> {
    pub(crate) fn send(self, value: T) {
        lock(&self.0).value = Some(value);
        // Dropping `self` ends the wait.
    }

    /// Whether the caller went away.
    pub(crate) fn is_abandoned(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        let waker = {
            let mut slot = lock(&self.0);
            slot.over = true;
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake(); // not under the lock: waking may run the caller's code
        }
    }
}

impl<T> Future for Answer<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut slot = lock(&self.0);
        if slot.over {
            return Poll::Ready(slot.value.take());
        }
        slot.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll<T>(answer: &mut Answer<T>) -> Poll<Option<T>> {
        Pin::new(answer).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn an_answer_comes_once_and_a_dropped_reply_ends_the_wait() {
        let (reply_to, mut answer) = reply();
        assert_eq!(poll(&mut answer), Poll::Pending);
        reply_to.send(1);
        assert_eq!(poll(&mut answer), Poll::Ready(Some(1)));

        let (reply_to, mut answer) = reply::<()>();
        assert!(!reply_to.is_abandoned());
        drop(reply_to);
        assert_eq!(poll(&mut answer), Poll::Ready(None));

        let (reply_to, answer) = reply::<()>();
        drop(answer);
        assert!(reply_to.is_abandoned());
    }
}
