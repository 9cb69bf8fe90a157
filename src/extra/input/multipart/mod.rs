//! Reads `multipart/form-data` (RFC 7578) part by part while the body arrives, for uploads that are
//! too large for memory. For fields with known names, [`post_input!`](crate::post_input) is
//! simpler.
//!
//! For a body of any size, the reader uses a buffer of 16 KiB, and the head of one part. The size
//! of the body is limited by [`Limits::max_body_bytes`](crate::Limits::max_body_bytes), which a
//! server for large uploads raises.
//!
//! A form that two parsers could read differently is an error, as everywhere in this crate:
//!
//! * a part without a name, or with two names
//! * a header line that is not a field, or that is also a boundary
//! * a line that begins like a boundary and continues
//! * a `Content-Transfer-Encoding` that changes the data
//! * a body that ends before its last boundary
//!
//! After an error, nothing more of the form is read.
//!
//! # Example: files into a folder
//!
//! ```
//! use millpond::input::multipart::get_multipart_input;
//! use millpond::{try_or_400, Request, Response};
//! use std::io;
//!
//! fn upload(request: &Request) -> Response {
//!     let mut form = try_or_400!(get_multipart_input(request));
//!     let mut sizes = Vec::new();
//!     while let Some(mut field) = try_or_400!(form.try_next()) {
//!         // The client chooses the file name: never use the name as a path. `io::sink` stands for
//!         // a file here.
//!         if field.headers.filename.is_some() {
//!             sizes.push(try_or_400!(io::copy(&mut field.data, &mut io::sink())));
//!         }
//!     }
//!     Response::json(&sizes)
//! }
//!
//! let kind = "multipart/form-data; boundary=x".to_owned();
//! let body = "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.bin\"\r\n\r\n\
//!             seven b\r\n--x--\r\n";
//! let fields = vec![("Content-Type".to_owned(), kind)];
//! let whole = Request::fake_http("POST", "/", fields.clone(), body.into());
//! assert_eq!(upload(&whole).status_code, 200);
//! let cut = Request::fake_http("POST", "/", fields, body[..body.len() - 9].into());
//! assert_eq!(upload(&cut).status_code, 400);
//! ```

// The files:
//
// * `form`: the public types: a form, its fields, their data
// * `parts`: finds the parts in the stream of bytes
// * `head`: parses the header lines of a part
// * `mime`: a media type

mod form;
mod head;
mod mime;
mod parts;

#[cfg(test)]
mod tests;

pub use self::form::{get_multipart_input, Multipart, MultipartError};
pub use self::form::{MultipartData, MultipartField};
pub use self::head::{FieldHeaders, MAX_PART_HEADERS};
pub use self::mime::Mime;
pub use self::parts::{MAX_PARTS, MAX_PART_HEAD_BYTES};
