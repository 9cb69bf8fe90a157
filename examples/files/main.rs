//! A folder as a web site: `cargo run --release --example files DIR [ADDRESS]`. For each folder its
//! index.html, or else a listing. Ranges, conditions and `.gz` or `.br` beside a file are what
//! `serve_file` does. Names with a dot in front are not there. An answer prints a line at its end.

mod listing;
mod page;
mod text;
mod transfer;

use millpond::{asset_path, serve_file, Request, Response, Server};
use std::path::{Path, PathBuf};
use std::{env, process::ExitCode};

const USAGE: &str = "usage: files DIR [ADDRESS]

Serves DIR at http://ADDRESS/, which is 127.0.0.1:8080 if it is not given.
0.0.0.0:8080 serves it to everybody on your network. Ctrl-C ends it.";

fn main() -> ExitCode {
    let args: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let (folder, address) = match args.as_slice() {
        [folder] => (folder.clone(), "127.0.0.1:8080".into()),
        [folder, address] => (folder.clone(), address.to_string_lossy()),
        _ => return fail(USAGE),
    };
    if !folder.is_dir() {
        return fail(&format!("{} is not a folder\n\n{USAGE}", folder.display()));
    }
    let handler = move |request: &Request| transfer::told(request, || answer(request, &folder));
    let server = match Server::new(&*address, handler) {
        Ok(server) => server,
        Err(error) => return fail(&format!("{address}: {error}")),
    };
    println!("http://{}/", server.server_addr());
    server.run();
    ExitCode::SUCCESS
}

fn fail(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::from(2)
}

fn answer(request: &Request, folder: &Path) -> Response {
    let url = request.raw_url();
    let (url, query) = url.split_at(url.find('?').unwrap_or(url.len()));
    let hidden = request.url().split('/').any(|name| name.starts_with('.'));
    match asset_path(url, folder).filter(|_| !hidden) {
        None => page::failed(404, "Not found", "Nothing here has this name."),
        Some(path) if path.is_file() => serve_file(request, &path),
        Some(_) if !matches!(request.method(), "GET" | "HEAD") => page::not_allowed(),
        // Its first segment is a name: this is no `//evil/`.
        Some(_) if !url.ends_with('/') => Response::redirect_302(format!("{url}/{query}")),
        Some(path) => match asset_path(&format!("{url}index.html"), folder) {
            Some(index) if index.is_file() => serve_file(request, &index),
            _ => listing::show(request, url, &path, folder).unwrap_or_else(page::unreadable),
        },
    }
}
