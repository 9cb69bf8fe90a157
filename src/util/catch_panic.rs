//! The place where a panic of the user's code ends: a handler, a body's reader, a hook, a drop.

use std::io;
use std::mem;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Returns the value of `act`, or the message of its panic.
pub(crate) fn catch_panic<T>(act: impl FnOnce() -> T) -> Result<T, Panicked> {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(value) => Ok(value),
        Err(payload) => {
            let text = match payload.downcast_ref::<&str>() {
                Some(text) => Some((*text).to_owned()),
                None => payload.downcast_ref::<String>().cloned(),
            };
            // The payload has a type of the user's, and its drop may panic too. The payload of that
            // second panic is leaked: to drop it could panic again, without an end.
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                mem::forget(second);
            }
            Err(Panicked(text))
        }
    }
}

/// The message of a panic; `None` if its payload was no text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Panicked(Option<String>);

impl From<Panicked> for io::Error {
    fn from(Panicked(text): Panicked) -> io::Error {
        let text = match text {
            Some(text) => format!("panic: {text}"),
            None => "panic without message".to_owned(),
        };
        io::Error::new(io::ErrorKind::Other, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::resume_unwind;

    /// A payload that panics with another one when it is dropped.
    struct Endless;

    impl Drop for Endless {
        fn drop(&mut self) {
            resume_unwind(Box::new(Endless))
        }
    }

    #[test]
    fn a_payload_may_panic_when_it_is_dropped() {
        assert_eq!(catch_panic(|| 1), Ok(1));
        assert_eq!(
            catch_panic(|| resume_unwind(Box::new(Endless))),
            panicked(None)
        );
    }

    fn panicked(text: Option<&str>) -> Result<u8, Panicked> {
        Err(Panicked(text.map(str::to_owned)))
    }

    #[test]
    fn a_payload_of_text_is_the_message() {
        assert_eq!(
            catch_panic(|| resume_unwind(Box::new("once"))),
            panicked(Some("once"))
        );
        let owned = "twice".to_owned();
        assert_eq!(
            catch_panic(|| resume_unwind(Box::new(owned))),
            panicked(Some("twice"))
        );
        assert_eq!(catch_panic(|| resume_unwind(Box::new(3))), panicked(None));
        let error = |text| io::Error::from(panicked(text).unwrap_err()).to_string();
        assert_eq!(error(Some("so")), "panic: so");
        assert_eq!(error(None), "panic without message");
    }
}
