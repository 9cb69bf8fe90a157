//! The content coding that a client prefers (RFC 9110 §12.5.3). The caller knows the codings that
//! are available.

use super::weights;
use crate::message::request::Request;

/// A content coding of a response. Only assets come in Brotli.
#[cfg_attr(not(feature = "assets"), allow(dead_code))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    /// All codings. The first one is smaller, so it is better if both have the same weight.
    #[cfg(any(test, feature = "assets"))]
    pub(crate) const ALL: [Coding; 2] = [Coding::Brotli, Coding::Gzip];

    /// Returns the name in `Content-Encoding`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Coding::Brotli => "br",
            Coding::Gzip => "gzip",
        }
    }
}

/// Returns the coding to send, one of `available`, or `None` for no coding.
///
/// A client without `Accept-Encoding` gets no coding. So does a client that excludes `identity` and
/// accepts no available coding: there is nothing else to send.
pub(crate) fn choose(request: &Request, available: &[Coding]) -> Option<Coding> {
    // RFC 9110 §12.5.3: identity is acceptable unless it is excluded. Without a weight, identity is
    // less welcome than any named coding.
    let plain = weight(request, "identity").unwrap_or(0);
    let mut best = (plain, None);
    for &coding in available {
        let weight = weight(request, coding.name())
            .or_else(|| weight(request, "*"))
            .unwrap_or(0);
        // A coding with the weight of no coding is better, because it saves bytes.
        let better = match best.1 {
            None => weight >= best.0,
            Some(_) => weight > best.0,
        };
        if weight > 0 && better {
            best = (weight, Some(coding));
        }
    }
    best.1
}

/// Returns the client's weight of a coding in thousandths, or `None` if no field names the coding.
fn weight(request: &Request, name: &str) -> Option<u16> {
    // RFC 9110 §8.4.1.3: x-gzip is gzip.
    let is_named = |named: &str| {
        named.eq_ignore_ascii_case(name) || (name == "gzip" && named.eq_ignore_ascii_case("x-gzip"))
    };
    let member =
        weights::of_field(request, "Accept-Encoding").find(|member| is_named(member.name))?;
    // A coding has no parameters. With some, the client's meaning is unknown.
    Some(if member.has_parameters() {
        0
    } else {
        member.weight()
    })
}

#[cfg(test)]
mod tests {
    use super::Coding::{Brotli, Gzip};
    use super::*;

    fn chosen(fields: &[&str], available: &[Coding]) -> Option<Coding> {
        let field = |value: &&str| ("accept-encoding".to_owned(), (*value).to_owned());
        let fields = fields.iter().map(field).collect();
        choose(&Request::fake_http("GET", "/", fields, vec![]), available)
    }

    #[test]
    fn the_client_decides_and_the_smaller_of_equals_is_sent() {
        // (Accept-Encoding, with both available, with gzip alone)
        let table: &[(&str, Option<Coding>, Option<Coding>)] = &[
            ("gzip", Some(Gzip), Some(Gzip)),
            ("br", Some(Brotli), None),
            ("gzip, deflate, br, zstd", Some(Brotli), Some(Gzip)),
            ("br;q=0.5, gzip", Some(Gzip), Some(Gzip)),
            ("br;q=0.5,gzip;q=0.4", Some(Brotli), Some(Gzip)),
            ("br ; q=0.001 , gzip;q=0", Some(Brotli), None),
            ("GZIP;Q=1.000", Some(Gzip), Some(Gzip)),
            ("x-gzip", Some(Gzip), Some(Gzip)),
            ("*", Some(Brotli), Some(Gzip)),
            ("*;q=0", None, None),
            ("gzip, *;q=0", Some(Gzip), Some(Gzip)),
            ("br;q=0, *", Some(Gzip), Some(Gzip)),
            ("identity", None, None),
            ("identity, gzip", Some(Gzip), Some(Gzip)),
            ("identity, gzip;q=0.9", None, None),
            ("identity;q=0.5, *;q=0.4", None, None),
            ("identity;q=0.5, *;q=0.5", Some(Brotli), Some(Gzip)),
            // The field that Chromium sends for videos.
            ("identity;q=1, *;q=0", None, None),
            ("identity;q=0, gzip", Some(Gzip), Some(Gzip)),
            ("identity;q=0", None, None),
            ("deflate", None, None),
            ("", None, None),
            (" , ,gzip,", Some(Gzip), Some(Gzip)),
            ("gzipped", None, None),
            ("gzip;q=", None, None),
            ("gzip;q=2", None, None),
            ("gzip;q=1.001", None, None),
            ("gzip;q=0.0001", None, None),
            ("gzip;q=.5", None, None),
            ("gzip;q=-1", None, None),
            ("gzip;x=1", None, None),
            ("gzip;q=0.5;q=1", None, None),
        ];
        for (field, both, gzip) in table {
            assert_eq!(chosen(&[field], &Coding::ALL), *both, "{field:?}");
            assert_eq!(chosen(&[field], &[Gzip]), *gzip, "{field:?}, gzip alone");
            assert_eq!(chosen(&[field], &[]), None, "{field:?}, neither");
        }
        assert_eq!(chosen(&[], &Coding::ALL), None, "no field");
        assert_eq!(
            chosen(&["br;q=0", "gzip"], &Coding::ALL),
            Some(Gzip),
            "two fields"
        );
    }
}
