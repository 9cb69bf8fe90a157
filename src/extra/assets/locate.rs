//! [`asset_path`]: from a URL to a path in a folder. No URL leads out of the folder. The module
//! opens no file.

use crate::message::syntax::percent;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Names that Windows reads as devices, in any folder and with any extension.
const DEVICE_NAMES: [&str; 7] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"];

/// Returns the path of the file or folder that a URL names in a folder. Returns `None` if there is
/// no such entry.
///
/// Use this function before [`serve_file`](crate::serve_file), for example to send an index or a
/// listing, or to hide some names.
///
/// The URL is the result of [`Request::raw_url`](crate::Request::raw_url): escapes are not decoded,
/// and a query is ignored. Each segment is decoded once and must be the name of one entry. The
/// result is `None` for these segments:
///
/// * an empty segment, `.` or `..`
/// * a segment with a slash or a zero byte
/// * on Windows, a segment that means more than a name: a drive, a device, a stream, or a dot or
///   blank at the end
/// * on Windows, a segment that may be the short name of another entry (`PROGRA~1`)
///
/// A URL therefore has no second spelling, except with escapes, and except for case if the file
/// system ignores case. The last segment may be empty for a folder, as in `/docs/`; `/` is the
/// folder itself. A symbolic link is followed if its target is in the folder. Otherwise the result
/// is `None`.
///
/// These checks happen before the file is opened, because std cannot do both in one step. A process
/// that may rename entries of the folder could insert a link in between. Do not serve a folder that
/// untrusted users can write to.
///
/// # Example: an index for each folder
///
/// ```
/// use millpond::{asset_path, match_assets, serve_file, Request, Response};
///
/// fn site(request: &Request) -> Response {
///     let (url, _) = request.raw_url().split_once('?').unwrap_or((request.raw_url(), ""));
///     if url.ends_with('/') {
///         return match asset_path(&format!("{url}index.html"), "public") {
///             Some(index) => serve_file(request, &index),
///             None => Response::empty_404(),
///         };
///     }
///     match_assets(request, "public")
/// }
/// # assert_eq!(site(&Request::fake_http("GET", "/", vec![], vec![])).status_code, 404);
/// # assert_eq!(asset_path("/lib%2Ers?a", "src"), Some("src/lib.rs".into()));
/// ```
pub fn asset_path<P>(url: &str, folder: &P) -> Option<PathBuf>
where
    P: AsRef<Path> + ?Sized,
{
    let folder = folder.as_ref();
    let url = url.split_once('?').map_or(url, |(path, _)| path);
    let mut segments: Vec<&str> = url.strip_prefix('/').unwrap_or(url).split('/').collect();
    // `/` is one empty segment. `/docs/` is two segments, and the last one is empty.
    let is_folder = segments.last() == Some(&"");
    segments.truncate(segments.len() - usize::from(is_folder));
    let mut path = folder.to_owned();
    let mut linked = false;
    let mut found = None;
    for segment in segments {
        path.push(name(
            &percent::bytes(segment).collect::<Vec<u8>>(),
            cfg!(windows),
        )?);
        let metadata = fs::symlink_metadata(&path).ok()?;
        linked |= metadata.file_type().is_symlink();
        found = Some(metadata);
    }
    if linked {
        // Without links and `..`, a path stays in the folder. With links, the system resolves the
        // path. The folder may itself be a link that a new release changes, so the folder is
        // resolved only once.
        let root = fs::canonicalize(folder).ok()?;
        path = fs::canonicalize(root.join(path.strip_prefix(folder).ok()?)).ok()?;
        if !path.starts_with(root) {
            return None;
        }
        found = None;
    }
    let metadata = match found {
        Some(metadata) => metadata,
        None => fs::metadata(&path).ok()?,
    };
    let is_found = metadata.is_dir() || metadata.is_file() && !is_folder;
    is_found.then_some(path)
}

/// Returns the bytes as a name if they are the name of one entry.
fn name(bytes: &[u8], windows: bool) -> Option<Cow<'_, OsStr>> {
    let is_relative = matches!(bytes, b"" | b"." | b"..");
    if is_relative || bytes.contains(&b'/') || bytes.contains(&0) {
        return None;
    }
    if windows && !is_plain_on_windows(std::str::from_utf8(bytes).ok()?) {
        return None;
    }
    os_str(bytes)
}

#[cfg(unix)]
fn os_str(bytes: &[u8]) -> Option<Cow<'_, OsStr>> {
    use std::os::unix::ffi::OsStrExt;
    Some(Cow::Borrowed(OsStr::from_bytes(bytes)))
}

#[cfg(not(unix))]
fn os_str(bytes: &[u8]) -> Option<Cow<'_, OsStr>> {
    let text = std::str::from_utf8(bytes).ok()?;
    Some(Cow::Borrowed(OsStr::new(text)))
}

/// Returns whether Windows reads the text as the name of a file or folder, without a change.
fn is_plain_on_windows(name: &str) -> bool {
    let is_special =
        |c: char| matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|') || c < ' ';
    // Windows removes dots and blanks at the end.
    if name.contains(is_special) || name.ends_with(['.', ' ']) {
        return false;
    }
    if is_short_name(name) {
        return false;
    }
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    if DEVICE_NAMES
        .iter()
        .any(|device| device.eq_ignore_ascii_case(stem))
    {
        return false;
    }
    // COM1 to COM9 and LPT1 to LPT9. Windows also accepts 0 and the superscript digits here.
    let mut chars = stem.chars();
    let is_numbered = chars.next_back().map_or(false, |c| {
        c.is_ascii_digit() || matches!(c, '\u{b9}' | '\u{b2}' | '\u{b3}')
    });
    let port = chars.as_str();
    !(is_numbered && (port.eq_ignore_ascii_case("COM") || port.eq_ignore_ascii_case("LPT")))
}

/// Returns whether the name may be a short name that Windows made for a longer name. A short name
/// has up to eight characters that end with a tilde and a number, and up to three in the extension.
fn is_short_name(name: &str) -> bool {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let numbered = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_numbered = numbered.len() < stem.len() && numbered.ends_with('~');
    is_numbered && stem.chars().count() <= 8 && extension.chars().count() <= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_one_name_or_refused() {
        // (name, allowed on other systems, allowed on Windows)
        let table: &[(&[u8], bool, bool)] = &[
            (b"a", true, true),
            (b"a b.txt", true, true),
            (b".hidden", true, true),
            (b"...", true, false),
            (b"..a", true, true),
            ("\u{e9}\u{1f986}".as_bytes(), true, true),
            (b"%2e%2e", true, true),
            (b"~", true, true),
            (b"PROGRA~1", true, false),
            (b"hidden~1.txt", true, false),
            (b"a~123456", true, false),
            (b"~1", true, false),
            (
                "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}~1".as_bytes(),
                true,
                false,
            ),
            (b"a~1.html", true, true),
            (b"a~1.tar.gz", true, true),
            (b"program~1", true, true),
            (b"a~b", true, true),
            (b"a~1b", true, true),
            (b"a1", true, true),
            (b"", false, false),
            (b".", false, false),
            (b"..", false, false),
            (b"a/b", false, false),
            (b"../a", false, false),
            (b"/", false, false),
            (b"a\0", false, false),
            (b"\0", false, false),
            (b"a\\b", true, false),
            (b"..\\a", true, false),
            (b"C:", true, false),
            (b"C:a", true, false),
            (b"\\\\?\\C:", true, false),
            (b"a.txt:stream", true, false),
            (b"a.txt::$DATA", true, false),
            (b"a.", true, false),
            (b"a ", true, false),
            (b"a. .", true, false),
            (b"a?", true, false),
            (b"a*", true, false),
            (b"a|b", true, false),
            (b"a\x1fb", true, false),
            (b"con", true, false),
            (b"CoN.txt", true, false),
            (b"con .txt", true, false),
            (b"NUL", true, false),
            (b"nul.tar.gz", true, false),
            (b"aux.c", true, false),
            (b"prn", true, false),
            (b"conin$", true, false),
            (b"COM1", true, false),
            (b"com9.log", true, false),
            ("COM\u{b9}".as_bytes(), true, false),
            (b"lpt0", true, false),
            (b"com", true, true),
            (b"com10", true, true),
            (b"console", true, true),
            (b"icon", true, true),
            (b"xcom1", true, true),
            (b"a.con", true, true),
        ];
        for (bytes, elsewhere, windows) in table {
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(name(bytes, false).is_some(), *elsewhere, "{text:?}");
            assert_eq!(name(bytes, true).is_some(), *windows, "{text:?} on Windows");
        }
        assert_eq!(name(b"\xff", false).is_some(), cfg!(unix), "not UTF-8");
        assert!(name(b"\xff", true).is_none(), "not UTF-8, on Windows");
    }

    /// The folder of the test is `src` of this crate.
    #[test]
    fn a_url_names_an_existing_entry() {
        let found = |url: &str| {
            let path = asset_path(url, "src")?;
            Some(path.to_str().unwrap().replace('\\', "/"))
        };
        for (url, want) in [
            ("/lib.rs", Some("src/lib.rs")),
            ("lib.rs", Some("src/lib.rs")),
            ("/lib.rs?a=/../b", Some("src/lib.rs")),
            ("/%6Cib%2Ers", Some("src/lib.rs")),
            (
                "/extra/assets/locate.rs",
                Some("src/extra/assets/locate.rs"),
            ),
            ("/", Some("src")),
            ("", Some("src")),
            ("/extra/assets", Some("src/extra/assets")),
            ("/extra/assets/", Some("src/extra/assets")),
            ("/lib.rs/", None),
            ("//", None),
            ("///", None),
            ("//lib.rs", None),
            ("/extra/assets//", None),
            ("/extra/assets//locate.rs", None),
            ("/./lib.rs", None),
            ("/extra/assets/../lib.rs", None),
            ("/extra/assets/..", None),
            ("/..", None),
            ("/../Cargo.toml", None),
            ("/%2e%2e/Cargo.toml", None),
            ("/.%2E/Cargo.toml", None),
            ("/..%2fCargo.toml", None),
            ("/%252e%252e/Cargo.toml", None),
            ("/..%5cCargo.toml", None),
            ("/extra/assets%2flocate.rs", None),
            ("/lib.rs%00", None),
            ("/lib.rs%00.html", None),
            ("/%00", None),
            ("/lib.rs%20", None),
            ("/lib.rs.", None),
            ("/lib.rs::$DATA", None),
            ("/none", None),
            ("/lib.rs/none", None),
        ] {
            assert_eq!(found(url).as_deref(), want, "{url}");
        }
    }
}
