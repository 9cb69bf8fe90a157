//! Files as responses: which file a URL names, whether the client has it already, and which part of
//! it is sent, in which coding. It knows requests and responses, and nothing of how they travel.

mod conditions;
mod locate;
mod mime;
mod range;

pub use self::locate::asset_path;
pub use self::mime::extension_to_mime;

use self::conditions::{Validators, Verdict};
use self::range::Extent;
use super::negotiation::coding;
use super::negotiation::coding::Coding;
use crate::message::syntax::date;
use crate::message::{Request, Response, ResponseBody};
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The file in a folder that the request's URL names, as [`serve_file`] answers with it; 404 if
/// there is none, and for a folder. What the URL may name, and what keeps it inside, is told at
/// [`asset_path`].
///
/// Everything in the folder is served, also names that begin with a dot and what symbolic links
/// within it lead to, to everybody who can guess the URL. Below a prefix `/static`, `/statica.css`
/// is `/static/a.css` as well: whether somebody may have a file is to be asked of the path from
/// [`asset_path`], not of the URL.
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

/// This file, whatever the request's URL is: whole, in part, or not at all if the client has it.
///
/// * The path is the handler's word: links are followed wherever they lead. For a path that comes
///   out of a URL there is [`match_assets`].
/// * Answers to GET and HEAD; any other method is 405. What is no regular file is 404 (and a pipe
///   or a device is not opened), and so is one that may not be read.
/// * `Content-Type` is [`extension_to_mime`]'s. There is no `Cache-Control`; add one with
///   [`with_public_cache`](Response::with_public_cache) and its like.
/// * `ETag` is made of the length and the time of change, `Last-Modified` of the latter. Neither is
///   there for two seconds after a change, in which another one might not show, so both are strong:
///   they fail only where a clock or a time of change is set back, as by tools that give all files
///   of a build one time; touch what these unpack. `If-Match`, `If-None-Match`,
///   `If-Modified-Since`, `If-Unmodified-Since` and `If-Range` are compared with them in the order
///   of RFC 9110 §13.2.2: 304, 412.
/// * `Range` with one range is answered with that part: 206, or 416 if it lies beyond the end.
///   Several ranges, and what is malformed, are answered with the whole.
/// * A sibling `name.br` or `name.gz` that is not older is sent in its place if `Accept-Encoding`
///   prefers it, with `Vary` and a tag of its own. Make them when the site is built.
/// * The file is read while it is sent, at most as far as it was long at first. If it has become
///   shorter the connection is cut, and the client can tell. One that is written over in place may
///   arrive half old, half new: put files in place with a rename.
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
    // Before it is opened: that would wait, on a pipe, for somebody to write.
    let metadata = match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => metadata,
        _ => return Response::empty_404(),
    };
    if !matches!(request.method(), "GET" | "HEAD") {
        return empty(405).with_additional_header("Allow", "GET, HEAD");
    }
    send(request, path, &metadata).unwrap_or_else(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::PermissionDenied => Response::empty_404(),
        // Out of descriptors, say: the file is there all the same.
        _ => empty(500),
    })
}

fn send(request: &Request, path: &Path, original: &Metadata) -> io::Result<Response> {
    let siblings = siblings(path, original);
    let there: Vec<Coding> = siblings.iter().map(|(coding, _)| *coding).collect();
    let chosen = coding::choose(request, &there).and_then(|chosen| {
        let (_, path) = siblings.iter().find(|(coding, _)| *coding == chosen)?;
        // One that may not be read, or is gone by now, keeps nobody from the file itself.
        File::open(path).ok().map(|file| (Some(chosen), file))
    });

    let now = SystemTime::now();
    let (coding, mut file) = match chosen {
        Some(chosen) => chosen,
        None => (None, File::open(path)?),
    };
    // What was looked at may have been replaced.
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(Response::empty_404());
    }
    let length = metadata.len();
    let validators = Validators::of(length, metadata.modified().ok(), coding, now);
    let extent = match conditions::judge(request, &validators) {
        Verdict::Failed => return Ok(empty(412)),
        Verdict::NotModified => return Ok(described(empty(304), validators, &there)),
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
    Ok(described(response, validators, &there))
}

/// The coded files beside this one. A link is none: it may lead anywhere. Nor is one that is older
/// than what it would stand for.
fn siblings(path: &Path, original: &Metadata) -> Vec<(Coding, PathBuf)> {
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

/// What the coded file is called behind the name of its original.
fn suffix(coding: Coding) -> &'static str {
    match coding {
        Coding::Brotli => ".br",
        Coding::Gzip => ".gz",
    }
}

/// With what a cache needs to know of the file (RFC 9110 §15.4.5: of a 304 too).
fn described(mut response: Response, validators: Validators, there: &[Coding]) -> Response {
    if let Some(secs) = validators.last_modified() {
        let date = date::imf_fixdate(secs);
        let date = String::from_utf8_lossy(&date).into_owned();
        response = response.with_additional_header("Last-Modified", date);
    }
    if let Some(tag) = validators.tag {
        response = response.with_additional_header("ETag", tag);
    }
    match there {
        [] => response,
        _ => response.with_additional_header("Vary", "Accept-Encoding"),
    }
}

fn empty(status: u16) -> Response {
    Response::empty_204().with_status_code(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// rouille's signatures: code that calls these compiles against both.
    #[test]
    fn rouille_has_these_signatures() {
        let _: fn(&Request, &str) -> Response = match_assets;
        let _: fn(&Request, &String) -> Response = match_assets;
        let _: fn(&Request, &Path) -> Response = match_assets;
        let _: fn(&Request, &PathBuf) -> Response = match_assets::<PathBuf>;
        let _: fn(&str) -> &'static str = extension_to_mime;
    }
}
