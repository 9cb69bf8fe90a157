//! The byte classes of the grammars of RFC 9110, RFC 9112 and RFC 3986.
//!
//! All classes are in one table, so that a scan costs one load and one test for each byte. The
//! `skip_` functions scan eight bytes at a time while the bytes are common ones.

/// tchar: methods, field names, codings (RFC 9110 §5.6.2).
pub(crate) const TOKEN: u8 = 1;
/// The bytes of a request target, without `%`: the parser checks the two digits after a `%`.
pub(crate) const TARGET: u8 = 1 << 1;
/// field-vchar, SP and HTAB (RFC 9110 §5.5): VCHAR and obs-text. HTAB is the only control.
pub(crate) const VALUE: u8 = 1 << 2;
/// A reg-name without `%`: unreserved and sub-delims (RFC 3986 §3.2.2).
pub(crate) const HOST: u8 = 1 << 3;
/// qdtext: the bytes between the quotes of a quoted-string, without `"` and `\` (RFC 9110 §5.6.4).
pub(crate) const QUOTED: u8 = 1 << 4;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = class(i as u8);
        i += 1;
    }
    table
}

const fn class(b: u8) -> u8 {
    let mut set = match b {
        b'\t' | b' '..=b'~' | 0x80..=0xff => VALUE,
        _ => 0,
    };
    if set == VALUE && b != b'"' && b != b'\\' {
        set |= QUOTED;
    }
    if b.is_ascii_alphanumeric() {
        return set | TOKEN | TARGET | HOST;
    }
    set | match b {
        b'-' | b'.' | b'_' | b'~' => TOKEN | TARGET | HOST,
        b'!' | b'$' | b'&' | b'\'' | b'*' | b'+' => TOKEN | TARGET | HOST,
        b'(' | b')' | b',' | b';' | b'=' => TARGET | HOST,
        // `[` and `]` are no pchar, but browsers send them unescaped in a query (`?a[]=1`). No two
        // parsers disagree on the end of such a target.
        b'/' | b'?' | b':' | b'@' | b'[' | b']' => TARGET,
        b'#' | b'%' | b'^' | b'`' | b'|' => TOKEN,
        _ => 0,
    }
}

/// Returns whether the byte is of the class.
#[inline]
pub(crate) fn is(b: u8, class: u8) -> bool {
    CLASSES[usize::from(b)] & class != 0
}

/// Returns the index of the first byte at or after `at` that is not of the class.
#[inline]
pub(crate) fn skip(bytes: &[u8], at: usize, class: u8) -> usize {
    match bytes[at..].iter().position(|&b| !is(b, class)) {
        Some(n) => at + n,
        None => bytes.len(),
    }
}

/// [`skip`] for [`TOKEN`], eight bytes at a time while they are letters, digits and `-`.
#[inline]
pub(crate) fn skip_token(bytes: &[u8], at: usize) -> usize {
    skip_by_eight(bytes, at, TOKEN, |word| {
        within(word | (ONES * 0x20), b'a', b'z')
            | within(word, b'0', b'9')
            | within(word, b'-', b'-')
    })
}

/// [`skip`] for [`TARGET`], eight bytes at a time while they are letters or in `-./0123456789:`.
#[inline]
pub(crate) fn skip_target(bytes: &[u8], at: usize) -> usize {
    skip_by_eight(bytes, at, TARGET, |word| {
        within(word | (ONES * 0x20), b'a', b'z') | within(word, b'-', b':')
    })
}

/// [`skip`] for [`HOST`], eight bytes at a time while they are letters, digits, `-` and `.`.
#[inline]
pub(crate) fn skip_host(bytes: &[u8], at: usize) -> usize {
    skip_by_eight(bytes, at, HOST, |word| {
        within(word | (ONES * 0x20), b'a', b'z')
            | within(word, b'0', b'9')
            | within(word, b'-', b'.')
    })
}

/// [`skip`] for [`VALUE`], eight bytes at a time while they are visible ASCII or SP.
#[inline]
pub(crate) fn skip_value(bytes: &[u8], at: usize) -> usize {
    skip_by_eight(bytes, at, VALUE, |word| within(word, b' ', b'~'))
}

/// The lowest bit of each byte of a word.
const ONES: u64 = u64::MAX / 255;

/// Returns a mask: the highest bit of each byte of the ASCII word that is in the range.
#[inline]
fn within(word: u64, first: u8, last: u8) -> u64 {
    // No sum of two numbers below 128 carries into the next byte.
    let from_first = word + ONES * u64::from(0x80 - first);
    let above_last = word + ONES * u64::from(0x7f - last);
    from_first & !above_last
}

/// [`skip`] for any class. `common` marks bytes of the class in an ASCII word; the table decides on
/// all bytes without a mark.
#[inline]
fn skip_by_eight(bytes: &[u8], mut at: usize, class: u8, common: impl Fn(u64) -> u64) -> usize {
    const HIGH: u64 = ONES << 7;
    while let Some(Ok(eight)) = bytes.get(at..at + 8).map(<[u8; 8]>::try_from) {
        let word = u64::from_le_bytes(eight);
        let unmarked = (word | !common(word & !HIGH)) & HIGH;
        if unmarked == 0 {
            at += 8;
            continue;
        }
        at += (unmarked.trailing_zeros() / 8) as usize;
        if !is(bytes[at], class) {
            return at;
        }
        at += 1;
    }
    skip(bytes, at, class)
}

/// Returns whether `text` is a token: `1*tchar` (RFC 9110 §5.6.2).
#[inline]
pub(crate) fn is_token(text: impl AsRef<[u8]>) -> bool {
    let text = text.as_ref();
    !text.is_empty() && skip(text, 0, TOKEN) == text.len()
}

/// Returns whether `c` is a character of OWS: SP or HTAB, and no other white space of Unicode
/// (RFC 9110 §5.6.3).
#[inline]
pub(crate) fn is_ows(c: char) -> bool {
    c == ' ' || c == '\t'
}

/// Returns `text` without the OWS at its ends.
#[inline]
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(is_ows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(class: u8) -> Vec<u8> {
        (0..=255).filter(|&b| is(b, class)).collect()
    }

    #[test]
    fn classes_are_the_grammars() {
        let mut token: Vec<u8> = b"!#$%&'*+-.^_`|~".to_vec();
        token.extend((b'0'..=b'9').chain(b'A'..=b'Z').chain(b'a'..=b'z'));
        token.sort_unstable();
        assert_eq!(members(TOKEN), token);
        let mut target: Vec<u8> = b"-._~!$&'()*+,;=:@/?[]".to_vec();
        target.extend((b'0'..=b'9').chain(b'A'..=b'Z').chain(b'a'..=b'z'));
        target.sort_unstable();
        assert_eq!(members(TARGET), target);
        let value: Vec<u8> = (0..=255)
            .filter(|&b| b == b'\t' || (b >= b' ' && b != 0x7f))
            .collect();
        assert_eq!(members(VALUE), value);
        target.retain(|b| !b":@/?[]".contains(b));
        assert_eq!(members(HOST), target);
    }

    #[test]
    fn eight_bytes_at_a_time_end_at_the_same_byte() {
        type Skip = fn(&[u8], usize) -> usize;
        let skips: [(u8, Skip); 4] = [
            (TOKEN, skip_token),
            (TARGET, skip_target),
            (HOST, skip_host),
            (VALUE, skip_value),
        ];
        for (class, by_eight) in skips {
            for b in 0..=255 {
                for fill in members(class)
                    .into_iter()
                    .step_by(7)
                    .chain([b'\t', b'_', 0xff])
                {
                    let mut text = [fill; 20];
                    for place in 0..text.len() {
                        text[place] = b;
                        for at in [0, place / 2, place, place + 1] {
                            let want = skip(&text, at, class);
                            assert_eq!(by_eight(&text, at), want, "{} in {} at {}", b, fill, place);
                        }
                        text[place] = fill;
                    }
                }
            }
        }
    }
}
