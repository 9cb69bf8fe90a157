//! The randomness of std's hash maps, where the system's own cannot be had.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash, Hasher};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Instant, SystemTime};

/// So many bytes. Each eight are SipHash under keys of their own, of which every thread has its
/// first from the system; of a number that no other has, the time, and where the stack is.
///
/// # Errors
///
/// None; where the system has randomness, there may be some.
pub(super) fn random<const N: usize>() -> io::Result<[u8; N]> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut bytes = [0; N];
    for piece in bytes.chunks_mut(8) {
        let mut hasher = RandomState::new().build_hasher();
        COUNT.fetch_add(1, Ordering::Relaxed).hash(&mut hasher);
        SystemTime::now().hash(&mut hasher);
        Instant::now().hash(&mut hasher);
        thread::current().id().hash(&mut hasher);
        (piece.as_ptr() as usize).hash(&mut hasher);
        let hash = hasher.finish().to_ne_bytes();
        piece.copy_from_slice(&hash[..piece.len()]);
    }
    Ok(bytes)
}
