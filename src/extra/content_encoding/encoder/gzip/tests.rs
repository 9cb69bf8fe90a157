//! Texts of all kinds, compressed in pieces of all sizes, and decoded by the decoder of the tests.

use super::*;
use crate::extra::content_encoding::encoder::matcher;
use crate::extra::content_encoding::tests::inflate::inflate;
use std::collections::VecDeque;

/// A random generator (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }

    /// Returns a text of random letters, runs of one byte, and repeated text from near and far.
    fn text(&mut self, length: usize) -> Vec<u8> {
        let letters = [1, 2, 20, 256][self.below(4)];
        let mut text = Vec::with_capacity(length + 600);
        while text.len() < length {
            let most = [3, 10, 300, 600][self.below(4)];
            let count = 1 + self.below(most);
            let back = match self.below(3) {
                0 => 1,
                1 => 1 + self.below(300),
                _ => 1 + self.below(40_000),
            };
            if self.below(3) == 0 || back > text.len() {
                text.extend((0..count).map(|_| self.below(letters) as u8));
            } else {
                (0..count).for_each(|_| text.push(text[text.len() - back]));
            }
        }
        text.truncate(length);
        text
    }
}

/// A reader that returns one piece per read.
struct Pieces(VecDeque<io::Result<Vec<u8>>>);

impl Pieces {
    fn of<const N: usize>(pieces: [io::Result<&[u8]>; N]) -> Pieces {
        Pieces(
            pieces
                .into_iter()
                .map(|piece| piece.map(<[u8]>::to_vec))
                .collect(),
        )
    }
}

impl Read for Pieces {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut piece = self.0.pop_front().unwrap_or_else(|| Ok(Vec::new()))?;
        let count = piece.len().min(buf.len());
        buf[..count].copy_from_slice(&piece[..count]);
        if count < piece.len() {
            self.0.push_front(Ok(piece.split_off(count)));
        }
        Ok(count)
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut gzip = Gzip::new(text, Some(text.len() as u64));
    gzip.read_to_end(&mut out).expect("a reader without errors");
    out
}

fn whole(text: &[u8], out: &[u8]) -> bool {
    let member = inflate(out);
    member.whole && member.text == text
}

#[test]
fn a_compressed_text_decodes_to_itself() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..60 {
        let most = [3, 300, 3_000, 30_000, 140_000][round % 5];
        let length = random.below(most);
        let text = random.text(length);
        let mut pieces = VecDeque::new();
        let mut rest = &text[..];
        let size = [1_000, 10_000, 100_000][random.below(3)];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(1 + random.below(size.min(rest.len())));
            pieces.push_back(Ok(piece.to_vec()));
            rest = after;
        }
        let known = (round % 2 == 0).then_some(length as u64);
        let mut gzip = Gzip::new(Pieces(pieces), known);
        let mut out = Vec::new();
        let mut buf = vec![0; [1, 10, 70_000][random.below(3)]];
        loop {
            let count = gzip.read(&mut buf).expect("a reader without errors");
            out.extend_from_slice(&buf[..count]);
            if count == 0 {
                break;
            }
        }
        assert!(whole(&text, &out), "round {round}: {length} bytes");
        assert_eq!(gzip.read(&mut buf).ok(), Some(0), "the end again");
    }
}

#[test]
fn minimum_and_maximum_lengths_and_distances_are_encoded() {
    for distance in [1, 2, 3, 4, 5, 1_023, 1_024, 32_766, 32_767, 32_768, 32_769] {
        for length in [3, 4, 5, 10, 11, 257, 258, 259, 260, 516, 517] {
            let mut random = Random(distance as u64);
            let mut text: Vec<u8> = (0..distance).map(|_| random.below(256) as u8).collect();
            (0..length).for_each(|at| text.push(text[at]));
            assert!(
                whole(&text, &gzip(&text)),
                "{length} bytes from {distance} before"
            );
        }
    }
}

#[test]
fn sizes_around_each_boundary_are_encoded() {
    let mut random = Random(7);
    let text: Vec<u8> = (0..140_000).map(|_| b'a' + random.below(4) as u8).collect();
    for size in [
        0, 1, 2, 3, 4, 257, 258, 259, 260, 261, 1_023, 1_024, 1_025, 32_767, 32_768,
    ] {
        assert!(whole(&text[..size], &gzip(&text[..size])), "{size}");
    }
    for size in [
        32_769, 65_535, 65_536, 65_537, 65_794, 98_303, 98_304, 98_305, 131_073,
    ] {
        assert!(whole(&text[..size], &gzip(&text[..size])), "{size}");
    }
}

#[test]
fn a_block_has_the_smallest_form() {
    let mut random = Random(1);
    let noise: Vec<u8> = (0..100_000).map(|_| random.below(256) as u8).collect();
    let member = inflate(&gzip(&noise));
    assert!(
        member.kinds.iter().all(|&kind| kind == 0),
        "{:?}",
        member.kinds
    );
    // A stored block costs five bytes, and there is one for each 8 Ki literals.
    let blocks = noise.len() / 8_192 + 1;
    assert_eq!(gzip(&noise).len(), noise.len() + 5 * blocks + 18);

    assert_eq!(inflate(&gzip(b"")).kinds, [1]);
    assert_eq!(gzip(b"").len(), 20);
    assert_eq!(inflate(&gzip(b"aaaaaaaaaaaaaaaaaa")).kinds, [1]);
    let text = "It is a truth universally acknowledged. ".repeat(3) + include_str!("../huffman.rs");
    assert_eq!(inflate(&gzip(text.as_bytes())).kinds, [2]);
    assert!(gzip(&vec![0; 1_000_000]).len() < 1_100);
}

/// Uses a source file of this crate as a typical text.
#[test]
fn source_text_becomes_a_third() {
    let text = include_str!("../../../../server/api/server.rs").as_bytes();
    let (long, short) = (text.len(), gzip(text).len());
    assert!(3 * short < long, "{short} of {long}");
    let text = text.repeat(3);
    assert!(
        gzip(&text).len() < short + 500,
        "repeated text is found again 16 KiB later"
    );
}

/// Returns a text with few different hashes and few repeats. For each byte, there are more
/// candidates than the limit, and none is a good match.
fn colliding(random: &mut Random, length: usize) -> Vec<u8> {
    let mut text = vec![1, 2, 3];
    while text.len() < length {
        let before = &text[text.len() - 3..];
        let before = u32::from_le_bytes([before[0], before[1], before[2], 0]);
        let first = random.below(256) as u32;
        let bytes = (first..first + 256).map(|byte| byte % 256);
        let fits = |byte: &u32| matcher::hash(before | byte << 24, 17) < 900;
        let byte = bytes.into_iter().find(fits).unwrap_or(first);
        text.push(byte as u8);
    }
    text
}

#[test]
fn the_work_for_each_byte_is_limited() {
    let mut random = Random(5);
    let of = |letters, random: &mut Random| -> Vec<u8> {
        (0..100_000).map(|_| random.below(letters) as u8).collect()
    };
    let mut texts = vec![vec![0; 100_000], colliding(&mut random, 100_000)];
    texts.extend([2, 5, 20, 256].map(|letters| of(letters, &mut random)));
    let work = texts.iter().map(|text| {
        let mut gzip = Gzip::new(&text[..], None);
        io::copy(&mut gzip, &mut io::sink()).expect("a reader without errors");
        gzip.matcher.work / text.len() as u64
    });
    let work: Vec<u64> = work.collect();
    // The second text is as slow as intended, and no text is slower.
    assert!(work[1] >= 24, "{work:?}");
    assert!(work.iter().all(|&work| work <= 32), "{work:?}");
}

#[test]
fn memory_does_not_grow_with_the_length() {
    let mut random = Random(3);
    for letters in [1, 2, 20, 255, 256] {
        let text: Vec<u8> = (0..150_000).map(|_| random.below(letters) as u8).collect();
        for known in [None, Some(text.len() as u64)] {
            let mut gzip = Gzip::new(&text[..], known);
            let mut buf = [0; 1000];
            while gzip.read(&mut buf).expect("a reader without errors") > 0 {
                let tables = gzip.matcher.memory() + gzip.block.memory();
                let all = tables + gzip.out.bytes.capacity();
                assert!(all <= 256 * 1024, "{all}");
            }
        }
    }
}

#[test]
fn a_piece_can_be_decoded_on_arrival() {
    let pieces = ["data: one\n", "data: two\n", "", "data: three\n"];
    let all = pieces
        .iter()
        .map(|piece| Ok(piece.as_bytes().to_vec()))
        .collect();
    let mut gzip = Gzip::new(Pieces(all), None);
    let (mut out, mut buf) = (Vec::new(), [0; 500]);
    for seen in ["data: one\n", "data: one\ndata: two\n"] {
        let count = gzip.read(&mut buf).expect("a piece");
        out.extend_from_slice(&buf[..count]);
        assert_eq!(inflate(&out).text, seen.as_bytes());
        assert!(!inflate(&out).whole);
    }
    // The empty piece is the end.
    gzip.read_to_end(&mut out).expect("the end");
    assert!(whole(b"data: one\ndata: two\n", &out));
    assert_eq!(gzip.reader.0.len(), 1, "nothing is read after the end");
}

#[test]
fn pieces_of_a_known_length_are_combined() {
    let text = "a line of a file\n".repeat(100);
    let pieces = || {
        text.as_bytes()
            .chunks(17)
            .map(|piece| Ok(piece.to_vec()))
            .collect()
    };
    let size = |length| {
        let mut out = Vec::new();
        let mut gzip = Gzip::new(Pieces(pieces()), length);
        gzip.read_to_end(&mut out).expect("a reader without errors");
        assert!(whole(text.as_bytes(), &out));
        out.len()
    };
    assert_eq!(size(Some(1_700)), gzip(text.as_bytes()).len());
    let (combined, flushed) = (size(Some(1_700)), size(None));
    assert!(
        flushed > combined + 500 && flushed < combined + 1_200,
        "{flushed}, {combined}"
    );
}

#[test]
fn a_reader_error_is_returned_and_the_member_is_incomplete() {
    let fails = || Err(ErrorKind::ConnectionReset.into());
    let mut buf = [0; 500];
    let mut first = Gzip::new(Pieces::of([fails()]), None);
    let error = first.read(&mut buf).map_err(|error| error.kind());
    assert_eq!(
        error,
        Err(ErrorKind::ConnectionReset),
        "before the first byte"
    );

    for length in [None, Some(30)] {
        let mut gzip = Gzip::new(
            Pieces::of([Ok(b"half of it"), fails(), Ok(b"not this")]),
            length,
        );
        let mut out = Vec::new();
        let error = gzip.read_to_end(&mut out).map_err(|error| error.kind());
        assert_eq!(error, Err(ErrorKind::ConnectionReset));
        assert!(!inflate(&out).whole);
    }
    let pause = || Err(ErrorKind::Interrupted.into());
    let mut gzip = Gzip::new(
        Pieces::of([pause(), Ok(b"all "), pause(), Ok(b"of it")]),
        None,
    );
    let mut out = Vec::new();
    gzip.read_to_end(&mut out).expect("read_to_end tries again");
    assert!(whole(b"all of it", &out));
}

#[test]
fn exactly_the_announced_length_is_read() {
    let read = |length| {
        let mut out = Vec::new();
        let mut gzip = Gzip::new(Pieces::of([Ok(b"one"), Ok(b"two")]), Some(length));
        let result = gzip.read_to_end(&mut out).map_err(|error| error.kind());
        (result.map(|_| ()), inflate(&out))
    };
    for (length, want) in [(0, ""), (2, "on"), (3, "one"), (5, "onetw"), (6, "onetwo")] {
        let (result, member) = read(length);
        assert_eq!(result, Ok(()), "{length}");
        assert!(member.whole && member.text == want.as_bytes(), "{length}");
    }
    let (result, member) = read(7);
    assert_eq!(result, Err(ErrorKind::UnexpectedEof));
    assert!(!member.whole);
}
