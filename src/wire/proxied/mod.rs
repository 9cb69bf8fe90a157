//! Statements of a proxy about its client: `Forwarded` fields and the PROXY protocol.

pub(crate) mod forwarded;
pub(crate) mod preface;
