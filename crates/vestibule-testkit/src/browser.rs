//! A browser without sockets.
