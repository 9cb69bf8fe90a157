//! Parts around the server, each behind its own feature. They use the message types as a program
//! does. The server does not depend on the extras.
//!
//! * `assets/`: files as responses
//! * `content_encoding/`: compression of responses with gzip
//! * `gateway/`: responses from another server or from a program
//! * `input/`: cookies, credentials, forms and other input of requests
//! * `json/`: JSON values, text and conversions
//! * `log/`: a line for each request
//! * `negotiation/`: weighted lists and content codings
//! * `session/`: an id for each client
//! * `websocket/`: messages in both directions

pub(crate) mod assets;
pub mod content_encoding;
pub(crate) mod gateway;
pub mod input;
pub mod json;
pub(crate) mod log;
mod negotiation;
pub mod session;
pub mod websocket;
