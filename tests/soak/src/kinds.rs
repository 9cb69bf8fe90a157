//! Well-behaved clients, each on a thread of its own until the end.

use std::io::Read;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Conn, Expected, Length};
use crate::fuzz::Rng;
use crate::server::{content, BIG, CHUNKS, LIVE};
use crate::shared_state::SharedState;

/// Requests sent at once by [`pipelined`].
const BATCH: usize = 16;
/// How long the bulk of the requests comes in a burst and then does not, so that the server is busy
/// and calm in turn.
const PACE_WINDOW: Duration = Duration::from_secs(3);

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()
}

/// The bulk: sixteen at once, as many as the plan has come to.
pub fn pipelined(state: &SharedState, first: u64, per_second: u64, began: Instant) {
    let mut number = first;
    let mut batch = Vec::new();
    let expected = Expected::text();
    'connections: while let Some(mut conn) = Conn::open(state) {
        while !state.is_over() {
            let windows = began.elapsed().as_secs() / PACE_WINDOW.as_secs() + 1;
            if state.answered.load(SeqCst) >= windows * PACE_WINDOW.as_secs() * per_second {
                thread::sleep(Duration::from_millis(5));
                continue;
            }
            batch.clear();
            for more in 0..BATCH as u64 {
                batch.extend_from_slice(&get(&format!("/n/{}", number + more)));
            }
            conn.send(&batch);
            for more in 0..BATCH {
                let body = (number + more as u64).to_string();
                let left = (BATCH - more) as u64;
                match conn.reply(&expected, body.as_bytes()) {
                    Ok(false) => {}
                    Ok(true) => {
                        // The requests behind it have to be sent again elsewhere (RFC 9112 §9.6).
                        state.count("pipelined", more as u64 + 1);
                        if state.left_at(conn.moves()).is_none() {
                            state.record_error("pipelined: an end without a move".to_owned());
                        }
                        conn.retry(state, left - 1);
                        number += BATCH as u64;
                        continue 'connections;
                    }
                    Err(fault) => {
                        state.count("pipelined", more as u64);
                        conn.record_fault(state, "pipelined", left, fault);
                        number += BATCH as u64;
                        continue 'connections;
                    }
                }
            }
            state.count("pipelined", BATCH as u64);
            number += BATCH as u64;
        }
    }
}

/// Many connections that each ask once in a while.
pub fn kept(state: &SharedState, rng: &mut Rng) {
    let mut conns: Vec<Option<Conn>> = (0..40).map(|_| None).collect();
    while !state.is_over() {
        let at = rng.below(conns.len());
        let mut conn = match conns[at].take().or_else(|| Conn::open(state)) {
            Some(conn) => conn,
            None => return,
        };
        let number = rng.below(1_000_000).to_string();
        conn.send(&get(&format!("/n/{number}")));
        if conn.exchange(state, "kept", &Expected::text(), number.as_bytes()) {
            conns[at] = Some(conn);
        }
        if rng.one_in(50) {
            thread::sleep(Duration::from_millis(rng.below(20) as u64));
        }
    }
}

/// One kind after the other, some on a connection that is kept.
pub fn mixed(state: &SharedState, rng: &mut Rng) {
    let mut kept: Option<Conn> = None;
    while !state.is_over() {
        let mut conn = match kept.take().or_else(|| Conn::open(state)) {
            Some(conn) => conn,
            None => return,
        };
        let goes_on = match rng.below(16) {
            0 => closing(state, &mut conn, rng),
            1 => old(state, &mut conn, rng),
            2 => head(state, &mut conn, rng),
            3 => refused(state, &mut conn, rng),
            4..=6 => echo(state, &mut conn, rng),
            7 => expecting(state, &mut conn, rng),
            8 => chunks(state, &mut conn, rng),
            9 => early(state, &mut conn, rng),
            10..=12 => changing(state, &mut conn, rng),
            13 => panicking(state, &mut conn),
            14 => upgraded(state, &mut conn),
            _ => {
                let number = rng.next().to_string();
                conn.send(&get(&format!("/n/{number}")));
                conn.exchange(state, "usual", &Expected::text(), number.as_bytes())
            }
        };
        if goes_on {
            kept = Some(conn);
        }
    }
}

fn closing(state: &SharedState, conn: &mut Conn, rng: &mut Rng) -> bool {
    let number = rng.next().to_string();
    conn.send(
        format!("GET /n/{number} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes(),
    );
    let expected = Expected {
        closes: true,
        ..Expected::text()
    };
    conn.exchange(state, "close", &expected, number.as_bytes());
    match conn.client.stream.read(&mut [0]) {
        Ok(0) | Err(_) => {}
        Ok(_) => state.record_error("close: more than an answer".to_owned()),
    }
    false
}

fn old(state: &SharedState, conn: &mut Conn, rng: &mut Rng) -> bool {
    let number = rng.next().to_string();
    let keeps = rng.one_in(2);
    let wish = if keeps {
        "Connection: keep-alive\r\n"
    } else {
        ""
    };
    conn.send(format!("GET /n/{number} HTTP/1.0\r\n{wish}\r\n").as_bytes());
    let expected = Expected {
        closes: !keeps,
        kept: "Connection: keep-alive\r\n",
        ..Expected::text()
    };
    conn.exchange(state, "HTTP/1.0", &expected, number.as_bytes())
}

fn head(state: &SharedState, conn: &mut Conn, rng: &mut Rng) -> bool {
    let number = rng.next().to_string();
    conn.send(format!("HEAD /n/{number} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
    let expected = Expected {
        length: Length::HeadOnly,
        ..Expected::text()
    };
    conn.exchange(state, "HEAD", &expected, number.as_bytes())
}

fn refused(state: &SharedState, conn: &mut Conn, rng: &mut Rng) -> bool {
    let (request, kind, start): (&[u8], _, _) = match rng.below(2) {
        0 => (
            b"GET /none HTTP/1.1\r\nHost: a\r\n\r\n",
            "404",
            "HTTP/1.1 404 Not Found\r\n",
        ),
        _ => (
            b"DELETE /n/1 HTTP/1.1\r\nHost: a\r\n\r\n",
            "405",
            "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD, OPTIONS\r\n",
        ),
    };
    conn.send(request);
    let expected = Expected {
        start,
        ..Expected::text()
    };
    conn.exchange(state, kind, &expected, b"")
}

fn echo(state: &SharedState, conn: &mut Conn, rng: &mut Rng) -> bool {
    let (kind, length) = match rng.below(20) {
        0 => ("echo 1 MiB", 1 << 20),
        1..=5 => ("echo 64 KiB", 65_535 + rng.below(3)),
        _ => ("echo", rng.below(2000)),
    };
    let body = content(rng.next() % 251, length);
    let request = match rng.one_in(2) {
        true => {
            let head =
                format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
            [head.as_bytes(), &body].concat()
        }
        false => {
            let head = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
            let mut request = head.to_vec();
            let mut rest = &body[..];
            while !rest.is_empty() {
                let (chunk, tail) = rest.split_at((1 + rng.below(100_000)).min(rest.len()));
                request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                request.extend_from_slice(chunk);
                request.extend_from_slice(b"\r\n");
                rest = tail;
            }
            request.extend_from_slice(b"0\r\n\r\n");
            request
        }
    };
    match rng.one_in(4) {
        true => {
            let (one, other) = request.split_at(rng.below(request.len()));
            conn.send_part(one);
            thread::sleep(Duration::from_millis(rng.below(10) as u64));
            conn.send(other);
        }
        false => conn.send(&request),
    }
    conn.exchange(state, kind, &Expected::text(), &body)
}

fn expecting(state: &SharedState, conn: &mut Conn, rng: &mut Rng) -> bool {
    let body = content(1, 1 + rng.below(5000));
    let length = body.len();
    conn.send_part(
        format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\
             Content-Length: {length}\r\n\r\n"
        )
        .as_bytes(),
    );
    match conn.take(25, false) {
        Ok(b"HTTP/1.1 100 Continue\r\n\r\n") => {}
        Ok(other) => {
            let what = format!("expecting: {:?}", String::from_utf8_lossy(other));
            state.record_error(what);
            return false;
        }
        Err(fault) => {
            conn.record_fault(state, "expecting", 1, fault);
            return false;
        }
    }
    conn.send(&body);
    conn.exchange(state, "expecting", &Expected::text(), &body)
}

fn chunks(state: &SharedState, conn: &mut Conn, rng: &mut Rng) -> bool {
    let seed = rng.below(251) as u64;
    conn.send(&get(&format!("/chunks/{seed}")));
    let expected = Expected {
        length: Length::Chunked,
        ..Expected::text()
    };
    conn.exchange(state, "chunks", &expected, &content(seed, CHUNKS))
}

/// An unread upload: a short one is discarded, a long one ends the connection.
fn early(state: &SharedState, conn: &mut Conn, rng: &mut Rng) -> bool {
    let long = rng.one_in(4);
    let body = content(3, if long { 1 << 20 } else { 100_000 });
    let length = body.len();
    conn.send_part(
        format!("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n").as_bytes(),
    );
    conn.send(&body);
    let expected = Expected {
        closes: long,
        ..Expected::text()
    };
    conn.exchange(state, "early", &expected, b"early")
}

/// A route that comes and goes, and is to be there in between.
fn changing(state: &SharedState, conn: &mut Conn, rng: &mut Rng) -> bool {
    let newest = state.added.load(SeqCst);
    let back = rng.below(LIVE as usize + 10) as u64;
    if newest <= back {
        return true;
    }
    let number = newest - back;
    let was_removed = state.removed.load(SeqCst) >= number;
    let body = number.to_string();
    conn.send(&get(&format!("/come/{number}")));
    let gone = Expected {
        start: "HTTP/1.1 404 Not Found\r\n",
        ..Expected::text()
    };
    if was_removed {
        return conn.exchange(state, "route removed", &gone, b"");
    }
    match conn.status() {
        // It may have gone meanwhile; if so the server has said so before.
        Ok(b"404") => {
            let is_going = || (state.removing.load(SeqCst) >= number).then_some(());
            if state.soon(is_going).is_none() {
                state.record_error(format!("the route {number} is not there"));
            }
            conn.exchange(state, "route going", &gone, b"")
        }
        Ok(_) => conn.exchange(state, "route", &Expected::text(), body.as_bytes()),
        Err(fault) => {
            conn.record_fault(state, "route", 1, fault);
            false
        }
    }
}

fn panicking(state: &SharedState, conn: &mut Conn) -> bool {
    conn.send(&get("/panic"));
    let expected = Expected {
        start: "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain; charset=utf-8\r\n",
        ..Expected::text()
    };
    let answered = state.kinds().get("panic").copied().unwrap_or(0);
    let goes_on = conn.exchange(state, "panic", &expected, b"500 Internal Server Error\n");
    if state.kinds().get("panic").copied().unwrap_or(0) > answered {
        state.panics.fetch_add(1, SeqCst);
    }
    goes_on
}

fn upgraded(state: &SharedState, conn: &mut Conn) -> bool {
    let head = "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
    conn.send(head.as_bytes());
    if matches!(conn.status(), Ok(b"503")) {
        // A server that is leaving begins no other protocol.
        let expected = Expected {
            start: "HTTP/1.1 503 Service Unavailable\r\n\
                    Content-Type: text/plain; charset=utf-8\r\n",
            ..Expected::text()
        };
        return conn.exchange(
            state,
            "upgrade, 503",
            &expected,
            b"503 Service Unavailable\n",
        );
    }
    if let Err(fault) = conn.switched() {
        conn.record_fault(state, "upgrade", 1, fault);
        return false;
    }
    // The connection belongs to the other protocol now, and no move ends it.
    let said = content(5, 1000);
    conn.send(&said);
    match conn.take(said.len(), true) {
        Ok(heard) if heard == said => state.count("upgrade", 1),
        _ => state.record_error("upgrade: it does not echo".to_owned()),
    }
    false
}

/// Takes a second for a response that no socket's buffer holds.
pub fn slow_reader(state: &SharedState, rng: &mut Rng) {
    let expected = Expected::text();
    let body = content(0, BIG);
    while let Some(mut conn) = Conn::open(state) {
        conn.send(&get("/big"));
        let pauses = rng.below(10) as u64;
        thread::sleep(Duration::from_millis(100 * pauses));
        conn.exchange(state, "slowly read", &expected, &body);
    }
}

/// Byte by byte.
pub fn drip(state: &SharedState, rng: &mut Rng) {
    let mut kept: Option<Conn> = None;
    while let Some(mut conn) = kept.take().or_else(|| Conn::open(state)) {
        let number = rng.below(1000).to_string();
        let request = get(&format!("/n/{number}"));
        for byte in request.chunks(1) {
            conn.send(byte);
            thread::sleep(Duration::from_millis(rng.below(3) as u64));
        }
        if conn.exchange(state, "drip", &Expected::text(), number.as_bytes()) {
            kept = Some(conn);
        }
    }
}
