//! Header fields that weigh what the client would like: `Accept` and its like. The grammar is
//! `message::weights`'; here is what rouille calls it, and what is chosen of the members.

use crate::extra::negotiation::weights::{members, Member, Members};
use crate::message::syntax::bytes::trim;

/// The members of a weighted list, each with its weight: of the value of `Accept`, or of any other
/// field of that grammar (RFC 9110 §12.4.2).
///
/// A name is as the client wrote it, its parameters left off; empty members are skipped. Where no
/// weight is said it is 1. RFC 9110 has weights from 0, which is "not this", to 1. A larger number,
/// and one that is written otherwise than it says, is taken as the number that it is; what is none
/// is 0.
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

/// The members of a list with their weights: what [`parse_priority_header`] makes.
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

/// Which of `elements` the client likes best, by the value of `Accept` or of a field like it: its
/// place among them. Of those it likes as well the first; `None` if it takes none of them.
///
/// Names ignore case. `*`, `*/*` and `text/*` stand for what they do in HTTP, in the list and among
/// the elements. Of several members that mean an element, the one that says it most exactly counts
/// (RFC 9110 §12.5.1): with `text/html;q=0, */*` a client takes anything but HTML. An element with
/// a `*` is liked as much as what is liked best of all it stands for. Parameters other than the
/// weight do not count.
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

/// [`priority_header_preferred`] of a list that may come from several fields. The list is walked
/// once for each element, and nothing is kept of it.
pub(crate) fn preferred<'a, 'b>(
    list: impl Iterator<Item = Member<'a>> + Clone,
    elements: impl Iterator<Item = &'b str>,
) -> Option<usize> {
    let mut best = None;
    for (place, element) in elements.enumerate() {
        let liked = liked(element, list.clone());
        // What has the weight 0 is not acceptable.
        if liked > best.map_or(0.0, |(_, most)| most) {
            best = Some((place, liked));
        }
    }
    best.map(|(place, _)| place)
}

fn liked<'a>(element: &str, list: impl Iterator<Item = Member<'a>>) -> f32 {
    let mut best = (0, 0.0);
    for member in list {
        let (range, weight) = weighed(&member);
        let nearness = nearness(range, element);
        if nearness > best.0 || (nearness == best.0 && weight > best.1) {
            best = (nearness, weight);
        }
    }
    match best {
        (0, _) => 0.0,
        (_, weight) => weight,
    }
}

/// How exactly the range says what the element is: 0 if it means something else.
fn nearness(range: &str, element: &str) -> u8 {
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

/// Both sides of the slash. `*` alone is `*/*`, as Java's client has it; another name has an empty
/// second half.
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

/// The weight that is none in RFC 9110's grammar and yet a number. rouille's own examples have some
/// beyond 1.
fn number(member: &Member<'_>) -> Option<f32> {
    let mut weights = member
        .parameters()
        .filter(|(name, _)| name.eq_ignore_ascii_case("q"));
    let (_, value) = weights.next()?;
    let value = trim(value);
    // No sign, no exponent, and neither of what f32 takes for infinite or for no number.
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
            // As rouille has it.
            ("  a/b  ;  q=  1.5 ,   */*  ", &[("a/b", 1.5), ("*/*", 1.0)]),
            ("a;q=2.0", &[("a", 2.0)]),
            ("a;q=.2, b;q=0.12345", &[("a", 0.2), ("b", 0.12345)]),
            // No numbers, or two.
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
    fn the_best_liked_is_chosen_and_the_first_of_equals() {
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
            // The one that says it most exactly counts, wherever it stands.
            ("a/b;q=0, */*", &["a/b", "a/c"], Some(1)),
            ("*/*, a/b;q=0", &["a/b", "a/c"], Some(1)),
            ("*/*;q=0.9, a/*;q=0.1", &["a/b", "c/d"], Some(1)),
            ("a/*;q=0.9, a/b;q=0.1", &["a/b", "a/c"], Some(1)),
            ("a/b;q=0.1, a/b;x=1", &["a/c", "a/b"], Some(1)),
            ("a/b;q=0", &["a/b"], None),
            ("*/*;q=0", &["a/b"], None),
            // Elements that stand for several.
            ("a/b", &["c/d", "*/*"], Some(1)),
            ("a/b", &["c/d", "a/*"], Some(1)),
            ("a/b", &["a/b", "*/*"], Some(0)),
            ("a/b", &["*/*", "a/b"], Some(0)),
            ("a/b;q=0.5, c/d;q=0.1", &["c/d", "*/*"], Some(1)),
            ("a/b;q=0, */*;q=0.1", &["a/b", "*/*"], Some(1)),
            ("*/*;q=0", &["*/*"], None),
            ("b/c", &["a/*"], None),
            // What is no media type.
            ("gzip;q=0.5, br", &["gzip", "br"], Some(1)),
            ("en, *;q=0.1", &["de"], Some(0)),
            ("en", &["en-GB"], None),
            // An element's own parameters.
            ("text/html", &["a/b", "text/html; charset=utf-8"], Some(1)),
            ("text/html; charset=utf-8", &["text/html"], Some(0)),
        ];
        for (list, elements, want) in table {
            let chosen = priority_header_preferred(list, elements.iter().copied());
            assert_eq!(chosen, *want, "{list:?} of {elements:?}");
        }
    }
}
