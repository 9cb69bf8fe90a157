//! Forms: `cargo run --release --example form [ADDRESS] [MAX_BYTES]`, then open the URL it prints.
//! `/submit` takes a form into memory, field by field; `/measure` any form while it comes, up to
//! MAX_BYTES: `curl -F a=1 -F f=@FILE http://127.0.0.1:8080/measure`.

use millpond::input::{multipart::get_multipart_input, post::BufferedFile};
use millpond::{json, post_input, reply, router, try_or_400, Json, Limits, Request};
use millpond::{Response, Server};
use std::{env, error::Error, io};

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let (address, most) = (env::args().nth(1), env::args().nth(2));
    let server = Server::new(address.as_deref().unwrap_or("127.0.0.1:8080"), |request| {
        router!(request,
            (GET) (/) => { Response::html(include_str!("page.html")) },
            (POST) (/submit) => { submit(request) },
            (POST) (/measure) => { measure(request) },
            _ => Response::empty_404(),
        )
    })?;
    println!("http://{}/", server.server_addr());
    let limits = Limits {
        max_body_bytes: most.as_deref().unwrap_or("1000000000").parse()?,
        ..Limits::default()
    };
    server.limits(limits).run();
    Ok(())
}

fn submit(request: &Request) -> Response {
    let input = try_or_400!(post_input!(request, {
        name: String,
        age: Option<u8>,
        news: bool,
        files: Vec<BufferedFile>,
    }));
    // A browser sends a file without a name where none was chosen.
    let chosen = |file: &&BufferedFile| file.filename.as_deref() != Some("");
    let tell = |file: &BufferedFile| {
        let bytes = file.data.len();
        json!({ "name": file.filename, "type": file.mime, "bytes": bytes })
    };
    let files: Vec<Json> = input.files.iter().filter(chosen).map(tell).collect();
    reply!(json => json!({
        "name": input.name, "age": input.age, "news": input.news, "files": files
    }))
}

fn measure(request: &Request) -> Response {
    let mut form = try_or_400!(get_multipart_input(request));
    let mut fields = Vec::new();
    while let Some(mut field) = try_or_400!(form.try_next()) {
        let bytes = try_or_400!(io::copy(&mut field.data, &mut io::sink()));
        let filename = field.headers.filename;
        fields.push(json!({ "name": &*field.headers.name, "file": filename, "bytes": bytes }));
    }
    reply!(json => fields)
}
