//! Which content coding a client prefers, of those that lie ready (RFC 9110 §12.5.3). It reads
//! fields; whether a coded file is there, its caller knows.

use crate::message::Request;

/// A coding that a file may lie beside its original in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    /// The smaller one first: of two that the client likes as well, this is the better.
    pub const ALL: [Coding; 2] = [Coding::Brotli, Coding::Gzip];

    /// As it stands in `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Coding::Brotli => "br",
            Coding::Gzip => "gzip",
        }
    }

    /// What the coded file is called behind the name of its original.
    pub fn suffix(self) -> &'static str {
        match self {
            Coding::Brotli => ".br",
            Coding::Gzip => ".gz",
        }
    }
}

/// The coding to send, of those that are `there`; `None` is the file as it is. Who sends no
/// `Accept-Encoding` gets that. So does who excludes it and takes nothing else that is there: it
/// is what there is.
pub(super) fn choose(request: &Request, there: &[Coding]) -> Option<Coding> {
    // RFC 9110 §12.5.3: unnamed, identity is acceptable, and whatever is named is asked for more.
    let plain = weight(request, "identity").unwrap_or(0);
    let mut best = (plain, None);
    for &coding in there {
        let liked = weight(request, coding.name())
            .or_else(|| weight(request, "*"))
            .unwrap_or(0);
        // As much as the file as it is will do: the coding saves bytes.
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
    let fields = request
        .headers()
        .filter(|(field, _)| field.eq_ignore_ascii_case("Accept-Encoding"));
    let mut found = fields
        .flat_map(|(_, value)| value.split(','))
        .filter_map(|element| {
            let (coding, parameter) = match element.split_once(';') {
                Some((coding, parameter)) => (coding, Some(parameter)),
                None => (element, None),
            };
            let coding = coding.trim();
            // RFC 9110 §8.4.1.3: x-gzip is gzip.
            let is_it = coding.eq_ignore_ascii_case(name)
                || (name == "gzip" && coding.eq_ignore_ascii_case("x-gzip"));
            // What is no weight is taken for the least: nobody is sent what may not be wanted.
            is_it.then(|| parameter.map_or(Some(1000), qvalue).unwrap_or(0))
        });
    found.next()
}

/// `weight = OWS ";" OWS "q=" qvalue`, from behind the semicolon, in thousandths.
/// `qvalue = ( "0" [ "." *3DIGIT ] ) / ( "1" [ "." *3"0" ] )`
fn qvalue(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.trim().split_once('=')?;
    if !name.eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = fraction.bytes().all(|b| b.is_ascii_digit());
    if !matches!(whole, "0" | "1") || !digits || fraction.len() > 3 {
        return None;
    }
    let thousandths: u16 = format!("{whole}{fraction:0<3}").parse().ok()?;
    Some(thousandths).filter(|&thousandths| thousandths <= 1000)
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
