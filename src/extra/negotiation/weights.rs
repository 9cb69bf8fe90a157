//! Lists with weights: `Accept`, `Accept-Encoding` and others (RFC 9110 §12.4.2).
//!
//! The module reads the grammar. Its callers know the meaning of the names.

use crate::message::request::Request;
use crate::message::syntax::bytes::trim;

/// One member of a list: a media range, a coding, `*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member<'a> {
    /// The name as received, without parameters and OWS. The name is never empty.
    pub(crate) name: &'a str,
    /// The text after the first semicolon.
    parameters: &'a str,
}

/// An iterator over the members of a list, without empty ones (RFC 9110 §5.6.1.2).
#[derive(Clone, Debug)]
pub(crate) struct Members<'a>(Parts<'a>);

/// Returns the members of all fields of that name (RFC 9110 §5.3).
pub(crate) fn of_field<'a>(
    request: &'a Request,
    name: &'a str,
) -> impl Iterator<Item = Member<'a>> + Clone {
    let fields = request.headers();
    let fields = fields.filter(move |(field, _)| field.eq_ignore_ascii_case(name));
    fields.flat_map(|(_, list)| members(list))
}

/// Returns the members of one list.
pub(crate) fn members(list: &str) -> Members<'_> {
    Members(Parts::of(list, b','))
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        loop {
            let member = self.0.next()?;
            let mut halves = Parts::of(member, b';');
            let name = trim(halves.next().unwrap_or(""));
            if !name.is_empty() {
                let parameters = halves.rest.unwrap_or("");
                return Some(Member { name, parameters });
            }
        }
    }
}

impl<'a> Member<'a> {
    /// Returns the weight in thousandths: 1000 without a weight, and 0 for a malformed one. Without
    /// the 0, the client could get a member that it excludes.
    pub(crate) fn weight(&self) -> u16 {
        let mut all = self.parameters().filter(|(name, _)| is_q(name));
        match (all.next(), all.next()) {
            (None, _) => 1000,
            (Some((_, value)), None) => thousandths(value).unwrap_or(0),
            (Some(_), Some(_)) => 0,
        }
    }

    /// Returns whether the member has a parameter besides its weight. A media type may have one, a
    /// coding must not.
    #[cfg(any(test, feature = "assets", feature = "gzip"))]
    pub(crate) fn has_parameters(&self) -> bool {
        self.parameters().any(|(name, _)| !is_q(name))
    }

    /// Returns names and values as received, quotes included. RFC 9110 §12.5.1: a parameter named
    /// `q` is the weight, at any position.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let parts = Parts::of(self.parameters, b';').map(trim);
        let parts = parts.filter(|part| !part.is_empty());
        parts.map(|part| part.split_once('=').unwrap_or((part, "")))
    }
}

fn is_q(name: &str) -> bool {
    name.eq_ignore_ascii_case("q")
}

/// Reads `qvalue = ( "0" [ "." *3DIGIT ] ) / ( "1" [ "." *3"0" ] )`, in thousandths.
fn thousandths(qvalue: &str) -> Option<u16> {
    let (whole, fraction) = qvalue.split_once('.').unwrap_or((qvalue, ""));
    let whole = match whole {
        "0" => 0,
        "1" => 1000,
        _ => return None,
    };
    let digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || fraction.len() > 3 {
        return None;
    }
    let places = fraction.bytes().zip([100, 10, 1]);
    let sum = places.fold(whole, |sum, (digit, place)| {
        sum + u16::from(digit - b'0') * place
    });
    Some(sum).filter(|&sum| sum <= 1000)
}

/// An iterator over the parts between separators. A separator in a quoted-string (RFC 9110 §5.6.4)
/// is part of its text.
#[derive(Clone, Debug)]
struct Parts<'a> {
    /// `None` after the last part.
    rest: Option<&'a str>,
    /// An ASCII byte.
    separator: u8,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str, separator: u8) -> Parts<'a> {
        Parts {
            rest: Some(text),
            separator,
        }
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest.take()?;
        let (mut quoted, mut escaped) = (false, false);
        for (at, byte) in rest.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = quoted,
                b'"' => quoted = !quoted,
                _ if byte == self.separator && !quoted => {
                    self.rest = Some(&rest[at + 1..]);
                    return Some(&rest[..at]);
                }
                _ => {}
            }
        }
        Some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &str) -> Vec<(&str, u16)> {
        members(list).map(|m| (m.name, m.weight())).collect()
    }

    #[test]
    fn members_have_names_and_weights() {
        type Row = (&'static str, &'static [(&'static str, u16)]);
        let table: &[Row] = &[
            ("", &[]),
            (" , ,\t", &[]),
            ("gzip", &[("gzip", 1000)]),
            (", a ,, b,", &[("a", 1000), ("b", 1000)]),
            (
                "a;q=0.5, b ; Q=0.25\t,*;q=0",
                &[("a", 500), ("b", 250), ("*", 0)],
            ),
            (
                "text/html;level=1;q=0.3, */*",
                &[("text/html", 300), ("*/*", 1000)],
            ),
            // RFC 9110 §12.5.1: regardless of parameter ordering.
            ("text/html;q=0.3;level=1", &[("text/html", 300)]),
            ("text/html ;; q=0.3;", &[("text/html", 300)]),
            (";q=1, ;, b", &[("b", 1000)]),
            (r#"a;x="b,c;q=0";q=0.4, d"#, &[("a", 400), ("d", 1000)]),
            (r#"a;x="\",\\";q=0.4, d"#, &[("a", 400), ("d", 1000)]),
            (r#"a;x="b, c;q=0.4"#, &[("a", 1000)]),
            (r#"a\"b, c"#, &[(r#"a\"b, c"#, 1000)]),
            (
                "\u{e9};q=0.1,\u{20ac}",
                &[("\u{e9}", 100), ("\u{20ac}", 1000)],
            ),
            ("\u{a0}a ;\u{a0}q=0.5", &[("\u{a0}a", 1000)]),
            ("a;q=0.5;q=1", &[("a", 0)]),
            ("a;quality=0.5", &[("a", 1000)]),
            ("a;q", &[("a", 0)]),
            ("a;q=\"0.5\"", &[("a", 0)]),
        ];
        for (list, want) in table {
            assert_eq!(read(list), *want, "{list:?}");
        }
    }

    #[test]
    fn a_weight_is_at_most_one_and_has_three_digits() {
        let table = [
            ("0", Some(0)),
            ("0.", Some(0)),
            ("0.0", Some(0)),
            ("0.001", Some(1)),
            ("0.01", Some(10)),
            ("0.5", Some(500)),
            ("0.999", Some(999)),
            ("1", Some(1000)),
            ("1.", Some(1000)),
            ("1.000", Some(1000)),
            ("1.001", None),
            ("1.5", None),
            ("2", None),
            ("10", None),
            ("00", None),
            ("0.0000", None),
            ("0.5 ", None),
            (" 0.5", None),
            (".5", None),
            ("-0", None),
            ("+1", None),
            ("0,5", None),
            ("0.5.5", None),
            ("0.\u{663}", None),
            ("0x1", None),
            ("1e0", None),
            ("nan", None),
            ("", None),
        ];
        for (qvalue, want) in table {
            assert_eq!(thousandths(qvalue), want, "{qvalue:?}");
        }
    }

    #[test]
    fn a_weight_is_no_parameter() {
        for (list, want) in [
            ("a", false),
            ("a;q=1", false),
            ("a;", false),
            ("a;q=1;Q=2", false),
            ("a;x", true),
            ("a;q=1;x=2", true),
        ] {
            let has = members(list).map(|m| m.has_parameters());
            assert_eq!(has.collect::<Vec<_>>(), [want], "{list:?}");
        }
        let parameters = members("a; x = 1 ;y=\"2;3\"").next();
        let parameters = parameters.into_iter().flat_map(|m| m.parameters());
        let want = [("x ", " 1"), ("y", "\"2;3\"")];
        assert_eq!(parameters.collect::<Vec<_>>(), want);
    }

    #[test]
    fn a_field_may_come_several_times() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let fields = vec![
            field("accept", "a, b;q=0.5"),
            field("Accept-Encoding", "x"),
            field("ACCEPT", "c"),
        ];
        let request = Request::fake_http("GET", "/", fields, vec![]);
        let read: Vec<_> = of_field(&request, "Accept")
            .map(|m| (m.name, m.weight()))
            .collect();
        assert_eq!(read, [("a", 1000), ("b", 500), ("c", 1000)]);
    }
}
