//! What a byte may be part of. The grammars of RFC 9110, RFC 9112 and RFC 3986 are looked up in
//! one table, so that a scan costs one load and one test for each byte.

/// tchar: methods, field names, codings (RFC 9110 §5.6.2).
pub(super) const TOKEN: u8 = 1;
/// What a request target is made of, without `%`, whose two digits are looked at where it stands.
pub(super) const TARGET: u8 = 1 << 1;
/// field-vchar, SP and HTAB (RFC 9110 §5.5): VCHAR and obs-text, no other control.
pub(super) const VALUE: u8 = 1 << 2;
/// A reg-name without `%`: unreserved and sub-delims (RFC 3986 §3.2.2).
pub(super) const HOST: u8 = 1 << 3;
/// What may stand between the quotes of a quoted-string, without `"` and `\` (RFC 9110 §5.6.4).
pub(super) const QUOTED: u8 = 1 << 4;

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
        // `[` and `]` are no pchar, but browsers send them as they are in a query (`?a[]=1`); no
        // two parsers differ on where such a target ends.
        b'/' | b'?' | b':' | b'@' | b'[' | b']' => TARGET,
        b'#' | b'%' | b'^' | b'`' | b'|' => TOKEN,
        _ => 0,
    }
}

#[inline]
pub(super) fn is(b: u8, class: u8) -> bool {
    CLASSES[usize::from(b)] & class != 0
}

/// The index of the first byte at or after `at` that is not of the class.
#[inline]
pub(super) fn skip(bytes: &[u8], at: usize, class: u8) -> usize {
    match bytes[at..].iter().position(|&b| !is(b, class)) {
        Some(n) => at + n,
        None => bytes.len(),
    }
}

/// The index of the first byte at or after `at` that may not be in a field value.
#[inline]
pub(super) fn skip_value(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    while let Some(Ok(eight)) = bytes.get(at..at + 8).map(<[u8; 8]>::try_from) {
        // The lowest byte marked is exact, whatever a borrow does to those above it.
        let word = u64::from_le_bytes(eight);
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let delete = (word ^ (ONES * 0x7f)).wrapping_sub(ONES) & !(word ^ (ONES * 0x7f));
        let marked = (control | delete) & HIGH;
        if marked == 0 {
            at += 8;
            continue;
        }
        at += (marked.trailing_zeros() / 8) as usize;
        if bytes[at] != b'\t' {
            return at;
        }
        at += 1;
    }
    skip(bytes, at, VALUE)
}

/// A token and nothing else.
#[inline]
pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && skip(text, 0, TOKEN) == text.len()
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
    fn a_value_ends_where_the_table_says_wherever_the_byte_stands() {
        for b in 0..=255 {
            for place in 0..24 {
                let mut text = [b'a'; 24];
                text[place] = b;
                for fill in [b'\t', 0x80, 0xff, b'a'] {
                    text[..place].fill(fill);
                    for at in 0..=place {
                        let want = skip(&text, at, VALUE);
                        assert_eq!(skip_value(&text, at), want, "{} at {}", b, place);
                    }
                }
            }
        }
    }
}
