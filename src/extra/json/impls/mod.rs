//! The traits `ToJson` and `FromJson` for types of std.
//!
//! * `scalars`: scalars, and JSON values
//! * `containers`: pointers, `Option`, sequences, tuples and maps

mod containers;
mod scalars;
