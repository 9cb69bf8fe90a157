//! The user's code where a panic of it must end: what it does, and what it throws.

use std::io;
use std::mem;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// What `act` returns, or what it says if it panics.
pub(crate) fn caught<T>(act: impl FnOnce() -> T) -> Result<T, Panicked> {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(value) => Ok(value),
        Err(thrown) => {
            let text = match (
                thrown.downcast_ref::<&str>(),
                thrown.downcast_ref::<String>(),
            ) {
                (Some(text), _) => Some((*text).to_owned()),
                (None, text) => text.cloned(),
            };
            // What was thrown is the user's too. If dropping it panics, and dropping what that
            // throws, there is no end to it: the second is left undropped.
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(thrown))) {
                mem::forget(second);
            }
            Err(Panicked(text))
        }
    }
}

/// A panic's message, if it was text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Panicked(Option<String>);

impl From<Panicked> for io::Error {
    fn from(Panicked(text): Panicked) -> io::Error {
        let text = match text {
            Some(text) => format!("it panicked: {text}"),
            None => "it panicked".to_owned(),
        };
        io::Error::new(io::ErrorKind::Other, text)
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
        assert_eq!(caught(|| 1), Ok(1));
        assert_eq!(caught(|| resume_unwind(Box::new(Endless))), thrown(None));
    }

    fn thrown(text: Option<&str>) -> Result<u8, Panicked> {
        Err(Panicked(text.map(str::to_owned)))
    }

    #[test]
    fn what_is_thrown_is_told_if_it_is_text() {
        assert_eq!(
            caught(|| resume_unwind(Box::new("once"))),
            thrown(Some("once"))
        );
        let owned = "twice".to_owned();
        assert_eq!(
            caught(|| resume_unwind(Box::new(owned))),
            thrown(Some("twice"))
        );
        assert_eq!(caught(|| resume_unwind(Box::new(3))), thrown(None));
        let told = |text| io::Error::from(thrown(text).unwrap_err()).to_string();
        assert_eq!(told(Some("so")), "it panicked: so");
        assert_eq!(told(None), "it panicked");
    }
}
