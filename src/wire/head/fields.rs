//! Field lines of heads and trailer sections (RFC 9112 §5): the reasons for rejecting a name or a
//! value, and the text of a value that is not UTF-8.

use crate::message::request::head::{Field, Head};
use crate::wire::error::WireError;

/// Returns the reason for which a name cannot continue with `byte`, which is not its colon.
#[cold]
pub(crate) fn bad_name(byte: u8, empty: bool) -> WireError {
    match byte {
        b':' => WireError::BadFieldName,
        // RFC 9112 §5.1: 400 for whitespace between name and colon.
        b' ' | b'\t' if !empty => WireError::SpaceBeforeColon,
        b'\r' | b'\n' => WireError::MissingColon,
        _ => WireError::BadFieldName,
    }
}

/// Returns the reason for which a value cannot continue with `byte`, which is not its CR.
#[cold]
pub(crate) fn bad_value(byte: u8) -> WireError {
    match byte {
        b'\n' => WireError::BareLf,
        _ => WireError::BadFieldValue,
    }
}

/// Copies the text of a head that is not UTF-8. Each value that is not UTF-8 is decoded as
/// ISO-8859-1, in which every byte is a character (RFC 9110 §5.5). The rest of a head is ASCII.
#[cold]
pub(crate) fn transcode(bytes: &[u8], head: &mut Head) {
    let text = &mut head.text;
    let latin1 = |text: &mut String, bytes: &[u8]| text.extend(bytes.iter().map(|&b| b as char));
    let mut done = text.len();
    for Field { name, value } in &mut head.fields {
        let (start, end) = (value.start as usize, value.end as usize);
        latin1(text, &bytes[done..start]);
        let moved = text.len() as u32 - value.start;
        match std::str::from_utf8(&bytes[start..end]) {
            Ok(value) => text.push_str(value),
            Err(_) => latin1(text, &bytes[start..end]),
        }
        name.start += moved;
        name.end += moved;
        value.start += moved;
        value.end = text.len() as u32;
        done = end;
    }
    latin1(text, &bytes[done..]);
}
