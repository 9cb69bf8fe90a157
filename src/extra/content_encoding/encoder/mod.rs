//! The gzip encoder (RFC 1951, RFC 1952). Each file uses only those below.
//!
//! * `gzip/`: a gzip member, as a reader
//! * `matcher`: repeated text, found in a window
//! * `block`: one block of DEFLATE
//! * `huffman`: prefix codes
//! * `bits`: bits packed into bytes
//! * `crc`: the checksum

mod bits;
mod block;
mod crc;
pub(crate) mod gzip;
mod huffman;
mod matcher;
