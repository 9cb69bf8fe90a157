//! The one place where a poisoned lock is recovered: what a lock guards here is whole at every
//! point where a panic could strike, so the poison says nothing.

use std::sync::{Mutex, MutexGuard};

pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
