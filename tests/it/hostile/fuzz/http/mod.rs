//! Whole connections: heads, chunked bodies, and pipelined requests, sent in one piece and in
//! several. The answers must be those of [`reference`], to the byte, both times.

pub mod reference;

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{self, Sender, TryRecvError};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use self::reference::Answer;
use super::{Rng, Target};
use millpond::{CloseReason, Limits, Request, Response, Server, Settings};

/// Nothing takes longer than this, not even where many others want the same cores.
const GUARD: Duration = Duration::from_secs(20);
/// Longer inputs are not sent byte by byte: other ways find the same faults in less time.
const BY_BYTE: usize = 400;
/// After so many cases a client that does nothing wrong has to be served.
const BETWEEN: u64 = 64;

/// Low ones, so that a mutant gets to both sides of each.
fn limits() -> Limits {
    Limits {
        max_target_bytes: 100,
        max_head_bytes: 700,
        max_headers: 12,
        max_body_bytes: 3000,
        buffered_body_bytes: 64,
        // How fast the bytes come is no matter here.
        head_timeout: GUARD,
        min_body_rate: 1,
        ..Limits::default()
    }
}

/// The bytes of a connection: well-formed up to the beginning of the input.
pub struct Wire {
    name: &'static str,
    before: &'static [u8],
    corpus: fn() -> Vec<Vec<u8>>,
    bench: CountedServer,
}

pub fn heads() -> Wire {
    wire("heads", b"", || {
        let mut rows = rows(HEADS);
        // Found by fuzzing: empty lines before a head were counted if they came with it.
        for more in [0, 1] {
            let value = "x".repeat(limits().max_head_bytes - 32 + more);
            rows.push(format!("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nX:{value}\r\n\r\n").into());
        }
        rows
    })
}

pub fn chunks() -> Wire {
    let head = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    wire("chunks", head, || {
        let long = ["5;", &"e".repeat(4096), "\r\nhello\r\n0\r\n\r\n"].concat();
        [rows(CHUNKS), vec![long.into()]].concat()
    })
}

/// Pairs, so that a splice meets the border between two requests.
pub fn connections() -> Wire {
    wire("connections", b"", || {
        let heads = rows(HEADS);
        let mut pairs = Vec::new();
        for (at, first) in heads.iter().enumerate() {
            let second = &heads[(at * 7 + 3) % heads.len()];
            pairs.push([&first[..], &second[..], &heads[0][..]].concat());
        }
        pairs
    })
}

fn wire(name: &'static str, before: &'static [u8], corpus: fn() -> Vec<Vec<u8>>) -> Wire {
    Wire {
        name,
        before,
        corpus,
        bench: CountedServer::default(),
    }
}

impl Target for Wire {
    fn name(&self) -> &'static str {
        self.name
    }

    fn corpus(&self) -> Vec<Vec<u8>> {
        (self.corpus)()
    }

    fn tokens(&self) -> &'static [&'static str] {
        TOKENS
    }

    fn check(&mut self, input: &[u8], rng: &mut Rng) -> Result<(), String> {
        self.bench.check(&[self.before, input].concat(), rng)
    }

    fn end(&mut self) -> Result<(), String> {
        self.bench.end()
    }
}

fn rows(corpus: &[&str]) -> Vec<Vec<u8>> {
    // In a row each character is a byte.
    let row = |row: &&str| row.chars().map(|c| c as u8).collect();
    corpus.iter().map(row).collect()
}

type Handler = fn(&Request) -> Response;

/// A server, and the numbers that it must have counted.
struct CountedServer {
    server: Arc<Server<Handler>>,
    limits: Limits,
    /// Ends the polling when it is dropped.
    stop: Option<(Sender<()>, JoinHandle<()>)>,
    connections: u64,
    answers: u64,
    cases: u64,
}

impl Default for CountedServer {
    fn default() -> CountedServer {
        let limits = limits();
        let settings = Settings::default().pool_size(8).limits(limits.clone());
        let server = Server::new("127.0.0.1:0", tell as Handler);
        let server = Arc::new(server.expect("a free port").settings(settings));
        let (sender, stopped) = mpsc::channel();
        let polled = Arc::clone(&server);
        let thread = thread::spawn(move || {
            while stopped.try_recv() == Err(TryRecvError::Empty) {
                polled.poll_timeout(Duration::from_millis(20));
            }
        });
        CountedServer {
            server,
            limits,
            stop: Some((sender, thread)),
            connections: 0,
            answers: 0,
            cases: 0,
        }
    }
}

impl Drop for CountedServer {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.stop.take() {
            drop(sender);
            let _ = thread.join();
        }
    }
}

/// All there is to see of a request.
fn tell(request: &Request) -> Response {
    let mut body = Vec::new();
    if let Some(Err(e)) = request.data().map(|mut data| data.read_to_end(&mut body)) {
        return Response::text(e.to_string()).with_status_code(400);
    }
    let fields = request
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let seen = seen(
        request.method(),
        request.raw_url(),
        &fields.collect::<Vec<_>>(),
        &body,
    );
    Response::from_data("application/octet-stream", seen)
}

fn seen(method: &str, target: &str, fields: &[(String, String)], body: &[u8]) -> Vec<u8> {
    format!("{method} {target} {fields:?} ")
        .into_bytes()
        .into_iter()
        .chain(body.iter().copied())
        .collect()
}

impl CountedServer {
    fn check(&mut self, input: &[u8], rng: &mut Rng) -> Result<(), String> {
        let want = reference::answers(input, &self.limits);
        let whole = self.exchange(&[input], &want)?;
        let pieces = pieces(input, rng);
        let split = self
            .exchange(&pieces, &want)
            .map_err(|why| format!("in {} pieces: {why}", pieces.len()))?;
        if whole != split {
            let count = pieces.len();
            return Err(format!(
                "{whole:?}, and in {count} pieces {split:?}: {pieces:?}"
            ));
        }
        self.cases += 1;
        if self.cases % BETWEEN == 0 {
            let usual = b"GET /usual HTTP/1.1\r\nHost: a\r\n\r\n";
            let want = reference::answers(usual, &self.limits);
            self.exchange(&[usual], &want)
                .map_err(|why| format!("afterwards, to a usual request: {why}"))?;
        }
        Ok(())
    }

    /// Sends the pieces and then the end, and compares all that comes back.
    fn exchange(&mut self, pieces: &[&[u8]], want: &[Answer]) -> Result<Vec<u16>, String> {
        let (received, end) = converse(self.server.server_addr(), pieces);
        self.connections += 1;
        self.answers += want.len() as u64;
        let mut rest = &received[..];
        let mut statuses = Vec::new();
        for (number, answer) in want.iter().enumerate() {
            let got = compare(&mut rest, answer)
                .map_err(|why| format!("answer {number}: {why}; then {end:?}"))?;
            statuses.push(got);
        }
        // A client that asks for the end and sends more may get a reset behind the answer.
        let asked = matches!(want.last(), Some(Answer::Seen { keep: false, .. }));
        let end = match end {
            Err(e) if asked && e.kind() == ErrorKind::ConnectionReset => Ok(()),
            other => other,
        };
        match (rest, end) {
            (b"", Ok(())) => Ok(statuses),
            (_, Ok(())) => Err(format!(
                "more than {} answers: {:?}",
                want.len(),
                String::from_utf8_lossy(rest)
            )),
            (_, Err(e)) => Err(format!("after {} answers: {e}", want.len())),
        }
    }

    /// Once all have gone the numbers have to add up.
    fn end(&mut self) -> Result<(), String> {
        let began = Instant::now();
        while self.server.stats().open > 0 && began.elapsed() < GUARD {
            thread::sleep(Duration::from_millis(1));
        }
        let stats = self.server.stats();
        let closed: u64 = CloseReason::ALL
            .iter()
            .map(|&reason| stats.closed(reason))
            .sum();
        let got = [
            stats.open,
            stats.in_flight,
            stats.accepted,
            closed,
            stats.requests,
            stats.panics,
        ];
        let want = [0, 0, self.connections, self.connections, self.answers, 0];
        match got == want {
            true => Ok(()),
            false => Err(format!("{want:?} were expected of {stats:?}")),
        }
    }
}

/// Cut anywhere, or everywhere.
fn pieces<'a>(input: &'a [u8], rng: &mut Rng) -> Vec<&'a [u8]> {
    if input.len() <= BY_BYTE && rng.one_in(8) {
        return input.chunks(1).collect();
    }
    let mut cuts: Vec<usize> = (0..1 + rng.below(4))
        .map(|_| rng.below(input.len() + 1))
        .collect();
    cuts.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = 0;
    for cut in cuts {
        pieces.push(&input[from..cut]);
        from = cut;
    }
    pieces.push(&input[from..]);
    pieces
}

/// All that comes back, and how it ended.
fn converse(addr: SocketAddr, pieces: &[&[u8]]) -> (Vec<u8>, io::Result<()>) {
    let mut received = Vec::new();
    let mut talk = || {
        let mut stream = TcpStream::connect_timeout(&addr, GUARD)?;
        stream.set_read_timeout(Some(GUARD))?;
        stream.set_write_timeout(Some(GUARD))?;
        stream.set_nodelay(true)?;
        for (number, piece) in pieces.iter().enumerate() {
            if number > 0 {
                // Lets the server see the first piece alone, mostly.
                thread::yield_now();
            }
            // A server that refused the first ones need not take the last.
            if stream.write_all(piece).is_err() {
                break;
            }
        }
        let _ = stream.shutdown(Shutdown::Write);
        stream.read_to_end(&mut received).map(|_| ())
    };
    let end = talk();
    (received, end)
}

/// Takes one answer off the bytes; its status.
fn compare(rest: &mut &[u8], want: &Answer) -> Result<u16, String> {
    let (interim, no_body) = match want {
        Answer::Seen { request, .. } => (request.interim, request.method == "HEAD"),
        Answer::Refused { interim, head, .. } => (*interim, *head),
    };
    let mut reply = Reply::take(rest, no_body)?;
    if reply.status == 100 && interim {
        reply = Reply::take(rest, no_body)?;
    }
    let (status, closes) = (reply.status, reply.closes);
    match want {
        Answer::Seen { request, keep } => {
            let seen = seen(
                &request.method,
                &request.target,
                &request.fields,
                &request.body,
            );
            if status != 200 || reply.length != seen.len() || !(no_body || reply.body == seen) {
                let seen = String::from_utf8_lossy(&seen);
                return Err(format!("{reply:?}, and not {seen:?}"));
            }
            if closes == *keep {
                return Err(format!("it is kept: {keep}, and it was answered {reply:?}"));
            }
        }
        Answer::Refused { statuses, .. } => {
            if !statuses.contains(&status) || !closes {
                return Err(format!("{reply:?}, and not one of {statuses:?}"));
            }
        }
    }
    Ok(status)
}

struct Reply {
    status: u16,
    closes: bool,
    length: usize,
    body: Vec<u8>,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        let (status, closes) = (self.status, self.closes);
        write!(
            f,
            "{status}, closes: {closes}, {} bytes: {body:?}",
            self.length
        )
    }
}

impl Reply {
    fn take(rest: &mut &[u8], no_body: bool) -> Result<Reply, String> {
        let end = rest.windows(4).position(|w| w == b"\r\n\r\n");
        let end = end.ok_or("no whole head")? + 4;
        let (head, behind) = rest.split_at(end);
        let head = std::str::from_utf8(head).map_err(|e| e.to_string())?;
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|h| h.get(..3));
        let status: u16 = status
            .and_then(|digits| digits.parse().ok())
            .ok_or("no status line")?;
        let value = |name: &str| {
            let mut lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
            lines.find(|(n, _)| *n == name).map(|(_, value)| value)
        };
        let length: usize = match value("Content-Length") {
            Some(length) => length.parse().map_err(|_| "no length")?,
            None if status == 100 => 0,
            None => return Err(format!("an answer without a length: {head:?}")),
        };
        let taken = if no_body { 0 } else { length };
        let body = behind.get(..taken).ok_or("half a body")?.to_vec();
        *rest = &behind[taken..];
        Ok(Reply {
            status,
            closes: value("Connection") == Some("close"),
            length,
            body,
        })
    }
}

/// Where one parser and another might part.
const TOKENS: &[&str] = &[
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "\n\n",
    "\r\r\n",
    " ",
    "\t",
    ":",
    ": ",
    " : ",
    ",",
    ";",
    "=",
    "\"",
    "\\",
    "%",
    "%2f",
    "%zz",
    "?",
    "#",
    "@",
    "*",
    "[",
    "]",
    "[::1]",
    "[1:2:3:4:5:6:7:8]",
    "[::ffff:1.2.3.4]",
    "http://",
    "https://h",
    "HTTP://u@h/",
    "\0",
    "\x7f",
    "\x0b",
    "\u{ff}",
    "\u{c3}\u{a9}",
    "GET ",
    "HEAD ",
    "OPTIONS * ",
    "CONNECT a:80 ",
    "TRACE ",
    "HTTP/1.1",
    " HTTP/1.0",
    "HTTP/2.0",
    "HTTP/1.2",
    "Host: a\r\n",
    "Host:\r\n",
    "\r\nHost: b",
    "Connection: close\r\n",
    "Connection: keep-alive, x\r\n",
    "Content-Length: 5\r\n",
    "\r\nContent-Length: 0",
    "Content-Length : 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    "chunked",
    "Expect: 100-continue\r\n",
    "Expect: x\r\n",
    "X: y\r\n",
    " folded\r\n",
    "0\r\n\r\n",
    "5\r\nhello\r\n",
    "\r\n0\r\n\r\n",
    "0\r\nT: z\r\n\r\n",
    ";x=\"y\"",
    ";x",
    "0x",
    "+",
    "-",
    "ffffffffffffffff",
    "10000000000000000",
    "GET /2 HTTP/1.1\r\nHost: s\r\n\r\n",
];

const HEADS: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\n\r\nGET /a/b?c=d&e=[1]{2} HTTP/1.1\r\nHost: example.org:8080\r\nAccept: */*\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\nHost: a\r\n\r\n",
    "HEAD /x HTTP/1.1\r\nhost:a\r\nX: \t b \t\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS http://b:80 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET HTTPS://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET HTTP://[::1]:443?q HTTP/1.9\r\nHost: [fe80::1:2]\r\n\r\n",
    "GET http://b HTTP/1.1\r\nHost:\r\n\r\n",
    "GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "BREW /pot HTTP/1.1\r\nHost: b\r\nUser-Agent: \u{ff}\u{e9} \u{c3}\u{a9}\r\nEmpty:\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade ,\tClose ,\r\n\r\n",
    "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "HEAD /p HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\nhello",
    "PUT /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "POST /p HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    "POST /p HTTP/1.1\r\nHost: a\r\nExpect: , 100-Continue\t,\r\nContent-Length: 3\r\n\r\nabc",
    "POST /p HTTP/1.1\r\nHost: a\r\nExpect:\r\nContent-Length: 3\r\n\r\nabc",
    "POST /p HTTP/1.0\r\nExpect: x\r\nContent-Length: 3\r\n\r\nabc",
    "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n\
     0\r\n\r\n",
    "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\nabc",
    "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nX: 2\r\nX: 3\r\nX: 4\r\nX: 5\r\nX: 6\r\nX: 7\r\n\
     X: 8\r\nX: 9\r\nX: 10\r\nX: 11\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a%41-._~!$&'()*+,;=\r\n\r\n",
    "GET /?{a}|b^`\\ HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a=b{c} HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a:65535\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n",
    "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\nHost: a\n\n",
    "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
];

const CHUNKS: &[&str] = &[
    "0\r\n\r\n",
    "5\r\nhello\r\n0\r\n\r\n",
    "3\r\nhel\r\n2\r\nlo\r\n000\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "A;x\r\n0123456789\r\n0;y=z\r\nT: u\r\nV:\r\n\r\n",
    "5 ; a = \"b\\\"c\" ;d\t=e\r\nhello\r\n0\r\n\r\n",
    "50\r\n\
     01234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n0\r\n\r\n",
    "0000000000000001\r\na\r\n0\r\n\r\n",
    "bb8\r\n",
    "0\r\nA: 1\r\nA: 2\r\nA: 3\r\nA: 4\r\nA: 5\r\nA: 6\r\nA: 7\r\nA: 8\r\nA: 9\r\nA: 10\r\n\
     A: 11\r\nA: 12\r\n\r\n",
    "5\nhello\n0\n\n",
    "5 \r\nhello\r\n0\r\n\r\n",
];
