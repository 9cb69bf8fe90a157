//! The `Range` field (RFC 9110 §14): the part of a file that a request asks for. The module only
//! computes, and does not access the file.

use crate::message::syntax::bytes::trim;

/// The part of a representation to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    Whole,
    /// The bytes from `first` to `last`, both included; `first <= last < length`.
    Part {
        first: u64,
        last: u64,
    },
    /// The range is beyond the end: 416.
    Beyond,
}

/// Returns the part that a `Range` field requests of a representation with `length` bytes.
///
/// For one range, the result is that range. For several ranges, the result is the whole, which RFC
/// 9110 §14.2 allows. Clients rarely need a multipart response, and its many small parts could be
/// an attack. For a malformed field, the result is the whole too.
pub(crate) fn extent(field: &str, length: u64) -> Extent {
    match only_range(field) {
        // RFC 9110 §14.1.1: a range that ends before its beginning is invalid.
        Some((Some(first), Some(last))) if last < first => Extent::Whole,
        Some((Some(first), _)) if first >= length => Extent::Beyond,
        Some((Some(first), last)) => Extent::Part {
            first,
            last: last.map_or(length - 1, |last| last.min(length - 1)),
        },
        // RFC 9110 §14.1.2: a suffix of length 0 cannot be satisfied.
        Some((None, Some(0))) => Extent::Beyond,
        // A suffix of an empty file is the whole file. Content-Range cannot express an empty part.
        Some((None, Some(_))) if length == 0 => Extent::Whole,
        Some((None, Some(suffix))) => Extent::Part {
            first: length.saturating_sub(suffix),
            last: length - 1,
        },
        Some((None, None)) | None => Extent::Whole,
    }
}

/// Returns the range of a field with exactly one range. The result is never `(None, None)`.
fn only_range(field: &str) -> Option<(Option<u64>, Option<u64>)> {
    // ranges-specifier = range-unit "=" range-set; the unit ignores case (RFC 9110 §14.1).
    let (unit, set) = field.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    // RFC 9110 §5.6.1.2: a recipient accepts empty elements.
    let mut specs = set.split(',').map(trim).filter(|spec| !spec.is_empty());
    let (spec, more) = (specs.next()?, specs.next());
    // int-range = first-pos "-" [ last-pos ] ; suffix-range = "-" suffix-length
    let (first, last) = spec.split_once('-')?;
    let range = (position(first)?, position(last)?);
    match more {
        None if range != (None, None) => Some(range),
        _ => None,
    }
}

/// Parses `*DIGIT`. A number above 64 bits becomes `u64::MAX`, which is beyond the end of any file.
fn position(digits: &str) -> Option<Option<u64>> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value = digits.bytes().fold(0u64, |value, digit| {
        value
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    Some(match digits {
        "" => None,
        _ => Some(value),
    })
}

#[cfg(test)]
mod tests {
    use super::Extent::{Beyond, Whole};
    use super::*;

    fn part(first: u64, last: u64) -> Extent {
        Extent::Part { first, last }
    }

    #[test]
    fn a_range_is_exact_to_the_byte() {
        // (name, field, length, result)
        let table = [
            ("first byte", "bytes=0-0", 10, part(0, 0)),
            ("from the first", "bytes=0-4", 10, part(0, 4)),
            ("middle", "bytes=3-7", 10, part(3, 7)),
            ("last byte", "bytes=9-9", 10, part(9, 9)),
            ("open end", "bytes=4-", 10, part(4, 9)),
            ("all, open", "bytes=0-", 10, part(0, 9)),
            ("all, closed", "bytes=0-9", 10, part(0, 9)),
            ("over the end", "bytes=5-10", 10, part(5, 9)),
            (
                "far over it",
                "bytes=5-18446744073709551615",
                10,
                part(5, 9),
            ),
            (
                "no number has these",
                "bytes=5-99999999999999999999",
                10,
                part(5, 9),
            ),
            ("suffix", "bytes=-3", 10, part(7, 9)),
            ("suffix of one", "bytes=-1", 10, part(9, 9)),
            ("suffix of all", "bytes=-10", 10, part(0, 9)),
            ("suffix of more", "bytes=-11", 10, part(0, 9)),
            (
                "suffix, huge",
                "bytes=-99999999999999999999",
                10,
                part(0, 9),
            ),
            (
                "leading zeros",
                "bytes=0000000000000000000000003-07",
                10,
                part(3, 7),
            ),
            ("just beyond", "bytes=10-10", 10, Beyond),
            ("just beyond, open", "bytes=10-", 10, Beyond),
            ("far beyond", "bytes=18446744073709551615-", 10, Beyond),
            ("would wrap to 4", "bytes=18446744073709551620-", 10, Beyond),
            (
                "beyond any number",
                "bytes=18446744073709551616-",
                10,
                Beyond,
            ),
            (
                "beyond both",
                "bytes=99999999999999999999-99999999999999999999",
                10,
                Beyond,
            ),
            ("suffix of none", "bytes=-0", 10, Beyond),
            ("0-0 of nothing", "bytes=0-0", 0, Beyond),
            ("0- of nothing", "bytes=0-", 0, Beyond),
            ("suffix of nothing", "bytes=-5", 0, Whole),
            ("no suffix of nothing", "bytes=-0", 0, Beyond),
            ("one byte of one", "bytes=0-0", 1, part(0, 0)),
            (
                "the longest file",
                "bytes=-1",
                u64::MAX,
                part(u64::MAX - 1, u64::MAX - 1),
            ),
            ("backwards", "bytes=7-3", 10, Whole),
            ("backwards, beyond", "bytes=20-19", 10, Whole),
            ("unit in capitals", "BYTES=3-7", 10, part(3, 7)),
            ("empty elements", "bytes=, ,3-7 ,\t", 10, part(3, 7)),
            ("blanks round the element", "bytes= 3-7 ", 10, part(3, 7)),
            ("two", "bytes=0-1,3-4", 10, Whole),
            ("two, spaced", "bytes=0-1, 3-4", 10, Whole),
            ("two, one beyond", "bytes=0-1,30-40", 10, Whole),
            ("two, both beyond", "bytes=20-21,30-40", 10, Whole),
            ("many", "bytes=0-,0-,0-,0-,0-,0-,0-,0-", 10, Whole),
            ("two, the second malformed", "bytes=0-1,x", 10, Whole),
            ("nothing", "", 10, Whole),
            ("unit alone", "bytes", 10, Whole),
            ("no range", "bytes=", 10, Whole),
            ("empty list", "bytes=,,", 10, Whole),
            ("dash alone", "bytes=-", 10, Whole),
            ("two dashes", "bytes=1--2", 10, Whole),
            ("three numbers", "bytes=1-2-3", 10, Whole),
            ("one number", "bytes=5", 10, Whole),
            ("sign", "bytes=+1-2", 10, Whole),
            ("sign of the last", "bytes=1-+2", 10, Whole),
            ("negative both", "bytes=-1-2", 10, Whole),
            ("blank inside", "bytes=1 -2", 10, Whole),
            ("blank before the sign", "bytes =1-2", 10, Whole),
            ("hexadecimal", "bytes=0x1-0x2", 10, Whole),
            ("fraction", "bytes=1.0-2", 10, Whole),
            ("other digits", "bytes=\u{0663}-\u{0667}", 10, Whole),
            ("another unit", "lines=1-2", 10, Whole),
            ("a longer unit", "bytesx=1-2", 10, Whole),
            ("no unit", "=1-2", 10, Whole),
        ];
        for (name, field, length, want) in table {
            assert_eq!(extent(field, length), want, "{name}: {field:?} of {length}");
        }
    }

    /// Compares all ranges for lengths up to 6 with a count of single bytes.
    #[test]
    fn a_range_has_the_same_bytes_as_a_count() {
        for length in 0..=6u64 {
            for first in 0..=8u64 {
                for last in first..=8 {
                    let inside: Vec<u64> = (0..length)
                        .filter(|at| (first..=last).contains(at))
                        .collect();
                    let want = match (inside.first(), inside.last()) {
                        (Some(&first), Some(&last)) => part(first, last),
                        _ => Beyond,
                    };
                    assert_eq!(extent(&format!("bytes={first}-{last}"), length), want);
                }
            }
        }
    }
}
