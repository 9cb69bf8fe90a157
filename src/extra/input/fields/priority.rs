//! Weighted lists such as the value of `Accept`, under the names of rouille, and the choice of the
//! preferred element. `negotiation::weights` has the grammar.

use crate::extra::negotiation::weights::{members, Member, Members};
use crate::message::syntax::bytes::trim;

/// Returns the members of a weighted list with their weights: the value of `Accept`, or of another
/// field with this grammar (RFC 9110 §12.4.2).
///
/// A name is returned as the client wrote the name, without its parameters. Empty members are
/// skipped. The weight is 1 if the member has none. RFC 9110 has weights from 0 ("not acceptable")
/// to 1. A number that is larger, or in another notation, is returned as that number. A weight that
/// is not a number is 0.
///
/// ```
/// use millpond::input::parse_priority_header;
///
/// let mut list = parse_priority_header("text/html, text/plain;q=0.5, image/png; q=1.5");
/// assert_eq!(list.next(), Some(("text/html", 1.0)));
/// assert_eq!(list.next(), Some(("text/plain", 0.5)));
/// assert_eq!(list.next(), Some(("image/png", 1.5)));
/// assert_eq!(list.next(), None);
/// ```
pub fn parse_priority_header(input: &str) -> PriorityHeaderIter<'_> {
    PriorityHeaderIter {
        members: members(input),
    }
}

/// An iterator over members and weights, returned by [`parse_priority_header`].
#[derive(Clone, Debug)]
pub struct PriorityHeaderIter<'a> {
    members: Members<'a>,
}

impl<'a> Iterator for PriorityHeaderIter<'a> {
    type Item = (&'a str, f32);

    fn next(&mut self) -> Option<(&'a str, f32)> {
        self.members.next().map(|member| weighed(&member))
    }
}

/// Returns the position of the element that the client prefers by the value of `Accept` or of a
/// similar field. Returns the first of elements with equal weight, and `None` if the client accepts
/// none of the elements.
///
/// Names ignore case. `*`, `*/*` and `text/*` are wildcards, in the list and in the elements. If
/// several members match an element, the most specific member counts (RFC 9110 §12.5.1). With
/// `text/html;q=0, */*`, a client accepts every type except HTML. The weight of an element with a
/// wildcard is the highest weight of the types that match. Parameters other than the weight are
/// ignored.
///
/// ```
/// use millpond::input::priority_header_preferred;
///
/// let types = || ["text/html", "application/json"].iter().copied();
/// let choose = |accept| priority_header_preferred(accept, types());
/// assert_eq!(choose("application/json, text/html;q=0.9"), Some(1));
/// assert_eq!(choose("*/*"), Some(0));
/// assert_eq!(choose("image/png"), None);
/// ```
pub fn priority_header_preferred<'a, I>(input: &'a str, elements: I) -> Option<usize>
where
    I: Iterator<Item = &'a str>,
{
    preferred(members(input), elements)
}

/// Does the work of [`priority_header_preferred`] for a list from several fields. Reads the list
/// once for each element, and allocates nothing.
pub(crate) fn preferred<'a, 'b>(
    list: impl Iterator<Item = Member<'a>> + Clone,
    elements: impl Iterator<Item = &'b str>,
) -> Option<usize> {
    let mut best = None;
    for (position, element) in elements.enumerate() {
        let weight = weight_of(element, list.clone());
        // The weight 0 means "not acceptable".
        if weight > best.map_or(0.0, |(_, highest)| highest) {
            best = Some((position, weight));
        }
    }
    best.map(|(position, _)| position)
}

fn weight_of<'a>(element: &str, list: impl Iterator<Item = Member<'a>>) -> f32 {
    let mut best = (0, 0.0);
    for member in list {
        let (range, weight) = weighed(&member);
        let precision = precision(range, element);
        if precision > best.0 || (precision == best.0 && weight > best.1) {
            best = (precision, weight);
        }
    }
    match best {
        (0, _) => 0.0,
        (_, weight) => weight,
    }
}

/// Returns how specifically the range matches the element, from 1 to 3, or 0 if there is no match.
fn precision(range: &str, element: &str) -> u8 {
    let element = trim(element.split(';').next().unwrap_or(element));
    let (range, (kind, name)) = (halves(range), halves(element));
    let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    if kind == "*" || name == "*" {
        let meets = |one: &str, other: &str| one == "*" || other == "*" || same(one, other);
        return u8::from(meets(range.0, kind) && meets(range.1, name));
    }
    match range {
        ("*", "*") => 1,
        (range, "*") if same(range, kind) => 2,
        (range, sub) if same(range, kind) && same(sub, name) => 3,
        _ => 0,
    }
}

/// Returns both sides of the slash. `*` alone means `*/*`, which Java's client sends. Another name
/// without a slash has an empty second half.
fn halves(name: &str) -> (&str, &str) {
    match name {
        "*" => ("*", "*"),
        _ => name.split_once('/').unwrap_or((name, "")),
    }
}

fn weighed<'a>(member: &Member<'a>) -> (&'a str, f32) {
    let weight = match member.weight() {
        0 => number(member).unwrap_or(0.0),
        thousandths => f32::from(thousandths) / 1000.0,
    };
    (member.name, weight)
}

/// Returns a weight that does not match the grammar of RFC 9110 and is still a number. The examples
/// of rouille have weights above 1.
fn number(member: &Member<'_>) -> Option<f32> {
    let mut weights = member
        .parameters()
        .filter(|(name, _)| name.eq_ignore_ascii_case("q"));
    let (_, value) = weights.next()?;
    let value = trim(value);
    // No sign, no exponent, and none of the words for infinity and NaN that f32 accepts.
    let plain = value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match weights.next() {
        None if plain => value.parse().ok().filter(|weight: &f32| weight.is_finite()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_has_a_weight() {
        type Row = (&'static str, &'static [(&'static str, f32)]);
        let table: &[Row] = &[
            ("", &[]),
            (",, ,", &[]),
            ("a", &[("a", 1.0)]),
            (
                "a/b;q=0.5 , c;q=0,*/*",
                &[("a/b", 0.5), ("c", 0.0), ("*/*", 1.0)],
            ),
            ("a;Q=0.123", &[("a", 0.123)]),
            ("a;x=1;q=0.3", &[("a", 0.3)]),
            // From rouille.
            ("  a/b  ;  q=  1.5 ,   */*  ", &[("a/b", 1.5), ("*/*", 1.0)]),
            ("a;q=2.0", &[("a", 2.0)]),
            ("a;q=.2, b;q=0.12345", &[("a", 0.2), ("b", 0.12345)]),
            // No number, or two.
            ("a;q=", &[("a", 0.0)]),
            ("a;q=x", &[("a", 0.0)]),
            ("a;q=-1", &[("a", 0.0)]),
            ("a;q=inf, b;q=NaN", &[("a", 0.0), ("b", 0.0)]),
            ("a;q=1e9", &[("a", 0.0)]),
            ("a;q=1.5;q=2", &[("a", 0.0)]),
        ];
        for (list, want) in table {
            let read: Vec<_> = parse_priority_header(list).collect();
            assert_eq!(read, *want, "{list:?}");
        }
        let endless = format!("a;q={}", "9".repeat(50));
        assert_eq!(parse_priority_header(&endless).next(), Some(("a", 0.0)));
    }

    #[test]
    fn the_highest_weight_is_chosen_and_the_first_of_equals() {
        // (list, elements, the chosen one)
        let table: &[(&str, &[&str], Option<usize>)] = &[
            ("*/*", &[], None),
            ("", &["a/b"], None),
            ("a/b", &["a/b", "a/b"], Some(0)),
            ("a/b;q=0.2, c/d;q=0.8", &["e/f", "a/b", "c/d"], Some(2)),
            ("a/b;q=1.2, c/d;q=2.0", &["e/f", "c/d", "a/b"], Some(1)),
            ("A/b", &["a/B"], Some(0)),
            ("a/bc", &["a/b"], None),
            ("a/b", &["a/bc", "aa/b"], None),
            ("a/*", &["b/a", "a/b"], Some(1)),
            ("A/*", &["a/b"], Some(0)),
            ("a/*;q=0.1, */*;q=0.2", &["a/b", "b/a"], Some(1)),
            ("*/b", &["a/b"], None),
            ("*", &["a/b"], Some(0)),
            // The most specific member counts, at any position.
            ("a/b;q=0, */*", &["a/b", "a/c"], Some(1)),
            ("*/*, a/b;q=0", &["a/b", "a/c"], Some(1)),
            ("*/*;q=0.9, a/*;q=0.1", &["a/b", "c/d"], Some(1)),
            ("a/*;q=0.9, a/b;q=0.1", &["a/b", "a/c"], Some(1)),
            ("a/b;q=0.1, a/b;x=1", &["a/c", "a/b"], Some(1)),
            ("a/b;q=0", &["a/b"], None),
            ("*/*;q=0", &["a/b"], None),
            // Elements with a wildcard.
            ("a/b", &["c/d", "*/*"], Some(1)),
            ("a/b", &["c/d", "a/*"], Some(1)),
            ("a/b", &["a/b", "*/*"], Some(0)),
            ("a/b", &["*/*", "a/b"], Some(0)),
            ("a/b;q=0.5, c/d;q=0.1", &["c/d", "*/*"], Some(1)),
            ("a/b;q=0, */*;q=0.1", &["a/b", "*/*"], Some(1)),
            ("*/*;q=0", &["*/*"], None),
            ("b/c", &["a/*"], None),
            // Names that are not media types.
            ("gzip;q=0.5, br", &["gzip", "br"], Some(1)),
            ("en, *;q=0.1", &["de"], Some(0)),
            ("en", &["en-GB"], None),
            // Parameters of an element.
            ("text/html", &["a/b", "text/html; charset=utf-8"], Some(1)),
            ("text/html; charset=utf-8", &["text/html"], Some(0)),
        ];
        for (list, elements, want) in table {
            let chosen = priority_header_preferred(list, elements.iter().copied());
            assert_eq!(chosen, *want, "{list:?} of {elements:?}");
        }
    }
}
