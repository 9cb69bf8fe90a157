//! A slow and simple reader of requests, written from the grammars of RFC 9110, RFC 9112 and RFC
//! 3986. The reader gathers all faults of a head: the server may report any one of them, must
//! report one, and must accept a head without a fault.

use std::collections::BTreeSet;

use millpond::Limits;

/// Bytes of chunk extensions that one body may have; the server documents no field for it.
const EXTENSIONS: usize = 4 * 1024;

/// Lines of nothing before a request, likewise.
const EMPTY_LINES: usize = 16;

/// The answers to a stream of bytes that ends.
#[derive(Debug)]
pub enum Answer {
    /// The handler saw this, and the connection stays or not.
    Seen { request: Request, keep: bool },
    /// One of these, and the end of the connection. The answer to HEAD has no body.
    Refused {
        statuses: BTreeSet<u16>,
        head: bool,
        interim: bool,
    },
}

#[derive(Debug, Default)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// 100 (Continue) may come first.
    pub interim: bool,
}

pub fn answers(mut bytes: &[u8], limits: &Limits) -> Vec<Answer> {
    let mut answers = Vec::new();
    loop {
        let mut empty = 0;
        while let Some(rest) = bytes.strip_prefix(b"\r\n") {
            bytes = rest;
            empty += 1;
        }
        if empty > EMPTY_LINES || (empty == EMPTY_LINES && bytes == b"\r") {
            answers.push(Answer::Refused {
                statuses: BTreeSet::from([400]),
                head: false,
                interim: false,
            });
            return answers;
        }
        if bytes.is_empty() || bytes == b"\r" {
            return answers;
        }
        let is_head = bytes.starts_with(b"HEAD ");
        let refused = |statuses, interim| Answer::Refused {
            statuses,
            head: is_head,
            interim,
        };
        let end = find(bytes, b"\r\n\r\n");
        let head = &bytes[..end.map_or(bytes.len(), |end| end + 4)];
        let mut faults = BTreeSet::new();
        let read = read_head(head, limits, &mut faults);
        let end = match (end, faults.is_empty()) {
            (Some(end), true) => end + 4,
            (end, _) => {
                if end.is_none() {
                    faults.insert(400);
                }
                answers.push(refused(faults, false));
                return answers;
            }
        };
        bytes = &bytes[end..];
        let Head {
            mut request,
            keep,
            length,
        } = read;
        let body = match length {
            Length::Known(length) => match bytes.get(..length) {
                Some(body) => Ok((body.to_vec(), length)),
                None => Err(BTreeSet::from([400])),
            },
            Length::Chunked => chunked(bytes, limits),
        };
        match body {
            Ok((body, used)) => {
                request.body = body;
                answers.push(Answer::Seen { request, keep });
                bytes = &bytes[used..];
            }
            Err(statuses) => {
                answers.push(refused(statuses, request.interim));
                return answers;
            }
        }
        if !keep {
            return answers;
        }
    }
}

struct Head {
    request: Request,
    keep: bool,
    length: Length,
}

enum Length {
    Known(usize),
    Chunked,
}

/// For an incomplete head, all bytes. The result is valid only without faults.
fn read_head(bytes: &[u8], limits: &Limits, faults: &mut BTreeSet<u16>) -> Head {
    if bytes.len() > limits.max_head_bytes {
        faults.insert(431);
    }
    let is_whole = bytes.ends_with(b"\r\n\r\n");
    if !is_whole && bytes.len() == limits.max_head_bytes {
        faults.insert(431);
    }
    let lines = bytes.strip_suffix(b"\r\n\r\n").unwrap_or(bytes);
    let mut lines = split(lines, b"\r\n").into_iter();
    let line = lines.next().unwrap_or_default();
    let (mut request, minor, authority) = request_line(line, limits, faults);
    for (number, line) in lines.enumerate() {
        match field_line(line) {
            Some(field) => request.fields.push(field),
            None => {
                faults.insert(400);
            }
        }
        if number >= limits.max_headers {
            faults.insert(431);
        }
    }
    let hosts: Vec<usize> = (0..request.fields.len())
        .filter(|&at| request.fields[at].0.eq_ignore_ascii_case("host"))
        .collect();
    if hosts.len() > 1 || (hosts.is_empty() && minor > 0) {
        faults.insert(400);
    }
    for &at in &hosts {
        let value = &request.fields[at].1;
        // An empty one may be ignored where the target names a host.
        let needless = value.is_empty() && authority.is_some();
        if !needless && !is_authority(value) {
            faults.insert(400);
        }
    }
    // RFC 9112 §6, §9.3
    let values = |name: &str| -> Vec<String> {
        let named = request.fields.iter();
        let named = named.filter(|(n, _)| n.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.clone()).collect()
    };
    let options: Vec<String> = values("connection")
        .iter()
        .flat_map(|value| value.split(','))
        .map(|option| option.trim_matches(&[' ', '\t'][..]).to_ascii_lowercase())
        .collect();
    let has = |option: &str| options.iter().any(|o| o == option);
    let keep = !has("close") && (minor > 0 || has("keep-alive"));
    let length = length(
        &values("content-length"),
        &values("transfer-encoding"),
        minor,
        limits,
        faults,
    );
    // RFC 9110 §10.1.1: Expect = #expectation, so empty elements are none (§5.6.1).
    let expectations = values("expect").join(",");
    let expectations = expectations
        .split(',')
        .map(|e| e.trim_matches(&[' ', '\t'][..]));
    for expectation in expectations.filter(|e| minor > 0 && !e.is_empty()) {
        match expectation.eq_ignore_ascii_case("100-continue") {
            true => request.interim = !matches!(length, Length::Known(0)),
            false => {
                faults.insert(417);
            }
        }
    }
    if let (Some(authority), [host]) = (authority, hosts.as_slice()) {
        request.fields[*host].1 = authority;
    }
    Head {
        request,
        keep,
        length,
    }
}

/// `method SP request-target SP HTTP-version` (RFC 9112 §3); the minor version, and the authority
/// of an absolute-form.
fn request_line(
    line: &[u8],
    limits: &Limits,
    faults: &mut BTreeSet<u16>,
) -> (Request, u8, Option<String>) {
    let mut request = Request::default();
    let parts = split(line, b" ");
    let token = line.iter().take_while(|&&b| is_tchar(b)).count();
    if token > 64 {
        faults.insert(501);
    }
    if parts
        .get(1)
        .map_or(false, |p| p.len() > limits.max_target_bytes)
    {
        faults.insert(414);
    }
    let (method, target, version) = match parts.as_slice() {
        [method, target, version] => (*method, *target, *version),
        _ => {
            faults.insert(400);
            return (request, 1, None);
        }
    };
    if method.is_empty() || token < method.len() {
        faults.insert(400);
    }
    let minor = match version {
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            if *major != b'1' {
                faults.insert(505);
            }
            minor - b'0'
        }
        _ => {
            faults.insert(400);
            1
        }
    };
    request.method = text(method);
    let authority = match method {
        // Neither is served, whatever it is for.
        b"CONNECT" | b"TRACE" => {
            faults.insert(501);
            if method == b"CONNECT" && !is_authority(&text(target)) {
                faults.insert(400);
            }
            None
        }
        _ if is_https(target) => {
            faults.insert(421);
            if target_form(&text(target), method).is_none() {
                faults.insert(400);
            }
            None
        }
        _ => match target_form(&text(target), method) {
            Some((target, authority)) => {
                request.target = target;
                authority
            }
            None => {
                faults.insert(400);
                None
            }
        },
    };
    if !has_target_bytes(target) {
        faults.insert(400);
    }
    (request, minor, authority)
}

/// RFC 3986 §3.3 and §3.4, and brackets; in a query also the bytes that browsers do not escape
/// (WHATWG URL).
fn has_target_bytes(target: &[u8]) -> bool {
    let mut in_query = false;
    let mut at = 0;
    while at < target.len() {
        match target[at] {
            b'%' => match target.get(at + 1..at + 3) {
                Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => at += 2,
                _ => return false,
            },
            b'?' => in_query = true,
            b if b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/[]".contains(&b) => {}
            b if in_query && b"{}|\\^`".contains(&b) => {}
            _ => return false,
        }
        at += 1;
    }
    !target.is_empty()
}

/// RFC 9110 §7.4: there is no TLS here to ask over.
fn is_https(target: &[u8]) -> bool {
    let scheme = target.get(..6).unwrap_or_default();
    scheme.eq_ignore_ascii_case(b"https:")
}

/// The four forms of RFC 9112 §3.2, CONNECT's left out: the origin-form it comes to.
fn target_form(target: &str, method: &[u8]) -> Option<(String, Option<String>)> {
    if target.starts_with('/') || (target == "*" && method == b"OPTIONS") {
        return Some((target.to_owned(), None));
    }
    let (scheme, rest) = target.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if !is_authority(authority) {
        return None;
    }
    let target = match path {
        "" if method == b"OPTIONS" => "*".to_owned(),
        _ if path.starts_with('/') => path.to_owned(),
        _ => format!("/{path}"),
    };
    Some((target, Some(authority.to_owned())))
}

/// `uri-host [ ":" port ]`, the host not empty (RFC 9110 §4.2.1), the port a number of 16 bits.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rfind(':') {
        Some(colon) if !text[colon..].contains(']') => (&text[..colon], &text[colon + 1..]),
        _ => (text, ""),
    };
    let digits = port.trim_start_matches('0');
    let is_port = port.bytes().all(|b| b.is_ascii_digit())
        && digits.len() <= 5
        && digits.parse::<u32>().unwrap_or(0) <= 65535;
    let is_host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(inner) => is_ipv6(inner),
        None => is_reg_name(host),
    };
    is_host && is_port
}

/// RFC 3986 §3.2.2
fn is_reg_name(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match byte {
            b'%' => match tail {
                [high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    tail
                }
                _ => return false,
            },
            _ if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte) => tail,
            _ => return false,
        }
    }
    !text.is_empty()
}

/// RFC 3986 §3.2.2: eight groups, or fewer with one `::` for one group or more; the last two may be
/// an IPv4address.
fn is_ipv6(text: &str) -> bool {
    let (before, after) = match text.split_once("::") {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    };
    let groups = |text: &str, last: bool| -> Option<usize> {
        if text.is_empty() {
            return Some(0);
        }
        let parts: Vec<&str> = text.split(':').collect();
        let mut count = 0;
        for (at, part) in parts.iter().enumerate() {
            let is_h16 =
                (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit());
            if is_h16 {
                count += 1;
            } else if last && at + 1 == parts.len() && is_ipv4(part) {
                count += 2;
            } else {
                return None;
            }
        }
        Some(count)
    };
    match after {
        None => groups(before, true) == Some(8),
        Some(after) => match (groups(before, false), groups(after, true)) {
            (Some(before), Some(after)) => before + after <= 7,
            _ => false,
        },
    }
}

fn is_ipv4(text: &str) -> bool {
    let octets: Vec<&str> = text.split('.').collect();
    let is_octet = |octet: &&str| {
        let no_zero = *octet == "0" || !octet.starts_with('0');
        no_zero && octet.bytes().all(|b| b.is_ascii_digit()) && octet.parse::<u8>().is_ok()
    };
    octets.len() == 4 && octets.iter().all(is_octet)
}

/// RFC 9112 §6.3; where it lets a server choose, the documented choice: refuse.
fn length(
    lengths: &[String],
    codings: &[String],
    minor: u8,
    limits: &Limits,
    faults: &mut BTreeSet<u16>,
) -> Length {
    let mut length = Length::Known(0);
    match codings {
        [] => {}
        [coding] if coding.eq_ignore_ascii_case("chunked") => length = Length::Chunked,
        _ => faults.extend([400, 501]),
    }
    if !codings.is_empty() && (minor == 0 || !lengths.is_empty()) {
        faults.insert(400);
    }
    match lengths {
        [] => {}
        [digits] if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            match digits.parse::<u64>() {
                Err(_) => faults.extend([400]),
                Ok(n) if n > limits.max_body_bytes => faults.extend([413]),
                Ok(n) if codings.is_empty() => length = Length::Known(n as usize),
                Ok(_) => {}
            }
        }
        _ => faults.extend([400]),
    }
    length
}

/// `field-name ":" OWS field-value OWS` (RFC 9112 §5); a value that is not UTF-8 is ISO-8859-1.
fn field_line(line: &[u8]) -> Option<(String, String)> {
    let colon = line.iter().position(|&b| b == b':')?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let is_value = |&b: &u8| b == b'\t' || (b >= b' ' && b != 0x7f);
    if name.is_empty() || !name.iter().all(|&b| is_tchar(b)) || !value.iter().all(is_value) {
        return None;
    }
    let blank = |b: &&u8| matches!(**b, b' ' | b'\t');
    let before = value.iter().take_while(blank).count();
    let value = &value[before..];
    let after = value.iter().rev().take_while(blank).count();
    Some((text(name), text(&value[..value.len() - after])))
}

/// RFC 9112 §7.1: the body, and how many bytes it took; or how it is refused.
fn chunked(bytes: &[u8], limits: &Limits) -> Result<(Vec<u8>, usize), BTreeSet<u16>> {
    let refused = |status: u16| Err(BTreeSet::from([status]));
    let mut body = Vec::new();
    let mut extensions = 0;
    let mut at = 0;
    loop {
        let line = match find(&bytes[at..], b"\r\n") {
            Some(end) => &bytes[at..at + end],
            None => return refused(400),
        };
        at += line.len() + 2;
        let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        extensions += line.len() - digits;
        let is_size = (1..=16).contains(&digits);
        if !is_size || !are_extensions(&line[digits..]) || extensions > EXTENSIONS {
            return refused(400);
        }
        let size = u64::from_str_radix(&text(&line[..digits]), 16).expect("digits");
        if size == 0 {
            break;
        }
        if size > limits.max_body_bytes - body.len() as u64 {
            return refused(413);
        }
        let end = at + size as usize;
        match bytes.get(at..end + 2) {
            Some(chunk) if chunk.ends_with(b"\r\n") => body.extend_from_slice(&bytes[at..end]),
            _ => return refused(400),
        }
        at = end + 2;
    }
    let trailer = at;
    for count in 0.. {
        let line = find(&bytes[at..], b"\r\n").map(|end| &bytes[at..at + end]);
        let length = line.map_or(bytes.len() - at, |line| line.len() + 2);
        let is_long = at - trailer + length > limits.max_head_bytes;
        match line {
            Some(b"") if !is_long => return Ok((body, at + 2)),
            Some(line) if !is_long && count < limits.max_headers && field_line(line).is_some() => {}
            // The fault may stand before or behind the excess.
            _ => {
                let mut statuses = BTreeSet::from([400]);
                if is_long || count >= limits.max_headers {
                    statuses.insert(431);
                }
                return Err(statuses);
            }
        }
        at += length;
    }
    unreachable!("every line is some bytes long")
}

/// `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )` (RFC 9112 §7.1.1)
fn are_extensions(mut rest: &[u8]) -> bool {
    fn skip(rest: &mut &[u8], class: fn(u8) -> bool) -> usize {
        let count = rest.iter().take_while(|&&b| class(b)).count();
        *rest = &rest[count..];
        count
    }
    let blank = |b| b == b' ' || b == b'\t';
    while !rest.is_empty() {
        skip(&mut rest, blank);
        rest = match rest {
            [b';', tail @ ..] => tail,
            _ => return false,
        };
        skip(&mut rest, blank);
        if skip(&mut rest, is_tchar) == 0 {
            return false;
        }
        let mut ahead = rest;
        skip(&mut ahead, blank);
        rest = match ahead {
            [b'=', tail @ ..] => tail,
            _ => continue,
        };
        skip(&mut rest, blank);
        if let [b'"', tail @ ..] = rest {
            rest = match quoted(tail) {
                Some(tail) => tail,
                None => return false,
            };
        } else if skip(&mut rest, is_tchar) == 0 {
            return false;
        }
    }
    true
}

/// Returns the rest behind a quoted-string that has begun (RFC 9110 §5.6.4).
fn quoted(mut rest: &[u8]) -> Option<&[u8]> {
    let is_text = |b: u8| b == b'\t' || (b >= b' ' && b != 0x7f);
    loop {
        rest = match rest {
            [b'"', tail @ ..] => return Some(tail),
            [b'\\', byte, tail @ ..] if is_text(*byte) => tail,
            [byte, tail @ ..] if is_text(*byte) && *byte != b'\\' => tail,
            _ => return None,
        };
    }
}

/// RFC 9110 §5.6.2
fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&b| char::from(b)).collect(),
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|w| w == what)
}

fn split<'a>(mut bytes: &'a [u8], at: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    while let Some(end) = find(bytes, at) {
        parts.push(&bytes[..end]);
        bytes = &bytes[end + at.len()..];
    }
    parts.push(bytes);
    parts
}
