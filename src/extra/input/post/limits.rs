//! Limits for the memory that a form takes.

use crate::extra::input::multipart::MAX_PARTS;

/// 1 MiB: the maximum size of the text of a form. The text is the whole urlencoded body, or all
/// fields of a multipart form that the macro names and that are not files. One byte more is an
/// error.
pub const MAX_FORM_BYTES: usize = 1024 * 1024;

/// 16 MiB: the maximum size of one [`BufferedFile`](super::BufferedFile), and of all values that
/// [`post_input!`](crate::post_input) keeps of one form. One byte more is an error. While the last
/// file is read, a form may take up to twice this size.
pub const MAX_BUFFERED_BYTES: usize = 16 * 1024 * 1024;

/// The maximum number of fields of one form. One more is an error.
pub const MAX_FIELDS: usize = MAX_PARTS;
