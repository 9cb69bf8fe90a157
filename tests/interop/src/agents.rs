//! Servers, agents and bodies for the tests. Nothing here asserts anything about a server.

use std::io::{self, Read, Write};

use millpond::{BackgroundServer, Limits, Request, Response, Route, Router, Settings};
use ureq::config::ConfigBuilder;
use ureq::typestate::AgentScope;
use ureq::Agent;

use crate::GUARD;

/// The default limit of a body.
pub const MOST: u64 = 16 * 1024 * 1024;

/// A managed server on a free port with these routes.
pub fn serve(routes: Vec<Route>) -> BackgroundServer {
    serve_within(Limits::default(), routes)
}

pub fn serve_within(limits: Limits, routes: Vec<Route>) -> BackgroundServer {
    let router = Router::default();
    router.replace(routes);
    let settings = Settings::default().pool_size(64).limits(limits);
    router
        .serve_managed_with(([127, 0, 0, 1], 0), settings)
        .expect("a free port")
}

/// An agent that takes every status for an answer, and no proxy from its surroundings.
pub fn agent() -> Agent {
    agent_with(|config| config)
}

type Config = ConfigBuilder<AgentScope>;

pub fn agent_with(change: impl FnOnce(Config) -> Config) -> Agent {
    let config = Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .timeout_global(Some(GUARD))
        // A server that never says "100 Continue" fails its test: the guard ends it.
        .timeout_await_100(Some(GUARD * 2));
    change(config).build().new_agent()
}

pub fn url(server: &BackgroundServer, path: &str) -> String {
    format!("http://{}{}", server.addr(), path)
}

/// Reads the whole body and answers with it.
pub fn echo(request: &Request) -> Response {
    let mut body = Vec::new();
    let read = request.data().expect("the body").read_to_end(&mut body);
    match read {
        Ok(_) => Response::from_data("application/octet-stream", body),
        Err(e) => Response::text(e.to_string()).with_status_code(400),
    }
}

/// Compares the body with [`Patterned`] while it comes, and answers with its length.
pub fn verify(request: &Request) -> Response {
    let mut expected = Patterned::default();
    match io::copy(&mut request.data().expect("the body"), &mut expected) {
        Ok(length) => Response::text(length.to_string()),
        Err(e) => Response::text(e.to_string()).with_status_code(400),
    }
}

/// A body of any length with a known byte at each place: read it to send it, write received bytes
/// to it to compare them. The period is a prime, so a lost, doubled or moved buffer shows.
#[derive(Default)]
pub struct Patterned {
    at: u64,
}

const PERIOD: usize = 8191;

impl Patterned {
    /// Returns the next bytes of the pattern: at most `length` bytes, at least one.
    fn next(&self, length: usize) -> ([u8; PERIOD], std::ops::Range<usize>) {
        let mut block = [0; PERIOD];
        for (i, byte) in block.iter_mut().enumerate() {
            *byte = (i * i / 7 + i) as u8;
        }
        let start = (self.at % PERIOD as u64) as usize;
        (block, start..PERIOD.min(start + length))
    }

    pub fn of(length: u64) -> io::Take<Patterned> {
        Patterned::default().take(length)
    }
}

impl Read for Patterned {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let (block, range) = self.next(buf.len());
        buf[..range.len()].copy_from_slice(&block[range.clone()]);
        self.at += range.len() as u64;
        Ok(range.len())
    }
}

impl Write for Patterned {
    fn write(&mut self, came: &[u8]) -> io::Result<usize> {
        let (block, range) = self.next(came.len());
        if came[..range.len()] != block[range.clone()] {
            let text = format!("other bytes than were sent, somewhere behind {}", self.at);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        self.at += range.len() as u64;
        Ok(range.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
