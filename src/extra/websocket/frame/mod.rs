//! Frames of RFC 6455, as bytes and values. Nothing here uses a socket, a clock or a thread.
//!
//! * `head`: the head of a frame, read and written, and the mask
//! * `close_code`: valid close codes, and the codes for a client's faults
//! * `text`: UTF-8 that arrives in pieces
//! * `decode/`: frames to messages

pub(crate) mod close_code;
pub(crate) mod decode;
pub(crate) mod head;
mod text;
