//! A form with files: `cargo run --release --example form [ADDRESS] [MAX_BYTES]`, then open the
//! printed URL.
//!
//! `/submit` reads the form into a struct, in memory. `/measure` reads any form of up to MAX_BYTES
//! part by part, in constant memory: `curl -F a=1 -F f=@FILE http://127.0.0.1:8080/measure`. The
//! response to each request is a page, also if the form is wrong or too large.

use millpond::input::multipart::get_multipart_input;
use millpond::input::post::{BufferedFile, MAX_BUFFERED_BYTES};
use millpond::{post_input, router, Address, Limits, Request, Response, Server};
use std::error::Error;
use std::io;

/// The result of a handler. A text of the error type becomes a page with the status 400.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let address: Address = args.next().as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    let max_bytes: u64 = args.next().as_deref().unwrap_or("1000000000").parse()?;
    let server = Server::listen_on([address], move |request| respond(request, max_bytes))?;
    println!("http://{}/", server.server_addr());
    // The handlers check the length of the body, to respond with a page. The server itself would
    // respond with one line of text.
    let limits = Limits {
        max_body_bytes: u64::MAX,
        ..Limits::default()
    };
    server.limits(limits).run();
    Ok(())
}

fn respond(request: &Request, max_bytes: u64) -> Response {
    router!(request,
        (GET) (/) => page(200, ""),
        (POST) (/submit) => within(request, MAX_BUFFERED_BYTES as u64, submit),
        (POST) (/measure) => within(request, max_bytes, measure),
        _ => page(404, &alert("This page does not exist.")),
    )
}

/// Calls the handler if the body has a length of at most `max_bytes`. Each error becomes a page.
fn within(request: &Request, max_bytes: u64, handler: fn(&Request) -> Result<String>) -> Response {
    let length = request
        .header("Content-Length")
        .map(|length| length.parse::<u64>());
    match length {
        Some(Ok(length)) if length <= max_bytes => match handler(request) {
            Ok(result) => page(200, &result),
            Err(error) => page(400, &alert(&format!("The form is wrong: {error}."))),
        },
        Some(_) => {
            let text = format!("The form is too large: at most {max_bytes} bytes are allowed.");
            page(413, &alert(&text))
        }
        // Browsers always send a length. Without this check, a chunked body would have no limit.
        None => page(411, &alert("The form has no length.")),
    }
}

/// Reads a form with known fields, and shows them.
fn submit(request: &Request) -> Result<String> {
    // The types decide: a missing `Option` is `None`, a checkbox is a `bool`, and there may be any
    // number of files. A form without a name is an error.
    let input = post_input!(request, {
        name: String,
        age: Option<u8>,
        news: bool,
        files: Vec<BufferedFile>,
    })?;
    let age = input.age.map_or("none".into(), |age| age.to_string());
    let news = if input.news { "yes" } else { "no" };
    let mut rows = row("Name", &input.name) + &row("Age", &age) + &row("News", news);
    for file in input.files {
        // A browser sends a file with an empty name if no file was chosen.
        let name = file.filename.unwrap_or_default();
        if !name.is_empty() {
            let text = format!("{name}, {} bytes, {}", file.data.len(), file.mime);
            rows += &row("File", &text);
        }
    }
    Ok(format!("<h2>Received</h2><dl>{rows}</dl>"))
}

/// Reads any multipart form, and shows the number of bytes of each field.
fn measure(request: &Request) -> Result<String> {
    let mut form = get_multipart_input(request)?;
    let mut rows = String::new();
    while let Some(mut field) = form.try_next()? {
        // `field.data` is a reader. A real program copies it to a file.
        let bytes = io::copy(&mut field.data, &mut io::sink())?;
        let file = field
            .headers
            .filename
            .map_or(String::new(), |name| format!("{name}, "));
        rows += &row(&field.headers.name, &format!("{file}{bytes} bytes"));
    }
    Ok(format!("<h2>Measured</h2><dl>{rows}</dl>"))
}

fn row(name: &str, value: &str) -> String {
    format!(
        "<div><dt>{}</dt><dd>{}</dd></div>",
        escape(name),
        escape(value)
    )
}

fn alert(text: &str) -> String {
    format!("<p role=\"alert\">{}</p>", escape(text))
}

/// Returns the page: the form, and above it the result of the last request.
fn page(status: u16, result: &str) -> Response {
    let page = include_str!("page.html").replacen("{{result}}", result, 1);
    Response::html(page).with_status_code(status)
}

/// Escapes text for HTML. Without this, a name could contain a script.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
