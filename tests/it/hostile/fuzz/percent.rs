//! Percent-encoding, through the functions that a handler calls: `url`, `get_param`,
//! `remove_prefix`, posted forms, and the file name of a download.

use super::{Rng, Target};
use millpond::input::post::raw_urlencoded_post_input;
use millpond::{post_input, Request, Response};

pub struct Escapes;

impl Target for Escapes {
    fn name(&self) -> &'static str {
        "percent"
    }

    fn corpus(&self) -> Vec<Vec<u8>> {
        CORPUS.iter().map(|row| row.as_bytes().to_vec()).collect()
    }

    fn tokens(&self) -> &'static [&'static str] {
        TOKENS
    }

    /// The input is a target and a form as it is, and then a text to be encoded.
    fn check(&mut self, input: &[u8], rng: &mut Rng) -> Result<(), String> {
        let text = String::from_utf8_lossy(input);
        decodes(&text)?;
        posts(&text)?;
        cuts_prefixes(&text, rng)?;
        comes_back(&text, rng)
    }
}

fn decodes(target: &str) -> Result<(), String> {
    let request = Request::fake_http("GET", target, vec![], vec![]);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    equal("the path", request.url(), lossy(&decode(path)))?;
    equal("the query", request.raw_query_string(), query)?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = lossy(&form(pair.split('=').next().unwrap_or("")));
        let first = query
            .split('&')
            .filter(|other| !other.is_empty())
            .map(|other| match other.find('=') {
                Some(at) => (&other[..at], &other[at + 1..]),
                None => (other, ""),
            })
            .find(|(other, _)| *other == name || lossy(&form(other)) == name)
            .map(|(_, value)| lossy(&form(value)));
        equal("a parameter", request.get_param(&name), first)?;
    }
    Ok(())
}

/// WHATWG URL §5.1, except that bytes that are not UTF-8 are an error.
fn posts(body: &str) -> Result<(), String> {
    let kind = "application/x-www-form-urlencoded".to_owned();
    let fields = vec![("Content-Type".to_owned(), kind)];
    let request = || Request::fake_http("POST", "/", fields.clone(), body.into());
    let pairs = body.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let pairs = pairs.map(|(name, value)| (form(name), form(value)));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).ok();
    let all = pairs
        .clone()
        .map(|(name, value)| Some((text(name)?, text(value)?)));
    let read = raw_urlencoded_post_input(&request()).ok();
    equal("the form", read, all.collect::<Option<Vec<_>>>())?;
    let named = pairs.filter(|(name, _)| name == b"a");
    let named: Option<Vec<String>> = named.map(|(_, value)| text(value)).collect();
    let read = post_input!(&request(), { a: Vec<String> });
    equal("the field", read.ok().map(|input| input.a), named)
}

fn cuts_prefixes(target: &str, rng: &mut Rng) -> Result<(), String> {
    let request = Request::fake_http("GET", target, vec![], vec![]);
    let path = target.split('?').next().unwrap_or("");
    let decoded = decode(path);
    let length = rng.below(decoded.len() + 1);
    // The replacement of invalid bytes is not in the path.
    let prefix = match std::str::from_utf8(&decoded[..length]) {
        Ok(prefix) => prefix,
        Err(_) => return Ok(()),
    };
    let rest = match request.remove_prefix(prefix) {
        Some(rest) => rest,
        None => return Err(format!("{prefix:?} is no prefix of {path:?}")),
    };
    equal("the rest", rest.url(), lossy(&decoded[length..]))?;
    let longer = lossy(&decoded) + "x";
    match request.remove_prefix(&longer) {
        None => Ok(()),
        Some(_) => Err(format!("{longer:?} is a prefix of {path:?}")),
    }
}

fn comes_back(text: &str, rng: &mut Rng) -> Result<(), String> {
    let encoded = encode(text, rng);
    let target = format!("/{encoded}?{encoded}={encoded}");
    let request = Request::fake_http("GET", target, vec![], vec![]);
    equal("the path", request.url(), format!("/{text}"))?;
    equal("the value", request.get_param(text), Some(text.to_owned()))?;
    let download = Response::text("").with_content_disposition_attachment(text);
    let value = download
        .headers
        .iter()
        .find(|(name, _)| name == "Content-Disposition")
        .map_or("", |(_, value)| value);
    if !value.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return Err(format!("a field of {value:?}"));
    }
    // Encoded text has no quote, so this is the end of the field.
    match value.rsplit_once("\"; filename*=UTF-8''") {
        Some((_, name)) if !name.contains('"') => is_named(&lossy(&decode(name)), text),
        _ => Ok(()),
    }
}

/// A character of a path, or one that changes how a name looks, is `_`.
fn is_named(name: &str, text: &str) -> Result<(), String> {
    let tame = |(got, want): (char, char)| got == want || (got == '_' && !want.is_alphanumeric());
    let same = name.chars().count() == text.chars().count();
    match same && name.chars().zip(text.chars()).all(tame) && !name.contains(['/', '\\']) {
        true => Ok(()),
        false => Err(format!("{name:?} is the file's name in place of {text:?}")),
    }
}

fn equal<A: PartialEq<B> + std::fmt::Debug, B: std::fmt::Debug>(
    what: &str,
    got: A,
    want: B,
) -> Result<(), String> {
    match got == want {
        true => Ok(()),
        false => Err(format!("{what} is {got:?} and not {want:?}")),
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// RFC 3986 §2.1; an invalid escape stays.
pub fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).unwrap_or(b"");
        let is_escape =
            bytes[at] == b'%' && digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit);
        if is_escape {
            let digits = std::str::from_utf8(digits).expect("digits");
            decoded.push(u8::from_str_radix(digits, 16).expect("two digits"));
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    decoded
}

/// The same for a form, where a plus sign is a space unless it is escaped.
fn form(text: &str) -> Vec<u8> {
    let words: Vec<Vec<u8>> = text.split('+').map(decode).collect();
    words.join(&b' ')
}

/// Every byte that might mean something is escaped, and some that mean nothing.
fn encode(text: &str, rng: &mut Rng) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() && !rng.one_in(8) {
            encoded.push(char::from(byte));
        } else if rng.one_in(2) {
            encoded.push_str(&format!("%{byte:02X}"));
        } else {
            encoded.push_str(&format!("%{byte:02x}"));
        }
    }
    encoded
}

const TOKENS: &[&str] = &[
    "%",
    "%%",
    "%4",
    "%41",
    "%61",
    "&a=",
    "%zz",
    "%2",
    "%2B",
    "%2b",
    "%26",
    "%3D",
    "%3F",
    "%00",
    "%C3",
    "%A9",
    "%C3%A9",
    "%E2%82%AC",
    "%FF",
    "%ED%A0%80",
    "%F0%9F%98%80",
    "+",
    "&",
    "=",
    "?",
    "/",
    "//",
    "..",
    "#",
    "\u{e9}",
    "\u{20ac}",
    "\0",
    "\"",
    "\\",
    ";",
    "a",
    " ",
    "\r\n",
];

const CORPUS: &[&str] = &[
    "a=1&%61=%26+%ff&b&=&&a&%61%62=a",
    "/",
    "/plain/path",
    "/a%20b/%C3%A9/%E2%82%AC",
    "/search?q=tea+%26+cake&q=no&draft&=empty&a=b=c",
    "/?a[]=1&a%5B%5D=2&%61=3&b=%2B+%2b",
    "/%",
    "/%4?%4=%",
    "/%zz%g0?x=%zz",
    "/%FF%C3?v=%FF%C3",
    "/%E2%82/%AC?%E2=%82%AC",
    "/static/../x%2F..%2fy",
    "??a=1?b=2&&&c",
    // Found by fuzzing, in this file: a name that looks like the field that it is in.
    "; filename*=UTF-8''b",
    "; filename*=UTF-8''%41",
    "a\"; filename*=UTF-8''b\u{e9}; filename*=UTF-8''%41",
    "caf\u{e9} \"quoted\" 100% \\.txt",
];
