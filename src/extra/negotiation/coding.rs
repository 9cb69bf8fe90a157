//! Which content coding a client prefers, of those that can be had (RFC 9110 §12.5.3). It reads
//! fields; who can have which coding, its caller knows.

use super::weights;
use crate::message::request::Request;

/// A coding that a response may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    /// The smaller one first: of two that the client likes as well, this is the better.
    pub(crate) const ALL: [Coding; 2] = [Coding::Brotli, Coding::Gzip];

    /// As it stands in `Content-Encoding`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Coding::Brotli => "br",
            Coding::Gzip => "gzip",
        }
    }
}

/// The coding to send, of those that are `there`; `None` is no coding. Who sends no
/// `Accept-Encoding` gets that. So does who excludes it and takes nothing else that is there: it
/// is what there is.
pub(crate) fn choose(request: &Request, there: &[Coding]) -> Option<Coding> {
    // RFC 9110 §12.5.3: unnamed, identity is acceptable, and whatever is named is asked for more.
    let plain = weight(request, "identity").unwrap_or(0);
    let mut best = (plain, None);
    for &coding in there {
        let liked = weight(request, coding.name())
            .or_else(|| weight(request, "*"))
            .unwrap_or(0);
        // As much as no coding will do: it saves bytes.
        let better = match best.1 {
            None => liked >= best.0,
            Some(_) => liked > best.0,
        };
        if liked > 0 && better {
            best = (liked, Some(coding));
        }
    }
    best.1
}

/// What the client gives for a coding, in thousandths; `None` if it does not name it.
fn weight(request: &Request, name: &str) -> Option<u16> {
    // RFC 9110 §8.4.1.3: x-gzip is gzip.
    let is_it = |named: &str| {
        named.eq_ignore_ascii_case(name) || (name == "gzip" && named.eq_ignore_ascii_case("x-gzip"))
    };
    let member = weights::of_field(request, "Accept-Encoding").find(|member| is_it(member.name))?;
    // A coding has no parameters: with some it is not known what is wanted.
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

    fn chosen(fields: &[&str], there: &[Coding]) -> Option<Coding> {
        let field = |value: &&str| ("accept-encoding".to_owned(), (*value).to_owned());
        let fields = fields.iter().map(field).collect();
        choose(&Request::fake_http("GET", "/", fields, vec![]), there)
    }

    #[test]
    fn the_client_decides_and_of_equals_the_smaller_is_sent() {
        // (Accept-Encoding, with both there, with gzip alone)
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
            // As Chromium asks for films.
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
