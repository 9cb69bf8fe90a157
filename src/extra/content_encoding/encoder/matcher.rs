//! Where a text repeats itself (RFC 1951 §2): the window of what was read last, and the search for
//! the longest copy in it. What copies cost in bits is not known here.

use super::block::Block;

/// How far back a copy may reach.
const FARTHEST: usize = 32 * 1024;
/// The smallest window: below it nothing is saved by a smaller one.
const SMALLEST: usize = 1024;
/// The longest copy (RFC 1951 §3.2.5).
const LONGEST: usize = 258;
/// The shortest that is looked for: so many bytes are hashed.
const SHORTEST: usize = 4;
/// How many candidates are compared, at most. This bounds the work for a byte, whatever comes.
const CHAIN: usize = 32;
/// With a copy of this length in hand, a better one gets a quarter of that.
const GOOD: usize = 8;
/// A copy of this length is taken without a look at what begins one byte later.
const LAZY: usize = 16;
/// A copy of this length ends the search.
const NICE: usize = 128;

#[derive(Clone, Copy, Debug)]
struct Copy {
    length: usize,
    distance: usize,
}

/// The text as it is read, and what is known of it.
#[derive(Debug)]
pub(crate) struct Matcher {
    /// Twice as long as a copy may reach back; a power of two.
    text: Vec<u8>,
    /// Up to here there is text.
    end: usize,
    /// Up to here it has become literals and copies.
    done: usize,
    /// Where the block began, unless that has left the window.
    began: Option<usize>,
    /// What was found for `done` already.
    found: Option<Copy>,
    /// Up to here positions are in the chains.
    known: usize,
    /// By hash, the last position; 0 is none. The chains go on in `previous`.
    last: Vec<u16>,
    /// By position, modulo its length, the one before it of the same hash.
    previous: Vec<u16>,
    /// By how much a product is shifted to be an index of `last`.
    shift: u32,
    /// Candidates and words of them that were compared.
    #[cfg(test)]
    pub work: u64,
}

impl Matcher {
    /// For a text of this length, if that is known: a short one needs little room.
    pub(super) fn new(length: Option<u64>) -> Matcher {
        let reach = length.map_or(FARTHEST, |length| {
            let reach = length.clamp(SMALLEST as u64, FARTHEST as u64);
            // At most FARTHEST.
            (reach as usize).next_power_of_two()
        });
        Matcher {
            text: vec![0; 2 * reach],
            end: 0,
            done: 0,
            began: Some(0),
            found: None,
            known: 0,
            last: vec![0; reach],
            previous: vec![0; reach],
            shift: reach.leading_zeros() + 33 - usize::BITS,
            #[cfg(test)]
            work: 0,
        }
    }

    /// Where more text can be put: never nothing.
    pub(super) fn room(&mut self) -> &mut [u8] {
        let reach = self.previous.len();
        // What is not done is less than LONGEST here.
        if self.text.len() - self.end < reach / 8 {
            self.text.copy_within(reach..self.end, 0);
            self.end -= reach;
            self.done -= reach;
            self.known -= reach;
            self.began = self.began.and_then(|began| began.checked_sub(reach));
            for table in [&mut self.last, &mut self.previous] {
                // What is out of reach becomes none.
                let positions = table.iter_mut();
                positions.for_each(|position| *position = position.saturating_sub(reach as u16));
            }
        }
        &mut self.text[self.end..]
    }

    /// So many bytes were put there.
    pub(super) fn filled(&mut self, count: usize) {
        self.end += count;
    }

    /// What the block stands for, if it is still there.
    pub(super) fn block(&self) -> Option<&[u8]> {
        self.began.map(|began| &self.text[began..self.done])
    }

    /// The next block begins here.
    pub(super) fn begin_block(&mut self) {
        self.began = Some(self.done);
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.text.len() + 2 * self.last.len() + 2 * self.previous.len()
    }

    /// Puts literals and copies into the block until it is full or the text at an end; with more to
    /// come, that is where a copy might still become longer. False once it is at the end.
    pub(super) fn fill(&mut self, block: &mut Block, more: bool) -> bool {
        let enough = if more { LONGEST + 1 } else { 1 };
        while self.end - self.done >= enough {
            if block.is_full() {
                return true;
            }
            let found = match self.found.take() {
                Some(found) => Some(found),
                None => self.search(self.done, SHORTEST - 1),
            };
            let copy = match found {
                Some(copy) => copy,
                None => {
                    block.literal(self.text[self.done]);
                    self.done += 1;
                    continue;
                }
            };
            if copy.length < LAZY {
                self.found = self.search(self.done + 1, copy.length);
                if self.found.is_some() {
                    block.literal(self.text[self.done]);
                    self.done += 1;
                    continue;
                }
            }
            block.copy(copy.length, copy.distance);
            self.done += copy.length;
        }
        false
    }

    /// The longest copy for a position, and the nearest of those; none that is not longer than
    /// `least`.
    fn search(&mut self, at: usize, least: usize) -> Option<Copy> {
        let mut candidate = self.learn(at)?;
        let longest = LONGEST.min(self.end - at);
        if least >= longest {
            return None;
        }
        let here = &self.text[at..at + longest];
        // One farther back has been overwritten in `previous`.
        let oldest = at.saturating_sub(self.previous.len() - 1);
        let mut best = Copy {
            length: least,
            distance: 0,
        };
        let chain = if least >= GOOD { CHAIN / 4 } else { CHAIN };
        for _ in 0..chain {
            // Position 0 is none.
            if candidate < oldest.max(1) {
                break;
            }
            let there = &self.text[candidate..candidate + longest];
            #[cfg(test)]
            {
                self.work += 1;
            }
            // What does not agree here is not longer than the best.
            if there[best.length] == here[best.length] {
                let length = common(there, here);
                #[cfg(test)]
                {
                    self.work += length as u64 / 8;
                }
                if length > best.length {
                    let distance = at - candidate;
                    best = Copy { length, distance };
                    if length >= longest.min(NICE) {
                        break;
                    }
                }
            }
            candidate = usize::from(self.previous[candidate & (self.previous.len() - 1)]);
        }
        Some(best).filter(|best| best.distance > 0)
    }

    /// Puts all positions up to this one into the chains; the one that was before it in its own.
    /// `None` where there is too little text behind it.
    fn learn(&mut self, at: usize) -> Option<usize> {
        let mut before = None;
        while self.known <= at {
            let bytes = self.text.get(self.known..self.known + SHORTEST)?;
            if self.known + SHORTEST > self.end {
                return None;
            }
            let bytes = u32::from_le_bytes(bytes.try_into().ok()?);
            let hash = hash(bytes, self.shift);
            let mask = self.previous.len() - 1;
            before = Some(self.last[hash]);
            self.previous[self.known & mask] = self.last[hash];
            // Positions are below 64 Ki.
            self.last[hash] = self.known as u16;
            self.known += 1;
        }
        before.map(usize::from)
    }
}

/// Multiplied by 2^32 divided by the golden ratio: the upper bits depend on all. Who knows it can
/// make texts that collide, which costs no more than `CHAIN` for each byte.
pub(crate) fn hash(bytes: u32, shift: u32) -> usize {
    (bytes.wrapping_mul(0x9e37_79b1) >> shift) as usize
}

/// How many bytes are the same from the start; both are as long.
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
