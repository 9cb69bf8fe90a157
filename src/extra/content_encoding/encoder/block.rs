//! [`Block`]: one block of DEFLATE (RFC 1951 §3.2). It collects literals and matches, and writes these
//! in the smallest form: stored, with fixed codes, or with dynamic codes. `matcher` finds the
//! matches.

use super::bits::Bits;
use super::huffman::{codes, lengths, Code};

/// 8 Ki literals and matches: the size of a block. With twice as many, texts became smaller by at
/// most 0.1 % (measured).
const MAX_TOKENS: usize = 8 * 1024;
/// 65,535 bytes: the maximum size of a stored block (RFC 1951 §3.2.4).
const MAX_STORED_BYTES: usize = 65_535;
const END_OF_BLOCK_SYMBOL: usize = 256;
const LITERAL_SYMBOLS: usize = 286;
const DISTANCE_SYMBOLS: usize = 30;
/// RFC 1951 §3.2.7: the order of the lengths of the code for code lengths.
const LENGTH_CODE_ORDER: [usize; 19] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];
/// The bit that marks a token as a match. Below are 8 bits of length minus 3, and 15 bits of
/// distance minus 1.
const MATCH_FLAG: u32 = 1 << 31;

/// The literals and matches of a block, with the counts of their symbols.
#[derive(Debug)]
pub(crate) struct Block {
    tokens: Vec<u32>,
    literals: [u32; LITERAL_SYMBOLS],
    distances: [u32; DISTANCE_SYMBOLS],
    /// The number of extra bits, which follow the codes of lengths and distances.
    extra: u32,
}

/// A symbol, and the extra bits that follow its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Symbol {
    symbol: usize,
    extra: u32,
    bits: u32,
}

impl Default for Block {
    fn default() -> Block {
        Block {
            tokens: Vec::new(),
            literals: [0; LITERAL_SYMBOLS],
            distances: [0; DISTANCE_SYMBOLS],
            extra: 0,
        }
    }
}

impl Block {
    #[inline]
    pub(crate) fn push_literal(&mut self, byte: u8) {
        self.tokens.push(u32::from(byte));
        self.literals[usize::from(byte)] += 1;
    }

    /// Adds a match. `length` must be 3 to 258, and `distance` 1 to 32,768.
    #[inline]
    pub(crate) fn push_match(&mut self, length: usize, distance: usize) {
        let (length, distance) = (length as u32 - 3, distance as u32 - 1);
        self.tokens.push(MATCH_FLAG | length << 16 | distance);
        let (length, distance) = (length_symbol(length), distance_symbol(distance));
        self.literals[length.symbol] += 1;
        self.distances[distance.symbol] += 1;
        self.extra += length.extra + distance.extra;
    }

    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        4 * (self.tokens.capacity() + LITERAL_SYMBOLS + DISTANCE_SYMBOLS)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.tokens.len() >= MAX_TOKENS
    }

    /// Writes the block, and empties it. `text` is the text of the block, if still in the window.
    pub(crate) fn write(&mut self, text: Option<&[u8]>, last: bool, out: &mut Bits) {
        self.literals[END_OF_BLOCK_SYMBOL] = 1;
        let literals = lengths(&self.literals, 15);
        let mut distances = lengths(&self.distances, 15);
        if self.distances.iter().all(|&count| count == 0) {
            // A code that is not used, because some decoders reject a block without distance codes.
            distances[0] = 1;
        }
        let (fixed_literals, fixed_distances) = fixed();
        let header = Header::of(&literals, &distances);

        let dynamic = header.size() + self.size(&literals, &distances);
        let fixed = self.size(&fixed_literals, &fixed_distances);
        let text = text.filter(|text| text.len() <= MAX_STORED_BYTES);
        let stored = text.map_or(u32::MAX, |text| {
            out.to_alignment(3) + 32 + 8 * text.len() as u32
        });

        let last = u32::from(last);
        match text {
            Some(text) if stored <= fixed.min(dynamic) => {
                out.put(last, 3);
                store(text, out);
            }
            _ if fixed <= dynamic => {
                out.put(last | 1 << 1, 3);
                self.put(&fixed_literals, &fixed_distances, out);
            }
            _ => {
                out.put(last | 2 << 1, 3);
                header.put(out);
                self.put(&literals, &distances, out);
            }
        }
        self.tokens.clear();
        self.literals = [0; LITERAL_SYMBOLS];
        self.distances = [0; DISTANCE_SYMBOLS];
        self.extra = 0;
    }

    /// Returns the size in bits without the header.
    fn size(&self, literals: &[u8], distances: &[u8]) -> u32 {
        let of = |counts: &[u32], lengths: &[u8]| -> u32 {
            let pairs = counts.iter().zip(lengths);
            pairs
                .map(|(&count, &length)| count * u32::from(length))
                .sum()
        };
        of(&self.literals, literals) + of(&self.distances, distances) + self.extra
    }

    fn put(&self, literals: &[u8], distances: &[u8], out: &mut Bits) {
        let (literals, distances) = (codes(literals), codes(distances));
        let code = |code: Code, out: &mut Bits| out.put(code.bits.into(), code.length.into());
        for &token in &self.tokens {
            if token & MATCH_FLAG == 0 {
                code(literals[token as usize], out);
                continue;
            }
            let length = length_symbol(token >> 16 & 0xff);
            let distance = distance_symbol(token & 0x7fff);
            code(literals[length.symbol], out);
            out.put(length.bits, length.extra);
            code(distances[distance.symbol], out);
            out.put(distance.bits, distance.extra);
        }
        code(literals[END_OF_BLOCK_SYMBOL], out);
    }
}

/// Writes an empty stored block. A decoder can then decode all earlier bits.
pub(crate) fn flush(out: &mut Bits) {
    out.put(0, 3);
    store(&[], out);
}

/// Writes a stored block (RFC 1951 §3.2.4) after the three bits of its header.
fn store(text: &[u8], out: &mut Bits) {
    out.align();
    // At most MAX_STORED_BYTES, which fits 16 bits.
    let length = text.len() as u16;
    out.bytes.extend_from_slice(&length.to_le_bytes());
    out.bytes.extend_from_slice(&(!length).to_le_bytes());
    out.bytes.extend_from_slice(text);
}

/// Returns the symbol for a length minus 3 (RFC 1951 §3.2.5). After the first eight symbols, there
/// are four for each power of two.
#[inline]
fn length_symbol(length: u32) -> Symbol {
    if length == 255 {
        let (extra, bits) = (0, 0);
        return Symbol {
            symbol: 285,
            extra,
            bits,
        };
    }
    let extra = 29 - (length | 4).leading_zeros();
    Symbol {
        symbol: 257 + (4 * extra + (length >> extra)) as usize,
        extra,
        bits: length & ((1 << extra) - 1),
    }
}

/// Returns the symbol for a distance minus 1. After the first four symbols, there are two for each
/// power of two.
#[inline]
fn distance_symbol(distance: u32) -> Symbol {
    let extra = 30 - (distance | 2).leading_zeros();
    Symbol {
        symbol: (2 * extra + (distance >> extra)) as usize,
        extra,
        bits: distance & ((1 << extra) - 1),
    }
}

/// Returns the lengths of the fixed codes (RFC 1951 §3.2.6). Two of the literal symbols never
/// occur.
fn fixed() -> ([u8; 288], [u8; DISTANCE_SYMBOLS]) {
    let mut literals = [8; 288];
    literals[144..256].fill(9);
    literals[256..280].fill(7);
    (literals, [5; DISTANCE_SYMBOLS])
}

/// The header of a dynamic block: the code lengths, written in a code of their own (RFC 1951
/// §3.2.7).
struct Header {
    literals: usize,
    distances: usize,
    runs: Vec<Symbol>,
    lengths: Vec<u8>,
    /// The number of entries of `LENGTH_CODE_ORDER` that are written.
    written_lengths: usize,
}

impl Header {
    fn of(literals: &[u8], distances: &[u8]) -> Header {
        let used = |lengths: &[u8], min: usize| {
            let last = lengths.iter().rposition(|&length| length > 0);
            last.map_or(min, |last| min.max(last + 1))
        };
        let (literal_count, distance_count) = (used(literals, 257), used(distances, 1));
        let all = [&literals[..literal_count], &distances[..distance_count]].concat();
        let runs = runs(&all);
        let mut counts = [0; 19];
        runs.iter().for_each(|run| counts[run.symbol] += 1);
        let lengths = lengths(&counts, 7);
        let is_used = |&symbol: &usize| lengths[symbol] > 0;
        let last = LENGTH_CODE_ORDER.iter().rposition(is_used);
        Header {
            literals: literal_count,
            distances: distance_count,
            runs,
            written_lengths: last.map_or(4, |last| 4.max(last + 1)),
            lengths,
        }
    }

    /// Returns the size in bits.
    fn size(&self) -> u32 {
        let run = |run: &Symbol| u32::from(self.lengths[run.symbol]) + run.extra;
        14 + 3 * self.written_lengths as u32 + self.runs.iter().map(run).sum::<u32>()
    }

    fn put(&self, out: &mut Bits) {
        out.put(self.literals as u32 - 257, 5);
        out.put(self.distances as u32 - 1, 5);
        out.put(self.written_lengths as u32 - 4, 4);
        for &symbol in &LENGTH_CODE_ORDER[..self.written_lengths] {
            out.put(self.lengths[symbol].into(), 3);
        }
        let codes = codes(&self.lengths);
        for run in &self.runs {
            let code = codes[run.symbol];
            out.put(code.bits.into(), code.length.into());
            out.put(run.bits, run.extra);
        }
    }
}

/// Encodes code lengths as runs (RFC 1951 §3.2.7). The symbol 16 repeats the last length 3 to 6
/// times, 17 means 3 to 10 zeros, and 18 means 11 to 138 zeros.
fn runs(lengths: &[u8]) -> Vec<Symbol> {
    let mut runs = Vec::new();
    let mut rest = lengths;
    while let Some(&length) = rest.first() {
        let same = rest.iter().take_while(|&&other| other == length).count();
        rest = &rest[same..];
        let mut left = same as u32;
        let mut run = |symbol: usize, extra, bits| {
            runs.push(Symbol {
                symbol,
                extra,
                bits,
            })
        };
        if length > 0 {
            run(length.into(), 0, 0);
            left -= 1;
        }
        while left > 0 {
            let (symbol, extra, min, max) = match (length, left) {
                (_, 1..=2) => (usize::from(length), 0, 1, 1),
                (0, 3..=10) => (17, 3, 3, 10),
                (0, _) => (18, 7, 11, 138),
                _ => (16, 2, 3, 6),
            };
            let count = left.min(max);
            run(symbol, extra, count - min);
            left -= count;
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with the table of RFC 1951 §3.2.5. Each symbol has extra bits, and begins at the
    /// value after the last symbol.
    fn check(symbol: impl Fn(u32) -> Symbol, first: usize, extra: &[u32]) {
        let mut value = 0;
        for (row, &extra) in extra.iter().enumerate() {
            for bits in 0..1 << extra {
                let want = Symbol {
                    symbol: first + row,
                    extra,
                    bits,
                };
                assert_eq!(symbol(value), want, "{value}");
                value += 1;
            }
        }
    }

    #[test]
    fn symbols_are_those_of_the_rfc() {
        let mut extra: Vec<u32> = vec![0; 4];
        (0..=5).for_each(|bits| extra.extend([bits; 4]));
        // The last length has its own symbol, although the symbol before could express it.
        check(
            |length| match length {
                255 => Symbol {
                    symbol: 284,
                    extra: 5,
                    bits: 31,
                },
                length => length_symbol(length),
            },
            257,
            &extra,
        );
        assert_eq!(length_symbol(255).symbol, 285);
        assert_eq!(length_symbol(255).extra, 0);
        let mut extra: Vec<u32> = vec![0; 2];
        (0..=13).for_each(|bits| extra.extend([bits; 2]));
        check(distance_symbol, 0, &extra);
    }

    #[test]
    fn runs_decode_to_the_lengths() {
        let mut lengths = Vec::new();
        for count in 0..300 {
            lengths.push(7);
            lengths.extend(std::iter::repeat([0, 9][count % 2]).take(count));
        }
        let mut decoded: Vec<u8> = Vec::new();
        for run in runs(&lengths) {
            let (length, min) = match run.symbol {
                16 => (decoded[decoded.len() - 1], 3),
                17 => (0, 3),
                18 => (0, 11),
                length => (length as u8, 1),
            };
            decoded.extend(std::iter::repeat(length).take((min + run.bits) as usize));
        }
        assert_eq!(decoded, lengths);
        assert_eq!(runs(&[0; 138]).len(), 1);
        assert_eq!(runs(&[5; 7]).len(), 2);
    }
}
