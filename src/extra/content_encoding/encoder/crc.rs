//! [`Crc`]: the checksum of a gzip member (RFC 1952 §8), CRC-32 with eight bytes per step.

/// The polynomial of CRC-32, with the highest power in the lowest bit.
const POLYNOMIAL: u32 = 0xedb8_8320;
/// `BYTE_TABLES[n][byte]` is the CRC of a byte that `n` zero bytes follow.
static BYTE_TABLES: [[u32; 256]; 8] = tables();

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Crc(u32);

impl Crc {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let mut crc = !self.0;
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            let word = u64::from_le_bytes(word.try_into().unwrap_or_default()) ^ u64::from(crc);
            // Seven bytes follow the first byte, so its table is the last one.
            let bytes = word.to_le_bytes().into_iter().zip(BYTE_TABLES.iter().rev());
            crc = bytes.fold(0, |crc, (byte, table)| crc ^ table[usize::from(byte)]);
        }
        for &byte in words.remainder() {
            // `as` keeps the lowest byte, which the shift removes.
            crc = BYTE_TABLES[0][usize::from(byte ^ crc as u8)] ^ (crc >> 8);
        }
        self.0 = !crc;
    }

    pub(crate) fn value(self) -> u32 {
        self.0
    }
}

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            let carry = if crc & 1 == 1 { POLYNOMIAL } else { 0 };
            crc = (crc >> 1) ^ carry;
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut at = 0;
    while at < 7 * 256 {
        let before = tables[at / 256][at % 256];
        tables[at / 256 + 1][at % 256] = tables[0][before as usize & 0xff] ^ (before >> 8);
        at += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crc(pieces: &[&[u8]]) -> u32 {
        let mut crc = Crc::default();
        pieces.iter().for_each(|piece| crc.add(piece));
        crc.value()
    }

    #[test]
    fn known_values_are_computed() {
        assert_eq!(crc(&[]), 0);
        // The check value of CRC catalogues.
        assert_eq!(crc(&[b"123456789"]), 0xcbf4_3926);
        assert_eq!(crc(&[&[0; 32]]), 0x190a_55ad);
        assert_eq!(crc(&[&[0xff; 32]]), 0xff6c_ab0b);
    }

    #[test]
    fn eight_bytes_per_step_give_the_same_result() {
        let bytes: Vec<u8> = (0..100u8).map(|n| n.wrapping_mul(167)).collect();
        let whole = crc(&[&bytes]);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(crc(&single), whole);
        for at in 0..bytes.len() {
            assert_eq!(crc(&[&bytes[..at], &bytes[at..]]), whole, "{at}");
        }
    }
}
