//! Compressed files beside a file, such as `site.css.gz`.

use crate::extra::negotiation::coding::Coding;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

/// Returns the compressed files beside this one. A symbolic link is not used, because the link may
/// lead out of the folder. A file that is older than the original is not used either.
pub(crate) fn siblings(path: &Path, original: &Metadata) -> Vec<(Coding, PathBuf)> {
    let modified = original.modified().ok();
    let beside = |coding: Coding| {
        let mut name = OsString::from(path);
        name.push(suffix(coding));
        let metadata = fs::symlink_metadata(&name).ok()?;
        let is_newer = metadata.modified().ok() >= modified;
        (metadata.is_file() && is_newer).then(|| (coding, name.into()))
    };
    Coding::ALL.into_iter().filter_map(beside).collect()
}

/// Returns the suffix that follows the name of the original file.
pub(crate) fn suffix(coding: Coding) -> &'static str {
    match coding {
        Coding::Brotli => ".br",
        Coding::Gzip => ".gz",
    }
}
