//! Hop-by-hop fields, and the length of a request body.

use crate::wire::body::framing::{content_length, list};

/// The fields that concern one connection only (RFC 9110 §7.6.1, §11.7). The length of a body is
/// one of them, because each connection frames a body on its own.
const HOP_BY_HOP_FIELDS: [&str; 12] = [
    "Connection",
    "Content-Length",
    "HTTP2-Settings",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authentication-Info",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
];

/// The hop-by-hop fields of one message, which a gateway must not pass on.
pub(crate) struct HopByHop<'a> {
    /// The options of all Connection fields. Each option may be the name of a field.
    named: Vec<&'a str>,
}

impl<'a> HopByHop<'a> {
    pub(crate) fn of(fields: impl Iterator<Item = (&'a str, &'a str)>) -> HopByHop<'a> {
        let connection = fields.filter(|(name, _)| same_name(name, "Connection"));
        let named = connection.flat_map(|(_, value)| list(value)).collect();
        HopByHop { named }
    }

    /// Returns whether the field of this name is hop-by-hop.
    pub(crate) fn has(&self, name: &str) -> bool {
        let mut all = HOP_BY_HOP_FIELDS.iter().chain(&self.named);
        all.any(|known| same_name(name, known))
    }
}

/// Returns whether a recipient may take the two names for the same. Some servers and all of CGI
/// take `_` for `-`. Without this, a client could send a field past the gateway with another
/// spelling.
pub(crate) fn same_name(name: &str, other: &str) -> bool {
    let plain = |byte: u8| match byte {
        b'_' => b'-',
        _ => byte.to_ascii_lowercase(),
    };
    name.len() == other.len() && name.bytes().map(plain).eq(other.bytes().map(plain))
}

/// The length of a request body by its fields.
///
/// The server rejects malformed fields, but the fields of a request made up by a program may be
/// malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestLength {
    /// No field announces a body.
    None,
    Known(u64),
    /// The body is chunked, or the fields are malformed.
    Unknown,
}

pub(crate) fn body_length<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> RequestLength {
    let mut found = RequestLength::None;
    for (name, value) in fields {
        if name.eq_ignore_ascii_case("Transfer-Encoding") {
            return RequestLength::Unknown;
        }
        if name.eq_ignore_ascii_case("Content-Length") {
            found = match (found, content_length(value)) {
                (RequestLength::None, Ok(length)) => RequestLength::Known(length),
                _ => RequestLength::Unknown,
            };
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hop_by_hop_fields_are_found_in_any_spelling() {
        let fields = [
            ("Connection", "close, X-Secret ,,\tCookie"),
            ("connection", "x-other"),
            ("Accept", "Accept-Language"),
        ];
        let hop_by_hop = HopByHop::of(fields.into_iter());
        for name in HOP_BY_HOP_FIELDS
            .iter()
            .chain(&["X-Secret", "cookie", "X-OTHER"])
        {
            assert!(hop_by_hop.has(name), "{name}");
            assert!(hop_by_hop.has(&name.to_ascii_uppercase()), "{name}");
            assert!(hop_by_hop.has(&name.replace('-', "_")), "{name}");
        }
        for name in ["Accept", "Accept-Language", "X-Secret2", "Secret", "Host"] {
            assert!(!hop_by_hop.has(name), "{name}");
        }
        // An empty option names nothing.
        assert!(!HopByHop::of([("Connection", ",")].into_iter()).has("a"));
    }

    #[test]
    fn a_length_is_one_number_or_unknown() {
        let of = |fields: &[(&'static str, &'static str)]| body_length(fields.iter().copied());
        let (length, coding) = ("content-LENGTH", "transfer-Encoding");
        for (fields, want) in [
            (&[][..], RequestLength::None),
            (&[("Accept", "5")], RequestLength::None),
            (&[(length, "5")], RequestLength::Known(5)),
            (&[(length, "0")], RequestLength::Known(0)),
            (&[(length, "+5")], RequestLength::Unknown),
            (&[(length, "")], RequestLength::Unknown),
            (&[(length, "5, 5")], RequestLength::Unknown),
            (&[(length, "5"), (length, "5")], RequestLength::Unknown),
            (&[(length, "x"), (length, "5")], RequestLength::Unknown),
            (&[(coding, "chunked")], RequestLength::Unknown),
            (&[(length, "5"), (coding, "x")], RequestLength::Unknown),
            (&[(coding, ""), (length, "5")], RequestLength::Unknown),
        ] {
            assert_eq!(of(fields), want, "{fields:?}");
        }
    }
}
