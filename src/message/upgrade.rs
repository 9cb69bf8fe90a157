//! The seam to other protocols: who takes a connection over once HTTP is done with it.
//! It knows neither the protocol nor what sort of connection it is.

use std::io::{Read, Write};

/// Takes a connection over after a [`Response`](crate::Response) whose `upgrade` field holds it.
///
/// ```
/// use millpond::{ReadWrite, Upgrade};
///
/// struct Echo;
///
/// impl Upgrade for Echo {
///     fn build(&mut self, mut socket: Box<dyn ReadWrite + Send>) {
///         let mut buf = [0; 1024];
///         while let Ok(n @ 1..) = socket.read(&mut buf) {
///             if socket.write_all(&buf[..n]).is_err() {
///                 break;
///             }
///         }
///     }
/// }
/// ```
pub trait Upgrade {
    /// Called once, with the connection. What the client sent right behind its request is read
    /// first.
    fn build(&mut self, socket: Box<dyn ReadWrite + Send>);
}

/// A connection in both directions: everything that is [`Read`] and [`Write`].
pub trait ReadWrite: Read + Write {}

impl<T: Read + Write> ReadWrite for T {}
