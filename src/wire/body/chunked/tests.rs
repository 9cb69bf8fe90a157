//! Valid and invalid chunked bodies: fed whole and in pieces, into buffers of every size.

use super::*;
use crate::wire::tests::Random;
use WireError::*;

/// The result for some bytes: the body, the number of bytes used, whether the body ended.
type Decoded = Result<(Vec<u8>, usize, bool), WireError>;

/// Feeds the input in pieces of `piece` bytes, with room for `room` bytes at a time.
fn feed(input: &[u8], first: usize, piece: usize, room: usize, limits: &Limits) -> Decoded {
    let mut decoder = Decoder::new(limits);
    let mut body = Vec::new();
    let (mut used, mut given) = (0, first);
    loop {
        let mut out = vec![0; room];
        let done = decoder.decode(&input[used..given], &mut out)?;
        assert!(done.consumed <= given - used && done.produced <= room);
        used += done.consumed;
        body.extend_from_slice(&out[..done.produced]);
        if decoder.is_done() || (used == given && given == input.len()) {
            return Ok((body, used, decoder.is_done()));
        }
        let full = done.produced == room;
        assert!(full || used == given, "stopped for no reason");
        if !full || used == given {
            given = input.len().min(given + piece);
        }
    }
}

/// Decodes the input whole, split at every byte, byte by byte, into little room, and with bytes
/// after the input.
fn decode(input: &[u8], limits: &Limits) -> Decoded {
    let n = input.len();
    let whole = feed(input, n, n, n + 1, limits);
    let show = || String::from_utf8_lossy(input).into_owned();
    for split in 0..n {
        let parts = feed(input, split, n, n + 1, limits);
        assert_eq!(parts, whole, "split at {}: {:?}", split, show());
    }
    for room in [1, 2, n + 1] {
        assert_eq!(
            feed(input, 0, 1, room, limits),
            whole,
            "room {}: {:?}",
            room,
            show()
        );
        assert_eq!(
            feed(input, n, n, room, limits),
            whole,
            "room {}: {:?}",
            room,
            show()
        );
    }
    if !matches!(whole, Ok((_, _, false))) {
        for more in [&b"0"[..], b"\r\n", b"\nGET"] {
            let longer = [input, more].concat();
            let got = feed(&longer, longer.len(), 1, longer.len(), limits);
            assert_eq!(got, whole, "{:?} and more", show());
        }
    }
    whole
}

/// A body that ends with the last byte.
#[rustfmt::skip]
const BODIES: &[(&str, &[u8], &[u8])] = &[
    ("nothing", b"0\r\n\r\n", b""),
    ("one chunk", b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
    ("two chunks", b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", b"hello world"),
    ("hex in both cases",
     b"a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", b"01234567890123456789a"),
    ("leading zeros", b"005\r\nhello\r\n000\r\n\r\n", b"hello"),
    ("16 digits", b"0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", b"hello"),
    ("CRLF in the data", b"4\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n\r\n"),
    ("the last chunk in the data", b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n"),
    ("any byte in the data", b"4\r\n\0\xff\n\r\r\n0\r\n\r\n", b"\0\xff\n\r"),
    ("an extension", b"1;a\r\nx\r\n0\r\n\r\n", b"x"),
    ("an extension with a value", b"1;a=b\r\nx\r\n0\r\n\r\n", b"x"),
    ("extensions", b"1;a;b=c;d=\"e\"\r\nx\r\n0;f\r\n\r\n", b"x"),
    ("a quoted value", b"1;a=\" ;=,\t\\\"\\\\\x80\"\r\nx\r\n0\r\n\r\n", b"x"),
    ("an empty quoted value", b"1;a=\"\"\r\nx\r\n0\r\n\r\n", b"x"),
    ("an extension after a quoted value", b"1;a=\"\";b\r\nx\r\n0\r\n\r\n", b"x"),
    ("blanks in an extension", b"1 \t; \ta = \tb ; c\r\nx\r\n0\r\n\r\n", b"x"),
    ("a trailer field", b"0\r\nA: b\r\n\r\n", b""),
    ("trailer fields", b"1\r\nx\r\n0\r\nA: b\r\nC:\r\nD:\te \x80\r\n\r\n", b"x"),
    ("a field that is no trailer", b"0\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\n\r\n", b""),
];

/// A body that is rejected at its last byte.
#[rustfmt::skip]
const BAD: &[(&str, &[u8], WireError)] = &[
    ("no size", b"\r", BadChunkSize),
    ("an extension for a size", b";", BadChunkSize),
    ("a blank before the size", b" ", BadChunkSize),
    ("a letter beyond hex", b"g", BadChunkSize),
    ("a minus", b"-", BadChunkSize),
    ("a plus", b"+", BadChunkSize),
    ("0x", b"0x", BadChunkSize),
    ("h after the size", b"5h", BadChunkSize),
    ("an underscore", b"1_", BadChunkSize),
    ("a dot", b"1.", BadChunkSize),
    ("a comma", b"1,", BadChunkSize),
    ("a quote", b"\"", BadChunkSize),
    ("NUL", b"5\0", BadChunkSize),
    ("VT after the size", b"5\x0b", BadChunkSize),
    ("a byte above ASCII", b"\xef", BadChunkSize),
    ("17 digits", b"00000000000000005", BadChunkSize),
    ("more than 64 bits", b"10000000000000000", BadChunkSize),
    ("LF for a size", b"\n", BareLf),
    ("LF after the size", b"5\n", BareLf),
    ("LF after the last size", b"0\n", BareLf),
    ("CR after the size", b"5\rh", BareCr),
    ("CR CR", b"5\r\r", BareCr),
    ("a blank after the size", b"5 \r", BadChunkExtension),
    ("HTAB after the size", b"5\t\r", BadChunkExtension),
    ("two sizes", b"5 5", BadChunkExtension),
    ("an extension without semicolon", b"5 a", BadChunkExtension),
    ("no name", b"5;\r", BadChunkExtension),
    ("blanks for a name", b"5; \r", BadChunkExtension),
    ("two semicolons", b"5;;", BadChunkExtension),
    ("a value without a name", b"5;=", BadChunkExtension),
    ("no value", b"5;a=\r", BadChunkExtension),
    ("no value, then a semicolon", b"5;a=;", BadChunkExtension),
    ("two values", b"5;a=b=", BadChunkExtension),
    ("a blank in a name", b"5;a b", BadChunkExtension),
    ("a blank after a name", b"5;a \r", BadChunkExtension),
    ("a blank after a value", b"5;a=b \r", BadChunkExtension),
    ("two words for a value", b"5;a=b c", BadChunkExtension),
    ("a word after a quoted value", b"5;a=\"b\"c", BadChunkExtension),
    ("a quote in a word", b"5;a=b\"", BadChunkExtension),
    ("a quote for a name", b"5;\"", BadChunkExtension),
    ("CR in a quoted value", b"5;a=\"\r", BadChunkExtension),
    ("CR quoted", b"5;a=\"\\\r", BadChunkExtension),
    ("NUL in a quoted value", b"5;a=\"\0", BadChunkExtension),
    ("NUL quoted", b"5;a=\"\\\0", BadChunkExtension),
    ("NUL in an extension", b"5;a\0", BadChunkExtension),
    ("a comma in an extension", b"5;a,", BadChunkExtension),
    ("LF in an extension", b"5;a\n", BareLf),
    ("LF in a quoted value", b"5;a=\"\n", BareLf),
    ("LF after a semicolon", b"5;\n", BareLf),
    ("CR in an extension", b"5;a\rb", BareCr),
    ("data too long", b"5\r\nhello!", BadChunkEnd),
    ("data too short", b"5\r\nhell\r\n", BadChunkEnd),
    ("LF after the data", b"5\r\nhello\n", BadChunkEnd),
    ("CR after the data", b"5\r\nhello\r0", BadChunkEnd),
    ("a size after the data", b"5\r\nhello0", BadChunkEnd),
    ("two ends", b"5\r\nhello\r\n\r", BadChunkSize),
    ("LF for the trailer", b"0\r\n\n", BareLf),
    ("CR for the trailer", b"0\r\n\rG", BareCr),
    ("a blank before a trailer field", b"0\r\n ", ObsFold),
    ("a folded trailer field", b"0\r\nA: b\r\n\t", ObsFold),
    ("a trailer without a name", b"0\r\n:", BadFieldName),
    ("a bad name in a trailer", b"0\r\nA(", BadFieldName),
    ("NUL in a trailer's name", b"0\r\n\0", BadFieldName),
    ("a request line for a trailer", b"0\r\nGET ", SpaceBeforeColon),
    ("a trailer without a colon", b"0\r\nA\r", MissingColon),
    ("NUL in a trailer's value", b"0\r\nA: \0", BadFieldValue),
    ("LF after a trailer field", b"0\r\nA: b\n", BareLf),
    ("CR in a trailer field", b"0\r\nA: b\rc", BareCr),
];

#[test]
fn bodies_end_with_their_last_byte() {
    for &(name, input, want) in BODIES {
        let got = decode(input, &Limits::default());
        assert_eq!(got, Ok((want.to_vec(), input.len(), true)), "{}", name);
        let less = &input[..input.len() - 1];
        let got = decode(less, &Limits::default());
        assert_eq!(got, Ok((want.to_vec(), less.len(), false)), "{}", name);
    }
}

#[test]
fn bodies_are_rejected_at_their_first_wrong_byte() {
    for &(name, input, want) in BAD {
        assert_eq!(decode(input, &Limits::default()), Err(want), "{}", name);
        let less = decode(&input[..input.len() - 1], &Limits::default());
        assert!(matches!(less, Ok((_, _, false))), "{}: {:?}", name, less);
    }
}

#[test]
fn limits_admit_n_and_reject_one_more() {
    let usual = Limits::default;
    let body: &[u8] = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let trailer: &[u8] = b"0\r\nA: b\r\nC: d\r\n\r\n";
    let rows = [
        (
            "body",
            body,
            Limits {
                max_body_bytes: 5,
                ..usual()
            },
            None,
        ),
        (
            "body",
            body,
            Limits {
                max_body_bytes: 4,
                ..usual()
            },
            Some(BodyTooLarge),
        ),
        (
            "body",
            body,
            Limits {
                max_body_bytes: 0,
                ..usual()
            },
            Some(BodyTooLarge),
        ),
        (
            "nothing",
            b"0\r\n\r\n",
            Limits {
                max_body_bytes: 0,
                ..usual()
            },
            None,
        ),
        (
            "fields",
            trailer,
            Limits {
                max_headers: 2,
                ..usual()
            },
            None,
        ),
        (
            "fields",
            trailer,
            Limits {
                max_headers: 1,
                ..usual()
            },
            Some(TooManyHeaders),
        ),
        (
            "trailer",
            trailer,
            Limits {
                max_head_bytes: 14,
                ..usual()
            },
            None,
        ),
        (
            "trailer",
            trailer,
            Limits {
                max_head_bytes: 13,
                ..usual()
            },
            Some(HeadTooLarge),
        ),
    ];
    for (name, input, limits, error) in rows {
        let got = decode(input, &limits).map(|(_, _, ended)| ended);
        assert_eq!(got, error.map_or(Ok(true), Err), "{} {:?}", name, error);
    }
}

#[test]
fn a_size_beyond_the_limit_is_rejected_before_its_data() {
    let limits = Limits {
        max_body_bytes: 1 << 20,
        ..Limits::default()
    };
    assert_eq!(decode(b"100001\r\n", &limits), Err(BodyTooLarge));
    assert_eq!(decode(b"ffffffffffffffff\r\n", &limits), Err(BodyTooLarge));
    assert_eq!(
        decode(b"1\r\na\r\nffffffffffffffff\r\n", &limits),
        Err(BodyTooLarge)
    );
    let limits = Limits {
        max_body_bytes: u64::MAX,
        ..Limits::default()
    };
    assert_eq!(
        decode(b"ffffffffffffffff\r\nab", &limits),
        Ok((b"ab".to_vec(), 20, false))
    );
    assert_eq!(
        decode(b"1\r\na\r\nffffffffffffffff\r\n", &limits),
        Err(BodyTooLarge)
    );
}

#[test]
fn extensions_are_bounded_over_the_whole_body() {
    let run = |input: &[u8]| feed(input, input.len(), 1, 8192, &Limits::default());
    let body = |extra: usize| {
        let chunk = format!("1;{}\r\nx\r\n", "a".repeat(1023));
        format!("{}0{}\r\n\r\n", chunk.repeat(4), &";a"[..extra])
    };
    assert_eq!(
        run(body(0).as_bytes()),
        Ok((b"xxxx".to_vec(), body(0).len(), true))
    );
    assert_eq!(run(body(2).as_bytes()), Err(ChunkExtensionsTooLong));
    let exact = format!("1;{}\r\nx\r\n0\r\n\r\n", "a".repeat(4095));
    assert_eq!(
        run(exact.as_bytes()),
        Ok((b"x".to_vec(), exact.len(), true))
    );
    let over = format!("1;{}", "a".repeat(4096));
    assert_eq!(run(over.as_bytes()), Err(ChunkExtensionsTooLong));
}

#[test]
fn framing_needs_no_room() {
    let mut decoder = Decoder::new(&Limits::default());
    let start = decoder.decode(b"1\r\nx\r\n0\r\n\r\nGET", &mut []);
    assert_eq!(
        start,
        Ok(Progress {
            consumed: 3,
            produced: 0
        })
    );
    let rest = decoder.decode(b"x\r\n0\r\n\r\nGET", &mut [0]);
    assert_eq!(
        rest,
        Ok(Progress {
            consumed: 8,
            produced: 1
        })
    );
    assert!(decoder.is_done());
    assert_eq!(decoder.decode(b"GET", &mut [0]), Ok(Progress::default()));
}

#[test]
fn what_is_written_is_read_back() {
    let mut random = Random::seeded(7230);
    for _ in 0..50 {
        let (mut wire, mut want) = (Vec::new(), Vec::new());
        for _ in 0..random.below(5) {
            let chunk: Vec<u8> = (0..1 + random.below(300)).map(|i| i as u8).collect();
            write_chunk_head(&mut wire, chunk.len());
            wire.extend_from_slice(&chunk);
            wire.extend_from_slice(CHUNK_END);
            want.extend_from_slice(&chunk);
        }
        wire.extend_from_slice(LAST_CHUNK);
        let got = feed(&wire, wire.len(), 1, 4096, &Limits::default());
        assert_eq!(got, Ok((want, wire.len(), true)));
    }
}

#[test]
fn chunk_sizes_are_hex() {
    for (len, want) in [
        (1, "1\r\n"),
        (15, "f\r\n"),
        (16, "10\r\n"),
        (0xabcdef, "abcdef\r\n"),
    ] {
        let mut out = Vec::new();
        write_chunk_head(&mut out, len);
        assert_eq!(out, want.as_bytes());
    }
    let mut out = Vec::new();
    write_chunk_head(&mut out, usize::MAX);
    assert_eq!(out, format!("{:x}\r\n", usize::MAX).as_bytes());
}

#[test]
fn mutants_neither_panic_nor_depend_on_the_splits() {
    let corpus: Vec<&[u8]> = (BODIES.iter().map(|row| row.1))
        .chain(BAD.iter().map(|row| row.1))
        .collect();
    let limits = Limits {
        max_body_bytes: 12,
        max_head_bytes: 20,
        max_headers: 2,
        ..Limits::default()
    };
    let mut random = Random::seeded(9112);
    for _ in 0..5_000 {
        let sample = corpus[random.below(corpus.len())];
        let _ = decode(&random.mutate(sample), &limits);
    }
}
