//! Multipart forms: a `Content-Type`, the end of a line, a body. The fields and the error are
//! compared with those of a second reader, which has the whole body before it.

use std::io::{ErrorKind, Read};

use super::{Rng, Target};
use millpond::input::multipart::{
    get_multipart_input, MAX_PARTS, MAX_PART_HEADERS, MAX_PART_HEAD_BYTES,
};
use millpond::input::post::BufferedFile;
use millpond::{post_input, Request};

pub struct Forms;

#[derive(Debug, PartialEq, Eq)]
struct Field {
    name: String,
    filename: Option<String>,
    content_type: Option<String>,
    data: Vec<u8>,
}

/// Whole fields, and why there are no more; `None` where it is no form at all.
type Outcome = Option<(Vec<Field>, Option<ErrorKind>)>;

impl Target for Forms {
    fn name(&self) -> &'static str {
        "form"
    }

    fn corpus(&self) -> Vec<Vec<u8>> {
        let long = |length: usize| {
            let head = "Content-Disposition: form-data; name=a\r\nX: ";
            let rest = length - head.len() - 4;
            format!(
                "{KIND}\n--x\r\n{head}{}\r\n\r\n1\r\n--x--",
                "y".repeat(rest)
            )
        };
        let many = |count: usize| {
            let field = "Content-Disposition: form-data; name=a\r\n";
            let rest = "X:\r\n".repeat(count - 1);
            format!("{KIND}\n--x\r\n{field}{rest}\r\n1\r\n--x--")
        };
        let bounds = [
            long(MAX_PART_HEAD_BYTES),
            long(MAX_PART_HEAD_BYTES + 1),
            many(MAX_PART_HEADERS),
            many(MAX_PART_HEADERS + 1),
        ];
        let rows = CORPUS.iter().map(|body| format!("{KIND}\n{body}"));
        let rows = rows.chain(WHOLE.iter().map(|&row| row.to_owned()));
        rows.chain(bounds).map(String::into_bytes).collect()
    }

    fn tokens(&self) -> &'static [&'static str] {
        TOKENS
    }

    fn check(&mut self, input: &[u8], rng: &mut Rng) -> Result<(), String> {
        let end = input.iter().position(|&byte| byte == b'\n');
        let (kind, body) = input.split_at(end.unwrap_or(0));
        let kind = String::from_utf8_lossy(kind);
        let body = body.get(1..).unwrap_or_default();
        let request = || {
            let fields = vec![("Content-Type".to_owned(), kind.clone().into_owned())];
            Request::fake_http("POST", "/", fields, body.to_owned())
        };
        let (read, want) = (read(&request(), rng), reference(&kind, body));
        if read != want {
            return Err(format!("read as {read:?}, and it is {want:?}"));
        }
        let input =
            post_input!(&request(), { a: Vec<String>, f: Vec<BufferedFile>, n: Option<u8> });
        let ends_well = matches!(want, Some((_, None)));
        match input {
            Ok(_) if !ends_well && !kind.to_ascii_lowercase().contains("urlencoded") => {
                Err("a form that does not end well is taken for one".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// In pieces of all sizes; now and then not to the end.
fn read(request: &Request, rng: &mut Rng) -> Outcome {
    let mut form = get_multipart_input(request).ok()?;
    let mut fields = Vec::new();
    loop {
        let mut field = match form.try_next() {
            Ok(Some(field)) => field,
            Ok(None) => return Some((fields, None)),
            Err(error) => return Some((fields, Some(error.kind()))),
        };
        let mut data = Vec::new();
        loop {
            let mut piece = vec![0; 1 + rng.below(40)];
            match field.data.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => data.extend_from_slice(&piece[..count]),
                Err(error) => return Some((fields, Some(error.kind()))),
            }
        }
        fields.push(Field {
            name: field.headers.name.to_string(),
            filename: field.headers.filename,
            content_type: field.headers.content_type.map(|mime| mime.to_string()),
            data,
        });
    }
}

/// RFC 2046 §5.1.1, RFC 7578 §4, over the whole body.
fn reference(kind: &str, body: &[u8]) -> Outcome {
    let (what, parameters) = with_parameters(kind)?;
    if !what.eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = one(&parameters, "boundary").ok()??;
    let is_fit = |c: char| is_token(&c.to_string()) || "(),/:=? ".contains(c);
    if !(1..=70).contains(&boundary.len())
        || !boundary.chars().all(is_fit)
        || boundary.ends_with(' ')
    {
        return None;
    }
    let mut fields = Vec::new();
    let error = body_of(&boundary, body, &mut fields).err();
    Some((fields, error))
}

fn body_of(boundary: &str, body: &[u8], fields: &mut Vec<Field>) -> Result<(), ErrorKind> {
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    let body = [b"\r\n", body].concat();
    let mut rest = &body[..];
    let mut begun: Option<Field> = None;
    loop {
        let at = find(rest, &delimiter).ok_or(ErrorKind::UnexpectedEof)?;
        let data = rest[..at].get(2..).unwrap_or_default().to_vec();
        rest = &rest[at + delimiter.len()..];
        let is_last = rest.starts_with(b"--");
        if is_last {
            rest = &rest[2..];
        }
        while rest.starts_with(b" ") || rest.starts_with(b"\t") {
            rest = &rest[1..];
        }
        match rest {
            [b'\r', b'\n', ..] => rest = &rest[2..],
            [] if is_last => {}
            [] | [_] => return Err(ErrorKind::UnexpectedEof),
            _ => return Err(ErrorKind::InvalidData),
        }
        fields.extend(begun.take().map(|field| Field { data, ..field }));
        if is_last {
            return Ok(());
        }
        if fields.len() == MAX_PARTS || rest.starts_with(b"\r\n") {
            return Err(ErrorKind::InvalidData);
        }
        let end = match find(rest, b"\r\n\r\n") {
            Some(end) if end + 4 <= MAX_PART_HEAD_BYTES => end,
            None if rest.len() < MAX_PART_HEAD_BYTES => return Err(ErrorKind::UnexpectedEof),
            _ => return Err(ErrorKind::InvalidData),
        };
        let lines = [b"\r\n", &rest[..end]].concat();
        if find(&lines, &delimiter).is_some() {
            return Err(ErrorKind::InvalidData);
        }
        // With an invalid head of a part, that error may come before, or instead of, a missing
        // boundary.
        begun = Some(head(&rest[..end]).ok_or(ErrorKind::InvalidData)?);
        rest = &rest[end + 2..];
    }
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn head(lines: &[u8]) -> Option<Field> {
    let text = String::from_utf8(lines.to_vec()).ok()?;
    let lines: Vec<&str> = text.split("\r\n").collect();
    if lines.len() > MAX_PART_HEADERS {
        return None;
    }
    let mut known: [Option<String>; 3] = [None, None, None];
    let names = [
        "content-disposition",
        "content-type",
        "content-transfer-encoding",
    ];
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let is_plain = |c: char| c >= ' ' && c != '\x7f' || c == '\t';
        if !is_token(name) || !value.chars().all(is_plain) {
            return None;
        }
        if let Some(at) = names
            .iter()
            .position(|known| name.to_ascii_lowercase() == *known)
        {
            let value = value.trim_matches(is_blank).to_owned();
            if known[at].replace(value).is_some() {
                return None;
            }
        }
    }
    let [disposition, content_type, encoding] = known;
    let encoding = encoding.map(|value| value.to_ascii_lowercase());
    if !matches!(encoding.as_deref(), None | Some("7bit" | "8bit" | "binary")) {
        return None;
    }
    let disposition = disposition?;
    let (what, parameters) = with_parameters(&disposition)?;
    if !what.eq_ignore_ascii_case("form-data") {
        return None;
    }
    let unescape = |text: String| {
        let text = text.replace("%22", "\"");
        let text = text.replace("%0D", "\r").replace("%0d", "\r");
        text.replace("%0A", "\n").replace("%0a", "\n")
    };
    let content_type = match content_type {
        None => None,
        Some(value) => {
            let (essence, _) = with_parameters(&value)?;
            let (kind, subtype) = essence.split_once('/')?;
            if !is_token(kind) || !is_token(subtype) {
                return None;
            }
            Some(essence.to_ascii_lowercase() + &value[essence.len()..])
        }
    };
    Some(Field {
        name: unescape(one(&parameters, "name").ok()??),
        filename: one(&parameters, "filename").ok()?.map(unescape),
        content_type,
        data: Vec::new(),
    })
}

fn is_token(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(fits)
}

pub type Listed = Vec<(String, String)>;

/// The only value of this name.
pub fn one(parameters: &Listed, name: &str) -> Result<Option<String>, ()> {
    let named = |(n, _): &&(String, String)| n.to_ascii_lowercase() == name;
    let values: Vec<_> = parameters.iter().filter(named).collect();
    match values[..] {
        [] => Ok(None),
        [(_, value)] => Ok(Some(value.clone())),
        _ => Err(()),
    }
}

/// Character by character.
pub fn with_parameters(value: &str) -> Option<(String, Listed)> {
    let chars: Vec<char> = value.chars().collect();
    let blank_at = |at: usize| chars.get(at).map_or(false, |&c| is_blank(c));
    let mut at = chars.iter().position(|&c| c == ';').unwrap_or(chars.len());
    let what: String = chars[..at].iter().collect();
    let mut all = Vec::new();
    while at < chars.len() {
        if chars[at] != ';' {
            return None;
        }
        at += 1;
        while blank_at(at) {
            at += 1;
        }
        if matches!(chars.get(at), None | Some(';')) {
            continue;
        }
        let mut name = String::new();
        while *chars.get(at)? != '=' {
            name.push(chars[at]);
            at += 1;
        }
        at += 1;
        let mut value = String::new();
        if chars.get(at) == Some(&'"') {
            at += 1;
            loop {
                match *chars.get(at)? {
                    '"' => break,
                    '\\' => match chars.get(at + 1) {
                        Some('\\') => {
                            value.push('\\');
                            at += 1;
                        }
                        Some('"') if chars[at + 2..].contains(&'"') => {
                            value.push('"');
                            at += 1;
                        }
                        _ => value.push('\\'),
                    },
                    c => value.push(c),
                }
                at += 1;
            }
            at += 1;
        } else {
            while !matches!(chars.get(at), None | Some(';' | ' ' | '\t')) {
                if !chars[at].is_ascii_graphic() || matches!(chars[at], '"' | '\\') {
                    return None;
                }
                value.push(chars[at]);
                at += 1;
            }
            if value.is_empty() {
                return None;
            }
        }
        while blank_at(at) {
            at += 1;
        }
        if !is_token(&name) {
            return None;
        }
        all.push((name, value));
    }
    Some((what.trim_matches(is_blank).to_owned(), all))
}

const KIND: &str = "multipart/form-data; boundary=x";

const TOKENS: &[&str] = &[
    "\r\n--x\r\n",
    "\r\n--x--\r\n",
    "\r\n--x",
    "--x",
    "--",
    "-",
    "x",
    "\r\n",
    "\r\n\r\n",
    "\r",
    "\n",
    " ",
    "\t",
    ";",
    "; ",
    "=",
    "\"",
    "\\",
    "\\\"",
    "\\\\",
    ":",
    "%",
    "%22",
    "%0d",
    "%0D%0A",
    "\0",
    "\u{7f}",
    "\u{e9}",
    "form-data",
    "name",
    "; name=\"a\"",
    "; name=f; filename=\"g\"",
    "; filename*=UTF-8''%41",
    "Content-Disposition: form-data; name=\"a\"\r\n",
    "content-disposition:form-data;name=f;filename=g\r\n",
    "Content-Type: text/plain\r\n",
    "Content-Type: a/b; c=d\r\n",
    "Content-Transfer-Encoding: binary\r\n",
    "Content-Transfer-Encoding: base64\r\n",
    "X: y\r\n",
    "--x: y\r\n",
    "boundary=",
    "boundary=\"x\"",
    "multipart/mixed",
];

/// Bodies with the boundary `x`.
const CORPUS: &[&str] = &[
    "--x--\r\n",
    "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n",
    "hi\r\n--x \t\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x-- \r\nbye",
    "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n--x\r\n\
     Content-Disposition: form-data; name=b\r\n\r\n\r\n--x--",
    "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"%22\\\\\\\".t\\\"\r\n\
     Content-Type: Image/PNG; q=\"r\"\r\n\r\n\r\r\n-\r\n--\r\n--y\n--x\r\n--x--\r\n",
    "--x\r\nX: y\r\nContent-Disposition: Form-Data; filename=\"\"; name=\"f\"\r\n\
     Content-Transfer-Encoding: 8bit\r\n\r\n\r\n--x\r\n\
     Content-Disposition: form-data; name=n\r\n\r\n7\r\n--x--\r\n",
    "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--xy\r\n--x--",
    "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1",
    "--x\nContent-Disposition: form-data; name=a\n\n1\n--x--\n",
    "",
];

/// With their `Content-Type`.
const WHOLE: &[&str] = &[
    "Multipart/Form-Data; a=\"b;\\\"\"; BOUNDARY=\"y z\" ;\n--y z\r\n\
     Content-Disposition: form-data; name=a\r\n\r\n1\r\n--y z--",
    "multipart/form-data; boundary=----=_(a)\n------=_(a)--",
    "multipart/form-data; boundary=x; boundary=x\n--x--",
    "multipart/form-data; boundary=$*\n--$*\r\n\
     Content-Disposition: form-data; name=a\r\n\r\n1\r\n--$*--",
    "multipart/form-data; boundary=\"x \"\n--x --",
    "application/x-www-form-urlencoded\na=1&n=2",
    "multipart/form-data",
];
