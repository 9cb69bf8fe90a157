//! [`shrinks`]: whether compression makes a media type smaller. Formats that are already compressed
//! (images, video, web fonts, archives) would only cost time.

/// The types that become smaller, besides `text/*` and types with a known suffix.
const COMPRESSIBLE_TYPES: [&str; 27] = [
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
/// RFC 6838 §4.2.8: suffixes of types such as `image/svg+xml`.
const COMPRESSIBLE_SUFFIXES: [&str; 4] = ["json", "json-seq", "xml", "yaml"];
/// Server-sent events are not compressed. Such a response stays open as long as the page.
/// Each compressed one would keep an encoder in memory, for a few bytes from time to time.
const EVENT_STREAM_TYPE: &str = "text/event-stream";

/// Returns whether compression makes a body with this `Content-Type` smaller.
pub(crate) fn shrinks(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or("").trim();
    let is = |name: &&str| essence.eq_ignore_ascii_case(name);
    let (top, rest) = essence.split_once('/').unwrap_or((essence, ""));
    let suffix = rest.rsplit_once('+').map_or("", |(_, suffix)| suffix);
    let is_text = top.eq_ignore_ascii_case("text") && !rest.is_empty() && !is(&EVENT_STREAM_TYPE);
    is_text
        || COMPRESSIBLE_SUFFIXES
            .iter()
            .any(|known| suffix.eq_ignore_ascii_case(known))
        || COMPRESSIBLE_TYPES.iter().any(is)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_similar_types_shrink() {
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
