//! The types that a program holds: [`Server`] and [`BackgroundServer`].

pub(crate) mod background;
mod listener_thread;
pub(crate) mod server;
