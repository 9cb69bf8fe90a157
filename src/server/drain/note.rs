//! A short text that one thread writes and any other reads, without a lock. It owns how that is
//! done, and knows nothing of what the text says.
//!
//! A sequence lock made of atomics: the writer makes the number odd, writes, and makes it even; a
//! reader that saw an odd number, or another one afterwards, has read a mixture and tries again.
//! The writer never waits and allocates nothing: one is written for each request.

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
    /// Writes this text. For one thread at a time.
    #[inline]
    pub fn write(&self, text: &str) {
        let text = &text.as_bytes()[..text.len().min(LONGEST)];
        let before = self.sequence.load(Ordering::Relaxed);
        self.sequence
            .store(before.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        // It fits: it is at most `LONGEST`.
        self.length.store(text.len() as u32, Ordering::Relaxed);
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

    /// What was written last; empty where nothing was, or where the writer is stuck in between.
    pub fn read(&self) -> String {
        for _ in 0..TRIES {
            let before = self.sequence.load(Ordering::Acquire);
            let length = self.length.load(Ordering::Relaxed) as usize;
            let mut text = [0; LONGEST];
            for (bytes, word) in text.chunks_exact_mut(WORD).zip(&self.words) {
                bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
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
            note.write(&text);
            assert_eq!(note.read(), text[..length.min(LONGEST)]);
        }
    }

    #[test]
    fn it_is_never_a_mixture() {
        let texts: Vec<String> = ["a", "b", "c"].map(|c| c.repeat(LONGEST)).into();
        let (note, done) = (Note::default(), AtomicBool::new(false));
        note.write(&texts[0]);
        thread::scope(|scope| {
            scope.spawn(|| {
                for text in texts.iter().cycle().take(200_000) {
                    note.write(text);
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
