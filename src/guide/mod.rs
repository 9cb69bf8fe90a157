//! The guide: pages about the library as a whole, beside the pages of its types.
//!
//! | to | read |
//! |---|---|
//! | copy a working program for a common task | [`cookbook`] |
//! | know which behaviour is guaranteed and tested | [`guarantees`] |
//! | know how requests are parsed and responses are sent | [`http`] |
//! | run, replace and observe a server in production | [`operations`] |
//! | know against which attacks the server defends, and trust a proxy | [`security`] |
//! | compare speed, memory and size | [`performance`] |
//! | know how threads wait without `epoll` | [`engine`] |
//! | read the source | [`architecture`] |
//! | know what is missing, and what to use instead | [`limitations`] |
//! | migrate a program | [`from_rouille`], [`from_toolkit_zero`] |
//! | know what changed, and what a version number means | [`changelog`] |
//!
//! The Rust code of these pages runs as doctests. `tests/it/docs/readme` runs the tables and
//! checks the paths. This module exists only for rustdoc, and adds nothing to a binary.

#[doc = include_str!("internals/architecture.md")]
pub mod architecture {}

#[doc = include_str!("changelog.md")]
pub mod changelog {}

#[doc = include_str!("cookbook.md")]
pub mod cookbook {}

#[doc = include_str!("internals/engine.md")]
pub mod engine {}

#[doc = include_str!("migration/from_rouille.md")]
pub mod from_rouille {}

#[doc = include_str!("migration/from_toolkit_zero.md")]
pub mod from_toolkit_zero {}

#[doc = include_str!("reference/guarantees.md")]
pub mod guarantees {}

#[doc = include_str!("reference/http.md")]
pub mod http {}

#[doc = include_str!("reference/limitations.md")]
pub mod limitations {}

#[doc = include_str!("production/operations.md")]
pub mod operations {}

#[doc = include_str!("production/performance.md")]
pub mod performance {}

#[doc = include_str!("production/security.md")]
pub mod security {}
