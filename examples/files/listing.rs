//! What is in a folder: folders first, then files, each with its size and its time of change.

use crate::page;
use crate::text::{html, segment, size, utc};
use millpond::{asset_path, Request, Response};
use std::{fs, io, path::Path};

const HEAD: &str = "<li class=head>Name<span>Size</span><time>Changed (UTC)</time>\n";
const UP: &str = "<li><a class=dir href=\"../\">..</a>\n";

/// The folder `path`, which is `url` below `root`. What cannot be asked for is not shown.
pub fn show(request: &Request, url: &str, path: &Path, root: &Path) -> io::Result<Response> {
    let (mut rows, mut files, mut bytes) = (Vec::new(), 0, 0);
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        let (href, name) = (segment(&name), html(&name.to_string_lossy()));
        let found = asset_path(&format!("{url}{href}"), root).filter(|_| !name.starts_with('.'));
        let meta = match found.and_then(|path| fs::metadata(path).ok()) {
            Some(meta) => meta,
            None => continue,
        };
        let (kind, slash, length) = match meta.is_file() {
            true => ("file", "", size(meta.len())),
            false => ("dir", "/", String::new()),
        };
        if meta.is_file() {
            (files, bytes) = (files + 1, bytes + meta.len());
        }
        let time = meta.modified().map_or_else(|_| String::new(), utc);
        let row = format!(
            "<li><a class={kind} href=\"{href}{slash}\">{name}{slash}</a>\
             <span>{length}</span><time>{time}</time>\n"
        );
        rows.push((meta.is_file(), name.to_lowercase(), row));
    }
    rows.sort();
    let total = match (rows.len() - files, files) {
        (0, 0) => "This folder is empty.".to_owned(),
        (folders, files) => format!("Folders: {folders}. Files: {files}, {}.", size(bytes)),
    };
    let rows = rows.into_iter().map(|(_, _, row)| row);
    let up = Some(UP).filter(|_| url != "/").map(str::to_owned);
    let rows: String = up.into_iter().chain(rows).collect();
    let head = Some(HEAD).filter(|_| !rows.is_empty()).unwrap_or("");
    let content = format!("<ul>\n{head}{rows}</ul>\n<p>{total}");
    Ok(page::filled(&request.url(), url, &content))
}
