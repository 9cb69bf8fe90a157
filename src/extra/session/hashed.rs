//! Randomness from the keys of std's hash maps, for systems without `/dev/urandom`.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash, Hasher};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

/// Returns `N` random bytes. Each eight bytes are the hash of a unique number, the time, and an
/// address on the stack.
///
/// # Errors
///
/// Never returns an error. The result has the same type as that of the module `system`.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut bytes = [0; N];
    for piece in bytes.chunks_mut(8) {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let address = piece.as_ptr() as usize;
        let input = (count, SystemTime::now(), Instant::now(), address);
        piece.copy_from_slice(&keyed_hash(&input).to_ne_bytes()[..piece.len()]);
    }
    Ok(bytes)
}

/// Returns SipHash of the input, which may be known, with secret keys. std derives new keys for
/// each call from the keys that the system made for the thread.
fn keyed_hash(input: &impl Hash) -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    input.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::keyed_hash;
    use std::collections::HashSet;
    use std::thread;

    /// The results therefore depend on more than known input.
    #[test]
    fn the_hash_of_one_value_is_different_in_each_call() {
        let make = || (0..100).map(|_| keyed_hash(&1)).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| thread::spawn(make)).collect();
        let hashes = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        assert_eq!(hashes.collect::<HashSet<_>>().len(), 400);
    }
}
