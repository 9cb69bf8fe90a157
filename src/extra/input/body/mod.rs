//! Request bodies that are read whole into memory.
//!
//! * `read`: reads a body up to a limit
//! * `content_type`: the `Content-Type` field
//! * `parameters`: a field value with parameters
//! * `plain`: a body of plain text
//! * `json`: a body of JSON

pub(crate) mod content_type;
pub mod json;
pub(crate) mod parameters;
pub(crate) mod plain;
pub(crate) mod read;
