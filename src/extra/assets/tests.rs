//! The signatures of rouille: code that calls these functions compiles with both libraries.

use super::{extension_to_mime, match_assets};
use crate::message::{Request, Response};
use std::path::{Path, PathBuf};

#[test]
fn rouille_has_these_signatures() {
    let _: fn(&Request, &str) -> Response = match_assets;
    let _: fn(&Request, &String) -> Response = match_assets;
    let _: fn(&Request, &Path) -> Response = match_assets;
    let _: fn(&Request, &PathBuf) -> Response = match_assets::<PathBuf>;
    let _: fn(&str) -> &'static str = extension_to_mime;
}
