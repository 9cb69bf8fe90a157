//! A small blocking HTTP client for one connection: it reads whole answers and keeps none of them.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

pub struct Client {
    stream: BufReader<TcpStream>,
}

/// What an answer says of itself.
pub struct Answer {
    pub status: u16,
    pub body_bytes: u64,
}

impl Client {
    pub fn connect(addr: SocketAddr, deadline: Instant) -> io::Result<Client> {
        let stream = TcpStream::connect_timeout(&addr, time_left(deadline)?)?;
        stream.set_nodelay(true)?;
        Ok(Client {
            stream: BufReader::new(stream),
        })
    }

    pub fn send(&mut self, bytes: &[u8], deadline: Instant) -> io::Result<()> {
        self.stream
            .get_ref()
            .set_write_timeout(Some(time_left(deadline)?))?;
        self.stream.get_mut().write_all(bytes)
    }

    /// Reads one answer. The deadline is exact to one read, which may begin just before it.
    pub fn answer(&mut self, deadline: Instant) -> io::Result<Answer> {
        self.stream
            .get_ref()
            .set_read_timeout(Some(time_left(deadline)?))?;
        let mut line = String::new();
        self.line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or(io::ErrorKind::InvalidData)?;
        let mut length = Some(0);
        loop {
            self.line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(
                    value
                        .trim()
                        .parse()
                        .map_err(|_| io::ErrorKind::InvalidData)?,
                );
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                length = None;
            }
        }
        let body_bytes = match length {
            Some(length) => self.discard(length)?,
            None => self.discard_chunks()?,
        };
        Ok(Answer { status, body_bytes })
    }

    fn line(&mut self, line: &mut String) -> io::Result<()> {
        line.clear();
        match self.stream.read_line(line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    fn discard(&mut self, length: u64) -> io::Result<u64> {
        let n = io::copy(&mut (&mut self.stream).take(length), &mut io::sink())?;
        if n < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(n)
    }

    fn discard_chunks(&mut self) -> io::Result<u64> {
        let mut total = 0;
        let mut line = String::new();
        loop {
            self.line(&mut line)?;
            let size = u64::from_str_radix(line.trim_end(), 16);
            let size = size.map_err(|_| io::ErrorKind::InvalidData)?;
            self.discard(size + 2)?;
            if size == 0 {
                return Ok(total);
            }
            total += size;
        }
    }
}

/// A socket timeout of zero would mean none, so the last instant counts as past.
fn time_left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left < Duration::from_millis(1) {
        return Err(io::ErrorKind::TimedOut.into());
    }
    Ok(left)
}
