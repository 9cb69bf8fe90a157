//! Which media types become smaller: text, and what is like it. What is compressed by itself
//! (pictures, films, fonts for the web, archives) would only cost time.

/// Besides `text/*` and what names its syntax behind a `+`.
const TYPES: [&str; 27] = [
    "application/ecmascript",
    "application/graphql",
    "application/javascript",
    "application/json",
    "application/json-seq",
    "application/jsonlines",
    "application/mbox",
    "application/rtf",
    "application/sql",
    "application/toml",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/x-font-ttf",
    "application/x-javascript",
    "application/x-ndjson",
    "application/x-sh",
    "application/x-tex",
    "application/x-www-form-urlencoded",
    "application/x-yaml",
    "application/xml",
    "application/xml-dtd",
    "application/yaml",
    "font/collection",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/x-icon",
];
/// RFC 6838 §4.2.8: the syntax of types such as `image/svg+xml`.
const SYNTAXES: [&str; 4] = ["json", "json-seq", "xml", "yaml"];
/// Its events are to be seen one by one, and it is open for as long as a page is: a window for each
/// of those would be held for a few bytes now and then.
const EVENTS: &str = "text/event-stream";

/// Whether a body with this `Content-Type` is worth compressing.
pub(crate) fn shrinks(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or("").trim();
    let is = |name: &&str| essence.eq_ignore_ascii_case(name);
    let (top, rest) = essence.split_once('/').unwrap_or((essence, ""));
    let syntax = rest.rsplit_once('+').map_or("", |(_, syntax)| syntax);
    let is_text = top.eq_ignore_ascii_case("text") && !rest.is_empty() && !is(&EVENTS);
    is_text
        || SYNTAXES
            .iter()
            .any(|known| syntax.eq_ignore_ascii_case(known))
        || TYPES.iter().any(is)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_what_is_like_it() {
        for shrinking in [
            "text/html",
            "text/html; charset=utf-8",
            "TEXT/Plain;charset=utf-8",
            " text/css ",
            "application/json",
            "Application/JSON ; charset=utf-8",
            "application/problem+json",
            "application/vnd.api+JSON",
            "image/svg+xml; charset=utf-8",
            "application/a+b+xml",
            "application/wasm",
            "font/ttf",
            "image/x-icon",
        ] {
            assert!(shrinks(shrinking), "{shrinking}");
        }
        for other in [
            "",
            "text",
            "text/",
            "/json",
            "json",
            "text/event-stream",
            "text/event-stream; charset=utf-8",
            "image/png",
            "image/jpeg",
            "video/mp4",
            "font/woff2",
            "application/octet-stream",
            "application/zip",
            "application/gzip",
            "application/pdf",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/xml+zip",
            "x-text/html",
            "multipart/byteranges; boundary=text/html",
        ] {
            assert!(!shrinks(other), "{other}");
        }
    }
}
