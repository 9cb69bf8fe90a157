//! What the kernel may refuse a server, really refused: by strace, which puts the kernel's errors
//! into a process's system calls, by limits, by a small disk, by a clock that jumps, by
//! randomness that is missing. Run as root:
//!
//! ```sh
//! apt-get install strace faketime util-linux
//! cargo test --manifest-path tests/faults/Cargo.toml
//! ```
//!
//! Every server is a child process, mostly this very test binary.

mod accepting;
mod clock;
mod disk;
mod interrupted;
mod randomness;
mod support;
mod threads;
