//! The README, the examples and the rules of the code base.

mod examples;
pub mod readme;
mod tidy;
