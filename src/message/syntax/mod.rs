//! Forms of text that several parts of a message share: dates, percent-encoding, status codes.

pub(crate) mod date;
pub(crate) mod percent;
pub(crate) mod status;
