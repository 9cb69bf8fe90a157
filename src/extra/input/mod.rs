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

// What the macro expands to.
#[doc(hidden)]
pub use self::fields::accept::accepted as __accepted;
