//! JSON text (RFC 8259), read and written.
//!
//! * `parse`: text to a value
//! * `write`: a value to text
//! * `string`: escapes of strings, in both directions

pub(crate) mod parse;
pub(crate) mod string;
pub(crate) mod write;
