//! Header fields and bodies of requests, read and checked, under the names of rouille. The module
//! does not create responses.
//!
//! | to read | use | notes |
//! |---|---|---|
//! | the preferred media type | [`accept!`] | all `Accept` fields; `q=0` excludes a type |
//! | the preference in another field | [`priority_header_preferred`] | the same rules |
//! | cookies | [`cookies()`] | as lenient as browsers are |
//! | a login and a password | [`basic_http_auth`] | `None` unless exactly one field is valid |
//! | a body of text | [`plain_text_body`] | `text/plain`, UTF-8, 1 MiB or your limit |
//! | a body of JSON | [`json_input`] | `application/json`, 1 MiB or your limit |
//! | a form, into a struct | [`post_input!`], see [`post`] | text 1 MiB, files 16 MiB, 10,000 fields |
//! | a form of any size, part by part | [`multipart`] | memory: 16 KiB, and the head of one part |
//! | an id for each client | [`session`](mod@crate::session) | 64 digits in a cookie |
//!
//! A client may send any text in a cookie or a form, also as the name of a file: check values
//! before use. A form is parsed as strictly as HTTP, so that a part of a file never looks like a
//! whole file. Each function that reads a body has a limit, within the limit of the server
//! ([`Limits::max_body_bytes`](crate::Limits::max_body_bytes)).
//!
//! # Tests
//!
//! `tests/it/extras/input.rs`, `tests/it/extras/multipart.rs`, and the tables in
//! `src/extra/input/`.
//!
//! [`accept!`]: crate::accept
//! [`post_input!`]: crate::post_input

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
