//! The framing of a request: the end of its body, the persistence of the connection, and a wait for
//! 100 (Continue).
//!
//! One pass collects the fields, and one function decides each question. The module reads no byte
//! of a body.

use crate::limits::Limits;
use crate::message::request::head::{Head, Version};
use crate::message::syntax::bytes::{is_token, trim};
use crate::wire::error::WireError;

/// The end of the body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyLength {
    /// There is no body, or an empty one.
    None,
    /// The body ends after that many bytes.
    Known(u64),
    /// The body ends with the last chunk of the chunked coding.
    Chunked,
}

/// The decisions about the bytes after a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestFraming {
    pub(crate) body: BodyLength,
    /// Whether the client may send another request on this connection.
    pub(crate) keep_alive: bool,
    /// Whether the client may wait for 100 (Continue) before it sends the body.
    pub(crate) expects_continue: bool,
}

/// Returns the framing of a request.
pub(crate) fn request(head: &Head, limits: &Limits) -> Result<RequestFraming, WireError> {
    let mut fields = Fields::default();
    for field in &head.fields {
        // The length of the name excludes nearly every other field without a comparison.
        if let 6 | 10 | 14 | 17 = field.name.end - field.name.start {
            fields.add(field.name.of(&head.text), field.value.of(&head.text));
        }
    }
    let body = body(&fields, head.version, limits)?;
    // RFC 9110 §10.1.1: an HTTP/1.0 client does not know the Expect field.
    let expects = head.version > Version::Http10;
    if fields.expects_other && expects {
        return Err(WireError::BadExpectation);
    }
    Ok(RequestFraming {
        body,
        keep_alive: keep_alive(&fields, head.version),
        expects_continue: fields.expects_continue && expects && body != BodyLength::None,
    })
}

/// Returns the end of the body, by the steps of RFC 9112 §6.3 that a request can reach.
fn body(fields: &Fields<'_>, version: Version, limits: &Limits) -> Result<BodyLength, WireError> {
    if let Some(codings) = &fields.codings {
        // §6.1: an HTTP/1.0 client does not know the coding, and an HTTP/1.0 proxy in between
        // would have read another end of the body.
        if version < Version::Http11 {
            return Err(WireError::EncodingIn10);
        }
        // Step 3: both may be an attempt at smuggling, because intermediaries differ on which
        // field wins. Reject.
        if fields.length.is_some() {
            return Err(WireError::LengthAndEncoding);
        }
        // Step 4: 400 if chunked is not the final coding. The coding is applied once (§7.1).
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
        // Step 5 permits a server to merge equal values. Other servers do not, so reject.
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

/// Returns the value of a Content-Length field. RFC 9110 §8.6: Content-Length = 1*DIGIT
pub(crate) fn content_length(text: &str) -> Result<u64, WireError> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(WireError::BadLength);
    }
    text.parse().map_err(|_| WireError::BadLength)
}

/// Returns whether the connection persists after this request (RFC 9112 §9.3).
fn keep_alive(fields: &Fields<'_>, version: Version) -> bool {
    !fields.close && (version > Version::Http10 || fields.keep_alive)
}

/// The content of the fields that frame a message.
#[derive(Default)]
struct Fields<'a> {
    length: Option<&'a str>,
    two_lengths: bool,
    codings: Option<Codings>,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
    expects_other: bool,
}

/// The transfer codings of all Transfer-Encoding fields (RFC 9110 §5.3).
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
                // RFC 9110 §5.6.1: empty elements of a list do not count.
                for expectation in list(value).filter(|element| !element.is_empty()) {
                    let is_continue = expectation.eq_ignore_ascii_case("100-continue");
                    self.expects_continue |= is_continue;
                    self.expects_other |= !is_continue;
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
    /// transfer-coding = token *( OWS ";" OWS transfer-parameter ). An empty element, which a list
    /// may have, counts as malformed here.
    fn add(&mut self, coding: &str) {
        let name = coding.split(';').next().map_or("", trim);
        // No coding may follow chunked, not even chunked.
        self.malformed |= self.chunked || !is_token(name);
        if name.eq_ignore_ascii_case("chunked") {
            self.chunked = true;
            // §7.1: a recipient should treat parameters of chunked as an error.
            self.malformed |= name.len() != coding.len();
        } else {
            self.unknown = true;
        }
    }
}

/// Returns the elements of a list (RFC 9110 §5.6.1), empty ones included.
pub(crate) fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::head::HeadParser;
    use BodyLength::{Chunked, Known};
    use WireError::*;

    fn framing(version: &str, fields: &str, limits: &Limits) -> Result<RequestFraming, WireError> {
        let text = format!("POST / HTTP/{}\r\nHost: a\r\n{}\r\n\r\n", version, fields);
        let mut head = Head::default();
        let whole = HeadParser::default().feed(text.as_bytes(), limits, &mut head);
        assert_eq!(whole, Ok(Some(text.len())), "{}", fields);
        request(&head, limits)
    }

    #[rustfmt::skip]
    const BODIES: &[(&str, &str, Result<BodyLength, WireError>)] = &[
        ("1.1", "A: b", Ok(BodyLength::None)),
        ("1.1", "Content-Length: 0", Ok(BodyLength::None)),
        ("1.1", "Content-Length: 5", Ok(Known(5))),
        ("1.1", "content-length:5", Ok(Known(5))),
        ("1.1", "CONTENT-LENGTH: \t 5 \t", Ok(Known(5))),
        ("1.1", "Content-Length: 0005", Ok(Known(5))),
        ("1.1", "Content-Length: 0000000000000000000000000000005", Ok(Known(5))),
        ("1.0", "Content-Length: 5", Ok(Known(5))),
        ("1.1", "X-Content-Length: 5\r\nContent-Lengths: 6", Ok(BodyLength::None)),
        ("1.1", "Content_Length: 5\r\nContent.Length: 6", Ok(BodyLength::None)),
        ("1.1", "Content-Length:", Err(BadLength)),
        ("1.1", "Content-Length: +5", Err(BadLength)),
        ("1.1", "Content-Length: -5", Err(BadLength)),
        ("1.1", "Content-Length: -0", Err(BadLength)),
        ("1.1", "Content-Length: 5 5", Err(BadLength)),
        ("1.1", "Content-Length: 5\t5", Err(BadLength)),
        ("1.1", "Content-Length: 5,", Err(BadLength)),
        ("1.1", "Content-Length: ,5", Err(BadLength)),
        ("1.1", "Content-Length: 5, 5", Err(BadLength)),
        ("1.1", "Content-Length: 5,6", Err(BadLength)),
        ("1.1", "Content-Length: 5;a=b", Err(BadLength)),
        ("1.1", "Content-Length: 0x5", Err(BadLength)),
        ("1.1", "Content-Length: 5h", Err(BadLength)),
        ("1.1", "Content-Length: a", Err(BadLength)),
        ("1.1", "Content-Length: 5.0", Err(BadLength)),
        ("1.1", "Content-Length: 5e1", Err(BadLength)),
        ("1.1", "Content-Length: 1_000", Err(BadLength)),
        ("1.1", "Content-Length: \"5\"", Err(BadLength)),
        ("1.1", "Content-Length: ５", Err(BadLength)),
        ("1.1", "Content-Length: \u{a0}5", Err(BadLength)),
        ("1.1", "Content-Length: chunked", Err(BadLength)),
        ("1.1", "Content-Length: 18446744073709551615", Err(BodyTooLarge)),
        ("1.1", "Content-Length: 18446744073709551616", Err(BadLength)),
        ("1.1", "Content-Length: 18446744073709551621", Err(BadLength)),
        ("1.1", "Content-Length: 99999999999999999999999999", Err(BadLength)),
        ("1.1", "Content-Length: 5\r\nContent-Length: 5", Err(TwoLengths)),
        ("1.1", "Content-Length: 5\r\nA: b\r\ncontent-length: 6", Err(TwoLengths)),
        ("1.1", "Content-Length: 0\r\nContent-Length: 0", Err(TwoLengths)),
        ("1.1", "Content-Length:\r\nContent-Length: 5", Err(TwoLengths)),
        ("1.0", "Content-Length: 5\r\nContent-Length: 5", Err(TwoLengths)),
        ("1.1", "Transfer-Encoding: chunked", Ok(Chunked)),
        ("1.1", "transfer-ENCODING:CHUNKED", Ok(Chunked)),
        ("1.1", "Transfer-Encoding: \t chunked \t", Ok(Chunked)),
        ("1.1", "X-Transfer-Encoding: chunked", Ok(BodyLength::None)),
        ("1.1", "Transfer_Encoding: chunked", Ok(BodyLength::None)),
        ("1.1", "Transfer-Encoding:", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: ,", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: chunked,", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: ,chunked", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: chunked, chunked", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding:", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding:\r\nTransfer-Encoding: chunked", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: chunked, gzip", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: chunked, identity", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: gzip, chunked, gzip", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: gzip", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: identity", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: xchunked", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: chunkedx", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: chunke", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: chunked;", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: chunked;a=b", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: chunked ;a=b", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: \"chunked\"", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: 'chunked'", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: chunked x", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: x chunked", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: chunked\u{a0}", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: \u{2003}chunked", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: chun\u{212a}ed", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: (, chunked", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: gzip chunked", Err(BadEncoding)),
        ("1.1", "Transfer-Encoding: gzip, chunked", Err(UnknownEncoding)),
        ("1.1", "Transfer-Encoding: gzip;q=1 , chunked", Err(UnknownEncoding)),
        ("1.1", "Transfer-Encoding: identity, chunked", Err(UnknownEncoding)),
        ("1.1", "Transfer-Encoding: x\r\nTransfer-Encoding: chunked", Err(UnknownEncoding)),
        ("1.0", "Transfer-Encoding: chunked", Err(EncodingIn10)),
        ("1.0", "Transfer-Encoding: chunked\r\nContent-Length: 5", Err(EncodingIn10)),
        ("1.1", "Content-Length: 5\r\nTransfer-Encoding: chunked", Err(LengthAndEncoding)),
        ("1.1", "Transfer-Encoding: chunked\r\nContent-Length: 5", Err(LengthAndEncoding)),
        ("1.1", "Transfer-Encoding: chunked\r\nContent-Length: 0", Err(LengthAndEncoding)),
        ("1.1", "Transfer-Encoding: x\r\nContent-Length: 5", Err(LengthAndEncoding)),
        ("1.1", "Transfer-Encoding:\r\nContent-Length: 5", Err(LengthAndEncoding)),
        ("1.1", "Transfer-Encoding: chunked\r\nContent-Length: a", Err(LengthAndEncoding)),
        ("1.2", "Transfer-Encoding: chunked", Ok(Chunked)),
    ];

    #[test]
    fn bodies() {
        for &(version, fields, want) in BODIES {
            let got = framing(version, fields, &Limits::default()).map(|framing| framing.body);
            assert_eq!(got, want, "{} {}", version, fields);
        }
    }

    #[test]
    fn a_length_at_the_limit_is_admitted_and_one_more_rejected() {
        let limits = Limits {
            max_body_bytes: 10,
            ..Limits::default()
        };
        let body = |fields| framing("1.1", fields, &limits).map(|framing| framing.body);
        assert_eq!(body("Content-Length: 10"), Ok(Known(10)));
        assert_eq!(body("Content-Length: 11"), Err(BodyTooLarge));
        let limits = Limits {
            max_body_bytes: u64::MAX,
            ..Limits::default()
        };
        let body = |fields| framing("1.1", fields, &limits).map(|framing| framing.body);
        assert_eq!(
            body("Content-Length: 18446744073709551615"),
            Ok(Known(u64::MAX))
        );
        assert_eq!(body("Content-Length: 18446744073709551616"), Err(BadLength));
    }

    #[test]
    fn keep_alive_is_the_default_of_11_and_an_option_in_10() {
        for (version, fields, want) in [
            ("1.1", "A: b", true),
            ("1.1", "Connection: close", false),
            ("1.1", "connection:CLOSE", false),
            ("1.1", "Connection: keep-alive", true),
            ("1.1", "Connection: keep-alive, close", false),
            ("1.1", "Connection: close, keep-alive", false),
            ("1.1", "Connection: upgrade ,\tClose ,", false),
            ("1.1", "Connection: upgrade\r\nConnection: close", false),
            ("1.1", "Connection: close\r\nConnection: upgrade", false),
            (
                "1.1",
                "Connection: closed, xclose, clos, \"close\", a close",
                true,
            ),
            ("1.1", "Connection:", true),
            ("1.1", "Proxy-Connection: close", true),
            ("1.0", "A: b", false),
            ("1.0", "Connection: keep-alive", true),
            ("1.0", "Connection: Keep-Alive", true),
            ("1.0", "Connection: a, keep-alive", true),
            ("1.0", "Connection: keep-alive, close", false),
            ("1.0", "Connection: keepalive", false),
            ("1.0", "Connection: close", false),
            ("1.0", "Keep-Alive: timeout=5", false),
            ("1.0", "Proxy-Connection: keep-alive", false),
        ] {
            let got = framing(version, fields, &Limits::default()).map(|f| f.keep_alive);
            assert_eq!(got, Ok(want), "{} {}", version, fields);
        }
    }

    #[test]
    fn expectations() {
        for (version, fields, want) in [
            ("1.1", "Content-Length: 5", Ok(false)),
            ("1.1", "Content-Length: 5\r\nExpect: 100-continue", Ok(true)),
            ("1.1", "Content-Length: 5\r\nexpect:100-Continue", Ok(true)),
            (
                "1.1",
                "Transfer-Encoding: chunked\r\nExpect: 100-continue",
                Ok(true),
            ),
            (
                "1.1",
                "Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5",
                Ok(true),
            ),
            ("1.1", "Expect: 100-continue", Ok(false)),
            (
                "1.1",
                "Content-Length: 0\r\nExpect: 100-continue",
                Ok(false),
            ),
            ("1.1", "Expect: 100", Err(BadExpectation)),
            ("1.1", "Expect: 200-ok", Err(BadExpectation)),
            ("1.1", "Content-Length: 5\r\nExpect:", Ok(false)),
            ("1.1", "Content-Length: 5\r\nExpect: ,", Ok(false)),
            (
                "1.1",
                "Content-Length: 5\r\nExpect: , 100-continue,100-continue",
                Ok(true),
            ),
            ("1.1", "Expect: 100-continue, x", Err(BadExpectation)),
            ("1.1", "Expect: 100-continue;a=b", Err(BadExpectation)),
            (
                "1.1",
                "Expect: 100-continue\r\nExpect: x",
                Err(BadExpectation),
            ),
            (
                "1.0",
                "Content-Length: 5\r\nExpect: 100-continue",
                Ok(false),
            ),
            ("1.0", "Content-Length: 5\r\nExpect: x", Ok(false)),
            ("1.1", "Expect: x\r\nContent-Length: a", Err(BadLength)),
        ] {
            let got = framing(version, fields, &Limits::default()).map(|f| f.expects_continue);
            assert_eq!(got, want, "{} {}", version, fields);
        }
    }
}
