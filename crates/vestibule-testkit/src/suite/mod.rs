//! The suites: what a store must do, case by case.
//!
//! A case opens a store of its own through a [`StoreFactory`] and ends with a [`Verdict`]. No case reads a clock: the store is
//! told the time, as in production.
//!
//! What a host has and Vestibule cannot make (users, patients, an operator's page) a case meets through a *world*: a trait with a
//! few ways to bring the host into the state that the case asks for. A world that cannot says [`Arranged::Never`], and what
//! follows from that is checked instead.

pub mod consents;
pub mod grants;
pub mod keys;
pub mod operators;
pub mod patients;
mod published;
pub mod registrations;
pub mod registries;
pub mod rings;
pub mod users;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use vestibule_host::{ClientRegistrar, ConsentStore, GrantStore, HostError, KeyStore, StoreFault};

/// Makes the store of one case.
///
/// Any closure that returns a store is a factory, and so are two closures for grants, the second for a small store; a store with a place,
/// like a file or a database, has a factory of its own.
#[async_trait]
pub trait StoreFactory<S: ?Sized>: Send + Sync {
    /// Opens the store: empty the first time, and later on what is left of the same rows. Every case has its own factory.
    async fn open(&self) -> Arc<S>;

    /// A store of the same kind with room for no more than some hundred rows of some KiB. A [`GrantStore`] must have a bound, and the
    /// cases about it fail without one; where a contract says nothing of a bound there is none to open.
    async fn open_small(&self) -> Option<Arc<S>> {
        None
    }

    /// Whether rows survive when the store is dropped and opened again. A [`GrantStore`] says so in its facts instead.
    fn survives(&self) -> bool {
        false
    }
}

#[async_trait]
impl<F: Fn() -> S + Send + Sync, S: GrantStore + 'static> StoreFactory<dyn GrantStore> for F {
    async fn open(&self) -> Arc<dyn GrantStore> {
        Arc::new(self())
    }
}

#[async_trait]
impl<F, G, S> StoreFactory<dyn GrantStore> for (F, G)
where
    F: Fn() -> S + Send + Sync,
    G: Fn() -> S + Send + Sync,
    S: GrantStore + 'static,
{
    async fn open(&self) -> Arc<dyn GrantStore> {
        Arc::new(self.0())
    }

    async fn open_small(&self) -> Option<Arc<dyn GrantStore>> {
        Some(Arc::new(self.1()))
    }
}

#[async_trait]
impl<F: Fn() -> S + Send + Sync, S: ConsentStore + 'static> StoreFactory<dyn ConsentStore> for F {
    async fn open(&self) -> Arc<dyn ConsentStore> {
        Arc::new(self())
    }
}

#[async_trait]
impl<F: Fn() -> S + Send + Sync, S: KeyStore + 'static> StoreFactory<dyn KeyStore> for F {
    async fn open(&self) -> Arc<dyn KeyStore> {
        Arc::new(self())
    }
}

#[async_trait]
impl<F: Fn() -> S + Send + Sync, S: ClientRegistrar + 'static> StoreFactory<dyn ClientRegistrar> for F {
    async fn open(&self) -> Arc<dyn ClientRegistrar> {
        Arc::new(self())
    }
}

/// What is broken, in one sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken(pub String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<StoreFault> for Broken {
    fn from(fault: StoreFault) -> Self {
        Self(format!("a fault where none was due: {fault:?}"))
    }
}

impl From<HostError> for Broken {
    fn from(error: HostError) -> Self {
        Self(format!("an error where none was due: {error:?}"))
    }
}

/// How a case ends.
pub type Verdict = Result<(), Broken>;

/// A case that is still running.
pub type Running<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// One case: its name and what it does.
pub struct Case<S: ?Sized + 'static> {
    /// The name, the same as that of the generated test.
    pub name: &'static str,
    /// Runs it.
    pub run: for<'a> fn(&'a dyn StoreFactory<S>) -> Running<'a>,
}

// Derived, these would ask the store to be `Copy`.
impl<S: ?Sized> Clone for Case<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: ?Sized> Copy for Case<S> {}

impl<S: ?Sized> fmt::Debug for Case<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Case({})", self.name)
    }
}

/// Whether a host could be brought into the state that a case asks for.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arranged {
    /// It is in that state.
    Done,
    /// It can never come into that state: a registry in memory loses no database.
    Never,
}

/// A case that is still running, and stays on its thread.
pub type RunningHere<'a> = Pin<Box<dyn Future<Output = Verdict> + 'a>>;

/// One case of a suite that works with a host's world.
pub struct WorldCase<W: ?Sized + 'static> {
    /// The name, the same as that of the generated test.
    pub name: &'static str,
    /// Runs it.
    pub run: for<'a> fn(&'a W) -> RunningHere<'a>,
}

impl<W: ?Sized> fmt::Debug for WorldCase<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorldCase({})", self.name)
    }
}

/// Runs all cases, each in a world of its own, and returns the names and reasons of those that failed.
pub fn failures_in<W: ?Sized>(
    cases: &[WorldCase<W>],
    world: impl Fn() -> Box<W>,
) -> Vec<(&'static str, Broken)> {
    let run = |case: &WorldCase<W>| {
        let world = world();
        block_on((case.run)(&world)).err().map(|broken| (case.name, broken))
    };
    cases.iter().filter_map(run).collect()
}

/// Runs all cases, each with a factory of its own, and returns the names and reasons of those that failed.
pub fn failures<S: ?Sized, F: StoreFactory<S>>(
    cases: &[Case<S>],
    factory: impl Fn() -> F,
) -> Vec<(&'static str, Broken)> {
    let run = |case: &Case<S>| block_on((case.run)(&factory())).err().map(|broken| (case.name, broken));
    cases.iter().filter_map(run).collect()
}

/// Runs a case on a runtime with several threads, so that races are races. Used by the generated tests.
///
/// # Panics
/// When the case fails: that is how a test says so.
pub fn check(case: impl Future<Output = Verdict>) {
    let verdict = block_on(case);
    assert!(verdict.is_ok(), "{}", verdict.err().map(|broken| broken.0).unwrap_or_default());
}

fn block_on<T>(future: impl Future<Output = Result<T, Broken>>) -> Result<T, Broken> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    runtime.map_err(|error| Broken(format!("no runtime: {error}")))?.block_on(future)
}

/// Starts so many tasks at the same moment and returns what they came to.
pub(crate) async fn race<T, F>(tasks: usize, task: impl Fn(usize) -> F) -> Result<Vec<T>, Broken>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let gate = Arc::new(tokio::sync::Barrier::new(tasks));
    let started: Vec<_> = (0..tasks)
        .map(|index| {
            let (gate, task) = (Arc::clone(&gate), task(index));
            tokio::spawn(async move {
                gate.wait().await;
                task.await
            })
        })
        .collect();
    let mut ends = Vec::with_capacity(tasks);
    for task in started {
        ends.push(task.await.map_err(|error| Broken(format!("a task of the race died: {error}")))?);
    }
    Ok(ends)
}

/// Ends a case when something does not hold.
macro_rules! hold {
    ($condition:expr, $($why:tt)+) => {
        if !$condition {
            return Err($crate::Broken(format!($($why)+)));
        }
    };
}

/// Ends a case when two values differ.
macro_rules! same {
    ($found:expr, $due:expr, $($why:tt)+) => {{
        let (found, due) = (&$found, &$due);
        if found != due {
            return Err($crate::Broken(format!("{}: found {found:?}, due is {due:?}", format!($($why)+))));
        }
    }};
}

/// Ends a case when the value has another shape.
macro_rules! shape {
    ($found:expr, $shape:pat $(if $guard:expr)?, $($why:tt)+) => {{
        let found = $found;
        let good = matches!(&found, $shape $(if $guard)?);
        if !good {
            return Err($crate::Broken(format!("{}: found {found:?}", format!($($why)+))));
        }
    }};
}

pub(crate) use {hold, same, shape};

/// Makes a `#[test]` of each case of the `GrantStore` suite. Takes a [`StoreFactory`]: a closure, or a value with a place.
///
/// Use it inside a module of its own.
#[macro_export]
macro_rules! store_suite {
    ($factory:expr) => {
        $crate::__grant_cases! { __generate_tests $factory }
    };
}

/// Makes a `#[test]` of each case of the `ConsentStore` suite.
#[macro_export]
macro_rules! consent_suite {
    ($factory:expr) => {
        $crate::__consent_cases! { __generate_tests $factory }
    };
}

/// Makes a `#[test]` of each case of the `KeyStore` suite.
#[macro_export]
macro_rules! key_suite {
    ($factory:expr) => {
        $crate::__key_cases! { __generate_tests $factory }
    };
}

/// Makes a `#[test]` of each case of the `ClientRegistrar` suite.
#[macro_export]
macro_rules! registrar_suite {
    ($factory:expr) => {
        $crate::__registrar_cases! { __generate_tests $factory }
    };
}

/// Makes a `#[test]` of each case of the `ClientRegistry` suite. Takes a [`RegistryWorld`](registries::RegistryWorld): for a registry
/// that is made of a list, a closure.
#[macro_export]
macro_rules! registry_suite {
    ($world:expr) => {
        $crate::__registry_cases! { __generate_tests $world }
    };
}

/// Makes a `#[test]` of each case about a registrar's surroundings. Takes a [`RegistrarWorld`](operators::RegistrarWorld).
#[macro_export]
macro_rules! operator_suite {
    ($world:expr) => {
        $crate::__operator_cases! { __generate_tests $world }
    };
}

/// Makes a `#[test]` of each case of the `KeyRing` suite. Takes a [`RingWorld`](rings::RingWorld).
#[macro_export]
macro_rules! ring_suite {
    ($world:expr) => {
        $crate::__ring_cases! { __generate_tests $world }
    };
}

/// Makes a `#[test]` of each case of the `UserAuthenticator` suite. Takes a [`UserWorld`](users::UserWorld).
#[macro_export]
macro_rules! user_suite {
    ($world:expr) => {
        $crate::__user_cases! { __generate_tests $world }
    };
}

/// Makes a `#[test]` of each case of the `PatientAccessPolicy` suite. Takes a [`PatientWorld`](patients::PatientWorld).
#[macro_export]
macro_rules! patient_suite {
    ($world:expr) => {
        $crate::__patient_cases! { __generate_tests $world }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __generate_world_list {
    ($world:ty; $suite:ident: $($case:ident)*) => {
        /// All cases of this suite.
        pub const CASES: &[$crate::suite::WorldCase<$world>] = &[$(
            $crate::suite::WorldCase { name: stringify!($case), run: |world| Box::pin($case(world)) },
        )*];
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __generate_tests {
    ($factory:expr; $suite:ident: $($case:ident)*) => {$(
        #[test]
        fn $case() {
            let factory = $factory;
            $crate::suite::check($crate::suite::$suite::$case(&factory));
        }
    )*};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __generate_list {
    ($store:ty; $suite:ident: $($case:ident)*) => {
        /// All cases of this suite.
        pub const CASES: &[$crate::suite::Case<$store>] = &[$(
            $crate::suite::Case { name: stringify!($case), run: |factory| Box::pin($case(factory)) },
        )*];
    };
}
