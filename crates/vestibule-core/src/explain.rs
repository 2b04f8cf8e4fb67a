//! Every decision explains itself (principle 7): which checks were made, in which order, and what became of each scope.
//!
//! The code that checks writes the [`Trail`]; there is no second list that could drift away from it.

/// At most so many checks are noted for one request.
const MAX_CHECKS: usize = 64;

/// A check that was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Check {
    /// The requirement that it enforces.
    pub requirement: &'static str,
    /// What was looked at, in a few constant words.
    pub what: &'static str,
    /// What came of it.
    pub passed: bool,
}

/// The checks of one request, in their order. It holds constant texts only: no value of a request, no name, no secret.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Trail {
    checks: Vec<Check>,
}

impl Trail {
    /// Notes a check, and hands its result on.
    ///
    /// # Errors
    /// Those of `result`.
    pub fn check<T, E>(
        &mut self,
        requirement: &'static str,
        what: &'static str,
        result: Result<T, E>,
    ) -> Result<T, E> {
        self.note(requirement, what, result.is_ok());
        result
    }

    /// Notes what came of a check.
    pub fn note(&mut self, requirement: &'static str, what: &'static str, passed: bool) {
        if self.checks.len() < MAX_CHECKS {
            self.checks.push(Check { requirement, what, passed });
        }
    }

    /// The checks so far.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }
}
