//! Header fields as a handler reads them: cookies, credentials, weighted lists, the type of a body.

use super::form::{one, with_parameters};
use super::{Rng, Target};
use millpond::input::{self, PlainTextError};
use millpond::Request;

pub struct Fields;

impl Target for Fields {
    fn name(&self) -> &'static str {
        "input"
    }

    fn corpus(&self) -> Vec<Vec<u8>> {
        CORPUS.iter().map(|row| row.as_bytes().to_vec()).collect()
    }

    fn tokens(&self) -> &'static [&'static str] {
        TOKENS
    }

    /// Each line of the input is a field's value.
    fn check(&mut self, input: &[u8], rng: &mut Rng) -> Result<(), String> {
        let text = String::from_utf8_lossy(input);
        let values: Vec<&str> = text.split('\n').collect();
        let request = sending("Cookie", &values);
        let read: Vec<(&str, &str)> = input::cookies(&request).collect();
        equal("the cookies", read, cookies(&values))?;
        for value in values {
            weighs(value, rng)?;
            types(value)?;
            authenticates(value)?;
        }
        comes_back(&text)
    }
}

fn sending(name: &str, values: &[&str]) -> Request {
    let field = |value: &&str| (name.to_owned(), (*value).to_owned());
    let fields = values.iter().map(field).collect();
    Request::fake_http("POST", "/", fields, b"body".to_vec())
}

/// RFC 6265 §4.2.1, and the practice of browsers.
fn cookies<'a>(values: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let mut all = Vec::new();
    for pair in values.iter().flat_map(|value| value.split(';')) {
        if let Some(at) = pair.find('=') {
            let (name, mut value) = (bare(&pair[..at]), bare(&pair[at + 1..]));
            if value.len() >= 2 && value.starts_with('"') && value.ends_with('"') {
                value = &value[1..value.len() - 1];
            }
            if !name.is_empty() {
                all.push((name, value));
            }
        }
    }
    all
}

/// Without SP and HTAB at its ends.
fn bare(mut text: &str) -> &str {
    while text.starts_with(' ') || text.starts_with('\t') {
        text = &text[1..];
    }
    while text.ends_with(' ') || text.ends_with('\t') {
        text = &text[..text.len() - 1];
    }
    text
}

fn weighs(list: &str, rng: &mut Rng) -> Result<(), String> {
    let wanted = members(list);
    let read: Vec<(String, f32)> = input::parse_priority_header(list)
        .map(|(name, weight)| (name.to_owned(), weight))
        .collect();
    equal("the members", &read, &wanted)?;
    // Elements that are in the list, and others.
    let mut elements: Vec<String> = Vec::new();
    for _ in 0..rng.below(5) {
        match rng.below(wanted.len() + 2).checked_sub(2) {
            Some(at) => elements.push(wanted[at].0.clone()),
            None => elements.push((*rng.pick(ELEMENTS)).to_owned()),
        }
    }
    let chosen = input::priority_header_preferred(list, elements.iter().map(String::as_str));
    equal("the element", chosen, preferred(&wanted, &elements))
}

/// RFC 9110 §5.6.1, §12.4.2: names and weights.
fn members(list: &str) -> Vec<(String, f32)> {
    let mut all = Vec::new();
    for member in pieces(list, ',') {
        let mut parts = pieces(&member, ';').into_iter();
        let name = parts.next().map_or(String::new(), |p| bare(&p).to_owned());
        let parts = parts.map(|part| bare(&part).to_owned());
        let weights: Vec<String> = parts
            .filter_map(|part| {
                let rest = part.strip_prefix(['q', 'Q'])?;
                match rest.is_empty() {
                    true => Some(String::new()),
                    false => rest.strip_prefix('=').map(str::to_owned),
                }
            })
            .collect();
        if !name.is_empty() {
            all.push((name, weight(&weights)));
        }
    }
    all
}

fn weight(said: &[String]) -> f32 {
    match said {
        [] => 1.0,
        [one] if bare(one).chars().all(|c| "0123456789.".contains(c)) => {
            let number = bare(one).parse().unwrap_or(0.0);
            if f32::is_finite(number) {
                number
            } else {
                0.0
            }
        }
        _ => 0.0,
    }
}

/// Returns the parts between separators outside of quoted-strings.
fn pieces(text: &str, separator: char) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut chars = text.chars();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        if c == separator && !quoted {
            all.push(String::new());
            continue;
        }
        let last = all.last_mut().expect("there is always one");
        last.push(c);
        if c == '"' {
            quoted = !quoted;
        } else if c == '\\' && quoted {
            last.extend(chars.next());
        }
    }
    all
}

/// RFC 9110 §12.5.1, with wildcards on both sides.
fn preferred(members: &[(String, f32)], elements: &[String]) -> Option<usize> {
    let mut likings = Vec::new();
    for element in elements {
        let element = bare(element.split(';').next().expect("a first part"));
        let weights = |fits: &dyn Fn(&str) -> bool| {
            let those = members.iter().filter(|(range, _)| fits(range));
            those.map(|(_, weight)| *weight).reduce(f32::max)
        };
        let (kind, name) = halves(element);
        let liked = if kind == "*" || name == "*" {
            weights(&|range| meet(halves(range).0, kind) && meet(halves(range).1, name))
        } else {
            let same = |range: &str, kind: &str, name: &str| {
                let (left, right) = halves(range);
                left.eq_ignore_ascii_case(kind) && right.eq_ignore_ascii_case(name)
            };
            weights(&|range| same(range, kind, name))
                .or_else(|| weights(&|range| same(range, kind, "*")))
                .or_else(|| weights(&|range| same(range, "*", "*")))
        };
        likings.push(liked.unwrap_or(0.0));
    }
    let most = likings.iter().copied().fold(0.0, f32::max);
    likings
        .iter()
        .position(|&liked| liked == most && most > 0.0)
}

fn halves(name: &str) -> (&str, &str) {
    match name.find('/') {
        Some(at) => (&name[..at], &name[at + 1..]),
        None if name == "*" => ("*", "*"),
        None => (name, ""),
    }
}

fn meet(one: &str, other: &str) -> bool {
    one == "*" || other == "*" || one.eq_ignore_ascii_case(other)
}

/// RFC 9110 §8.3.1, by the treatment of a text body.
fn types(value: &str) -> Result<(), String> {
    let name = bare(value.split(';').next().expect("a first part"));
    let is_utf8 = |charset: &str| {
        let known = ["utf-8", "utf8", "us-ascii", "ascii"];
        known.contains(&charset.to_ascii_lowercase().as_str())
    };
    let parameters = with_parameters(value).map(|(_, all)| one(&all, "charset"));
    let is_utf8 = match parameters {
        Some(Ok(charset)) => charset.map_or(true, |charset| is_utf8(&charset)),
        Some(Err(())) | None => false,
    };
    let want = match name.eq_ignore_ascii_case("text/plain") {
        true if is_utf8 => "body",
        true => "another charset",
        false => "another type",
    };
    let got = match input::plain_text_body(&sending("Content-Type", &[value])) {
        Ok(text) => text,
        Err(PlainTextError::NotUtf8) => "another charset".to_owned(),
        Err(PlainTextError::WrongContentType) => "another type".to_owned(),
        Err(other) => format!("{other:?}"),
    };
    equal("the text", got, want)
}

/// RFC 7617 §2, RFC 4648 §4: writes the result again and compares.
fn authenticates(value: &str) -> Result<(), String> {
    let read = input::basic_http_auth(&sending("Authorization", &[value]));
    let read = match read {
        Some(read) => format!("{}:{}", read.login, read.password),
        None => return Ok(()),
    };
    let (scheme, rest) = value.split_at(5.min(value.len()));
    equal("the scheme", scheme.to_ascii_lowercase(), "basic")?;
    equal("the blank", rest.chars().next(), Some(' '))?;
    equal("the text", rest.trim_matches(' '), base64(read.as_bytes()))
}

/// A written value is read again, unless it must not be.
fn comes_back(text: &str) -> Result<(), String> {
    let field = format!("Basic {}", base64(text.as_bytes()));
    let read = input::basic_http_auth(&sending("authorization", &[&field]));
    let read = read.map(|auth| format!("{}:{}", auth.login, auth.password));
    let fits = text.contains(':') && !text.contains(|c: char| c.is_ascii_control());
    equal("the credentials", read, fits.then(|| text.to_owned()))
}

/// Bit by bit.
fn base64(bytes: &[u8]) -> String {
    let mut bits: Vec<u8> = Vec::new();
    for byte in bytes {
        bits.extend((0..8).rev().map(|place| byte >> place & 1));
    }
    let mut text = String::new();
    for six in bits.chunks(6) {
        let digit = (0..6).fold(0, |sum, at| sum * 2 + six.get(at).copied().unwrap_or(0));
        text.push(match digit {
            0..=25 => char::from(b'A' + digit),
            26..=51 => char::from(b'a' + digit - 26),
            52..=61 => char::from(b'0' + digit - 52),
            62 => '+',
            _ => '/',
        });
    }
    while text.len() % 4 != 0 {
        text.push('=');
    }
    text
}

fn equal<A: PartialEq<B> + std::fmt::Debug, B: std::fmt::Debug>(
    what: &str,
    got: A,
    want: B,
) -> Result<(), String> {
    match got == want {
        true => Ok(()),
        false => Err(format!("{what}: {got:?} and not {want:?}")),
    }
}

const ELEMENTS: &[&str] = &[
    "text/html",
    "text/*",
    "*/*",
    "*",
    "gzip",
    "TEXT/plain;q=1",
    "",
    "/",
    "image/png",
];

const TOKENS: &[&str] = &[
    ";",
    ",",
    "=",
    "\"",
    "\\",
    "\\\"",
    "*",
    "/",
    "*/*",
    " ",
    "\t",
    "\n",
    ";q=",
    ";q=0",
    ";Q=0.5",
    ";q=1.5",
    ";q=.",
    ";q=1.001",
    "q",
    "; charset=",
    "utf-8",
    "text/plain",
    "Basic ",
    "==",
    ":",
    "Og==",
    "\u{a0}",
    "\u{e9}",
    "\u{20ac}",
    "\0",
    ";;",
    ",,",
    "a=b",
];

const CORPUS: &[&str] = &[
    "",
    "a=b; hello=world",
    "a=\"b\"; c=; =d; e; f=g=h\ni=j",
    "SID=0123456789; SID=\"\"; \"=\"",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, */*;q=0.5",
    "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
    "text/plain; q=1.2, image/png; q=2.0",
    "gzip;q=0, br;q=0.001, *;q=0.999, identity;q=1.000",
    "a;x=\"b,c;q=0\\\"\";q=0.4, d;q=\"0.5\"",
    "text/plain",
    "text/plain; charset=utf-8",
    "Text/Plain ;x=\"\\\";charset=latin1\"; Charset=\"UTF-8\"",
    "text/plain;;charset=iso-8859-1;",
    "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    "basic   dGVzdDoxMjPCow==",
    "Basic Og==",
    "Basic YTr/",
    "Ann:secret",
    "\u{e9}:\u{20ac}:",
];
