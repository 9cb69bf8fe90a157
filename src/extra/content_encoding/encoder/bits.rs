//! [`Bits`]: packs bits into bytes as DEFLATE does (RFC 1951 §3.1.1), from the lowest bit of a byte.

/// The complete bytes, and the bits of the next byte.
#[derive(Debug, Default)]
pub(crate) struct Bits {
    pub(crate) bytes: Vec<u8>,
    pending: u64,
    /// The number of bits in `pending`, from the lowest bit on. Below 32 between calls.
    count: u32,
}

impl Bits {
    /// Appends the lowest `count` bits, at most 32. Higher bits must be 0.
    #[inline]
    pub(crate) fn put(&mut self, bits: u32, count: u32) {
        self.pending |= u64::from(bits) << self.count;
        self.count += count;
        if self.count >= 32 {
            // `as` keeps the lower half, which is complete.
            self.bytes
                .extend_from_slice(&(self.pending as u32).to_le_bytes());
            self.pending >>= 32;
            self.count -= 32;
        }
    }

    /// Fills the last byte with zeros. After this, the caller can append to `bytes`.
    pub(crate) fn align(&mut self) {
        let bytes = (self.count as usize + 7) / 8;
        self.bytes
            .extend_from_slice(&self.pending.to_le_bytes()[..bytes]);
        self.pending = 0;
        self.count = 0;
    }

    /// Returns the number of bits that `align` would add after `after` more bits.
    pub(crate) fn to_alignment(&self, after: u32) -> u32 {
        (self.count + after).wrapping_neg() % 8
    }
}
