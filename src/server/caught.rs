//! The user's code where a panic of it must end: what it does, and what it throws.

use std::mem;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// What `act` returns, or nothing if it panics.
pub(crate) fn caught<T>(act: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(value) => Some(value),
        Err(thrown) => {
            // What was thrown is the user's too. If dropping it panics, and dropping what that
            // throws, there is no end to it: the second is left undropped.
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(thrown))) {
                mem::forget(second);
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::resume_unwind;

    /// Thrown again by its own drop.
    struct Endless;

    impl Drop for Endless {
        fn drop(&mut self) {
            resume_unwind(Box::new(Endless))
        }
    }

    #[test]
    fn what_is_thrown_may_throw_when_it_is_dropped() {
        assert_eq!(caught(|| 1), Some(1));
        assert_eq!(caught(|| resume_unwind(Box::new("once"))), None::<u8>);
        assert_eq!(caught(|| resume_unwind(Box::new(Endless))), None::<u8>);
    }
}
