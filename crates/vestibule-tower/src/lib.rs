//! Vestibule as a tower service.
