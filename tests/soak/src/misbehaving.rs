//! Misbehaving clients: they stop in the middle, vanish, or send garbage. Their answers do not
//! matter; those of all other clients do.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Conn;
use crate::fuzz::{self, Rng};
use crate::server::content;
use crate::shared_state::SharedState;

/// So many silent connections are left open at once.
const SILENT: usize = 60;

pub fn misbehaving(state: &SharedState, rng: &mut Rng) {
    let heads = &fuzz::targets()[0];
    let (corpus, tokens) = (heads.corpus(), heads.tokens());
    let mut silent: VecDeque<TcpStream> = VecDeque::new();
    while let Some(conn) = Conn::open(state) {
        let mut stream = conn.client.stream;
        let upload = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n";
        let kind = match rng.below(9) {
            0 => {
                let _ = stream.write_all(part("GET /n/1 HTTP/1.1\r\nHost: a\r\n\r\n", rng));
                silent.push_back(stream);
                "(half a head, then silent)"
            }
            1 => {
                let _ = stream.write_all(upload.as_bytes());
                let _ = stream.write_all(&content(1, rng.below(200_000)));
                silent.push_back(stream);
                "(half a body, then silent)"
            }
            2 => {
                silent.push_back(stream);
                "(silent)"
            }
            // Unread answers make the end a reset.
            3 => {
                let _ = stream.write_all(b"GET /n/1 HTTP/1.1\r\nHost: a\r\n\r\n");
                wait_for_answer(&stream);
                let _ = stream.write_all(part("GET /n/2 HTTP/1.1\r\nHost: a\r\n\r\n", rng));
                "(half a head, then reset)"
            }
            4 => {
                let _ = stream.write_all(b"GET /n/1 HTTP/1.1\r\nHost: a\r\n\r\n");
                wait_for_answer(&stream);
                let _ = stream.write_all(upload.as_bytes());
                let _ = stream.write_all(&content(1, rng.below(200_000)));
                "(half a body, then reset)"
            }
            5 => {
                let _ = stream.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
                let mut some = vec![0; 1 + rng.below(300_000)];
                let _ = stream.read(&mut some);
                "(half an answer, then reset)"
            }
            6 | 7 => {
                // The end of its side has the server answer all there was, and close.
                let _ = stream.write_all(&fuzz::mutant(&corpus, tokens, rng));
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = stream.read(&mut [0; 1024]);
                "(garbage)"
            }
            _ => "(came and went)",
        };
        state.note(kind);
        if silent.len() > SILENT {
            silent.pop_front();
        }
        thread::sleep(Duration::from_millis(rng.below(6) as u64));
    }
}

fn part<'a>(request: &'a str, rng: &mut Rng) -> &'a [u8] {
    &request.as_bytes()[..1 + rng.below(request.len() - 1)]
}

/// Leaves it unread.
fn wait_for_answer(stream: &TcpStream) {
    let began = Instant::now();
    while stream.peek(&mut [0]).is_err() && began.elapsed() < Duration::from_secs(1) {
        thread::sleep(Duration::from_millis(1));
    }
}
