//! A folder over HTTP: `cargo run --release --example upload [ADDRESS] [FOLDER] [MAX_BYTES]`, then
//! `curl -T FILE http://127.0.0.1:8080/`, or a browser. Whoever reaches it may read and write. The
//! folder is not in `/tmp`: under a name that is known, somebody else may have put links there.

mod folder;

use folder::Folder;
use millpond::{json, reply, router, Limits, Response, Server};
use std::{env, error::Error, io, path::PathBuf};

const PAGE: &str = include_str!("page.html");

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let (address, path, most) = (env::args().nth(1), env::args().nth(2), env::args().nth(3));
    let address = address.as_deref().unwrap_or("127.0.0.1:8080");
    let path = PathBuf::from(path.as_deref().unwrap_or("millpond-upload"));
    let folder = Folder::create(path.clone())?;
    let max_body_bytes = most.as_deref().unwrap_or("1000000000").parse()?;
    let server = Server::new(address, move |request| {
        router!(request,
            (GET) (/) => match request.header("Accept") {
                Some(types) if types.contains("text/html") => Response::html(PAGE),
                _ => folder.list().map_or_else(failed, |files| reply!(json => files)),
            },
            (GET) (/{name: String}) => match folder.open(&name) {
                Some(file) => Response::from_file("application/octet-stream", file),
                None => Response::empty_404(),
            },
            (PUT) (/{name: String}) => {
                if !folder::is_plain(&name) {
                    return reply!(message => "not a name for a file here\n", status => 400);
                }
                let mut body = request.data().expect("nobody else has taken it");
                match folder.save(&name, &mut body) {
                    Ok(size) => reply!(json => json!({ "size": size }), status => 201),
                    // Too long or too slow? Then millpond answers 413 or 408 in place of this.
                    Err(error) => failed(error),
                }
            },
            _ => Response::empty_404(),
        )
    })?;
    println!("http://{}/", server.server_addr());
    println!("files are in {path:?}, up to {max_body_bytes} bytes each");
    let limits = Limits {
        max_body_bytes,
        ..Limits::default()
    };
    server.limits(limits).run();
    Ok(())
}

fn failed(error: io::Error) -> Response {
    let status = match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::UnexpectedEof, _) => 400,
        (_, Some(27 | 28 | 122)) => 507, // EFBIG, ENOSPC, EDQUOT: no room for it.
        _ => 500,
    };
    reply!(message => format!("{}\n", error), status => status)
}
