//! [`read`]: parses the header lines of a part (RFC 7578 §4). `parts` collects the lines first.

use super::mime::Mime;
use crate::extra::input::body::parameters::Parameters;
use crate::message::syntax::bytes::{is_token, trim};
use std::str;
use std::sync::Arc;

/// The maximum number of header fields of one part. One more is an error. Browsers send two.
pub const MAX_PART_HEADERS: usize = 16;

const TOO_MANY_HEADERS: &str = "more than 16 header fields in form part";

/// The headers of a field, as the client sent these.
///
/// Names are decoded. Browsers write a quote and the ends of lines as `%22`, `%0D` and `%0A`; other
/// clients escape with a backslash.
#[derive(Clone, Debug)]
pub struct FieldHeaders {
    /// The name of the field.
    pub name: Arc<str>,
    /// The name of the file, if the field is a file. Empty if the user of a browser has chosen no
    /// file. Like `name`, the text may contain slashes, `..`, quotes and ends of lines. A
    /// `filename*` is ignored (RFC 7578 §4.2).
    pub filename: Option<String>,
    /// The media type that the client names. Nothing checks the data against the type.
    pub content_type: Option<Mime>,
}

/// Parses the header lines of a part, each with its end.
///
/// # Errors
///
/// Returns an error if two parsers could read the lines differently, or if the part has no name.
pub(crate) fn read(lines: &[u8]) -> Result<FieldHeaders, &'static str> {
    // RFC 7578 §5.1: names are in UTF-8, unless the form requests another charset.
    let mut rest = str::from_utf8(lines).map_err(|_| "invalid UTF-8 in head of form part")?;
    let (mut disposition, mut content_type, mut encoding) = (None, None, None);
    let mut count = 0;
    while !rest.is_empty() {
        let (line, behind) = rest.split_once("\r\n").unwrap_or((rest, ""));
        rest = behind;
        count += 1;
        if count > MAX_PART_HEADERS {
            return Err(TOO_MANY_HEADERS);
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
            return Err("duplicate header field in form part");
        }
    }
    // RFC 7578 §4.7 deprecates encodings. These three do not change the data. With another one, the
    // program would get the encoded bytes as the data.
    let is_identity = |name: &str| {
        let identities = ["7bit", "8bit", "binary"];
        identities.iter().any(|id| name.eq_ignore_ascii_case(id))
    };
    if !encoding.map_or(true, is_identity) {
        return Err("encoded form part");
    }
    let (name, filename) = names(disposition.ok_or("form part without Content-Disposition")?)?;
    let content_type = match content_type {
        Some(value) => Some(Mime::parse(value).ok_or("malformed Content-Type of form part")?),
        None => None,
    };
    Ok(FieldHeaders {
        name: name.into(),
        filename,
        content_type,
    })
}

/// Parses `field-name ":" OWS field-value OWS`. A line cannot continue another line.
fn field(line: &str) -> Result<(&str, &str), &'static str> {
    let (name, value) = line.split_once(':').unwrap_or(("", line));
    if !is_token(name) {
        return Err("invalid header line in form part");
    }
    if value.bytes().any(|b| b.is_ascii_control() && b != b'\t') {
        return Err("control character in head of form part");
    }
    Ok((name, trim(value)))
}

/// Returns the parameters `name` and `filename` of a `Content-Disposition`. A `filename*` must not
/// be sent (RFC 7578 §4.2), and is ignored, as any other parameter is.
fn names(value: &str) -> Result<(String, Option<String>), &'static str> {
    let read = Parameters::parse(value).ok_or("malformed Content-Disposition of form part")?;
    if !read.main.eq_ignore_ascii_case("form-data") {
        return Err("Content-Disposition of form part not form-data");
    }
    // RFC 7578 §4.2: the name is required.
    let name = read.only("name")?.ok_or("form part without name")?;
    Ok((unescape(name), read.only("filename")?.map(unescape)))
}

/// Decodes a name from a browser. Browsers write a quote and the ends of lines as `%22`, `%0D` and
/// `%0A`. They escape nothing else, not even `%` (HTML, "multipart/form-data encoding algorithm").
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_text_names_the_limit() {
        let limit = format!("more than {MAX_PART_HEADERS} ");
        assert!(TOO_MANY_HEADERS.starts_with(&limit));
    }
}
