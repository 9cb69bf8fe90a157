//! Compression of responses with gzip.
//!
//! Pass each response of a handler through [`apply`]:
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
//!
//! A body in memory is compressed at once. A body from a reader is compressed while the response is
//! sent. There is no brotli encoder. For files, a compressed `name.br` may lie beside the file: see
//! [`serve_file`](crate::serve_file).
//!
//! # Size and speed
//!
//! The encoder is written from RFC 1951. The table compares the encoder with zlib 1.2.13
//! (Python's), on one core of the machine of the page about
//! [performance](crate::guide::performance). Each cell has the size as a fraction of the text, and
//! the speed in MB of text per second.
//!
//! | text | millpond | zlib, level 1 | zlib, level 6 |
//! |---|--:|--:|--:|
//! | HTML, 699 kB | 9.3 %, 180 | 12.4 %, 280 | 9.2 %, 101 |
//! | JSON, 204 kB | 7.7 %, 224 | 10.3 %, 400 | 7.5 %, 110 |
//! | JavaScript, 91 kB | 23.6 %, 82 | 28.2 %, 163 | 23.3 %, 42 |
//! | Rust, 226 kB | 27.7 %, 64 | 33.9 %, 126 | 27.5 %, 34 |
//! | noise, 2 MB | 100.06 %, 53 | 100.03 %, 55 | 100.03 %, 53 |
//! | zeros, 2 MB | 0.1 %, 580 | 0.4 %, 890 | 0.1 %, 359 |
//!
//! # Tests
//!
//! `tests/it/extras/content_encoding.rs`, with the program `gzip` as the decoder, and the tables in
//! `src/extra/content_encoding/`.

// The files:
//
// * `media`: the media types that compression makes smaller
// * `encoder/`: the gzip encoder

mod encoder;
mod media;

use self::encoder::gzip::Gzip;
use super::negotiation::coding;
use super::negotiation::coding::Coding;
use crate::message::response::caching::{list_has, weakened, EntityTag};
use crate::message::{Data, Request, Response, ResponseBody};
use std::io::Read;

/// 1 KiB: smaller bodies are not compressed. Such a response fits into one packet with its head, so
/// compression would not make the response faster.
const MIN_BODY_BYTES: u64 = 1024;
/// Fields with a digest of the body (RFC 9530 and earlier standards).
const DIGEST_FIELDS: [&str; 4] = ["Content-Digest", "Content-MD5", "Digest", "Repr-Digest"];

/// Compresses a response with gzip if the client prefers gzip and the response becomes smaller.
///
/// A response is compressed under these conditions:
///
/// * The client names gzip or `*` in `Accept-Encoding`, with at least the weight of `identity` (RFC
///   9110 §12.5.3). Brotli is not offered, so a client that accepts both gets gzip.
/// * The media type is one that becomes smaller: text, JSON, XML, JavaScript, SVG, wasm and similar
///   types, except `text/event-stream`.
/// * The length of the body is unknown, or at least 1,024 bytes. A body in memory must become
///   shorter.
/// * The response has no `Content-Encoding`, which [`serve_file`](crate::serve_file) adds for a
///   `.gz` or `.br`. It has no `no-transform` in `Cache-Control`, no digest and no `Content-Range`.
/// * The status is not 1xx, 204, 205, 206 or 304, and the response is not an upgrade.
///
/// `Vary: Accept-Encoding` is added if another client might receive another coding. In a compressed
/// response, a strong `ETag` becomes weak (RFC 9110 §8.8.3.3), and `Accept-Ranges` is removed. Call
/// [`with_etag`](Response::with_etag) before `apply`: a 304 then needs no compression, and has the
/// tag that the client sent.
///
/// A body in memory is compressed at once, so its length is known. The body of a reader is
/// compressed while the response is sent, in 256 KiB of memory for any length. If the reader fails,
/// the connection is closed early, as without compression. If the length of a reader is unknown,
/// and a read returns fewer bytes than requested, these bytes are sent at once. The client can
/// decode each such piece on arrival. A piece adds about ten bytes.
///
/// The results are about as small as those of zlib's level 6. A core of an AMD EPYC takes 16 µs for
/// 1,500 bytes of HTML. For long texts, the rate is 60 to 220 MB per second, and 10 MB per second
/// for texts that are made to be slow.
///
/// # Security
///
/// The length of a compressed body depends on its content. Assume that a page contains a secret,
/// such as a token against CSRF, beside text that an attacker can choose. An attacker that makes
/// the client send many requests and observes the lengths can then find the secret, also through
/// TLS (BREACH). Do not compress such pages, or mask the secret anew in each response.
///
/// # Example: all pages except one
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
///         "/login" => page(request), // contains a secret
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
    if is_same_for_all(&response) {
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

/// Returns whether each client gets the same bytes, for any accepted codings.
fn is_same_for_all(response: &Response) -> bool {
    let status = response.status_code;
    let is_part = matches!(status, 206 | 304);
    let shrinks = match field(response, "Content-Type") {
        Some(content_type) => media::shrinks(content_type),
        // A 304 has no Content-Type; the 200 would have one.
        None => status == 304,
    };
    let is_tiny = response
        .data
        .size()
        .map_or(false, |size| size < MIN_BODY_BYTES);
    matches!(status, 0..=199 | 204 | 205)
        || response.upgrade.is_some()
        || !shrinks
        || is_tiny && !is_part
        || has(response, "Content-Encoding")
        || lists(response, "Cache-Control", "no-transform")
        || DIGEST_FIELDS.iter().any(|name| has(response, name))
}

/// Adds `Accept-Encoding` to `Vary` (RFC 9110 §12.5.5), also in a 304 (§15.4.5).
fn with_vary(mut response: Response) -> Response {
    let is_listed = |name| lists(&response, "Vary", name);
    if is_listed("*") || is_listed("Accept-Encoding") {
        return response;
    }
    let mut headers = response.headers.iter_mut();
    match headers.find(|(name, _)| name.eq_ignore_ascii_case("Vary")) {
        // In the existing field, because some caches ignore a second one.
        Some((_, value)) if !value.trim().is_empty() => {
            value.to_mut().push_str(", Accept-Encoding")
        }
        Some((_, value)) => *value = "Accept-Encoding".into(),
        None => return response.with_additional_header("Vary", "Accept-Encoding"),
    }
    response
}

/// Gives a 304 the tag of the client's copy: the weak one if that copy was compressed.
fn with_known_tag(request: &Request, response: Response) -> Response {
    let is_known = |tag: &str| {
        let tag = EntityTag::parse(tag);
        let mut fields = request.headers();
        // Weakly equal only: the client has the weak form of a strong tag.
        let is_weak_form = |known: &EntityTag<'_>| known.weak_eq(&tag) && !known.strong_eq(&tag);
        fields.any(|(name, list)| {
            name.eq_ignore_ascii_case("If-None-Match")
                && list.trim() != "*"
                && list_has(list, is_weak_form)
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
        // RFC 9110 §14.3: ranges apply to the compressed bytes, which are not known yet.
        .without_header("Accept-Ranges");
    with_weak_tag(response)
}

/// Compresses a text in memory. Returns `None` if the result is not shorter.
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

/// Returns whether a list, which may span several fields (RFC 9110 §5.3), contains the member.
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
