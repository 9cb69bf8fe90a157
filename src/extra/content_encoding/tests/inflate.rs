//! [`inflate`]: a simple decoder of gzip members for tests, written from RFC 1951 and RFC 1952. It
//! reads bit by bit without tables, and is independent of the encoder.

/// The result of decoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) text: Vec<u8>,
    /// Whether header, last block, CRC and length were present and valid, without more bytes.
    pub(crate) whole: bool,
    /// The kind of each block: 0 stored, 1 fixed codes, 2 dynamic codes.
    pub(crate) kinds: Vec<u8>,
}

struct Input<'a> {
    bytes: &'a [u8],
    /// The position in bits.
    at: usize,
}

/// The input is at its end.
struct Ended;

type Bits = Result<usize, Ended>;

/// Decodes to the end of the input. Panics on invalid input.
pub(crate) fn inflate(bytes: &[u8]) -> Member {
    let mut member = Member {
        text: Vec::new(),
        whole: false,
        kinds: Vec::new(),
    };
    let mut input = Input { bytes, at: 0 };
    if run(&mut input, &mut member).is_ok() {
        member.whole = true;
        assert_eq!(input.at, 8 * bytes.len(), "bytes after the end");
    }
    member
}

fn run(input: &mut Input<'_>, member: &mut Member) -> Result<(), Ended> {
    let header = [31, 139, 8, 0, 0, 0, 0, 0, 0, 255];
    for want in header {
        assert_eq!(input.bits(8)?, want, "the header");
    }
    loop {
        let last = input.bits(1)? == 1;
        let kind = input.bits(2)?;
        member.kinds.push(kind as u8);
        match kind {
            0 => stored(input, &mut member.text)?,
            1 => {
                let lengths: Vec<u8> = (0..288)
                    .map(|symbol| match symbol {
                        0..=143 => 8,
                        144..=255 => 9,
                        256..=279 => 7,
                        _ => 8,
                    })
                    .collect();
                block(input, &lengths, &[5; 30], &mut member.text)?;
            }
            2 => {
                let (literals, distances) = codes(input)?;
                block(input, &literals, &distances, &mut member.text)?;
            }
            _ => panic!("no such kind of block"),
        }
        if last {
            break;
        }
    }
    input.align();
    assert_eq!(input.bits(32)?, crc(&member.text), "the CRC");
    assert_eq!(
        input.bits(32)?,
        member.text.len() & 0xffff_ffff,
        "the length"
    );
    Ok(())
}

fn stored(input: &mut Input<'_>, text: &mut Vec<u8>) -> Result<(), Ended> {
    input.align();
    let length = input.bits(16)?;
    assert_eq!(input.bits(16)?, !length & 0xffff, "a stored block's length");
    for _ in 0..length {
        text.push(input.bits(8)? as u8);
    }
    Ok(())
}

fn codes(input: &mut Input<'_>) -> Result<(Vec<u8>, Vec<u8>), Ended> {
    const ORDER: [usize; 19] = [
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
    ];
    let literals = input.bits(5)? + 257;
    let distances = input.bits(5)? + 1;
    let written = input.bits(4)? + 4;
    assert!(
        literals <= 286 && distances <= 30,
        "{literals}, {distances}"
    );
    let mut own = [0; 19];
    for &symbol in &ORDER[..written] {
        own[symbol] = input.bits(3)? as u8;
    }
    let mut lengths: Vec<u8> = Vec::new();
    let by_own = by_length(&own);
    while lengths.len() < literals + distances {
        let (length, count) = match input.symbol(&by_own)? {
            16 => (
                *lengths.last().expect("a length before"),
                3 + input.bits(2)?,
            ),
            17 => (0, 3 + input.bits(3)?),
            18 => (0, 11 + input.bits(7)?),
            length => (length as u8, 1),
        };
        lengths.extend(std::iter::repeat(length).take(count));
    }
    assert_eq!(lengths.len(), literals + distances, "a run beyond the end");
    assert!(lengths[256] > 0, "an end for the block");
    for code in [&own[..], &lengths[..literals]] {
        assert_eq!(space(code), 1 << 15, "a complete code");
    }
    let distances = lengths.split_off(literals);
    let complete = space(&distances) == 1 << 15;
    // RFC 1951 §3.2.7: of one code, half the space is unused.
    assert!(
        complete
            || distances
                .iter()
                .map(|&length| u32::from(length))
                .sum::<u32>()
                == 1
    );
    Ok((lengths, distances))
}

/// Returns the part of 2^15 that the codes use.
fn space(lengths: &[u8]) -> u32 {
    let used = lengths.iter().filter(|&&length| length > 0);
    used.map(|&length| 1 << (15 - length)).sum()
}

fn block(
    input: &mut Input<'_>,
    literals: &[u8],
    distances: &[u8],
    text: &mut Vec<u8>,
) -> Result<(), Ended> {
    let (literals, distances) = (by_length(literals), by_length(distances));
    loop {
        let symbol = input.symbol(&literals)?;
        let length = match symbol {
            0..=255 => {
                text.push(symbol as u8);
                continue;
            }
            256 => return Ok(()),
            // RFC 1951 §3.2.5, computed from the first row of the table.
            285 => 258,
            257..=284 => {
                let (lowest, extra) = nth(symbol - 257, 3, 4);
                lowest + input.bits(extra)?
            }
            _ => panic!("no such length"),
        };
        let (lowest, extra) = nth(input.symbol(&distances)?, 1, 2);
        let distance = lowest + input.bits(extra)?;
        assert!(distance <= text.len() && distance <= 32_768, "{distance}");
        for _ in 0..length {
            text.push(text[text.len() - distance]);
        }
    }
}

/// Returns the lowest value and the extra bits of a row of RFC 1951's tables. The tables begin at
/// `value`. After twice `group` rows, each group has one extra bit more.
fn nth(row: usize, mut value: usize, group: usize) -> (usize, usize) {
    let extra = |row: usize| (row / group).saturating_sub(1);
    (0..row).for_each(|before| value += 1 << extra(before));
    (value, extra(row))
}

/// Returns the CRC (RFC 1952 §8), computed bit by bit.
fn crc(text: &[u8]) -> usize {
    let mut crc = 0xffff_ffff_u32;
    for &byte in text {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    !crc as usize
}

impl Input<'_> {
    fn bits(&mut self, count: usize) -> Bits {
        let mut bits = 0;
        for position in 0..count {
            let byte = self.bytes.get(self.at / 8).ok_or(Ended)?;
            bits |= usize::from(byte >> (self.at % 8) & 1) << position;
            self.at += 1;
        }
        Ok(bits)
    }

    fn align(&mut self) {
        self.at = (self.at + 7) / 8 * 8;
    }

    /// Returns the next symbol (RFC 1951 §3.2.2). The codes of each length begin after those of the
    /// length before.
    fn symbol(&mut self, by_length: &[Vec<usize>]) -> Bits {
        let (mut code, mut first) = (0, 0);
        for symbols in &by_length[1..] {
            code = code << 1 | self.bits(1)?;
            if let Some(&symbol) = symbols.get(code - first) {
                return Ok(symbol);
            }
            first = (first + symbols.len()) << 1;
        }
        panic!("no such code")
    }
}

/// Returns the symbols with codes of each length up to 15.
fn by_length(lengths: &[u8]) -> Vec<Vec<usize>> {
    let of = |length: u8| (0..lengths.len()).filter(move |&symbol| lengths[symbol] == length);
    (0..=15).map(|length| of(length).collect()).collect()
}
