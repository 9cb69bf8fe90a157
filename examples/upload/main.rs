//! A folder for uploads: `cargo run --release --example upload [ADDRESS] [FOLDER] [MAX_BYTES]`.
//! Then open the printed URL, or run `curl -T FILE http://127.0.0.1:8080/`.
//!
//! A file gets its name when all of its bytes are on the disk. If the client disconnects or the
//! file is too large, no part of the file remains. No file is in memory as a whole.
//!
//! Every client may read and write the files. The folder is not in `/tmp`, because another user of
//! the machine could have put symbolic links there.

use millpond::session::generate_session_id;
use millpond::{json, reply, router, Address, Limits, Request, Response, Server};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Characters that no name may contain. `:` separates a drive or a stream on Windows. The last six
/// are harmless elsewhere, but Windows cannot store them.
const FORBIDDEN: &[char] = match cfg!(windows) {
    true => &['/', '\\', ':', '*', '?', '"', '<', '>', '|'],
    false => &['/', '\\', ':'],
};
/// 255 bytes: the longest name on most file systems.
const MAX_NAME_BYTES: usize = 255;

fn main() -> Result<(), Box<dyn Error>> {
    // 1. Read the command line.
    let mut args = std::env::args().skip(1);
    let address: Address = args.next().as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    let folder = PathBuf::from(args.next().as_deref().unwrap_or("millpond-upload"));
    let max_body_bytes = args.next().as_deref().unwrap_or("1000000000").parse()?;
    fs::create_dir_all(&folder)?;
    let shown_folder = folder.display().to_string();
    // 2. Bind the address. The server answers a larger file with 413.
    let limits = Limits {
        max_body_bytes,
        ..Limits::default()
    };
    let server =
        Server::listen_on([address], move |request| respond(request, &folder))?.limits(limits);
    // 3. Serve until the process ends.
    println!("http://{}/", server.server_addr());
    println!("files are in {shown_folder}, up to {max_body_bytes} bytes each");
    server.run();
    Ok(())
}

fn respond(request: &Request, folder: &Path) -> Response {
    let wants_page = |types: &str| types.contains("text/html");
    let result = router!(request,
        // Browsers ask for HTML. The script of the page, and curl, get the list as JSON.
        (GET) (/) => match request.header("Accept").map_or(false, wants_page) {
            true => Ok(Response::html(include_str!("page.html"))),
            false => list(folder).map(|files| Response::json(&files).with_no_cache()),
        },
        (GET) (/{name: String}) => Ok(download(folder, &name)),
        (PUT) (/{name: String}) => match is_safe(&name) {
            true => upload(request, folder, &name),
            false => Ok(reply!(message => "unsafe file name\n", status => 400)),
        },
        _ => Ok(Response::empty_404()),
    );
    result.unwrap_or_else(|error| {
        let status = match (error.kind(), error.raw_os_error()) {
            (ErrorKind::UnexpectedEof, _) => 400, // The client disconnected.
            (_, Some(27 | 28 | 122)) => 507,      // EFBIG, ENOSPC, EDQUOT: the disk is full.
            _ => 500,
        };
        reply!(message => format!("{error}\n"), status => status)
    })
}

/// Returns the names and sizes of the files.
fn list(folder: &Path) -> io::Result<BTreeMap<String, u64>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)?.flatten() {
        // Without this check, the list would contain unfinished uploads and folders.
        match (entry.file_name().into_string(), entry.metadata()) {
            (Ok(name), Ok(data)) if is_safe(&name) && data.is_file() => {
                files.insert(name, data.len());
            }
            _ => {}
        }
    }
    Ok(files)
}

fn download(folder: &Path, name: &str) -> Response {
    let path = folder.join(name);
    // The checks come first: opening a device could wait forever.
    if !is_safe(name) || !path.is_file() {
        return Response::empty_404();
    }
    match File::open(&path) {
        // The type and the disposition keep a browser from running an uploaded page.
        Ok(file) => Response::from_file("application/octet-stream", file)
            .with_content_disposition_attachment(name),
        Err(_) => Response::empty_404(),
    }
}

fn upload(request: &Request, folder: &Path, name: &str) -> io::Result<Response> {
    let mut body = request.data().expect("the body is read only here");
    // A random name, so that two uploads never write to the same file. `is_safe` hides the file,
    // because the name begins with a dot.
    let unfinished = folder.join(format!(".{}", generate_session_id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&unfinished)?;
    let result = io::copy(&mut body, &mut file)
        .and_then(|size| file.sync_all().map(|()| size))
        .and_then(|size| fs::rename(&unfinished, folder.join(name)).map(|()| size));
    if result.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    // If the body was too long or too slow, the server sends 413 or 408 instead of this error.
    result.map(|size| reply!(json => json!({ "size": size }), status => 201))
}

/// Returns whether a file may have this name. Accents, emoji, spaces and most punctuation are safe.
/// A name is unsafe if it leads out of the folder, hides the file, or stands for a device.
fn is_safe(name: &str) -> bool {
    let has_forbidden = |c: char| c.is_control() || FORBIDDEN.contains(&c);
    // A leading dot stands for `.`, `..`, a hidden file or an unfinished upload.
    let is_file = !name.is_empty() && !name.starts_with('.') && !name.contains(has_forbidden);
    // Windows drops dots and spaces at the end, so two names could mean one file.
    let is_changed = cfg!(windows) && name.ends_with(['.', ' ']);
    is_file && name.len() <= MAX_NAME_BYTES && !is_changed && !is_device(name)
}

/// Returns whether Windows opens a device under this name, also with an extension: `NUL.txt`.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    let stem = stem.to_ascii_uppercase();
    let is_port = |rest: &str| rest.chars().count() == 1 && rest.contains(|c: char| c.is_numeric());
    let port = stem
        .strip_prefix("COM")
        .or_else(|| stem.strip_prefix("LPT"));
    let names = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"];
    names.contains(&&*stem) || port.map_or(false, is_port)
}
