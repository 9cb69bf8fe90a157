//! Compression of responses, with gzip.
//!
//! [`apply`] around a handler's answers is all there is to it:
//!
//! ```
//! use millpond::{content_encoding, router, Request, Response};
//!
//! fn app(request: &Request) -> Response {
//!     let response = router!(request,
//!         (GET) (/) => { Response::html("<p>hello</p>".repeat(200)) },
//!         _ => Response::empty_404()
//!     );
//!     content_encoding::apply(request, response)
//! }
//!
//! let fields = vec![("Accept-Encoding".into(), "gzip, br".into())];
//! let response = app(&Request::fake_http("GET", "/", fields, vec![]));
//! assert_eq!(response.headers[2], ("Content-Encoding".into(), "gzip".into()));
//! assert!(response.data.into_reader_and_size().1 < Some(100));
//! ```

mod encoder;
mod media;

use self::encoder::gzip::Gzip;
use super::negotiation::coding;
use super::negotiation::coding::Coding;
use crate::message::response::caching::{list_has, weakened, EntityTag};
use crate::message::{Data, Request, Response, ResponseBody};
use std::io::Read;

/// Smaller bodies are left alone: with its head such a response fills one packet or less, so that
/// nothing would arrive sooner.
const LEAST_BYTES: u64 = 1024;
/// Fields that tell of the very bytes they come with (RFC 9530, and its forerunners).
const DIGESTS: [&str; 4] = ["Content-Digest", "Content-MD5", "Digest", "Repr-Digest"];

/// The same response, compressed with gzip if the client prefers that and it is worth it.
///
/// * The client has to name gzip, or `*`, in `Accept-Encoding`, with at least the weight that it
///   gives to `identity` (RFC 9110 §12.5.3). Brotli is not offered: who takes both gets gzip.
/// * The media type has to be one that becomes smaller: text, JSON, XML, JavaScript, SVG, wasm and
///   their like. A body that is known to have less than 1,024 bytes is left alone, and so is one
///   in memory that would become longer.
/// * Left alone is also what has a `Content-Encoding` already (a `.gz` or `.br` that
///   [`serve_file`](crate::serve_file) found), a `Cache-Control` with `no-transform`, a digest or a
///   `Content-Range`; 1xx, 204, 205, 206 and 304; upgrades; and `text/event-stream`.
/// * `Vary: Accept-Encoding` is added wherever another client might have got another coding.
/// * A strong `ETag` becomes a weak one on what is compressed (§8.8.3.3), and `Accept-Ranges` goes.
///   Put [`with_etag`](Response::with_etag) inside, `apply` around it: the 304 then costs no
///   compression, and has the tag that the client knows.
///
/// A body in memory is compressed at once, and its length is known. One that is read from a reader
/// is compressed while it is sent, in 256 KiB of memory, however long it is; if the reader fails,
/// the connection is cut as it would be without compression. Where a reader's length is not known,
/// and it yields less than it was asked for, that is sent at once; each such piece costs ten bytes
/// or so, and the client can decode it when it comes.
///
/// Results are about as small as those of zlib's level 6. A core of an AMD EPYC takes 16 µs for
/// 1,500 bytes of HTML, and for long texts a second for 60 to 220 MB; for 10 MB of what is made to
/// be slow.
///
/// # Security
///
/// The length of what is compressed tells of what is in it. If a page holds a secret (a token
/// against CSRF, say) beside text that somebody else can choose, who makes the client ask often and
/// sees the lengths can find the secret out, also through TLS: BREACH. Do not `apply` this to such
/// pages, or mask the secret anew for each answer.
///
/// # Example: all but one page
///
/// ```
/// use millpond::{content_encoding, Request, Response};
///
/// fn page(request: &Request) -> Response {
///     Response::html("<p>hello</p>".repeat(200))
/// }
///
/// fn app(request: &Request) -> Response {
///     match request.raw_url() {
///         "/login" => page(request), // has a secret in it
///         _ => content_encoding::apply(request, page(request).with_etag(request, "v7")),
///     }
/// }
///
/// let fields = vec![("Accept-Encoding".into(), "gzip".into())];
/// let response = app(&Request::fake_http("GET", "/", fields, vec![]));
/// assert!(response.headers.contains(&("ETag".into(), "W/\"v7\"".into())));
/// assert!(response.headers.contains(&("Vary".into(), "Accept-Encoding".into())));
/// ```
pub fn apply(request: &Request, response: Response) -> Response {
    if is_for_all(&response) {
        return response;
    }
    let accepted = coding::choose(request, &[Coding::Gzip]).is_some();
    let response = with_vary(response);
    match response.status_code {
        304 if accepted => with_known_tag(request, response),
        206 | 304 => response,
        _ if accepted && !has(&response, "Content-Range") => compressed(response),
        _ => response,
    }
}

/// Whether every client gets these bytes, whichever codings it accepts.
fn is_for_all(response: &Response) -> bool {
    let status = response.status_code;
    let is_part = matches!(status, 206 | 304);
    let shrinks = match field(response, "Content-Type") {
        Some(content_type) => media::shrinks(content_type),
        // It would have one if it were a 200.
        None => status == 304,
    };
    let is_tiny = response
        .data
        .size()
        .map_or(false, |size| size < LEAST_BYTES);
    matches!(status, 0..=199 | 204 | 205)
        || response.upgrade.is_some()
        || !shrinks
        || is_tiny && !is_part
        || has(response, "Content-Encoding")
        || lists(response, "Cache-Control", "no-transform")
        || DIGESTS.iter().any(|name| has(response, name))
}

/// RFC 9110 §12.5.5: what it depended on, be it a 304 (§15.4.5).
fn with_vary(mut response: Response) -> Response {
    let is_said = |name| lists(&response, "Vary", name);
    if is_said("*") || is_said("Accept-Encoding") {
        return response;
    }
    let mut headers = response.headers.iter_mut();
    match headers.find(|(name, _)| name.eq_ignore_ascii_case("Vary")) {
        // In the field that is there: not every cache looks at a second one.
        Some((_, value)) if !value.trim().is_empty() => {
            value.to_mut().push_str(", Accept-Encoding")
        }
        Some((_, value)) => *value = "Accept-Encoding".into(),
        None => return response.with_additional_header("Vary", "Accept-Encoding"),
    }
    response
}

/// A 304 with the tag of what this client has: the weak one, if it was compressed.
fn with_known_tag(request: &Request, response: Response) -> Response {
    let is_known = |tag: &str| {
        let tag = EntityTag::parse(tag);
        let mut fields = request.headers();
        // Equal, but not strongly: it is the weak form of a strong tag.
        let weakly = |known: &EntityTag<'_>| known.weak_eq(&tag) && !known.strong_eq(&tag);
        fields.any(|(name, list)| {
            name.eq_ignore_ascii_case("If-None-Match")
                && list.trim() != "*"
                && list_has(list, weakly)
        })
    };
    match field(&response, "ETag") {
        Some(tag) if is_known(tag) => with_weak_tag(response),
        _ => response,
    }
}

fn with_weak_tag(mut response: Response) -> Response {
    for (name, tag) in &mut response.headers {
        if name.eq_ignore_ascii_case("ETag") {
            *tag = weakened(std::mem::take(tag));
        }
    }
    response
}

fn compressed(mut response: Response) -> Response {
    response.data = match response.data.into_data() {
        Data::Empty => ResponseBody::empty(),
        Data::Bytes(bytes) => match gzip(&bytes) {
            Some(gzip) => ResponseBody::from_data(gzip),
            None => {
                response.data = ResponseBody::from_data(bytes);
                return response;
            }
        },
        Data::Reader { reader, size } => ResponseBody::from_reader(Gzip::new(reader, size)),
    };
    let response = response
        .with_additional_header("Content-Encoding", Coding::Gzip.name())
        .without_header("Content-Length")
        // RFC 9110 §14.3: a range is one of these bytes, and nobody can tell which they would be.
        .without_header("Accept-Ranges");
    with_weak_tag(response)
}

/// All at once; nothing where that is not shorter.
fn gzip(text: &[u8]) -> Option<Vec<u8>> {
    let mut gzip = Vec::with_capacity(text.len() / 3);
    let length = text.len() as u64;
    let mut reader = Gzip::new(text, Some(length)).take(length);
    reader.read_to_end(&mut gzip).ok()?;
    Some(gzip).filter(|gzip| gzip.len() < text.len())
}

fn field<'a>(response: &'a Response, name: &'a str) -> Option<&'a str> {
    fields(response, name).next()
}

fn has(response: &Response, name: &str) -> bool {
    field(response, name).is_some()
}

/// Whether a field that is a list, maybe spread over several (RFC 9110 §5.3), has this in it.
fn lists(response: &Response, name: &str, member: &str) -> bool {
    let mut members = fields(response, name).flat_map(|list| list.split(','));
    members.any(|other| other.trim().eq_ignore_ascii_case(member))
}

fn fields<'a>(response: &'a Response, name: &'a str) -> impl Iterator<Item = &'a str> {
    let pairs = response.headers.iter();
    let named = pairs.filter(move |(other, _)| other.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_ref())
}

#[cfg(test)]
mod compat;
#[cfg(test)]
mod tests;
