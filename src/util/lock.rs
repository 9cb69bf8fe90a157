//! The one place where a poisoned lock is recovered.
//!
//! The data behind each lock of this library is whole at every point where a panic can strike, so
//! the poison carries no information.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks the mutex, also after a panic of a thread that held it.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
