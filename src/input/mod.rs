//! What a client says in its header fields and in its body, read and checked: rouille's module of
//! this name. It reads requests, and answers none.
//!
//! | to read | use |
//! |---|---|
//! | which of several types is wanted | [`accept!`](crate::accept), [`priority_header_preferred`] |
//! | cookies | [`cookies()`]; for one that tells clients apart [`session`](mod@crate::session) |
//! | a login and a password | [`basic_http_auth`] |
//! | a body of text | [`plain_text_body`] |
//! | a body of JSON | [`json_input`] |
//! | a form, into a struct | [`post_input!`](crate::post_input), told of in [`post`] |
//! | a form with large files, while it comes | [`multipart`] |
//!
//! Nothing that comes from a client is believed because it parses: a cookie may hold anything, and
//! so may a form. Bodies are read up to a limit that each function names, within that of the server
//! ([`Limits::max_body_bytes`](crate::Limits::max_body_bytes)).

mod body;
mod content_type;
mod parameters;

mod accept;
mod auth;
mod cookies;
pub mod json;
pub mod multipart;
mod plain;
pub mod post;
mod priority;

#[cfg(test)]
mod compat;

pub use auth::{basic_http_auth, HttpAuthCredentials};
pub use cookies::{cookies, CookiesIter};
pub use json::{json_input, json_input_with_limit};
pub use plain::{plain_text_body, plain_text_body_with_limit, PlainTextError};
pub use priority::{parse_priority_header, priority_header_preferred, PriorityHeaderIter};

// What the macro expands to.
#[doc(hidden)]
pub use accept::accepted as __accepted;
