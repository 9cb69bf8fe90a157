//! Text forms that several modules share.
//!
//! * `bytes`: the character classes of the grammars, tokens, optional white space
//! * `date`: the calendar and the date of a header field
//! * `percent`: percent-encoding and the encoding of forms
//! * `status`: the reason phrases of the status codes

pub(crate) mod bytes;
pub(crate) mod date;
pub(crate) mod percent;
pub(crate) mod status;
