//! Header fields and bodies of requests, read and checked, under the names of rouille. The module
//! does not create responses.
//!
//! | to read | use |
//! |---|---|
//! | the preferred media type | [`accept!`](crate::accept), [`priority_header_preferred`] |
//! | cookies | [`cookies()`]; to recognise clients, [`session`](mod@crate::session) |
//! | a login and a password | [`basic_http_auth`] |
//! | a body of text | [`plain_text_body`] |
//! | a body of JSON | [`json_input`] |
//! | a form, into a struct | [`post_input!`](crate::post_input), documented in [`post`] |
//! | a form with large files, while the body arrives | [`multipart`] |
//!
//! A client may send any text in a cookie or a form: check values before use. Each function that
//! reads a body has a limit, within the limit of the server
//! ([`Limits::max_body_bytes`](crate::Limits::max_body_bytes)).

// The files:
//
// * `fields/`: request fields as values
// * `body/`: bodies that are read whole: text, JSON
// * `multipart/`: forms that are read part by part
// * `post/`: forms that become a struct

mod body;
mod fields;
pub mod multipart;
pub mod post;

#[cfg(test)]
mod compat;

pub use self::body::json;
pub use self::body::json::{json_input, json_input_with_limit};
pub use self::body::plain::{plain_text_body, plain_text_body_with_limit, PlainTextError};
pub use self::fields::auth::{basic_http_auth, HttpAuthCredentials};
pub use self::fields::cookies::{cookies, CookiesIter};
pub use self::fields::priority::{
    parse_priority_header, priority_header_preferred, PriorityHeaderIter,
};

// Used by the expansion of `accept!`.
#[doc(hidden)]
pub use self::fields::accept::accepted as __accepted;
