//! SIGTERM and SIGINT, caught: the lines that a program of its own may copy. std knows no signals,
//! and the library has no `unsafe`, so they are here; what they call is of the C library, which std
//! links anyway.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

static TOLD: AtomicBool = AtomicBool::new(false);

extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
    fn _exit(status: i32) -> !;
}

/// It may come in the midst of anything, a lock or an allocation, so it does next to nothing. A
/// second signal ends the process at once, with the status that a shell gives to that signal; the
/// default action would not do, as the kernel keeps it from process 1, in a container that is.
extern "C" fn on_signal(number: i32) {
    if TOLD.swap(true, SeqCst) {
        // Sound: `_exit` may be called from a signal handler.
        unsafe { _exit(128 + number) }
    }
}

/// From now on SIGINT (2) and SIGTERM (15) do nothing but to be told.
pub fn catch() {
    for number in [2, 15] {
        // Sound: the handler lasts for ever, and keeps to what is allowed there.
        unsafe { signal(number, on_signal) };
    }
}

/// Whether one of them has come.
pub fn told() -> bool {
    TOLD.load(SeqCst)
}
