//! HTTP/1.1 as a client sees it: tables of bytes, each with its section, the answers it gets and
//! what becomes of the connection. RFC 9110 and RFC 9112 are meant by the sections.
//!
//! Each row is sent whole, byte by byte, split at several points, with its sending side ended, and
//! with another request behind it: that one is answered where the connection stays, and never
//! where it closes. (`src/wire` splits its rows at every byte.) What each section demands, and
//! which rows show it, is `tests/it/http/rfc`.

use std::io::Read as _;
use std::thread;

use crate::support::{serve, Client, Cut, Reply, Running};
use millpond::{Request, Response};

mod chunked;
mod connections;
mod ends;
mod fields;
mod framing;
mod lines;
mod targets;

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Stays,
    Closes,
    /// The client's side ends behind the bytes, and so does the connection behind the answers.
    Ends,
}
pub use Fate::{Closes, Ends, Stays};

/// Section, fact, bytes, answers, fate. An answer is a status, for HEAD as `HEAD 200`; after a
/// blank follows what [`tell`] has told of the request, where the handler ran.
pub type Row = (
    &'static str,
    &'static str,
    &'static [u8],
    &'static [&'static str],
    Fate,
);

/// A row with all of its bytes: those of a table may be a part of them.
#[derive(Clone, Debug)]
pub struct Case {
    pub section: &'static str,
    pub name: String,
    pub bytes: Vec<u8>,
    pub answers: Vec<String>,
    pub fate: Fate,
}

impl Case {
    pub fn new(
        section: &'static str,
        name: &str,
        bytes: impl Into<Vec<u8>>,
        answers: &[&str],
        fate: Fate,
    ) -> Case {
        Case {
            section,
            name: name.to_owned(),
            bytes: bytes.into(),
            answers: answers.iter().map(|&answer| answer.to_owned()).collect(),
            fate,
        }
    }
}

/// The rows of a table that hold all of their bytes but those before and behind.
fn cases(before: &[u8], rows: &[Row], behind: &[u8]) -> Vec<Case> {
    rows.iter()
        .map(|&(section, name, bytes, answers, fate)| {
            Case::new(
                section,
                name,
                [before, bytes, behind].concat(),
                answers,
                fate,
            )
        })
        .collect()
}

/// Every row there is.
pub fn all() -> Vec<Case> {
    let tables = [
        lines::rows(),
        targets::rows(),
        fields::rows(),
        framing::rows(),
        chunked::rows(),
        connections::rows(),
        ends::rows(),
    ];
    tables.concat()
}

const NEXT: &[u8] = b"GET /next HTTP/1.1\r\nHost: next\r\n\r\n";
const NEXT_ANSWER: &str = "200 GET /next next ";

/// A server whose handler tells what it saw.
pub fn teller() -> Running {
    serve(tell)
}

/// `method target host body`, or 400 for a body that does not end well.
pub fn tell(request: &Request) -> Response {
    let mut body = Vec::new();
    let read = request.data().map(|mut data| data.read_to_end(&mut body));
    if let Some(Err(e)) = read {
        return Response::text(format!("{:?}", e.kind())).with_status_code(400);
    }
    Response::text(format!(
        "{} {} {} {}",
        request.method(),
        request.raw_url(),
        request.header("Host").unwrap_or("-"),
        String::from_utf8_lossy(&body),
    ))
}

/// Sends each row in every manner and compares what comes back.
fn check(rows: &[Case]) {
    let server = teller();
    for row in rows {
        for manner in manners(row) {
            check_row(&server, row, manner);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Whole,
    ByteByByte,
    SplitAt(usize),
    HalfClosed,
    WithNext,
}

fn manners(row: &Case) -> Vec<Manner> {
    let length = row.bytes.len();
    let mut manners = vec![Manner::Whole, Manner::ByteByByte];
    if row.fate != Ends {
        manners.extend([Manner::HalfClosed, Manner::WithNext]);
    }
    // In the request line, in the fields, and before each of the last bytes.
    let points = [length / 8, length / 3, length / 2, length * 3 / 4];
    let ends = (1..6).map(|back| length.saturating_sub(back));
    let points = points.iter().copied().chain(ends);
    manners.extend(points.filter(|&at| at > 0).map(Manner::SplitAt));
    manners
}

fn check_row(server: &Running, row: &Case, manner: Manner) {
    let (bytes, fate) = (&row.bytes[..], row.fate);
    let name = format!("{}: {}, {manner:?}", row.section, row.name);
    let mut client = server.connect();
    // A server that refused the first bytes need not take the last ones.
    let _ = match manner {
        Manner::Whole | Manner::HalfClosed => client.try_send(bytes),
        Manner::ByteByByte => bytes.chunks(1).try_for_each(|byte| client.try_send(byte)),
        Manner::SplitAt(at) => client.try_send(&bytes[..at]).and_then(|()| {
            // Lets the server see the first part alone, mostly; nothing depends on it.
            thread::yield_now();
            client.try_send(&bytes[at..])
        }),
        Manner::WithNext => client.try_send([bytes, NEXT].concat()),
    };
    let ended = fate == Ends || manner == Manner::HalfClosed;
    if ended {
        client.finish_sending();
    }
    for want in &row.answers {
        expect(&mut client, want, &name);
    }
    if fate == Stays && manner == Manner::WithNext {
        expect(&mut client, NEXT_ANSWER, &name);
    } else if fate == Stays && !ended {
        client.open();
        client.send(NEXT);
        expect(&mut client, NEXT_ANSWER, &name);
    }
    if fate == Closes || ended {
        let rest = client
            .rest()
            .map(|rest| String::from_utf8_lossy(&rest).into_owned());
        assert_eq!(rest, Ok(String::new()), "{name}: more than the answers");
    }
}

/// The next response is this one, and is what every response has to be.
fn expect(client: &mut Client, want: &str, row: &str) {
    let (method, want) = match want.strip_prefix("HEAD ") {
        Some(want) => ("HEAD", want),
        None => ("GET", want),
    };
    let reply = client
        .try_response(method)
        .unwrap_or_else(|cut: Cut| panic!("{row}: {cut:?} for {want:?}"));
    let got = match want.contains(' ') {
        true => format!("{} {}", reply.status, reply.text()),
        false => reply.status.to_string(),
    };
    assert_eq!(got, want, "{row}: {reply:?}");
    well_formed(&reply, method, row);
    if !want.contains(' ') && reply.status >= 400 && method != "HEAD" {
        refusal(&reply, row);
    }
}

/// RFC 9110 §6.6.1, RFC 9112 §6: what no response may lack or have too much of.
fn well_formed(reply: &Reply, method: &str, row: &str) {
    let count = |name: &str| {
        let named = reply
            .headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name));
        named.count()
    };
    assert_eq!(count("Date"), 1, "{row}: {reply:?}");
    let date = reply.header("Date").unwrap_or_default();
    assert!(is_imf_fixdate(date), "{row}: {date}");
    assert_eq!(count("Content-Length"), 1, "{row}: {reply:?}");
    assert!(count("Connection") <= 1, "{row}: {reply:?}");
    if method == "HEAD" {
        assert!(reply.body.is_empty(), "{row}: {reply:?}");
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7), as far as its form goes.
fn is_imf_fixdate(text: &str) -> bool {
    let form = "Aaa, 00 Aaa 0000 00:00:00 GMT";
    let fits = |(byte, form): (u8, u8)| match form {
        b'A' => byte.is_ascii_uppercase(),
        b'a' => byte.is_ascii_lowercase(),
        b'0' => byte.is_ascii_digit(),
        other => byte == other,
    };
    text.len() == form.len() && text.ends_with("GMT") && {
        let (text, form) = (&text[..26], &form[..26]);
        text.bytes().zip(form.bytes()).all(fits)
    }
}

/// A refusal says that it is the last answer, and repeats nothing that was sent.
fn refusal(reply: &Reply, row: &str) {
    assert_eq!(reply.header("Connection"), Some("close"), "{row}");
    let text = reply.text();
    assert!(text.starts_with(&reply.status.to_string()), "{row}: {text}");
    assert!(text.contains(": ") && text.len() < 128, "{row}: {text}");
}
