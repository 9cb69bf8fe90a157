//! What the lines above a part's data say (RFC 7578 §4). It reads them whole, and knows no stream.

use super::mime::Mime;
use super::{FieldHeaders, MAX_PART_HEADERS};
use crate::extra::input::body::parameters::Parameters;
use crate::message::syntax::bytes::{is_token, trim};
use std::str;

/// The header lines of a part, each with its end.
///
/// # Errors
///
/// Why no two readers would agree on them, or nothing could be made of the part.
pub(crate) fn read(lines: &[u8]) -> Result<FieldHeaders, &'static str> {
    // RFC 7578 §5.1: names are in UTF-8 as they are, unless somebody asks for another charset.
    let mut rest = str::from_utf8(lines).map_err(|_| "the head of a part is not UTF-8")?;
    let (mut disposition, mut content_type, mut encoding) = (None, None, None);
    let mut count = 0;
    while !rest.is_empty() {
        let (line, behind) = rest.split_once("\r\n").unwrap_or((rest, ""));
        rest = behind;
        count += 1;
        if count > MAX_PART_HEADERS {
            return Err("a part has too many header fields");
        }
        let (name, value) = field(line)?;
        let known = if name.eq_ignore_ascii_case("Content-Disposition") {
            &mut disposition
        } else if name.eq_ignore_ascii_case("Content-Type") {
            &mut content_type
        } else if name.eq_ignore_ascii_case("Content-Transfer-Encoding") {
            &mut encoding
        } else {
            // RFC 7578 §4.8: all others are ignored.
            continue;
        };
        if known.replace(value).is_some() {
            return Err("a header field of a part is there twice");
        }
    }
    // RFC 7578 §4.7 has no encodings any more. These three change nothing; what another one had
    // changed would be taken for the data.
    let changes_nothing = |name: &str| {
        let identities = ["7bit", "8bit", "binary"];
        identities.iter().any(|id| name.eq_ignore_ascii_case(id))
    };
    if !encoding.map_or(true, changes_nothing) {
        return Err("a part is encoded");
    }
    let (name, filename) = names(disposition.ok_or("a part has no Content-Disposition")?)?;
    let content_type = match content_type {
        Some(value) => Some(Mime::parse(value).ok_or("the Content-Type of a part is malformed")?),
        None => None,
    };
    Ok(FieldHeaders {
        name: name.into(),
        filename,
        content_type,
    })
}

/// `field-name ":" OWS field-value OWS`. No line is the continuation of another.
fn field(line: &str) -> Result<(&str, &str), &'static str> {
    let (name, value) = line.split_once(':').unwrap_or(("", line));
    if !is_token(name) {
        return Err("a line in the head of a part is no header field");
    }
    match value.bytes().any(|b| b.is_ascii_control() && b != b'\t') {
        true => Err("a control character in the head of a part"),
        false => Ok((name, trim(value))),
    }
}

/// What a `Content-Disposition` says of `name` and `filename`. A `filename*` must not be there
/// (RFC 7578 §4.2), and is as little looked at as any other parameter.
fn names(value: &str) -> Result<(String, Option<String>), &'static str> {
    let read = Parameters::parse(value).ok_or("a Content-Disposition is malformed")?;
    if !read.what.eq_ignore_ascii_case("form-data") {
        return Err("a part is not form-data");
    }
    // RFC 7578 §4.2: it must be there.
    let name = read.only("name")?.ok_or("a part has no name")?;
    Ok((unescape(name), read.only("filename")?.map(unescape)))
}

/// Browsers write a quote and the ends of lines as `%22`, `%0D` and `%0A`, and nothing else so, not
/// even a percent sign (HTML, "multipart/form-data encoding algorithm").
fn unescape(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut name = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (c, rest) = match piece.as_bytes() {
            [b'2', b'2', ..] => ('"', &piece[2..]),
            [b'0', b'D' | b'd', ..] => ('\r', &piece[2..]),
            [b'0', b'A' | b'a', ..] => ('\n', &piece[2..]),
            _ => ('%', piece),
        };
        name.push(c);
        name.push_str(rest);
    }
    name
}
