//! Limits on size, count and time, and the phases of a connection in which they apply.

mod bounds;
mod lingering;
mod phases;
mod pinning;
mod slow;
