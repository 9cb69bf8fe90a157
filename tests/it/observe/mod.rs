//! Counters, reports and the error hook.

mod error_hook;
mod held_up;
mod reasons;
mod stats;
