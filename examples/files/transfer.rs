//! A line on the terminal for each answer, when it has been sent or its client has gone.

use crate::text::size;
use millpond::{Request, Response, ResponseBody};
use std::io::{self, Read, Write};
use std::time::Instant;

/// A body that counts what was read of it to be sent.
struct Transfer {
    body: Box<dyn Read + Send>,
    line: String,
    began: Instant,
    sent: u64,
    whole: Option<u64>,
}

/// The answer, whose line is printed when its body is dropped.
pub fn told(request: &Request, answer: impl FnOnce() -> Response) -> Response {
    let began = Instant::now();
    let response = answer().with_unique_header("X-Content-Type-Options", "nosniff");
    let (method, url) = (request.method(), request.raw_url());
    // The server lets no control character come so far; but a terminal obeys them.
    let line = format!("{method} {url} {}", response.status_code).replace(char::is_control, "?");
    let (body, length) = response.data.into_reader_and_size();
    // All that is answered here has a length; but to 32 bits 4 GiB are more than can be told.
    let whole = length.map(|length| if method == "HEAD" { 0 } else { length as u64 });
    let body = Transfer {
        body,
        line,
        began,
        sent: 0,
        whole,
    };
    let data = match length {
        Some(length) => ResponseBody::from_reader_and_size(body, length),
        None => ResponseBody::from_reader(body),
    };
    Response { data, ..response }
}

impl Read for Transfer {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.body.read(buf)?;
        self.sent += count as u64;
        Ok(count)
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        let rate = size((self.sent as f64 / took.as_secs_f64().max(1e-6)) as u64);
        let whole = self.whole.map_or_else(|| "a lot".into(), size);
        let end = [", cut off", ""][usize::from(self.whole == Some(self.sent))];
        let (line, sent) = (&self.line, size(self.sent));
        let line = format!("{line}: {sent} of {whole} in {took:.1?}, {rate}/s{end}\n");
        // Whoever reads it may be gone: that is no reason to stop.
        let _ = io::stdout().write_all(line.as_bytes());
    }
}
