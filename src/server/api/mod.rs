//! The types that a program holds.
//!
//! * `server`: [`Server`](server::Server), which the program runs or polls, and `start_server`
//! * `background`: [`BackgroundServer`](background::BackgroundServer), which runs on its own
//! * `rebind`: the listeners of a `BackgroundServer`, and their move to other addresses
//! * `listener_thread`: one of these listeners, and the thread that accepts from it

pub(crate) mod background;
mod listener_thread;
mod rebind;
pub(crate) mod server;
