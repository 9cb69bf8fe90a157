//! One frame as bytes (RFC 6455 §5.2): the head that is read, the head that is written, the mask,
//! and which codes may close. It keeps nothing from one frame to the next.
//!
//! ```text
//!   FIN RSV1 RSV2 RSV3 opcode(4) | MASK length(7) | length(16 or 64), at 126 and 127 | key(32)
//! ```

pub(crate) mod decode;
pub(crate) mod text;

/// Control frames carry at most so much (RFC 6455 §5.5).
pub(crate) const MOST_CONTROL: usize = 125;
/// The longest head of a client.
pub(crate) const LONGEST_HEAD: usize = 14;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    fn of(bits: u8) -> Option<Opcode> {
        let opcode = match bits {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return None,
        };
        Some(opcode)
    }

    pub(crate) fn is_control(self) -> bool {
        self as u8 & 8 != 0
    }
}

/// What a client did wrong, as the code that the connection is closed with (RFC 6455 §7.4.1), and
/// why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub code: u16,
    pub why: &'static str,
}

pub(crate) const fn protocol(why: &'static str) -> Fault {
    Fault { code: 1002, why }
}

pub(crate) const NOT_UTF8: Fault = Fault {
    code: 1007,
    why: "text that is not UTF-8",
};
pub(crate) const TOO_BIG: Fault = Fault {
    code: 1009,
    why: "a message that is too big",
};

/// A client's head, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub fin: bool,
    pub opcode: Opcode,
    pub length: u64,
    pub mask: [u8; 4],
}

/// The head that `bytes` begin with; `None` while there are too few. What is wrong is told by the
/// first byte that shows it.
pub(crate) fn read_head(bytes: &[u8]) -> Result<Option<Head>, Fault> {
    let first = match bytes.first() {
        Some(first) => *first,
        None => return Ok(None),
    };
    // RFC 6455 §5.2: no extension was agreed on, so none of these bits has a meaning.
    if first & 0x70 != 0 {
        return Err(protocol("a reserved bit is set"));
    }
    let opcode = Opcode::of(first & 0x0f).ok_or(protocol("a reserved opcode"))?;
    let fin = first & 0x80 != 0;
    if opcode.is_control() && !fin {
        return Err(protocol("a fragmented control frame"));
    }
    let second = match bytes.get(1) {
        Some(second) => *second,
        None => return Ok(None),
    };
    // RFC 6455 §5.1: what scripts in browsers send must not be theirs to choose on the wire.
    if second & 0x80 == 0 {
        return Err(protocol("a frame that is not masked"));
    }
    let short = second & 0x7f;
    if opcode.is_control() && usize::from(short) > MOST_CONTROL {
        return Err(protocol("a control frame that is too long"));
    }
    let (long, least) = match short {
        126 => (2, 126),
        127 => (8, 65_536),
        _ => (0, 0),
    };
    let rest = &bytes[2..];
    if long == 8 && rest.first().map_or(false, |byte| byte & 0x80 != 0) {
        return Err(protocol("a length beyond 63 bits"));
    }
    if rest.len() < long + 4 {
        return Ok(None);
    }
    let (long, mask) = (&rest[..long], &rest[long..long + 4]);
    let length = match long {
        [] => u64::from(short),
        long => long.iter().fold(0, |sum, &b| sum << 8 | u64::from(b)),
    };
    // RFC 6455 §5.2: the shortest notation that holds it.
    if length < least {
        return Err(protocol("a length that is longer than it need be"));
    }
    Ok(Some(Head {
        fin,
        opcode,
        length,
        mask: [mask[0], mask[1], mask[2], mask[3]],
    }))
}

/// How long the head is that begins with these two bytes.
pub(crate) fn head_length(second: u8) -> usize {
    match second & 0x7f {
        126 => 8,
        127 => LONGEST_HEAD,
        _ => 6,
    }
}

/// The head of a frame of ours, in the front of the array: whole and not masked (RFC 6455 §5.1).
pub(crate) fn write_head(opcode: Opcode, length: usize) -> ([u8; 10], usize) {
    let mut head = [0; 10];
    head[0] = 0x80 | opcode as u8;
    let size = match length {
        0..=125 => {
            head[1] = length as u8;
            2
        }
        126..=65_535 => {
            head[1] = 126;
            head[2..4].copy_from_slice(&(length as u16).to_be_bytes());
            4
        }
        _ => {
            head[1] = 127;
            head[2..].copy_from_slice(&(length as u64).to_be_bytes());
            10
        }
    };
    (head, size)
}

/// Takes the mask off (RFC 6455 §5.3), or puts it on; `mask` is turned to where the next bytes of
/// the same frame go on with it.
pub(crate) fn unmask(bytes: &mut [u8], mask: &mut [u8; 4]) {
    let [a, b, c, d] = *mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut eights = bytes.chunks_exact_mut(8);
    for eight in &mut eights {
        let mut word = [0; 8];
        word.copy_from_slice(eight);
        eight.copy_from_slice(&(u64::from_ne_bytes(word) ^ wide).to_ne_bytes());
    }
    let rest = eights.into_remainder();
    for (byte, key) in rest.iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= key;
    }
    mask.rotate_left(rest.len() % 4);
}

/// Whether a close frame may carry this code: those of RFC 6455 §7.4.1 that may be sent, the three
/// that were registered since (1012 to 1014), and those that are left to libraries and programs
/// (§7.4.2).
pub(crate) fn may_close(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fin: bool, opcode: Opcode, length: u64) -> Result<Option<Head>, Fault> {
        let mask = [1, 2, 3, 4];
        Ok(Some(Head {
            fin,
            opcode,
            length,
            mask,
        }))
    }

    /// Each row's mask is 1, 2, 3, 4. Whole, cut off everywhere, and with bytes behind it.
    #[test]
    fn heads_are_read_when_they_are_whole() {
        for (bytes, want) in [
            ("81 80", head(true, Opcode::Text, 0)),
            ("01 fd", head(false, Opcode::Text, 125)),
            ("02 fe 00 7e", head(false, Opcode::Binary, 126)),
            ("80 fe ff ff", head(true, Opcode::Continuation, 65_535)),
            (
                "82 ff 00 00 00 00 00 01 00 00",
                head(true, Opcode::Binary, 65_536),
            ),
            (
                "82 ff 7f ff ff ff ff ff ff ff",
                head(true, Opcode::Binary, u64::MAX >> 1),
            ),
            ("88 80", head(true, Opcode::Close, 0)),
            ("89 fd", head(true, Opcode::Ping, 125)),
            ("8a 81", head(true, Opcode::Pong, 1)),
        ] {
            let mut whole = hex(bytes);
            whole.extend([1, 2, 3, 4]);
            assert_eq!(read_head(&whole), want, "{bytes}");
            assert_eq!(head_length(whole[1]), whole.len(), "{bytes}");
            for cut in 0..whole.len() {
                assert_eq!(read_head(&whole[..cut]), Ok(None), "{bytes}, {cut}");
            }
            whole.extend([0xff; 20]);
            assert_eq!(read_head(&whole), want, "{bytes}");
        }
    }

    /// Each is refused at its last byte, and not before.
    #[test]
    fn what_is_wrong_is_told_by_the_first_byte_that_shows_it() {
        for (bytes, why) in [
            ("c1", "a reserved bit is set"),
            ("a1", "a reserved bit is set"),
            ("91", "a reserved bit is set"),
            ("f8", "a reserved bit is set"),
            ("83", "a reserved opcode"),
            ("07", "a reserved opcode"),
            ("8b", "a reserved opcode"),
            ("8f", "a reserved opcode"),
            ("08", "a fragmented control frame"),
            ("09", "a fragmented control frame"),
            ("0a", "a fragmented control frame"),
            ("81 00", "a frame that is not masked"),
            ("89 7e", "a frame that is not masked"),
            ("88 fe", "a control frame that is too long"),
            ("8a ff", "a control frame that is too long"),
            (
                "81 fe 00 7d 01 02 03 04",
                "a length that is longer than it need be",
            ),
            (
                "81 ff 00 00 00 00 00 00 ff ff 01 02 03 04",
                "a length that is longer than it need be",
            ),
            ("81 ff 80", "a length beyond 63 bits"),
        ] {
            let whole = hex(bytes);
            let last = whole.len() - 1;
            assert_eq!(read_head(&whole[..last]), Ok(None), "{bytes}");
            assert_eq!(read_head(&whole), Err(protocol(why)), "{bytes}");
        }
    }

    #[test]
    fn lengths_have_the_shortest_notation() {
        for (length, want) in [
            (0, "82 00"),
            (125, "82 7d"),
            (126, "82 7e 00 7e"),
            (65_535, "82 7e ff ff"),
            (65_536, "82 7f 00 00 00 00 00 01 00 00"),
        ] {
            let (head, size) = write_head(Opcode::Binary, length);
            assert_eq!(head[..size], hex(want), "{length}");
        }
    }

    /// RFC 6455 §5.7, and against the definition in §5.3, in pieces of every size.
    #[test]
    fn masks_go_on_where_they_were() {
        let mut hello = hex("7f 9f 4d 51 58");
        unmask(&mut hello, &mut [0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!(hello, b"Hello");

        let key = [0x12, 0x34, 0x56, 0x78];
        let plain: Vec<u8> = (0..60).collect();
        let masked: Vec<u8> = (0..60).map(|i| plain[i] ^ key[i % 4]).collect();
        for size in 1..=plain.len() {
            let (mut bytes, mut mask) = (masked.clone(), key);
            for piece in bytes.chunks_mut(size) {
                unmask(piece, &mut mask);
            }
            assert_eq!(bytes, plain, "pieces of {size}");
        }
    }

    #[test]
    fn codes_close_or_do_not() {
        let may = |range: std::ops::RangeInclusive<u16>| range.filter(|&code| may_close(code));
        let reserved: Vec<u16> = may(0..=2999).collect();
        let named = [
            1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
        ];
        assert_eq!(reserved, named);
        assert_eq!(may(3000..=4999).count(), 2000);
        assert_eq!(may(5000..=u16::MAX).count(), 0);
    }

    fn hex(text: &str) -> Vec<u8> {
        let bytes = text.split(' ');
        bytes
            .map(|byte| u8::from_str_radix(byte, 16).unwrap())
            .collect()
    }
}
