//! A short text and an address, that one thread writes and any other reads, without a lock. It owns
//! how that is done, and knows nothing of what they say.
//!
//! A sequence lock made of atomics: the writer makes the number odd, writes, and makes it even; a
//! reader that saw an odd number, or another one afterwards, has read a mixture and tries again.
//! The writer never waits and allocates nothing: one is written for each request.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{fence, AtomicU32, AtomicU64, Ordering};

/// Bytes of a note; a longer text is cut there.
pub(crate) const LONGEST: usize = WORDS * WORD;
const WORDS: usize = 15;
const WORD: usize = 8;
/// A writer is at it for some nanoseconds. One that is found at it so often has lost its core.
const TRIES: u32 = 1000;

#[derive(Debug, Default)]
pub(crate) struct RequestLabel {
    sequence: AtomicU32,
    /// From the lowest byte: the text's length, which version of IP the address is of, its port.
    shape: AtomicU32,
    words: [AtomicU64; WORDS],
    address: [AtomicU64; 2],
}

const NO_ADDRESS: u32 = 0;

impl RequestLabel {
    /// Writes these. For one thread at a time.
    #[inline]
    pub(super) fn write(&self, text: &str, address: Option<SocketAddr>) {
        let text = &text.as_bytes()[..text.len().min(LONGEST)];
        let version = address.map_or(NO_ADDRESS, |address| if address.is_ipv4() { 4 } else { 6 });
        let port = u32::from(address.map_or(0, |address| address.port()));
        let before = self.sequence.load(Ordering::Relaxed);
        self.sequence
            .store(before.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        // It fits: it is at most `LONGEST`.
        let shape = text.len() as u32 | version << 8 | port << 16;
        self.shape.store(shape, Ordering::Relaxed);
        if let Some(address) = address {
            self.write_ip(address.ip());
        }
        let mut whole = text.chunks_exact(WORD);
        let mut words = self.words.iter();
        for (bytes, word) in whole.by_ref().zip(words.by_ref()) {
            let mut eight = [0; WORD];
            eight.copy_from_slice(bytes);
            word.store(u64::from_le_bytes(eight), Ordering::Relaxed);
        }
        if let Some(word) = words.next() {
            let shifted = |word, &byte: &u8| word << 8 | u64::from(byte);
            let rest = whole.remainder().iter().rev().fold(0, shifted);
            word.store(rest, Ordering::Relaxed);
        }
        self.sequence
            .store(before.wrapping_add(2), Ordering::Release);
    }

    fn write_ip(&self, ip: IpAddr) {
        let bits = match ip {
            IpAddr::V4(v4) => u128::from(u32::from(v4)),
            IpAddr::V6(v6) => u128::from(v6),
        };
        // The two halves of it.
        self.address[0].store(bits as u64, Ordering::Relaxed);
        self.address[1].store((bits >> 64) as u64, Ordering::Relaxed);
    }

    /// What was written last; nothing where nothing was, or where the writer is stuck in between.
    pub(super) fn read(&self) -> (String, Option<SocketAddr>) {
        for _ in 0..TRIES {
            let before = self.sequence.load(Ordering::Acquire);
            let shape = self.shape.load(Ordering::Relaxed);
            let [low, high] = [0, 1].map(|at| self.address[at].load(Ordering::Relaxed));
            let mut text = [0; LONGEST];
            for (bytes, word) in text.chunks_exact_mut(WORD).zip(&self.words) {
                bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
            }
            fence(Ordering::Acquire);
            if before % 2 == 0 && self.sequence.load(Ordering::Relaxed) == before {
                let length = (shape & 0xff) as usize;
                let text = &text[..length.min(LONGEST)];
                let ip = match shape >> 8 & 0xff {
                    NO_ADDRESS => None,
                    4 => Some(IpAddr::from((low as u32).to_be_bytes())),
                    _ => Some(Ipv6Addr::from(u128::from(high) << 64 | u128::from(low)).into()),
                };
                // The port is what is left of it.
                let address = ip.map(|ip| SocketAddr::new(ip, (shape >> 16) as u16));
                return (String::from_utf8_lossy(text).into_owned(), address);
            }
            std::hint::spin_loop();
        }
        (String::new(), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    #[test]
    fn it_says_what_was_written_last_up_to_its_length() {
        let note = RequestLabel::default();
        assert_eq!(note.read(), (String::new(), None));
        for length in [
            5,
            0,
            8,
            15,
            16,
            17,
            LONGEST - 1,
            LONGEST,
            LONGEST + 1,
            500,
            1,
        ] {
            let text: String = ('a'..='z').cycle().take(length).collect();
            note.write(&text, None);
            assert_eq!(note.read(), (text[..length.min(LONGEST)].into(), None));
        }
    }

    #[test]
    fn it_tells_the_address_of_the_last_text() {
        let note = RequestLabel::default();
        for address in [
            Some("192.0.2.255:65535"),
            Some("0.0.0.0:0"),
            None,
            Some("[2001:db8::ff:0:0:1]:80"),
            Some("[ffff::]:0"),
            Some("192.0.2.1:1"),
        ] {
            let address = address.map(|text| text.parse().unwrap());
            note.write("GET /", address);
            assert_eq!(note.read(), ("GET /".into(), address));
        }
    }

    #[test]
    fn it_is_never_a_mixture() {
        let both = |c: u8| {
            let text = char::from(c).to_string().repeat(LONGEST);
            (text, SocketAddr::new([c; 16].into(), u16::from(c)))
        };
        let all = [both(b'a'), both(b'b'), both(b'c')];
        let (note, done) = (RequestLabel::default(), AtomicBool::new(false));
        note.write(&all[0].0, Some(all[0].1));
        thread::scope(|scope| {
            scope.spawn(|| {
                for (text, address) in all.iter().cycle().take(200_000) {
                    note.write(text, Some(*address));
                }
                done.store(true, Ordering::Relaxed);
            });
            while !done.load(Ordering::Relaxed) {
                let (text, address) = note.read();
                let is_whole = address.map_or(text.is_empty(), |address| {
                    all.contains(&(text.clone(), address))
                });
                assert!(is_whole, "{text} {address:?}");
            }
        });
    }
}
