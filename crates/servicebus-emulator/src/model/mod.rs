//! All entities of a namespace, without sockets and clocks.
