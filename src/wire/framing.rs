//! What a request's fields say about the bytes after its head: whether a body follows and where
//! it ends, whether the connection goes on, whether the client waits for 100 (Continue).
//! One pass gathers the fields, one function decides each question. No body byte is seen here.

use super::bytes::is_token;
use super::error::WireError;
use crate::limits::Limits;
use crate::message::head::{Head, Version};

/// Where the body of a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyLength {
    /// There is none, or one of no bytes.
    None,
    /// After that many bytes.
    Known(u64),
    /// Where the chunked coding says so.
    Chunked,
}

/// What is to be done with what follows the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Framing {
    pub body: BodyLength,
    /// The client may send another request on this connection.
    pub keep_alive: bool,
    /// The client may wait for 100 (Continue) before it sends the body.
    pub expects_continue: bool,
}

/// Decides how what follows the head is read.
pub(crate) fn request(head: &Head, limits: &Limits) -> Result<Framing, WireError> {
    let mut fields = Fields::default();
    for field in &head.fields {
        // The length of its name tells nearly every other field apart without a look at it.
        if let 6 | 10 | 14 | 17 = field.name.end - field.name.start {
            fields.add(field.name.of(&head.text), field.value.of(&head.text));
        }
    }
    let body = body(&fields, head.version, limits)?;
    // RFC 9110 §10.1.1: an HTTP/1.0 client does not know the field.
    let expects = head.version > Version::Http10;
    if fields.expects_else && expects {
        return Err(WireError::BadExpectation);
    }
    Ok(Framing {
        body,
        keep_alive: keep_alive(&fields, head.version),
        expects_continue: fields.expects_continue && expects && body != BodyLength::None,
    })
}

/// The steps of RFC 9112 §6.3 that a request can reach.
fn body(fields: &Fields, version: Version, limits: &Limits) -> Result<BodyLength, WireError> {
    if let Some(codings) = &fields.codings {
        // §6.1: the client may know the coding only by hearsay, and a proxy may have read on.
        if version < Version::Http11 {
            return Err(WireError::EncodingIn10);
        }
        // Step 3: both may be smuggling; refuse, where an intermediary would let one win.
        if fields.length.is_some() {
            return Err(WireError::LengthAndEncoding);
        }
        // Step 4: 400 where chunked is not the final coding; it is applied once (§7.1).
        if codings.malformed || !codings.chunked {
            return Err(WireError::BadEncoding);
        }
        // §6.1: 501 for a coding that is not understood.
        if codings.unknown {
            return Err(WireError::UnknownEncoding);
        }
        return Ok(BodyLength::Chunked);
    }
    let length = match fields.length {
        // Step 7: no body.
        None => return Ok(BodyLength::None),
        // Step 5 lets a server join equal values; others would not, so it is refused.
        Some(_) if fields.two_lengths => return Err(WireError::TwoLengths),
        Some(text) => content_length(text)?,
    };
    // Step 6.
    match length {
        0 => Ok(BodyLength::None),
        _ if length > limits.max_body_bytes => Err(WireError::BodyTooLarge),
        _ => Ok(BodyLength::Known(length)),
    }
}

/// RFC 9110 §8.6: Content-Length = 1*DIGIT
fn content_length(text: &str) -> Result<u64, WireError> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(WireError::BadLength);
    }
    text.parse().map_err(|_| WireError::BadLength)
}

/// RFC 9112 §9.3.
fn keep_alive(fields: &Fields, version: Version) -> bool {
    !fields.close && (version > Version::Http10 || fields.keep_alive)
}

/// What the fields that frame a message say, as they come.
#[derive(Default)]
struct Fields<'a> {
    length: Option<&'a str>,
    two_lengths: bool,
    codings: Option<Codings>,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
    expects_else: bool,
}

/// The transfer codings, of all fields of that name (RFC 9110 §5.3).
#[derive(Default)]
struct Codings {
    chunked: bool,
    unknown: bool,
    malformed: bool,
}

impl<'a> Fields<'a> {
    fn add(&mut self, name: &str, value: &'a str) {
        match name.len() {
            6 if name.eq_ignore_ascii_case("expect") => {
                match value.eq_ignore_ascii_case("100-continue") {
                    true => self.expects_continue = true,
                    false => self.expects_else = true,
                }
            }
            10 if name.eq_ignore_ascii_case("connection") => {
                for option in list(value) {
                    self.close |= option.eq_ignore_ascii_case("close");
                    self.keep_alive |= option.eq_ignore_ascii_case("keep-alive");
                }
            }
            14 if name.eq_ignore_ascii_case("content-length") => {
                self.two_lengths |= self.length.is_some();
                self.length = Some(value);
            }
            17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                let codings = self.codings.get_or_insert_with(Codings::default);
                list(value).for_each(|coding| codings.add(coding));
            }
            _ => {}
        }
    }
}

impl Codings {
    /// transfer-coding = token *( OWS ";" OWS transfer-parameter ); an empty element, which a
    /// list may have, is refused here.
    fn add(&mut self, coding: &str) {
        let name = coding.split(';').next().map_or("", trim);
        // Nothing may come after chunked, chunked included.
        self.malformed |= self.chunked || !is_token(name.as_bytes());
        if name.eq_ignore_ascii_case("chunked") {
            self.chunked = true;
            // §7.1: parameters of chunked should be treated as an error.
            self.malformed |= name.len() != coding.len();
        } else {
            self.unknown = true;
        }
    }
}

fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(trim)
}

/// Without the blanks around it: OWS is SP and HTAB, and nothing else of what Unicode calls so.
fn trim(text: &str) -> &str {
    text.trim_matches(|c| c == ' ' || c == '\t')
}
