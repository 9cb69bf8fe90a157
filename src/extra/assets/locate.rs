//! From a URL to a path in a folder, and to none outside of it. It opens nothing.

use crate::message::syntax::percent;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Names that Windows takes for devices, in any folder and with any extension.
const DEVICES: [&str; 7] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"];

/// The path of what a URL names in a folder, if it is there and is a file or a folder: for a
/// handler that shows an index or a listing, or keeps some names to itself, before it goes on with
/// [`serve_file`](crate::serve_file).
///
/// The URL is as [`Request::raw_url`](crate::Request::raw_url) has it: escapes not decoded, and a
/// query, if any, left alone. Each segment is decoded once and names one entry. What is not such a
/// name is not there: an empty segment, `.`, `..`, one with a slash or a zero byte in it, and on
/// Windows whatever that takes for more than a name (a drive, a device, a stream, a dot or a blank
/// at the end), and what looks like the short name of another one (`PROGRA~1`). So a URL has no
/// second spelling but its escapes, and other case where the file system does not tell it apart.
/// The last segment may be empty, as in `/docs/`, if that is a folder; `/` is the folder itself. A
/// symbolic link is followed if it leads to something in the folder, and is not there if it leads
/// out.
///
/// That is looked at before the file is opened, and std has no way to do both at once. Whoever may
/// rename things in the folder while it is served could put a link in between: a folder that others
/// write to is no folder to serve from.
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
    // `/` is one empty segment, `/docs/` two, of which the last is.
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
        // Without links and without `..` a path stays where it begins; with them the system says
        // where it ends. The folder may be a link itself, which a new release turns elsewhere: it
        // is looked at once.
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
    match metadata.is_dir() || metadata.is_file() && !is_folder {
        true => Some(path),
        false => None,
    }
}

/// The name of one entry, if the bytes are that and nothing more.
fn name(bytes: &[u8], windows: bool) -> Option<Cow<'_, OsStr>> {
    let is_way = matches!(bytes, b"" | b"." | b"..");
    if is_way || bytes.contains(&b'/') || bytes.contains(&0) {
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

/// Whether Windows takes a name as it stands, for a file or a folder of that very name.
fn is_plain_on_windows(name: &str) -> bool {
    let is_special =
        |c: char| matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|') || c < ' ';
    // It drops dots and blanks at the end.
    if name.contains(is_special) || name.ends_with(['.', ' ']) {
        return false;
    }
    if is_short_name(name) {
        return false;
    }
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    if DEVICES
        .iter()
        .any(|device| device.eq_ignore_ascii_case(stem))
    {
        return false;
    }
    // COM1 to COM9 and LPT1 to LPT9; 0 and the raised digits are taken for such too.
    let mut chars = stem.chars();
    let is_numbered = chars.next_back().map_or(false, |c| {
        c.is_ascii_digit() || matches!(c, '\u{b9}' | '\u{b2}' | '\u{b3}')
    });
    let port = chars.as_str();
    !(is_numbered && (port.eq_ignore_ascii_case("COM") || port.eq_ignore_ascii_case("LPT")))
}

/// Whether Windows may have made it up as another spelling of a longer name: up to eight characters
/// that end with a tilde and a number, and an extension of up to three.
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
    fn a_segment_is_one_name_or_none() {
        // (name, elsewhere, on Windows)
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

    /// With this crate's own sources for a folder.
    #[test]
    fn a_url_names_what_is_there() {
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
