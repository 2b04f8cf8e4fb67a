//! Where heavy work is done: a new RSA key takes some hundred milliseconds, and a thread that answers requests has no time for
//! that (design §3, §11).

use std::fmt::{self, Debug};
use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use async_trait::async_trait;

use crate::StoreFault;

/// A piece of work.
pub type Job = Box<dyn FnOnce() + Send>;

/// Does work that takes longer than about a millisecond. Default: [`Inline`].
///
/// # Contract
/// `Ok` says that the job has run; every `Err` says that it never will. Should the caller go away meanwhile, the job may run or
/// not: it changes nothing that anybody else sees.
#[async_trait]
pub trait Compute: Debug + Send + Sync {
    /// Does one job, and waits for its end.
    ///
    /// # Errors
    /// [`StoreFault::Full`] when too much is waiting already, or another fault when nothing can be done. The engine answers 503
    /// and has spent nothing.
    async fn run(&self, job: Job) -> Result<(), StoreFault>;
}

/// What a job computes, done by `compute`.
///
/// # Errors
/// As for [`Compute::run`]; [`StoreFault::NotApplied`] when the job had no result, because it panicked.
pub async fn computed<T: Send + 'static>(
    compute: &dyn Compute,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreFault> {
    let result = Arc::new(Mutex::new(None));
    let theirs = Arc::clone(&result);
    compute.run(Box::new(move || *locked(&theirs) = Some(work()))).await?;
    locked(&result).take().ok_or_else(|| StoreFault::not_applied("the work ended without a result"))
}

/// Works at once, on the thread that asks.
#[derive(Clone, Copy, Default, Debug)]
pub struct Inline;

#[async_trait]
impl Compute for Inline {
    async fn run(&self, job: Job) -> Result<(), StoreFault> {
        job();
        Ok(())
    }
}

/// A few threads of its own, and a bounded queue before them. They end when this is dropped and the queue is done.
///
/// ```
/// use std::num::NonZeroUsize;
/// use vestibule_host::compute::Threads;
///
/// let compute = Threads::new(NonZeroUsize::MIN, 64)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Threads {
    queue: SyncSender<Job>,
}

impl Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").finish_non_exhaustive()
    }
}

impl Threads {
    /// So many threads, and room for `waiting` jobs that none of them has taken yet. One more is [`StoreFault::Full`].
    ///
    /// # Errors
    /// The operating system gives no more threads.
    pub fn new(threads: NonZeroUsize, waiting: usize) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(waiting);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..threads.get() {
            let jobs = Arc::clone(&jobs);
            std::thread::Builder::new().name("vestibule-compute".to_owned()).spawn(move || work(&jobs))?;
        }
        Ok(Self { queue })
    }
}

/// The life of a thread.
fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        // One waits for the next job, the others for their turn to wait.
        let next = locked(jobs).recv();
        let Ok(job) = next else { return };
        // A job that panics has no result, and takes nobody with it.
        drop(catch_unwind(AssertUnwindSafe(job)));
    }
}

#[async_trait]
impl Compute for Threads {
    async fn run(&self, job: Job) -> Result<(), StoreFault> {
        let end = Arc::new(Mutex::new(End::default()));
        let told = Told(Arc::clone(&end));
        let job = Box::new(move || {
            let _told = told;
            job();
        });
        match self.queue.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(StoreFault::Full),
            Err(TrySendError::Disconnected(_)) => {
                return Err(StoreFault::not_applied("the threads for heavy work have ended"));
            }
        }
        poll_fn(|context| {
            let mut end = locked(&end);
            if end.reached {
                return Poll::Ready(());
            }
            end.waiting = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
        Ok(())
    }
}

/// Whether a job has ended, and who waits for it.
#[derive(Default)]
struct End {
    reached: bool,
    waiting: Option<Waker>,
}

/// Tells the end when it is dropped, be it by a panic.
struct Told(Arc<Mutex<End>>);

impl Drop for Told {
    fn drop(&mut self) {
        let mut end = locked(&self.0);
        end.reached = true;
        let waiting = end.waiting.take();
        drop(end);
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

/// Poison is ignored: nothing here is left half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
