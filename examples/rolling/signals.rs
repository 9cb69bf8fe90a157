//! SIGTERM and SIGINT as a flag. std has no signals, and the library has no `unsafe`, so these
//! lines are here for a program to copy. They call the C library, which std links in any case.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

static RECEIVED: AtomicBool = AtomicBool::new(false);

extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
    fn _exit(status: i32) -> !;
}

/// Sets the flag. A second signal ends the process at once, with the status that a shell reports
/// for that signal. The default action would not do so for process 1 of a container, because the
/// kernel ignores the signal there.
///
/// The handler may interrupt any code, also code that holds a lock or allocates. So the handler
/// does neither.
extern "C" fn on_signal(number: i32) {
    if RECEIVED.swap(true, SeqCst) {
        // Sound: a signal handler may call `_exit`.
        unsafe { _exit(128 + number) }
    }
}

/// Replaces the default action of SIGINT (2) and SIGTERM (15) with the flag.
pub fn catch() {
    for number in [2, 15] {
        // Sound: the handler is a static function, and calls only `_exit`.
        unsafe { signal(number, on_signal) };
    }
}

/// Returns whether a signal has arrived.
pub fn received() -> bool {
    RECEIVED.load(SeqCst)
}
