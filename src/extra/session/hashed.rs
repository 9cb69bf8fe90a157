//! The randomness of std's hash maps, where the system's own cannot be had.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash, Hasher};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

/// So many bytes. Each eight are the hash of a number that no other has, the time, and where the
/// stack is.
///
/// # Errors
///
/// None; where the system has randomness, there may be some.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut bytes = [0; N];
    for piece in bytes.chunks_mut(8) {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let place = piece.as_ptr() as usize;
        let open = (count, SystemTime::now(), Instant::now(), place);
        piece.copy_from_slice(&secret(&open).to_ne_bytes()[..piece.len()]);
    }
    Ok(bytes)
}

/// SipHash of what is no secret, under keys that are: std makes new ones for each call here, from
/// those that each thread has from the system.
fn secret(open: &impl Hash) -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    open.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::secret;
    use std::collections::HashSet;
    use std::thread;

    /// So nothing that can be known beforehand makes them.
    #[test]
    fn the_same_is_never_hashed_to_the_same() {
        let make = || (0..100).map(|_| secret(&1)).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| thread::spawn(make)).collect();
        let hashes = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        assert_eq!(hashes.collect::<HashSet<_>>().len(), 400);
    }
}
