//! Bits into bytes, as DEFLATE packs them (RFC 1951 §3.1.1): the first bit is a byte's lowest. It
//! knows no codes.

/// Bytes under way, and the bits that do not fill one yet.
#[derive(Debug, Default)]
pub(crate) struct Bits {
    pub bytes: Vec<u8>,
    held: u64,
    /// Of `held`, from its lowest bit on; below 32 between calls.
    count: u32,
}

impl Bits {
    /// Appends the lowest `count` bits, at most 32; those above must be 0.
    #[inline]
    pub(super) fn put(&mut self, bits: u32, count: u32) {
        self.held |= u64::from(bits) << self.count;
        self.count += count;
        if self.count >= 32 {
            // The lower half: that is the point of it.
            self.bytes
                .extend_from_slice(&(self.held as u32).to_le_bytes());
            self.held >>= 32;
            self.count -= 32;
        }
    }

    /// Fills the byte up with zeros; what comes next can be put into `bytes`.
    pub(super) fn align(&mut self) {
        let bytes = (self.count as usize + 7) / 8;
        self.bytes
            .extend_from_slice(&self.held.to_le_bytes()[..bytes]);
        self.held = 0;
        self.count = 0;
    }

    /// How many bits `align` would add to what is here.
    pub(super) fn to_alignment(&self, after: u32) -> u32 {
        (self.count + after).wrapping_neg() % 8
    }
}
