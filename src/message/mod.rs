//! The nouns a handler sees. Nothing here knows a socket, the wire's syntax, or a route.

pub(crate) mod head;
pub(crate) mod status;
