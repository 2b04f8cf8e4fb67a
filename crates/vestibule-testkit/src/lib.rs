//! The contracts of Vestibule as programs, for tests.
