//! Nothing: the tests are in `tests`. A package of its own, so that what they need is nobody else's dependency.
