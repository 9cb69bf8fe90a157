//! Clients, handlers and machines at their worst.

mod descriptors;
mod echoes;
mod faults;
pub mod fuzz;
mod injection;
mod panics;
