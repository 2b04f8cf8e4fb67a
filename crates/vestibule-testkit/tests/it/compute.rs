//! `Compute` and the threads that are shipped for it: bounded, and nobody takes anybody along.

use std::future::Future as _;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::mpsc::{channel, sync_channel};
use std::task::{Context, Poll, Waker};

use vestibule_host::StoreFault;
use vestibule_host::compute::{Compute as _, Inline, Threads, computed};

fn one_thread(waiting: usize) -> Threads {
    Threads::new(NonZeroUsize::MIN, waiting).unwrap()
}

#[tokio::test]
async fn work_is_done_here_or_elsewhere() {
    let here = std::thread::current().id();
    let whose = || std::thread::current().id();
    assert_eq!(computed(&Inline, whose).await.unwrap(), here);
    let threads = Threads::new(NonZeroUsize::new(3).unwrap(), 8).unwrap();
    assert_ne!(computed(&threads, whose).await.unwrap(), here);
    for number in 0..100 {
        assert_eq!(computed(&threads, move || number * 2).await.unwrap(), number * 2);
    }
}

/// GEN-013
#[tokio::test]
async fn what_does_not_fit_is_refused_and_what_fits_is_done() {
    let threads = one_thread(1);
    let (go, gate) = sync_channel::<()>(0);
    let (begun, has_begun) = channel();
    let mut first = pin!(threads.run(Box::new(move || {
        begun.send(()).unwrap();
        gate.recv().unwrap();
    })));
    let mut idle = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut idle).is_pending());
    has_begun.recv().unwrap();
    let mut second = pin!(threads.run(Box::new(|| {})));
    assert!(second.as_mut().poll(&mut idle).is_pending(), "it waits");
    let third = pin!(threads.run(Box::new(|| {})));
    assert!(matches!(third.poll(&mut idle), Poll::Ready(Err(StoreFault::Full))));
    go.send(()).unwrap();
    first.await.unwrap();
    second.await.unwrap();
    assert_eq!(computed(&threads, || 1).await.unwrap(), 1, "there is room again");
}

#[tokio::test]
async fn a_panic_has_no_result_and_the_next_job_runs() {
    let threads = one_thread(4);
    let nothing = computed(&threads, || -> u8 { panic!("planted") }).await;
    assert!(matches!(nothing, Err(StoreFault::NotApplied(_))), "{nothing:?}");
    assert_eq!(computed(&threads, || 7).await.unwrap(), 7);
}

#[tokio::test]
async fn a_caller_that_goes_away_holds_up_nobody() {
    let threads = one_thread(4);
    let (go, gate) = sync_channel::<()>(0);
    let (done, is_done) = channel();
    let mut idle = Context::from_waker(Waker::noop());
    {
        let mut first = pin!(threads.run(Box::new(move || gate.recv().unwrap())));
        assert!(first.as_mut().poll(&mut idle).is_pending());
        let mut second = pin!(threads.run(Box::new(move || done.send(()).unwrap())));
        assert!(second.as_mut().poll(&mut idle).is_pending());
    }
    // Nor does an owner that goes away: what was taken is done.
    drop(threads);
    go.send(()).unwrap();
    is_done.recv().unwrap();
}
