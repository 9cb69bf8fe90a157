//! Hostile clients, failing handlers and exhausted machines.

mod descriptors;
mod echoes;
mod faults;
pub mod fuzz;
mod injection;
mod panics;
