//! A short text that one thread writes and any other reads, without a lock. It owns how that is
//! done, and knows nothing of what the text says.
//!
//! A sequence lock made of atomics: the writer makes the number odd, writes, and makes it even; a
//! reader that saw an odd number, or another one afterwards, has read a mixture and tries again.
//! The writer never waits and allocates nothing: it writes one for each request.

use std::sync::atomic::{fence, AtomicU32, AtomicU64, Ordering};

/// Bytes of a note; a longer text is cut there.
pub(crate) const LONGEST: usize = WORDS * WORD;
const WORDS: usize = 15;
const WORD: usize = 8;
/// A writer is at it for some nanoseconds. One that is found at it so often has lost its core.
const TRIES: u32 = 1000;

#[derive(Debug, Default)]
pub(crate) struct Note {
    sequence: AtomicU32,
    length: AtomicU32,
    words: [AtomicU64; WORDS],
}

impl Note {
    /// Writes these parts, one behind the other. For one thread at a time.
    #[inline]
    pub fn write(&self, parts: [&str; 3]) {
        let mut text = [0; LONGEST];
        let mut length = 0;
        for part in parts {
            let count = part.len().min(LONGEST - length);
            text[length..length + count].copy_from_slice(&part.as_bytes()[..count]);
            length += count;
        }
        let before = self.sequence.load(Ordering::Relaxed);
        self.sequence
            .store(before.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        // It fits: it is at most `LONGEST`.
        self.length.store(length as u32, Ordering::Relaxed);
        let used = (length + WORD - 1) / WORD;
        for (word, bytes) in self.words[..used].iter().zip(text.chunks_exact(WORD)) {
            let mut eight = [0; WORD];
            eight.copy_from_slice(bytes);
            word.store(u64::from_ne_bytes(eight), Ordering::Relaxed);
        }
        self.sequence
            .store(before.wrapping_add(2), Ordering::Release);
    }

    /// What was written last; empty where nothing was, or where the writer is stuck in between.
    pub fn read(&self) -> String {
        for _ in 0..TRIES {
            let before = self.sequence.load(Ordering::Acquire);
            let length = self.length.load(Ordering::Relaxed) as usize;
            let mut text = [0; LONGEST];
            for (bytes, word) in text.chunks_exact_mut(WORD).zip(&self.words) {
                bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
            }
            fence(Ordering::Acquire);
            if before % 2 == 0 && self.sequence.load(Ordering::Relaxed) == before {
                let text = &text[..length.min(LONGEST)];
                return String::from_utf8_lossy(text).into_owned();
            }
            std::hint::spin_loop();
        }
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    #[test]
    fn it_says_what_was_written_last_up_to_its_length() {
        let note = Note::default();
        assert_eq!(note.read(), "");
        let long = "/".repeat(LONGEST);
        let cut = format!("GET {}", &long[..LONGEST - 4]);
        let table = [
            (["GET", " ", "/"], "GET /"),
            (["", "", ""], ""),
            (["POST", " ", "/12345678901"], "POST /12345678901"),
            (["GET", " ", &long], &cut),
            (["1234567", "8", ""], "12345678"),
            (["a", "", ""], "a"),
        ];
        for (parts, want) in table {
            note.write(parts);
            assert_eq!(note.read(), want);
        }
    }

    #[test]
    fn it_is_never_a_mixture() {
        let texts: Vec<String> = ["a", "b", "c"].map(|c| c.repeat(LONGEST)).into();
        let (note, done) = (Note::default(), AtomicBool::new(false));
        note.write([&texts[0], "", ""]);
        thread::scope(|scope| {
            scope.spawn(|| {
                for text in texts.iter().cycle().take(200_000) {
                    note.write([text, "", ""]);
                }
                done.store(true, Ordering::Relaxed);
            });
            while !done.load(Ordering::Relaxed) {
                let read = note.read();
                assert!(read.is_empty() || texts.contains(&read), "{}", read);
            }
        });
    }
}
