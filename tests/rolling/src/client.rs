//! A raw client: one request, its whole answer or why there was none. It never tries again.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Nothing here takes longer, or it is a failure.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

/// An answer, and whether the server keeps the connection.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    pub stays: bool,
}

impl Client {
    pub fn connect(addr: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Client {
            stream,
            received: Vec::new(),
        })
    }

    pub fn ask(
        &mut self,
        method: &str,
        target: &str,
        close: bool,
        body: &[u8],
    ) -> io::Result<Answer> {
        let close = if close { "Connection: close\r\n" } else { "" };
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: a\r\n{close}Content-Length: {}\r\n\r\n",
            body.len()
        );
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        self.stream.write_all(&request)?;
        let end = loop {
            if let Some(at) = self.received.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            self.receive()?;
        };
        let head = String::from_utf8_lossy(&self.received[..end]).to_ascii_lowercase();
        let field = |name: &str| {
            let mut lines = head.lines().skip(1);
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let status = head.get(9..12).and_then(|code| code.parse().ok());
        let length = field("content-length").and_then(|length| length.parse().ok());
        let (status, length): (u16, usize) = match (status, length) {
            (Some(status), Some(length)) => (status, length),
            _ => return Err(io::Error::new(ErrorKind::InvalidData, head)),
        };
        let stays = field("connection") != Some("close");
        while self.received.len() < end + length {
            self.receive()?;
        }
        let body = self.received[end..end + length].to_vec();
        self.received.drain(..end + length);
        Ok(Answer {
            status,
            body,
            stays,
        })
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut bytes = [0; 64 * 1024];
        match self.stream.read(&mut bytes) {
            Err(e) if e.kind() == ErrorKind::Interrupted => Ok(()),
            Err(e) => Err(e),
            Ok(0) => Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                format!("the end behind {} bytes", self.received.len()),
            )),
            Ok(count) => {
                self.received.extend_from_slice(&bytes[..count]);
                Ok(())
            }
        }
    }
}
