//! The vocabulary and the traits between Vestibule and the system that embeds it.
