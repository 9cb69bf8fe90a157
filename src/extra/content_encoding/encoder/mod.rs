//! The gzip encoder (RFC 1951, RFC 1952).

mod bits;
mod block;
mod crc;
pub(crate) mod gzip;
mod huffman;
mod matcher;
