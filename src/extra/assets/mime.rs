//! [`extension_to_mime`]: the media type for a file extension. The module does not read files.

/// Returns the `Content-Type` for files with this extension. The result for an unknown extension is
/// `application/octet-stream`.
///
/// The extension is the text after the last dot, without the dot. The case is ignored. The type of
/// text has the charset UTF-8, unless the format states its own encoding (XML, SVG, JSON).
///
/// ```
/// use millpond::extension_to_mime;
///
/// assert_eq!(extension_to_mime("html"), "text/html; charset=utf-8");
/// assert_eq!(extension_to_mime("JPG"), "image/jpeg");
/// assert_eq!(extension_to_mime(""), "application/octet-stream");
/// ```
pub fn extension_to_mime(extension: &str) -> &'static str {
    let named = |name: &str| name.eq_ignore_ascii_case(extension);
    let found = MIME_TYPES
        .iter()
        .find(|(_, extensions)| extensions.split(' ').any(named));
    match found {
        Some((mime, _)) if !extension.is_empty() => mime,
        _ => "application/octet-stream",
    }
}

/// Media types with their extensions, the most frequent ones first. The names are those of the IANA
/// registry, or else those in common use.
const MIME_TYPES: &[(&str, &str)] = &[
    // Files of a web site.
    ("text/html; charset=utf-8", "html htm shtml"),
    ("text/css; charset=utf-8", "css"),
    // RFC 9239: this name applies to all JavaScript.
    ("text/javascript; charset=utf-8", "js mjs cjs"),
    ("image/png", "png"),
    ("image/jpeg", "jpg jpeg jpe jfif pjpeg pjp"),
    ("image/svg+xml", "svg"),
    ("image/webp", "webp"),
    ("image/gif", "gif"),
    ("image/avif", "avif"),
    ("image/x-icon", "ico cur"),
    ("font/woff2", "woff2"),
    ("font/woff", "woff"),
    ("application/json", "json map"),
    ("application/manifest+json", "webmanifest"),
    ("application/wasm", "wasm"),
    ("application/xml", "xml xsd xsl rng"),
    ("application/xhtml+xml", "xhtml xht"),
    ("application/rss+xml", "rss"),
    ("application/atom+xml", "atom"),
    // Text.
    (
        "text/plain; charset=utf-8",
        "txt text log conf cfg ini list diff patch toml lock rs go c h cc cpp cxx hpp hxx hh java \
         kt swift py rb pl pm lua sh bash zsh fish bat ps1 sql r jl hs ml ex exs erl clj scala cs \
         fs vb pas f90 asm s cmake mk rst adoc properties env gradle proto",
    ),
    ("text/markdown; charset=utf-8", "md markdown mdown"),
    ("text/csv; charset=utf-8", "csv"),
    ("text/tab-separated-values; charset=utf-8", "tsv"),
    ("text/calendar; charset=utf-8", "ics ifb"),
    ("text/vcard; charset=utf-8", "vcf vcard"),
    ("text/vtt; charset=utf-8", "vtt"),
    ("text/richtext", "rtx"),
    ("text/troff; charset=utf-8", "roff man"),
    ("text/sgml", "sgml sgm"),
    ("text/turtle; charset=utf-8", "ttl"),
    ("text/cache-manifest; charset=utf-8", "appcache"),
    // Data.
    ("application/ld+json", "jsonld"),
    ("application/geo+json", "geojson"),
    ("application/json5", "json5"),
    ("application/x-ndjson", "ndjson jsonl"),
    ("application/schema+json", "jsonschema"),
    ("application/yaml", "yaml yml"),
    ("application/cbor", "cbor"),
    ("application/msgpack", "msgpack"),
    ("application/rdf+xml", "rdf owl"),
    ("application/xml-dtd", "dtd mod"),
    ("application/xslt+xml", "xslt"),
    ("application/mathml+xml", "mathml mml"),
    ("application/gpx+xml", "gpx"),
    ("application/tcx+xml", "tcx"),
    ("application/vnd.google-earth.kml+xml", "kml"),
    ("application/vnd.google-earth.kmz", "kmz"),
    ("application/vnd.sqlite3", "sqlite sqlite3"),
    ("application/vnd.apache.parquet", "parquet"),
    ("application/x-netcdf", "nc cdf"),
    ("application/x-hdf", "hdf h5"),
    ("application/pgp-signature", "asc sig"),
    ("application/x-x509-ca-cert", "crt der cer"),
    ("application/x-pem-file", "pem"),
    ("application/x-bittorrent", "torrent"),
    ("application/xspf+xml", "xspf"),
    // Documents.
    ("application/pdf", "pdf"),
    ("application/postscript", "ps eps ai"),
    ("application/rtf", "rtf"),
    ("application/epub+zip", "epub"),
    ("application/x-mobipocket-ebook", "mobi prc"),
    ("application/x-tex", "tex"),
    ("application/x-latex", "latex"),
    ("application/x-bibtex", "bib"),
    ("application/x-dvi", "dvi"),
    ("application/msword", "doc dot"),
    ("application/vnd.ms-excel", "xls xlt xla xlm"),
    ("application/vnd.ms-powerpoint", "ppt pps pot"),
    ("application/vnd.ms-project", "mpp"),
    ("application/vnd.ms-fontobject", "eot"),
    ("application/vnd.ms-htmlhelp", "chm"),
    ("application/vnd.visio", "vsd"),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
    ),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
    ),
    (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "pptx",
    ),
    ("application/vnd.oasis.opendocument.text", "odt"),
    ("application/vnd.oasis.opendocument.spreadsheet", "ods"),
    ("application/vnd.oasis.opendocument.presentation", "odp"),
    ("application/vnd.oasis.opendocument.graphics", "odg"),
    // Images.
    ("image/apng", "apng"),
    ("image/bmp", "bmp dib"),
    ("image/heic", "heic"),
    ("image/heif", "heif"),
    ("image/jp2", "jp2"),
    ("image/jxl", "jxl"),
    ("image/tiff", "tif tiff"),
    ("image/vnd.adobe.photoshop", "psd"),
    ("image/vnd.djvu", "djvu djv"),
    ("image/x-portable-anymap", "pnm"),
    ("image/x-portable-bitmap", "pbm"),
    ("image/x-portable-graymap", "pgm"),
    ("image/x-portable-pixmap", "ppm"),
    ("image/x-tga", "tga"),
    ("image/x-xbitmap", "xbm"),
    ("image/x-xpixmap", "xpm"),
    // Audio.
    ("audio/mpeg", "mp3 mp2 mpga"),
    ("audio/mp4", "m4a m4b"),
    ("audio/aac", "aac"),
    ("audio/ogg", "oga ogg opus spx"),
    ("audio/flac", "flac"),
    ("audio/wav", "wav"),
    ("audio/webm", "weba"),
    ("audio/midi", "mid midi kar rmi"),
    ("audio/aiff", "aif aiff aifc"),
    ("audio/basic", "au snd"),
    ("audio/x-ms-wma", "wma"),
    ("audio/x-matroska", "mka"),
    ("audio/x-mpegurl", "m3u"),
    // Video. RFC 8216: the playlists of HLS.
    ("application/vnd.apple.mpegurl", "m3u8"),
    ("application/dash+xml", "mpd"),
    ("video/mp4", "mp4 m4v mp4v"),
    ("video/webm", "webm"),
    ("video/ogg", "ogv"),
    ("video/mpeg", "mpeg mpg mpe m1v m2v"),
    ("video/mp2t", "ts m2ts mts"),
    ("video/quicktime", "mov qt"),
    ("video/x-matroska", "mkv"),
    ("video/x-msvideo", "avi"),
    ("video/x-ms-wmv", "wmv"),
    ("video/x-flv", "flv"),
    ("video/3gpp", "3gp 3gpp"),
    // Fonts, scenes.
    ("font/ttf", "ttf"),
    ("font/otf", "otf"),
    ("font/collection", "ttc"),
    ("model/gltf+json", "gltf"),
    ("model/gltf-binary", "glb"),
    ("model/stl", "stl"),
    ("model/obj", "obj"),
    // Archives and programs.
    ("application/zip", "zip"),
    ("application/gzip", "gz tgz"),
    ("application/zstd", "zst"),
    ("application/x-brotli", "br"),
    ("application/x-bzip2", "bz2 tbz2"),
    ("application/x-xz", "xz txz"),
    ("application/x-lzma", "lzma"),
    ("application/x-compress", "z"),
    ("application/x-7z-compressed", "7z"),
    ("application/vnd.rar", "rar"),
    ("application/x-tar", "tar"),
    ("application/x-cpio", "cpio"),
    ("application/vnd.ms-cab-compressed", "cab"),
    ("application/vnd.debian.binary-package", "deb udeb"),
    ("application/x-redhat-package-manager", "rpm"),
    ("application/java-archive", "jar war ear"),
    ("application/vnd.android.package-archive", "apk"),
    ("application/x-xpinstall", "xpi"),
    ("application/x-chrome-extension", "crx"),
    ("application/x-shockwave-flash", "swf"),
    ("application/x-iso9660-image", "iso"),
    ("application/x-apple-diskimage", "dmg"),
    ("application/x-msi", "msi"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn extensions_have_their_registered_types() {
        for (extension, want) in [
            ("html", "text/html; charset=utf-8"),
            ("HTM", "text/html; charset=utf-8"),
            ("css", "text/css; charset=utf-8"),
            ("js", "text/javascript; charset=utf-8"),
            ("mjs", "text/javascript; charset=utf-8"),
            ("json", "application/json"),
            ("wasm", "application/wasm"),
            ("svg", "image/svg+xml"),
            ("txt", "text/plain; charset=utf-8"),
            ("rs", "text/plain; charset=utf-8"),
            ("jpeg", "image/jpeg"),
            ("woff2", "font/woff2"),
            ("mp4", "video/mp4"),
            ("webm", "video/webm"),
            ("wav", "audio/wav"),
            ("pdf", "application/pdf"),
            ("gz", "application/gzip"),
            ("7z", "application/x-7z-compressed"),
            ("", "application/octet-stream"),
            (" ", "application/octet-stream"),
            ("html htm", "application/octet-stream"),
            ("bin", "application/octet-stream"),
            ("\u{1f986}", "application/octet-stream"),
        ] {
            assert_eq!(extension_to_mime(extension), want, "{extension:?}");
        }
    }

    #[test]
    fn each_extension_occurs_once_and_is_found() {
        let mut seen = BTreeSet::new();
        for (mime, extensions) in MIME_TYPES {
            assert!(!extensions.contains("  "), "{mime}");
            for extension in extensions.split(' ') {
                assert!(seen.insert(extension), "{extension} twice");
                let lower = extension
                    .bytes()
                    .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9'));
                assert!(lower && !extension.is_empty(), "{extension:?}");
                assert_eq!(extension_to_mime(&extension.to_uppercase()), *mime);
            }
        }
    }

    #[test]
    fn text_has_a_charset() {
        for (mime, _) in MIME_TYPES {
            let (bare, rest) = mime.split_at(mime.find(';').unwrap_or(mime.len()));
            assert!(bare.matches('/').count() == 1, "{mime}");
            let is_text = bare.starts_with("text/");
            // These two formats state their encoding.
            let states_encoding = ["text/richtext", "text/sgml"].contains(&bare);
            let want = if is_text && !states_encoding {
                "; charset=utf-8"
            } else {
                ""
            };
            assert_eq!(rest, want, "{mime}");
        }
    }
}
