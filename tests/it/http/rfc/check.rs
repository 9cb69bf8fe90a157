//! Sends the bytes of rows in every way, and compares the answers.

use std::io::Read as _;
use std::thread;

use super::{Case, Closes, Ends, Stays};
use crate::support::{serve, Client, Incomplete, Reply, Running};
use millpond::{Request, Response};

const NEXT: &[u8] = b"GET /next HTTP/1.1\r\nHost: next\r\n\r\n";
const NEXT_ANSWER: &str = "200 GET /next next ";

/// A server whose handler answers with the request that it got.
pub fn describing_server() -> Running {
    serve(describe)
}

/// `method target host body`, or 400 for a body that does not end well.
fn describe(request: &Request) -> Response {
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

/// Sends each row in every way and compares the responses.
pub fn check(rows: &[Case]) {
    let server = describing_server();
    for row in rows {
        for delivery in deliveries(row) {
            check_row(&server, row, delivery);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    Whole,
    ByteByByte,
    SplitAt(usize),
    HalfClosed,
    WithNext,
}

fn deliveries(row: &Case) -> Vec<Delivery> {
    let length = row.bytes.len();
    let mut deliveries = vec![Delivery::Whole, Delivery::ByteByByte];
    if row.persistence != Ends {
        deliveries.extend([Delivery::HalfClosed, Delivery::WithNext]);
    }
    // In the request line, in the fields, and before each of the last bytes.
    let points = [length / 8, length / 3, length / 2, length * 3 / 4];
    let ends = (1..6).map(|back| length.saturating_sub(back));
    let points = points.iter().copied().chain(ends);
    deliveries.extend(points.filter(|&at| at > 0).map(Delivery::SplitAt));
    deliveries
}

fn check_row(server: &Running, row: &Case, delivery: Delivery) {
    let (bytes, persistence) = (&row.bytes[..], row.persistence);
    let name = format!("{}: {}, {delivery:?}", row.section, row.name);
    let mut client = server.connect();
    // A server that refused the first bytes need not take the last ones.
    let _ = match delivery {
        Delivery::Whole | Delivery::HalfClosed => client.try_send(bytes),
        Delivery::ByteByByte => bytes.chunks(1).try_for_each(|byte| client.try_send(byte)),
        Delivery::SplitAt(at) => client.try_send(&bytes[..at]).and_then(|()| {
            // Lets the server see the first part alone, mostly; nothing depends on it.
            thread::yield_now();
            client.try_send(&bytes[at..])
        }),
        Delivery::WithNext => client.try_send([bytes, NEXT].concat()),
    };
    let ended = persistence == Ends || delivery == Delivery::HalfClosed;
    if ended {
        client.finish_sending();
    }
    for want in &row.answers {
        expect(&mut client, want, &name);
    }
    if persistence == Stays && delivery == Delivery::WithNext {
        expect(&mut client, NEXT_ANSWER, &name);
    } else if persistence == Stays && !ended {
        client.open();
        client.send(NEXT);
        expect(&mut client, NEXT_ANSWER, &name);
    }
    if persistence == Closes || ended {
        let rest = client
            .rest()
            .map(|rest| String::from_utf8_lossy(&rest).into_owned());
        assert_eq!(rest, Ok(String::new()), "{name}: more than the answers");
    }
}

/// The next response is this one, with the properties of every response.
fn expect(client: &mut Client, want: &str, row: &str) {
    let (method, want) = match want.strip_prefix("HEAD ") {
        Some(want) => ("HEAD", want),
        None => ("GET", want),
    };
    let reply = client
        .try_response(method)
        .unwrap_or_else(|cut: Incomplete| panic!("{row}: {cut:?} for {want:?}"));
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

/// RFC 9110 §6.6.1, RFC 9112 §6: the fields of every response.
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
