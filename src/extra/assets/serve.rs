//! [`match_assets`] and [`serve_file`]: respond with a file, whole or in part.
//!
//! The module decides about the response. The server reads the file while the response is sent.

use super::conditions::{self, Validators, Verdict};
use super::locate::asset_path;
use super::mime::extension_to_mime;
use super::range::{self, Extent};
use super::siblings::siblings;
use crate::extra::negotiation::coding::{self, Coding};
use crate::message::syntax::date;
use crate::message::{Request, Response, ResponseBody};
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::SystemTime;

/// Returns a response with the file that the URL of the request names in a folder, as
/// [`serve_file`] does.
///
/// The response is 404 if there is no such file, and for a folder. [`asset_path`] describes the
/// names that a URL may use, and the protection against paths out of the folder.
///
/// Each file in the folder is served, also if its name begins with a dot, and also the targets of
/// symbolic links within the folder. With a prefix `/static`, the URL `/statica.css` names the same
/// file as `/static/a.css`. To decide about access, therefore use the path from [`asset_path`], and
/// not the URL.
///
/// Index pages, listings and hidden names are left to the handler: `examples/files` has all three.
///
/// # Example: files below a prefix, before the routes
///
/// ```
/// use millpond::{match_assets, router, Request, Response};
///
/// fn site(request: &Request) -> Response {
///     if let Some(inner) = request.remove_prefix("/static") {
///         return match_assets(&inner, "public");
///     }
///     router!(request,
///         (GET) (/) => { Response::html("<link rel=stylesheet href=/static/site.css>") },
///         _ => Response::empty_404()
///     )
/// }
/// # let ask = |url: &str| site(&Request::fake_http("GET", url, vec![], vec![])).status_code;
/// # assert_eq!((ask("/"), ask("/static/site.css")), (200, 404));
/// ```
pub fn match_assets<P>(request: &Request, path: &P) -> Response
where
    P: AsRef<Path> + ?Sized,
{
    match asset_path(request.raw_url(), path) {
        Some(path) => serve_file(request, &path),
        None => Response::empty_404(),
    }
}

/// Returns a response with this file, whole or in part, or a 304 if the client has the file. The
/// URL of the request is not used.
///
/// * **Path.** Symbolic links are followed to any target. For a path from a URL, use
///   [`match_assets`].
/// * **Method.** GET and HEAD are served. The response to any other method is 405.
/// * **Missing files.** The response is 404 if the path is not a regular file, or if the process
///   may not read the file. A pipe or a device is not opened.
/// * **Type.** `Content-Type` is the result of [`extension_to_mime`]. There is no `Cache-Control`:
///   add one with [`with_public_cache`](Response::with_public_cache) or a similar function.
/// * **Validators.** `ETag` consists of the length and the modification time; `Last-Modified` is
///   the modification time. In the two seconds after a change, both are missing, because another
///   change might leave the time unchanged. Both are therefore strong validators. They fail only if
///   a clock or a modification time is set back. Some tools set the time of all files of a build to
///   one value: touch such files after unpacking.
/// * **Conditions.** `If-Match`, `If-None-Match`, `If-Modified-Since`, `If-Unmodified-Since` and
///   `If-Range` are evaluated in the order of RFC 9110 §13.2.2. The response may be 304 or 412.
/// * **Ranges.** The response to one range is that part with 206, or 416 if the range begins beyond
///   the end. The response to several ranges or a malformed `Range` is the whole file.
/// * **Compressed siblings.** `name.br` or `name.gz` is sent instead of the file if
///   `Accept-Encoding` prefers that coding and the sibling is not older. The response then has its
///   own tag, and `Vary`. Create these files when the site is built.
/// * **Changes during the response.** The file is read while the response is sent, up to the length
///   that the file had at first. If the file becomes shorter, the connection is closed early, which
///   the client can detect. If a program overwrites the file in place, the client may receive a mix
///   of old and new content: replace files with a rename.
///
/// # Example: one page for every URL
///
/// ```
/// use millpond::{match_assets, serve_file, Request, Response};
///
/// fn app(request: &Request) -> Response {
///     match match_assets(request, "public") {
///         none if none.status_code == 404 => serve_file(request, "public/index.html"),
///         file => file,
///     }
/// }
/// # assert_eq!(app(&Request::fake_http("GET", "/", vec![], vec![])).status_code, 404);
/// # let part = vec![("Range".into(), "bytes=0-8".into())];
/// # let request = Request::fake_http("GET", "/", part, vec![]);
/// # assert_eq!(serve_file(&request, "Cargo.toml").status_code, 206);
/// ```
pub fn serve_file<P>(request: &Request, path: &P) -> Response
where
    P: AsRef<Path> + ?Sized,
{
    let path = path.as_ref();
    // Before the file is opened: opening a pipe would block until another process writes.
    let metadata = match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => metadata,
        _ => return Response::empty_404(),
    };
    if !matches!(request.method(), "GET" | "HEAD") {
        return empty(405).with_additional_header("Allow", "GET, HEAD");
    }
    send(request, path, &metadata).unwrap_or_else(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::PermissionDenied => Response::empty_404(),
        // For example, the process has no free descriptor. The file exists, so 404 would be wrong.
        _ => empty(500),
    })
}

fn send(request: &Request, path: &Path, original: &Metadata) -> io::Result<Response> {
    let siblings = siblings(path, original);
    let available: Vec<Coding> = siblings.iter().map(|(coding, _)| *coding).collect();
    let chosen = coding::choose(request, &available).and_then(|chosen| {
        let (_, path) = siblings.iter().find(|(coding, _)| *coding == chosen)?;
        // If the sibling cannot be opened, the file itself is sent.
        File::open(path).ok().map(|file| (Some(chosen), file))
    });

    let now = SystemTime::now();
    let (coding, mut file) = match chosen {
        Some(chosen) => chosen,
        None => (None, File::open(path)?),
    };
    // Another process may have replaced the file since the first check.
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(Response::empty_404());
    }
    let length = metadata.len();
    let validators = Validators::of(length, metadata.modified().ok(), coding, now);
    let extent = match conditions::evaluate(request, &validators) {
        Verdict::Failed => return Ok(empty(412)),
        Verdict::NotModified => return Ok(with_cache_fields(empty(304), validators, &available)),
        Verdict::Send { ranged: false } => Extent::Whole,
        Verdict::Send { ranged: true } => conditions::only(request, "Range")
            .map_or(Extent::Whole, |field| range::extent(field, length)),
    };

    let (status, first, size) = match extent {
        Extent::Whole => (200, 0, length),
        Extent::Part { first, last } => (206, first, last - first + 1),
        // RFC 9110 §15.5.17
        Extent::Beyond => {
            let range = format!("bytes */{length}");
            return Ok(empty(416).with_additional_header("Content-Range", range));
        }
    };
    let extension = path.extension().and_then(|extension| extension.to_str());
    let mut response = empty(status)
        .with_additional_header("Content-Type", extension_to_mime(extension.unwrap_or("")));
    if let Some(coding) = coding {
        response = response.with_additional_header("Content-Encoding", coding.name());
    }
    if status == 206 {
        let range = format!("bytes {first}-{}/{length}", first + size - 1);
        response = response.with_additional_header("Content-Range", range);
        file.seek(SeekFrom::Start(first))?;
    }
    response = response.with_additional_header("Accept-Ranges", "bytes");
    response.data = ResponseBody::from_reader_and_length(file.take(size), size);
    Ok(with_cache_fields(response, validators, &available))
}

/// Adds the fields that caches need, which a 304 has too (RFC 9110 §15.4.5).
fn with_cache_fields(
    mut response: Response,
    validators: Validators,
    available: &[Coding],
) -> Response {
    if let Some(secs) = validators.last_modified() {
        let date = date::imf_fixdate(secs);
        let date = String::from_utf8_lossy(&date).into_owned();
        response = response.with_additional_header("Last-Modified", date);
    }
    if let Some(tag) = validators.tag {
        response = response.with_additional_header("ETag", tag);
    }
    match available {
        [] => response,
        _ => response.with_additional_header("Vary", "Accept-Encoding"),
    }
}

fn empty(status: u16) -> Response {
    Response::empty_204().with_status_code(status)
}
