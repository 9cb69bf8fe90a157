//! Faults that need nothing but std and a shell: the program's code that panics or never returns,
//! files that change, a stopped process. Each fault is real, and each test states the parts that go
//! on. Faults that need other tools are in `tests/faults`; running out of descriptors is in
//! `descriptors.rs`.

mod code;
mod files;
mod stopped;
