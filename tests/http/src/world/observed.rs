//! What the engine explained.

use std::sync::{Mutex, PoisonError};

use vestibule::{Explanation, Observer};

/// Keeps every explanation.
#[derive(Debug, Default)]
pub struct Observed(Mutex<Vec<Explanation>>);

impl Observed {
    pub fn all(&self) -> Vec<Explanation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn last(&self) -> Explanation {
        self.all().pop().expect("an explanation")
    }
}

impl Observer for Observed {
    fn explained(&self, explanation: &Explanation) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(explanation.clone());
    }
}
