//! Callers that go away: a server drops the future of a request whose client hung up (T7).

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// More waits than any flow has. A flow that still waits then hangs.
const MOST: u32 = 10_000;

/// Runs a future until it has waited so many times, and drops it there. `None`: it was dropped.
pub async fn drop_after<F: Future>(waits: u32, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut waited = 0;
    poll_fn(move |cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => {
            waited += 1;
            if waited < waits { Poll::Pending } else { Poll::Ready(None) }
        }
    })
    .await
}

/// Calls `run` with 1, 2, 3 and so on until it says that its flow was not dropped any more, and tells how often a flow waits.
///
/// A run makes a world of its own, drives the flow through [`drop_after`] with the number it is given, checks what must hold
/// whether the flow was dropped or not, and says whether it was not.
///
/// ```
/// # use vestibule_testkit::{at_every_wait, drop_after};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let waits = at_every_wait(async |waits| {
///     let flow = async { tokio::task::yield_now().await };
///     drop_after(waits, flow).await.is_some()
/// });
/// assert_eq!(waits.await, 1, "a flow that never waits is never dropped, and shows nothing");
/// # });
/// ```
pub async fn at_every_wait(mut run: impl AsyncFnMut(u32) -> bool) -> u32 {
    for waits in 1..=MOST {
        if run(waits).await {
            return waits - 1;
        }
    }
    MOST
}

/// Waits once.
pub(crate) async fn wait_once() {
    let mut waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
