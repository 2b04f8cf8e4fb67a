//! The embedded default store of Vestibule: one SQLite file.
