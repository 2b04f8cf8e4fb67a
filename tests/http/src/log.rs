//! What the engine logs, as the strictest operator would keep it.

use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// Keeps everything that is logged, at every level.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<String>>);

/// Captures until it is dropped.
#[derive(Debug)]
pub struct Capturing {
    _log: tracing::subscriber::DefaultGuard,
    _second: Dispatch,
}

impl Log {
    /// From now on this thread's log lines are kept, and those of the doors that it opens.
    pub fn capture(&self) -> Capturing {
        // With one subscriber alone, a place in the code that another thread reaches first would stay silent for all threads.
        let second = Dispatch::new(Self::default());
        Capturing { _log: tracing::subscriber::set_default(self.clone()), _second: second }
    }

    pub fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        use std::fmt::Write as _;
        let _ = write!(self.0, " {field}={value:?}");
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        use std::fmt::Write as _;
        let _ = write!(self.0, " {field}={value} {value:?}");
        let mut source = value.source();
        while let Some(error) = source {
            let _ = write!(self.0, " <- {error} {error:?}");
            source = error.source();
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        attributes.record(&mut Line(&mut self.0.lock().unwrap()));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Line(&mut self.0.lock().unwrap()));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut log = self.0.lock().unwrap();
        log.push_str(event.metadata().target());
        event.record(&mut Line(&mut log));
        log.push('\n');
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
