//! [`Matcher`]: finds repeated text (RFC 1951 §2).
//!
//! The matcher keeps a window of the last text, and searches the window for the longest match at
//! each position. Hash chains give the candidates: all earlier positions with the same hash of four
//! bytes, nearest first. The cost of a match in bits is not considered.

use super::block::Block;

/// 32 KiB: the maximum distance of a match (RFC 1951 §2).
const MAX_DISTANCE_BYTES: usize = 32 * 1024;

/// 1 KiB: the smallest window. A smaller window would save nothing.
const MIN_WINDOW_BYTES: usize = 1024;

/// 258 bytes: the longest match (RFC 1951 §3.2.5).
const MAX_MATCH_BYTES: usize = 258;

/// 4 bytes: the shortest match that is searched, and the number of bytes that are hashed.
const MIN_MATCH_BYTES: usize = 4;

/// 32 candidates: the most that one search compares. This limits the work for each byte of any
/// text.
const MAX_CANDIDATES: usize = 32;

/// 8 bytes: after a match of this length, the search for a better one compares a quarter of the
/// candidates.
const GOOD_MATCH_BYTES: usize = 8;

/// 16 bytes: a match of this length is used without a search at the next position.
const LAZY_MATCH_BYTES: usize = 16;

/// 128 bytes: a match of this length ends the search.
const NICE_MATCH_BYTES: usize = 128;

#[derive(Clone, Copy, Debug)]
struct Match {
    length: usize,
    distance: usize,
}

/// The window of the text, and its hash chains.
#[derive(Debug)]
pub(crate) struct Matcher {
    /// The window. Its length is twice the maximum distance, a power of two.
    text: Vec<u8>,
    /// The end of the text in the window.
    end: usize,
    /// The end of the text that has become literals and matches.
    done: usize,
    /// The beginning of the block, unless no longer in the window.
    began: Option<usize>,
    /// The match at `done`, if already found.
    found: Option<Match>,
    /// The end of the positions that are in the chains.
    hashed: usize,
    /// The last position with each hash, or 0 for none. `previous` continues the chains.
    last: Vec<u16>,
    /// The position before each position with the same hash. The index is the position modulo the
    /// length.
    previous: Vec<u16>,
    /// The shift that makes a product an index of `last`.
    shift: u32,
    /// The number of compared candidates and words.
    #[cfg(test)]
    pub(crate) work: u64,
}

impl Matcher {
    /// `length` is the length of the text if known. A short text needs less memory.
    pub(crate) fn new(length: Option<u64>) -> Matcher {
        let reach = length.map_or(MAX_DISTANCE_BYTES, |length| {
            let reach = length.clamp(MIN_WINDOW_BYTES as u64, MAX_DISTANCE_BYTES as u64);
            // `as` is exact: at most MAX_DISTANCE_BYTES.
            (reach as usize).next_power_of_two()
        });
        Matcher {
            text: vec![0; 2 * reach],
            end: 0,
            done: 0,
            began: Some(0),
            found: None,
            hashed: 0,
            last: vec![0; reach],
            previous: vec![0; reach],
            shift: reach.leading_zeros() + 33 - usize::BITS,
            #[cfg(test)]
            work: 0,
        }
    }

    /// Returns the room for more text, which is never empty.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        let reach = self.previous.len();
        // The text after `done` is shorter than MAX_MATCH_BYTES here.
        if self.text.len() - self.end < reach / 8 {
            self.text.copy_within(reach..self.end, 0);
            self.end -= reach;
            self.done -= reach;
            self.hashed -= reach;
            self.began = self.began.and_then(|began| began.checked_sub(reach));
            for table in [&mut self.last, &mut self.previous] {
                // A position out of the window becomes 0, which means none.
                let positions = table.iter_mut();
                positions.for_each(|position| *position = position.saturating_sub(reach as u16));
            }
        }
        &mut self.text[self.end..]
    }

    /// Records that `count` bytes were written to the room.
    pub(crate) fn filled(&mut self, count: usize) {
        self.end += count;
    }

    /// Returns the text of the block, if still in the window.
    pub(crate) fn block(&self) -> Option<&[u8]> {
        self.began.map(|began| &self.text[began..self.done])
    }

    /// Begins the next block at this position.
    pub(crate) fn begin_block(&mut self) {
        self.began = Some(self.done);
    }

    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.text.len() + 2 * self.last.len() + 2 * self.previous.len()
    }

    /// Adds literals and matches to the block. Returns `true` if the block is full, and `false` at
    /// the end of the text. If `more` text follows, the end is the position at which a match might
    /// still become longer.
    pub(crate) fn fill(&mut self, block: &mut Block, more: bool) -> bool {
        let enough = if more { MAX_MATCH_BYTES + 1 } else { 1 };
        while self.end - self.done >= enough {
            if block.is_full() {
                return true;
            }
            let found = match self.found.take() {
                Some(found) => Some(found),
                None => self.search(self.done, MIN_MATCH_BYTES - 1),
            };
            let found = match found {
                Some(found) => found,
                None => {
                    block.push_literal(self.text[self.done]);
                    self.done += 1;
                    continue;
                }
            };
            if found.length < LAZY_MATCH_BYTES {
                self.found = self.search(self.done + 1, found.length);
                if self.found.is_some() {
                    block.push_literal(self.text[self.done]);
                    self.done += 1;
                    continue;
                }
            }
            block.push_match(found.length, found.distance);
            self.done += found.length;
        }
        false
    }

    /// Returns the longest match at a position that is longer than `min`, and the nearest of equal
    /// ones.
    fn search(&mut self, at: usize, min: usize) -> Option<Match> {
        let mut candidate = self.hash_up_to(at)?;
        let longest = MAX_MATCH_BYTES.min(self.end - at);
        if min >= longest {
            return None;
        }
        let here = &self.text[at..at + longest];
        // Older positions have been overwritten in `previous`.
        let oldest = at.saturating_sub(self.previous.len() - 1);
        let mut best = Match {
            length: min,
            distance: 0,
        };
        let max_candidates = if min >= GOOD_MATCH_BYTES {
            MAX_CANDIDATES / 4
        } else {
            MAX_CANDIDATES
        };
        for _ in 0..max_candidates {
            // 0 means none.
            if candidate < oldest.max(1) {
                break;
            }
            let there = &self.text[candidate..candidate + longest];
            #[cfg(test)]
            {
                self.work += 1;
            }
            // A candidate that differs here is not longer than the best match.
            if there[best.length] == here[best.length] {
                let length = common(there, here);
                #[cfg(test)]
                {
                    self.work += length as u64 / 8;
                }
                if length > best.length {
                    let distance = at - candidate;
                    best = Match { length, distance };
                    if length >= longest.min(NICE_MATCH_BYTES) {
                        break;
                    }
                }
            }
            candidate = usize::from(self.previous[candidate & (self.previous.len() - 1)]);
        }
        Some(best).filter(|best| best.distance > 0)
    }

    /// Adds all positions up to this one to the chains. Returns the position before in the chain of
    /// this one. Returns `None` if too little text follows.
    fn hash_up_to(&mut self, at: usize) -> Option<usize> {
        let mut before = None;
        while self.hashed <= at {
            let bytes = self.text.get(self.hashed..self.hashed + MIN_MATCH_BYTES)?;
            if self.hashed + MIN_MATCH_BYTES > self.end {
                return None;
            }
            let bytes = u32::from_le_bytes(bytes.try_into().ok()?);
            let hash = hash(bytes, self.shift);
            let mask = self.previous.len() - 1;
            before = Some(self.last[hash]);
            self.previous[self.hashed & mask] = self.last[hash];
            // `as` is exact: positions are below 64 Ki.
            self.last[hash] = self.hashed as u16;
            self.hashed += 1;
        }
        before.map(usize::from)
    }
}

/// Returns the hash of four bytes: the product with 2^32 divided by the golden ratio, whose upper
/// bits depend on all bytes. A client can make texts whose hashes collide. Such a text costs at
/// most [`MAX_CANDIDATES`] comparisons for each byte.
pub(crate) fn hash(bytes: u32, shift: u32) -> usize {
    (bytes.wrapping_mul(0x9e37_79b1) >> shift) as usize
}

/// Returns the number of equal bytes at the start. Both slices have the same length.
#[inline]
fn common(one: &[u8], other: &[u8]) -> usize {
    let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap_or_default());
    let words = one.chunks_exact(8).zip(other.chunks_exact(8));
    let mut same = 0;
    for (one, other) in words {
        let differ = word(one) ^ word(other);
        if differ != 0 {
            return same + differ.trailing_zeros() as usize / 8;
        }
        same += 8;
    }
    let rest = one[same..].iter().zip(&other[same..]);
    same + rest.take_while(|(one, other)| one == other).count()
}
