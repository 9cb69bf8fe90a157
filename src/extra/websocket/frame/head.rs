//! The head of a frame as bytes (RFC 6455 §5.2), read and written, and the mask. The functions keep
//! no state between frames.
//!
//! ```text
//!   FIN RSV1 RSV2 RSV3 opcode(4) | MASK length(7) | length(16 or 64), at 126 and 127 | key(32)
//! ```

use super::close_code::{protocol_error, Fault};

/// 125 bytes: the longest payload of a control frame (RFC 6455 §5.5).
pub(crate) const MAX_CONTROL_PAYLOAD_BYTES: usize = 125;

/// 14 bytes: the longest head of a client's frame, with a 64-bit length and a mask.
pub(crate) const MAX_HEAD_BYTES: usize = 14;

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
    fn from_bits(bits: u8) -> Option<Opcode> {
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

/// The head of a client's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) fin: bool,
    pub(crate) opcode: Opcode,
    pub(crate) length: u64,
    pub(crate) mask: [u8; 4],
}

/// Reads the head at the start of `bytes`. Returns `None` if the head is incomplete.
///
/// # Errors
///
/// Returns a fault at the first byte that violates the protocol.
pub(crate) fn read_head(bytes: &[u8]) -> Result<Option<Head>, Fault> {
    let first = match bytes.first() {
        Some(first) => *first,
        None => return Ok(None),
    };
    // RFC 6455 §5.2: no extension was negotiated, so none of these bits has a meaning.
    if first & 0x70 != 0 {
        return Err(protocol_error("reserved bit set"));
    }
    let opcode = Opcode::from_bits(first & 0x0f).ok_or(protocol_error("reserved opcode"))?;
    let fin = first & 0x80 != 0;
    if opcode.is_control() && !fin {
        return Err(protocol_error("fragmented control frame"));
    }
    let second = match bytes.get(1) {
        Some(second) => *second,
        None => return Ok(None),
    };
    // RFC 6455 §5.1: a client must mask, so that a script cannot choose the bytes on the wire.
    if second & 0x80 == 0 {
        return Err(protocol_error("frame not masked"));
    }
    let short = second & 0x7f;
    if opcode.is_control() && usize::from(short) > MAX_CONTROL_PAYLOAD_BYTES {
        return Err(protocol_error("control frame payload above 125 bytes"));
    }
    let (long, least) = match short {
        126 => (2, 126),
        127 => (8, 65_536),
        _ => (0, 0),
    };
    let rest = &bytes[2..];
    if long == 8 && rest.first().map_or(false, |byte| byte & 0x80 != 0) {
        return Err(protocol_error("payload length above 63 bits"));
    }
    if rest.len() < long + 4 {
        return Ok(None);
    }
    let (long, mask) = (&rest[..long], &rest[long..long + 4]);
    let length = match long {
        [] => u64::from(short),
        long => long.iter().fold(0, |sum, &b| sum << 8 | u64::from(b)),
    };
    // RFC 6455 §5.2: the length must use the shortest form that holds the value.
    if length < least {
        return Err(protocol_error("payload length not in shortest form"));
    }
    Ok(Some(Head {
        fin,
        opcode,
        length,
        mask: [mask[0], mask[1], mask[2], mask[3]],
    }))
}

/// Returns the length of a client's head with this second byte.
pub(crate) fn head_length(second: u8) -> usize {
    match second & 0x7f {
        126 => 8,
        127 => MAX_HEAD_BYTES,
        _ => 6,
    }
}

/// Returns the head of a frame from the server, and its size. The frame is not fragmented and not
/// masked (RFC 6455 §5.1).
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

/// Applies or removes the mask (RFC 6455 §5.3). Rotates `mask` to the position for the next bytes
/// of the same frame.
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

/// Returns the part of `data` that fits into a control frame.
pub(crate) fn control_payload(data: &[u8]) -> &[u8] {
    &data[..data.len().min(MAX_CONTROL_PAYLOAD_BYTES)]
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

    /// The mask of each row is 1, 2, 3, 4. Each head is read whole, truncated at each byte, and
    /// with bytes after the head.
    #[test]
    fn a_head_is_read_when_complete() {
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

    /// Each row is refused at its last byte, and not before.
    #[test]
    fn a_fault_is_reported_at_the_first_byte_that_shows_the_fault() {
        for (bytes, reason) in [
            ("c1", "reserved bit set"),
            ("a1", "reserved bit set"),
            ("91", "reserved bit set"),
            ("f8", "reserved bit set"),
            ("83", "reserved opcode"),
            ("07", "reserved opcode"),
            ("8b", "reserved opcode"),
            ("8f", "reserved opcode"),
            ("08", "fragmented control frame"),
            ("09", "fragmented control frame"),
            ("0a", "fragmented control frame"),
            ("81 00", "frame not masked"),
            ("89 7e", "frame not masked"),
            ("88 fe", "control frame payload above 125 bytes"),
            ("8a ff", "control frame payload above 125 bytes"),
            (
                "81 fe 00 7d 01 02 03 04",
                "payload length not in shortest form",
            ),
            (
                "81 ff 00 00 00 00 00 00 ff ff 01 02 03 04",
                "payload length not in shortest form",
            ),
            ("81 ff 80", "payload length above 63 bits"),
        ] {
            let whole = hex(bytes);
            let last = whole.len() - 1;
            assert_eq!(read_head(&whole[..last]), Ok(None), "{bytes}");
            assert_eq!(read_head(&whole), Err(protocol_error(reason)), "{bytes}");
        }
    }

    #[test]
    fn lengths_are_written_in_the_shortest_form() {
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

    /// The example of RFC 6455 §5.7, then the definition in §5.3 with pieces of each size.
    #[test]
    fn unmasking_continues_across_pieces() {
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

    fn hex(text: &str) -> Vec<u8> {
        let bytes = text.split(' ');
        bytes
            .map(|byte| u8::from_str_radix(byte, 16).unwrap())
            .collect()
    }
}
