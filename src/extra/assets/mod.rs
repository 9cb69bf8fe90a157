//! Files as responses.
//!
//! * `serve`: responds with a file, or with a part of a file
//! * `locate`: the path that a URL names in a folder
//! * `siblings`: compressed files beside a file
//! * `conditions/`: validators of a file, and the fields that compare these
//! * `range`: the part of a file that a request asks for
//! * `mime`: the media type for an extension
//!
//! Tests: `tests/it/extras/assets/mod.rs`, and the tables in this folder.

mod conditions;
mod locate;
mod mime;
mod range;
mod serve;
mod siblings;

#[cfg(test)]
mod tests;

pub use self::locate::asset_path;
pub use self::mime::extension_to_mime;
pub use self::serve::{match_assets, serve_file};
