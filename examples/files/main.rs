//! A folder as a web site: `cargo run --release --example files [FOLDER] [ADDRESS]`.
//!
//! A folder is shown by its `index.html`, or else as a list of its entries. `serve_file` sends the
//! files, with ranges, conditions, media types, and a `.gz` or `.br` file beside the file. Names
//! that begin with a dot are hidden. Each request writes one line of log.

use millpond::{asset_path, log, serve_file, Address, Request, Response, Server};
use std::path::{Path, PathBuf};
use std::{error::Error, fs, io, time::SystemTime};

/// The pages run no script and load nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
const LIST_HEAD: &str = "<li class=head>Name<span>Size</span><span>Changed</span>\n";

/// The folder that is served, and its name for the pages.
struct Site {
    folder: PathBuf,
    name: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().unwrap_or_else(|| ".".into()));
    let address: Address = args.next().as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    if !folder.is_dir() {
        return Err(format!("not a folder: {}", folder.display()).into());
    }
    // The absolute path ends with the name of the folder, also if FOLDER is `.`.
    let name = folder.canonicalize()?;
    let name = name
        .file_name()
        .map_or("files".into(), |name| escape(&name.to_string_lossy()));
    let site = Site { folder, name };
    let server = Server::listen_on([address], move |request| {
        log(request, io::stdout(), || site.respond(request))
            .with_unique_header("X-Content-Type-Options", "nosniff")
    })?;
    println!("http://{}/", server.server_addr());
    server.run();
    Ok(())
}

impl Site {
    fn respond(&self, request: &Request) -> Response {
        // 1. Find the path. `asset_path` never leads out of the folder.
        let url = request.raw_url().split('?').next().unwrap_or_default();
        let is_hidden = request.url().split('/').any(|name| name.starts_with('.'));
        let path = match asset_path(url, &self.folder).filter(|_| !is_hidden) {
            Some(path) => path,
            None => return self.error(404, "There is no such file."),
        };
        // 2. Send a file, or the index of a folder.
        let index = asset_path(&format!("{url}index.html"), &self.folder);
        let file = [Some(path.clone()), index.filter(|_| url.ends_with('/'))];
        if let Some(file) = file.iter().flatten().find(|file| file.is_file()) {
            return serve_file(request, file);
        }
        // 3. Show a folder. Without the slash at the end of the URL, the browser would look for the
        //    links of the page in the parent folder.
        if !matches!(request.method(), "GET" | "HEAD") {
            let response = self.error(405, "A folder can only be read.");
            return response.with_additional_header("Allow", "GET, HEAD");
        }
        if !url.ends_with('/') {
            return Response::redirect_302(request.raw_url().replacen(url, &format!("{url}/"), 1));
        }
        match self.list(url, &path) {
            Ok(list) => self.page(&request.url(), &list),
            Err(_) => self.error(403, "The server cannot read this folder."),
        }
    }

    /// Returns the entries of a folder as HTML: folders first, then files.
    fn list(&self, url: &str, path: &Path) -> io::Result<String> {
        let mut rows = Vec::new();
        for entry in fs::read_dir(path)? {
            let name = entry?.file_name().into_string().unwrap_or_default();
            let href = percent_encode(&name);
            let target = asset_path(&format!("{url}{href}"), &self.folder);
            // Skip hidden names, names that are not UTF-8, and links that lead out of the folder.
            let data = match target.map(fs::metadata) {
                Some(Ok(data)) if !name.is_empty() && !name.starts_with('.') => data,
                _ => continue,
            };
            let (slash, size) = match data.is_file() {
                true => ("", format_size(data.len())),
                false => ("/", String::new()),
            };
            let age = data.modified().map_or(String::new(), format_age);
            let link = format!("<a href=\"{href}{slash}\">{}{slash}</a>", escape(&name));
            let row = format!("<li>{link}<span>{size}</span><span>{age}</span>\n");
            rows.push((data.is_file(), name.to_lowercase(), row));
        }
        let count = rows.len();
        if url != "/" {
            rows.push((false, String::new(), "<li><a href=\"../\">..</a>\n".into()));
        }
        rows.sort();
        let rows: String = rows.into_iter().map(|(_, _, row)| row).collect();
        Ok(format!("<ul>\n{LIST_HEAD}{rows}</ul>\n<p>Entries: {count}"))
    }

    fn error(&self, status: u16, text: &str) -> Response {
        let content = format!("<p>{text}\n<p><a href=\"/\">Back to {}</a>", self.name);
        self.page("", &content).with_status_code(status)
    }

    /// Returns a page. Its heading is the name of the folder and the path below the folder.
    fn page(&self, path: &str, content: &str) -> Response {
        let (name, path) = (&self.name, escape(path.trim_end_matches('/')));
        let title = format!("<title>{name}{path}</title>\n<h1><a href=\"/\">{name}</a>{path}</h1>");
        Response::html(format!("{}{title}\n{content}\n", include_str!("head.html")))
            .with_additional_header("Content-Security-Policy", POLICY)
            .with_no_cache()
    }
}

/// Escapes text for HTML. Without this, the name of a file could contain a script.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Encodes a name as one segment of a URL.
fn percent_encode(name: &str) -> String {
    let encode = |byte: u8| match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    name.bytes().map(encode).collect()
}

fn format_size(bytes: u64) -> String {
    match bytes {
        0..=999 => format!("{bytes} B"),
        1_000..=999_999 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..=999_999_999 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

fn format_age(changed: SystemTime) -> String {
    match changed.elapsed().map_or(0, |age| age.as_secs() / 60) {
        minutes @ 0..=59 => format!("{minutes} min ago"),
        minutes @ 60..=1_439 => format!("{} h ago", minutes / 60),
        minutes => format!("{} days ago", minutes / 1_440),
    }
}
