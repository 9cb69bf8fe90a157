//! The page that listings and failures share, with the way to it in its heading.

use crate::text::html;
use millpond::Response;
use std::io;

/// It runs nothing and asks nobody: its style and its icons are in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// The page of a folder, by its path and as its URL has that.
pub fn filled(path: &str, url: &str, content: &str) -> Response {
    let mut heading = String::from("<a href=\"/\">files</a><i>/</i>");
    let mut href = String::from("/");
    // They have as many parts: no name has a slash in it.
    for (segment, name) in url
        .split('/')
        .zip(path.split('/'))
        .filter(|part| !part.0.is_empty())
    {
        href = format!("{href}{segment}/");
        let (href, name) = (html(&href), html(name));
        heading += &format!("<a href=\"{href}\">{name}</a><i>/</i>");
    }
    page(&html(path), &heading, content)
}

pub fn failed(status: u16, title: &str, why: &str) -> Response {
    let content = format!("<h2>{title}</h2>\n<p>{why}");
    page(title, "<a href=\"/\">files</a>", &content).with_status_code(status)
}

pub fn unreadable(error: io::Error) -> Response {
    match error.kind() {
        io::ErrorKind::PermissionDenied => failed(403, "Forbidden", "This may not be read."),
        _ => failed(500, "Failed", "This cannot be read now."),
    }
}

pub fn not_allowed() -> Response {
    failed(405, "Not allowed", "A folder can only be looked at.")
        .with_additional_header("Allow", "GET, HEAD")
}

fn page(title: &str, heading: &str, content: &str) -> Response {
    let mut page = String::new();
    // Piece by piece, so that a name like `{content}` stays a name.
    for piece in include_str!("page.html").split_inclusive('}') {
        let (text, filling) = match piece {
            _ if piece.ends_with("{title}") => (piece.trim_end_matches("{title}"), title),
            _ if piece.ends_with("{heading}") => (piece.trim_end_matches("{heading}"), heading),
            _ if piece.ends_with("{content}") => (piece.trim_end_matches("{content}"), content),
            _ => (piece, ""),
        };
        page.push_str(text);
        page.push_str(filling);
    }
    Response::html(page)
        .with_additional_header("Content-Security-Policy", POLICY)
        .with_no_cache()
}
