//! The path pattern of a route, such as `/users/{id}`: its grammar, its precedence and the values
//! of its parameters. This file reads and returns text; it knows no method, handler or request.
//!
//! ```text
//! pattern = 1*( "/" segment )
//! segment = literal              one segment with this text; may be empty: "/" and "/a/"
//!         / "{" name "}"         one segment, not empty
//!         / "{" name "...}"      the rest, with slashes, may be empty; only at the end
//! name    = 1*( ALPHA / DIGIT / "_" )
//! ```
//!
//! * Paths are split at `/` before they are percent-decoded, so a `%2F` stays inside its segment.
//!   Literals are decoded too: `/a b` and `/a%20b` are one pattern and match both spellings.
//! * A slash at the end counts: `/a` and `/a/` are two patterns. `/a/{rest...}` matches `/a/` and
//!   all paths below it, but not `/a`.
//! * At the first segment in which two patterns differ, a literal is more specific than `{name}`,
//!   and `{name}` is more specific than `{name...}`. This order is total: among the patterns that
//!   match a path, the same one wins in any order of registration. Names do not count: `/{a}` and
//!   `/{b}` are one pattern.

use std::cmp::Ordering;

use crate::message::syntax::percent::decode;

/// A parsed pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    text: String,
    segments: Vec<Segment>,
}

/// One segment. The order of the variants is the order of precedence.
#[derive(Debug)]
pub(crate) enum Segment {
    Literal(String),
    Param(String),
    Rest(String),
}

impl Pattern {
    /// # Errors
    ///
    /// A message that names the pattern, the segment and the problem.
    pub(crate) fn parse(text: &str) -> Result<Pattern, String> {
        let invalid = |problem: String| format!("invalid route pattern {text:?}: {problem}");
        let inner = text.strip_prefix('/');
        let inner = inner.ok_or_else(|| invalid("expected `/` at start".to_owned()))?;
        let mut segments: Vec<Segment> = Vec::new();
        for part in inner.split('/') {
            let segment = Segment::parse(part).map_err(invalid)?;
            if matches!(segments.last(), Some(Segment::Rest(_))) {
                return Err(invalid(format!("segment {part:?} after `...}}`")));
            }
            if segment.name().is_some() && segments.iter().any(|s| s.name() == segment.name()) {
                return Err(invalid(format!("duplicate parameter {part:?}")));
            }
            segments.push(segment);
        }
        Ok(Pattern {
            text: text.to_owned(),
            segments,
        })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Orders the more specific pattern first, segment by segment. Patterns with a common prefix
    /// are thus neighbours, on which the router's search relies. `Equal` if both match the same
    /// paths.
    pub(crate) fn precedence(&self, other: &Pattern) -> Ordering {
        self.segments
            .iter()
            .zip(&other.segments)
            .map(|(a, b)| a.precedence(b))
            .find(|order| order.is_ne())
            .unwrap_or_else(|| self.segments.len().cmp(&other.segments.len()))
    }

    /// Returns the names and the decoded values of the parameters in `path`. The caller has found
    /// that this pattern matches `path`.
    pub(crate) fn params(&self, path: &str) -> Vec<(String, String)> {
        let mut params = Vec::new();
        let mut rest = Some(relative(path));
        for segment in &self.segments {
            let left = rest.unwrap_or("");
            let (part, tail) = split(left);
            match segment {
                Segment::Literal(_) => {}
                Segment::Param(name) => params.push((name.clone(), decode(part).into_owned())),
                Segment::Rest(name) => params.push((name.clone(), decode(left).into_owned())),
            }
            rest = tail;
        }
        params
    }
}

impl Segment {
    fn parse(part: &str) -> Result<Segment, String> {
        let inner = match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
            Some(inner) => inner,
            None if part.contains(['{', '}']) => {
                let problem = "expected parameter as whole segment";
                return Err(format!("{part:?}: {problem}"));
            }
            None => return Ok(Segment::Literal(decode(part).into_owned())),
        };
        let name = inner.strip_suffix("...").unwrap_or(inner);
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(format!(
                "{part:?}: expected a name of letters, digits and `_`"
            ));
        }
        if name.len() < inner.len() {
            return Ok(Segment::Rest(name.to_owned()));
        }
        Ok(Segment::Param(name.to_owned()))
    }

    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Segment::Literal(_) => None,
            Segment::Param(name) | Segment::Rest(name) => Some(name),
        }
    }

    fn precedence(&self, other: &Segment) -> Ordering {
        match (self, other) {
            (Segment::Literal(a), Segment::Literal(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    /// Compares this segment with the literal `text` in the order of precedence.
    pub(crate) fn literal_order(&self, text: &str) -> Ordering {
        match self {
            Segment::Literal(literal) => literal.as_str().cmp(text),
            Segment::Param(_) | Segment::Rest(_) => Ordering::Greater,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Segment::Literal(_) => 0,
            Segment::Param(_) => 1,
            Segment::Rest(_) => 2,
        }
    }
}

/// Returns `path` without its first slash. A path from `Request::remove_prefix` may have no slash
/// or be empty; it is read as if it had one.
pub(crate) fn relative(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path)
}

/// Returns the first segment and the path after its slash; `None` if there is no slash.
pub(crate) fn split(path: &str) -> (&str, Option<&str>) {
    match path.split_once('/') {
        Some((segment, tail)) => (segment, Some(tail)),
        None => (path, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_the_grammar_and_nothing_else() {
        let table: &[(&str, Result<&str, &str>)] = &[
            ("/", Ok("''")),
            ("/users", Ok("'users'")),
            ("/users/", Ok("'users' ''")),
            ("//", Ok("'' ''")),
            ("/users/{id}", Ok("'users' id")),
            ("/{a}/{b_2}/x", Ok("a b_2 'x'")),
            ("/{rest...}", Ok("rest...")),
            ("/files/{path...}", Ok("'files' path...")),
            ("/a%20b", Ok("'a b'")),
            ("/a%2Fb", Ok("'a/b'")),
            ("/100%", Ok("'100%'")),
            ("/caf\u{e9}", Ok("'caf\u{e9}'")),
            ("/.../x", Ok("'...' 'x'")),
            ("", Err("expected `/`")),
            ("users", Err("expected `/`")),
            ("*", Err("expected `/`")),
            ("/{}", Err("a name")),
            ("/{...}", Err("a name")),
            ("/{a-b}", Err("a name")),
            ("/{a:u32}", Err("a name")),
            ("/{a....}", Err("a name")),
            ("/x{a}", Err("whole segment")),
            ("/{a}x", Err("whole segment")),
            ("/{a", Err("whole segment")),
            ("/a}", Err("whole segment")),
            ("/{rest...}/x", Err("segment \"x\" after")),
            ("/{rest...}/", Err("segment \"\" after")),
            ("/{a}/{a}", Err("duplicate parameter")),
            ("/{a}/{a...}", Err("duplicate parameter")),
        ];
        for (text, want) in table {
            let got = Pattern::parse(text).map(|pattern| {
                let shown = pattern.segments.iter().map(|segment| match segment {
                    Segment::Literal(text) => format!("'{}'", text),
                    Segment::Param(name) => name.clone(),
                    Segment::Rest(name) => format!("{}...", name),
                });
                shown.collect::<Vec<_>>().join(" ")
            });
            match (got, want) {
                (Ok(got), Ok(want)) => assert_eq!(got, *want, "{}", text),
                (Err(got), Err(want)) => assert!(got.contains(want), "{}: {}", text, got),
                (got, want) => panic!("{}: {:?} is not {:?}", text, got, want),
            }
        }
    }

    #[test]
    fn orders_by_the_leftmost_difference() {
        // Each is more specific than the next. The first segment that differs decides.
        let ordered = [
            "/",
            "/a",
            "/a/",
            "/a/b",
            "/a/b/c",
            "/a/b/{x}",
            "/a/{x}",
            "/a/{x}/c",
            "/a/{x...}",
            "/b/{x}",
            "/{x}",
            "/{x}/b",
            "/{x...}",
        ];
        let parsed: Vec<_> = ordered
            .iter()
            .map(|text| Pattern::parse(text).unwrap())
            .collect();
        for (i, a) in parsed.iter().enumerate() {
            for (j, b) in parsed.iter().enumerate() {
                assert_eq!(a.precedence(b), i.cmp(&j), "{} {}", a.text(), b.text());
            }
        }
        let same = [
            ("/{a}/x", "/{b}/x"),
            ("/{a...}", "/{b...}"),
            ("/a%20b", "/a b"),
        ];
        for (a, b) in same {
            let (a, b) = (Pattern::parse(a).unwrap(), Pattern::parse(b).unwrap());
            assert_eq!(
                a.precedence(&b),
                Ordering::Equal,
                "{} {}",
                a.text(),
                b.text()
            );
        }
    }

    #[test]
    fn reads_parameters_decoded() {
        type Row = (
            &'static str,
            &'static str,
            &'static [(&'static str, &'static str)],
        );
        let table: &[Row] = &[
            ("/users", "/users", &[]),
            ("/users/{id}", "/users/42", &[("id", "42")]),
            ("/{a}/x/{b}", "/1/x/2", &[("a", "1"), ("b", "2")]),
            ("/{a}", "/a%2Fb%20c", &[("a", "a/b c")]),
            ("/{a}", "/%C3%A9", &[("a", "\u{e9}")]),
            ("/{a}", "/%FF", &[("a", "\u{fffd}")]),
            ("/f/{rest...}", "/f/", &[("rest", "")]),
            ("/f/{rest...}", "/f/a/b%20c/", &[("rest", "a/b c/")]),
            ("/{rest...}", "/", &[("rest", "")]),
            ("/{a}/{rest...}", "/x//y", &[("a", "x"), ("rest", "/y")]),
        ];
        for (pattern, path, want) in table {
            let params = Pattern::parse(pattern).unwrap().params(path);
            let got: Vec<_> = params
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .collect();
            assert_eq!(got, *want, "{} {}", pattern, path);
        }
    }
}
