//! The shared parts of the tests of this folder: all ways to split the same bytes, and a seeded
//! mutator.

use super::error::WireError;
use super::head::HeadParser;
use crate::limits::Limits;
use crate::message::request::head::{Head, Version};

/// A head in one line: `GET /path 1.1|Host: a|Accept: b`.
pub(crate) fn summary(head: &Head) -> String {
    let version = match head.version {
        Version::Http10 => "1.0",
        Version::Http11 => "1.1",
    };
    let mut line = format!("{} {} {}", head.method(), head.target(), version);
    for (name, value) in head.fields() {
        line += &format!("|{}: {}", name, value);
    }
    line
}

pub(crate) type Parsed = Result<Option<(usize, String)>, WireError>;

/// Feeds each prefix that ends in one of `ends`, until there is a result.
fn feed(bytes: &[u8], ends: impl IntoIterator<Item = usize>, limits: &Limits) -> Parsed {
    let mut parser = HeadParser::default();
    let mut head = Head::default();
    for end in ends {
        if let Some(n) = parser.feed(&bytes[..end], limits, &mut head)? {
            assert!(n <= end, "took {} bytes of {}", n, end);
            return Ok(Some((n, summary(&head))));
        }
    }
    Ok(None)
}

/// Parses the bytes whole, split at every byte, byte by byte and with bytes after them. Asserts
/// that the results are equal: an error may occur before the last byte, but must be the same.
pub(crate) fn parse(bytes: &[u8], limits: &Limits) -> Parsed {
    let whole = feed(bytes, [bytes.len()], limits);
    let show = || String::from_utf8_lossy(bytes).into_owned();
    for split in 0..bytes.len() {
        let parts = feed(bytes, [split, bytes.len()], limits);
        assert_eq!(parts, whole, "split at {}: {:?}", split, show());
    }
    assert_eq!(feed(bytes, 0..=bytes.len(), limits), whole, "{:?}", show());
    if whole != Ok(None) {
        for more in [&b"G"[..], b"\r\n", b"\0\xff \n"] {
            let longer = [bytes, more].concat();
            let got = feed(&longer, [longer.len()], limits);
            assert_eq!(got, whole, "{:?} and more", show());
        }
    }
    whole
}

/// Xorshift: a generator of the same numbers in each run, on each machine.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn seeded(seed: u64) -> Random {
        Random(seed | 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    /// Returns the sample with a few bytes inserted, removed, replaced or doubled.
    pub(crate) fn mutate(&mut self, sample: &[u8]) -> Vec<u8> {
        const NASTY: &[u8] =
            b"\r\n\t \0:;,=/?#%@*[]\"\\-+0123456789afxAFHT\x01\x0b\x1f\x7f\x80\xc3\xff";
        let mut bytes = sample.to_vec();
        for _ in 0..1 + self.below(4) {
            let at = self.below(bytes.len() + 1);
            let nasty = NASTY[self.below(NASTY.len())];
            match self.below(6) {
                0 => bytes.insert(at, nasty),
                1 => bytes.truncate(at),
                2 => {
                    let run = bytes[at..].iter().take(8).copied().collect::<Vec<_>>();
                    bytes.splice(at..at, run);
                }
                _ if at == bytes.len() => bytes.push(nasty),
                3 => drop(bytes.remove(at)),
                4 => bytes[at] = nasty,
                _ => bytes[at] = bytes[at].wrapping_add(0x20),
            }
        }
        bytes
    }
}
