//! Waits with an end.

use std::fmt::Debug;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::GUARD;

/// Long enough to leave the processor to the server, short beside every bound that a test checks.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// Runs `act` on a thread of its own; the test fails if it is not done within `time`.
pub fn finishes<T: Send + 'static>(time: Duration, act: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, finished) = mpsc::channel();
    let thread = thread::spawn(move || {
        let _ = done.send(act());
    });
    match finished.recv_timeout(time) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("not done within {time:?}"),
        // `act` panicked: the test panics with the same message.
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("a thread without a panic has sent its value"),
        },
    }
}

/// Returns the result of `act` and the time that it took.
pub fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let value = act();
    (value, began.elapsed())
}

/// Waits for a condition that can only be polled: a counter, for example.
pub fn eventually(what: &str, condition: impl FnMut() -> bool) {
    eventually_within(GUARD, what, condition);
}

/// Waits until `look` returns the expected value; the test fails with the last other value.
pub fn eventually_equals<T: PartialEq + Debug>(
    time: Duration,
    expected: &T,
    mut look: impl FnMut() -> T,
) {
    let began = Instant::now();
    loop {
        let found = look();
        if found == *expected {
            return;
        }
        assert!(began.elapsed() < time, "{found:?}, not {expected:?}");
        thread::sleep(POLL_INTERVAL);
    }
}

/// [`eventually`] with a bound of its own.
pub fn eventually_within(time: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < time, "never happened: {what}");
        thread::sleep(POLL_INTERVAL);
    }
}
