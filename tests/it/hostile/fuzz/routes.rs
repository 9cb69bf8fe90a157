//! Tables of routes and a request: the router agrees with one that compares every pattern.

use std::collections::BTreeSet;

use super::percent::decode;
use super::{Rng, Target};
use millpond::{Request, Response, Route, Router};

pub struct Tables;

impl Target for Tables {
    fn name(&self) -> &'static str {
        "routes"
    }

    fn corpus(&self) -> Vec<Vec<u8>> {
        CORPUS.iter().map(|row| row.as_bytes().to_vec()).collect()
    }

    fn tokens(&self) -> &'static [&'static str] {
        TOKENS
    }

    /// Each line is a method, a blank and a pattern; the last one is the request.
    fn check(&mut self, input: &[u8], _: &mut Rng) -> Result<(), String> {
        let text = String::from_utf8_lossy(input);
        let mut lines: Vec<(&str, &str)> = text
            .lines()
            .map(|line| line.split_once(' ').unwrap_or((line, "")))
            .collect();
        let (method, target) = lines.pop().unwrap_or(("GET", "/"));
        let router = Router::default();
        let mut table: Vec<Row<'_>> = Vec::new();
        for (number, (method, pattern)) in lines.into_iter().enumerate() {
            let built = Route::try_on(method, pattern);
            let segments = parse(pattern).filter(|_| is_token(method));
            match (built, segments) {
                (Err(_), None) => {}
                (Ok(built), Some(segments)) => {
                    router.add(built.onconnect(move |request| answer(request, number)));
                    table.retain(|row| row.method != method || !equal(&row.segments, &segments));
                    table.push(Row {
                        method,
                        segments,
                        number,
                    });
                }
                (built, want) => {
                    return Err(format!("{method} {pattern} is {built:?}, and not {want:?}"))
                }
            }
        }
        let request = Request::fake_http(method, target, vec![], vec![]);
        let got = answered(router.handle(&request));
        let want = judge(&table, method, target);
        match got == want {
            true => Ok(()),
            false => Err(format!("answered {got:?}, and not {want:?}")),
        }
    }
}

struct Row<'a> {
    method: &'a str,
    segments: Vec<Segment>,
    /// Of the line that it stood in.
    number: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    One(String),
    Rest(String),
}

/// Patterns that match the same paths.
fn equal(a: &[Segment], b: &[Segment]) -> bool {
    let nameless = |segment: &Segment| match segment {
        Segment::Literal(text) => Segment::Literal(text.clone()),
        Segment::One(_) => Segment::One(String::new()),
        Segment::Rest(_) => Segment::Rest(String::new()),
    };
    a.iter().map(nameless).eq(b.iter().map(nameless))
}

fn is_token(text: &str) -> bool {
    let is_tchar = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(is_tchar)
}

/// By the grammar at the top of `src/routing/pattern.rs`.
fn parse(pattern: &str) -> Option<Vec<Segment>> {
    let mut segments = Vec::new();
    let mut names = BTreeSet::new();
    let parts: Vec<&str> = pattern.strip_prefix('/')?.split('/').collect();
    for (at, part) in parts.iter().enumerate() {
        if !part.contains('{') && !part.contains('}') {
            segments.push(Segment::Literal(lossy(part)));
            continue;
        }
        let inner = part.strip_prefix('{')?.strip_suffix('}')?;
        let is_rest = inner.ends_with("...");
        let name = inner.strip_suffix("...").unwrap_or(inner);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(is_name) || !names.insert(name) {
            return None;
        }
        if is_rest && at + 1 < parts.len() {
            return None;
        }
        segments.push(match is_rest {
            true => Segment::Rest(name.to_owned()),
            false => Segment::One(name.to_owned()),
        });
    }
    Some(segments)
}

fn lossy(text: &str) -> String {
    String::from_utf8_lossy(&decode(text)).into_owned()
}

/// Names and values, where all of the path matches.
fn matches(segments: &[Segment], parts: &[&str]) -> Option<Vec<(String, String)>> {
    let (first, left) = match segments.split_first() {
        Some(split) => split,
        None => return parts.is_empty().then(Vec::new),
    };
    let part = parts.first()?;
    let mut params = match first {
        Segment::Literal(text) if *text == lossy(part) => Vec::new(),
        Segment::One(name) if !part.is_empty() => vec![(name.clone(), lossy(part))],
        Segment::Rest(name) => return Some(vec![(name.clone(), lossy(&parts.join("/")))]),
        _ => return None,
    };
    params.extend(matches(left, &parts[1..])?);
    Some(params)
}

/// Status, and the body or Allow.
type Answer = (u16, String);

fn answer(request: &Request, number: usize) -> Response {
    let mut params = String::new();
    for name in ["a", "b", "c", "id", "rest"] {
        if let Some(value) = request.param(name) {
            params += &format!(" {name}={value:?}");
        }
    }
    Response::text(format!("{number}{params}"))
}

fn answered(response: Response) -> Answer {
    use std::io::Read as _;
    let allow = response.headers.iter().find(|(name, _)| name == "Allow");
    let allow = allow.map(|(_, value)| value.clone().into_owned());
    let mut body = String::new();
    let (mut reader, _) = response.data.into_reader_and_size();
    reader.read_to_string(&mut body).expect("a body of text");
    (response.status_code, allow.unwrap_or(body))
}

/// The documented order of `Router`.
fn judge(table: &[Row<'_>], method: &str, target: &str) -> Answer {
    let path = target.split('?').next().unwrap_or("");
    let allow = |rows: &[&Row<'_>]| {
        let mut methods: BTreeSet<&str> = rows.iter().map(|row| row.method).collect();
        if methods.contains("GET") {
            methods.insert("HEAD");
        }
        methods.insert("OPTIONS");
        methods.remove("*");
        methods.into_iter().collect::<Vec<_>>().join(", ")
    };
    if method == "OPTIONS" && path == "*" {
        return (204, allow(&table.iter().collect::<Vec<_>>()));
    }
    let parts: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    let matching: Vec<&Row<'_>> = table
        .iter()
        .filter(|row| matches(&row.segments, &parts).is_some())
        .collect();
    // A literal stands before one of anything, and that before the rest.
    let rank = |row: &&Row<'_>| -> Vec<u8> {
        row.segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(_) => 0,
                Segment::One(_) => 1,
                Segment::Rest(_) => 2,
            })
            .collect()
    };
    // On one pattern: the very method, else GET for HEAD, else any.
    let fit = |row: &&Row<'_>| match row.method {
        own if own == method => Some(0),
        "GET" if method == "HEAD" => Some(1),
        "*" => Some(2),
        _ => None,
    };
    let best = matching
        .iter()
        .filter_map(|row| fit(row).map(|fit| ((rank(row), fit), row)))
        .min_by(|(a, _), (b, _)| a.cmp(b));
    if let Some((_, row)) = best {
        let params = matches(&row.segments, &parts).unwrap_or_default();
        let mut text = row.number.to_string();
        for name in ["a", "b", "c", "id", "rest"] {
            if let Some((_, value)) = params.iter().find(|(key, _)| key == name) {
                text += &format!(" {name}={value:?}");
            }
        }
        return (200, text);
    }
    let standard = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ];
    if !standard.contains(&method) && !table.iter().any(|row| row.method == method) {
        return (501, String::new());
    }
    match (matching.is_empty(), method) {
        (true, _) => (404, String::new()),
        (false, "OPTIONS") => (204, allow(&matching)),
        (false, _) => (405, allow(&matching)),
    }
}

const TOKENS: &[&str] = &[
    "/",
    "//",
    "{a}",
    "{b}",
    "{id}",
    "{rest...}",
    "{a...}",
    "{",
    "}",
    "{}",
    "{...}",
    "/{a}",
    "/{rest...}",
    "/a",
    "/b",
    "/a%20b",
    "/a b",
    "/%61",
    "%2F",
    "%2f",
    "%",
    "%FF",
    "%C3%A9",
    "\u{e9}",
    "?",
    "?x",
    "*",
    "\nGET /",
    "\nPOST /a",
    "\nHEAD /a",
    "\n* /",
    "\n* /{a}",
    "\n",
    "GET ",
    "OPTIONS ",
    "BREW ",
    "..",
    ".",
    "-",
    "_",
];

const CORPUS: &[&str] = &[
    "GET /\nGET /",
    "GET /users/{id}\nGET /users/me\nPOST /users\nGET /users/7",
    "GET /users/{id}\nGET /users/me\nGET /users/{rest...}\nGET /users/me/x",
    "GET /{a}/x\nGET /a/{b}\nGET /{a}/{b}\nGET /{rest...}\nGET /a/x",
    "POST /{a}/x\nGET /a/{b}\nDELETE /{a}/{b}\n* /{rest...}\nPUT /a/x",
    "GET /a\n* /a\nHEAD /b\nHEAD /a",
    "GET /a\nPOST /a\nPUT /{a}\nOPTIONS /a",
    "GET /a\nPOST /b\nOPTIONS *",
    "GET /a b\nGET /a%20b\nGET /a%20b",
    "GET /{a}\nGET /{b}\nGET /x%2Fy?z=/a",
    "GET /files/{rest...}\nGET /files/\nGET /files\nGET /files//a/%2e%2E/b",
    "GET /a/\nGET /a\nGET /a/",
    "GET /{a}/{b}/{c}\nGET /{a}//{c}\nGET /x//y",
    "BREW /pot\nBREW /{a}",
    "GET /a\nBREW /a",
    "GET /{a}/{a}\nGET a\nGET /{a\nGET /{rest...}/x\nG T /\nGET /",
];
