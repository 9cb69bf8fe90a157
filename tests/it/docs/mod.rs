//! The README, the examples and the rules of the code base.

mod clone;
mod examples;
pub mod readme;
mod tidy;
