//! Faults that a machine with std and a shell alone can have: the user's code that panics or never
//! returns, files that are not what they were, a process that was stopped. Each is caused for real,
//! and each test says what is kept. What takes other tools is in `tests/faults`; running out of
//! descriptors is in `descriptors.rs`.

mod code;
mod files;
mod stopped;
