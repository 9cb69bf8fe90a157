//! Bodies with the boundary `x`. `{A}` and `{B}` stand for the `Content-Disposition` of a field
//! with the name `a` or `b`.

use std::io::ErrorKind::{self, InvalidData, UnexpectedEof};

/// Name, file name, content type, data.
pub(crate) type Field = (
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
    &'static str,
);

/// Name, body, fields.
pub(crate) const FORMS: &[(&str, &str, &[Field])] = &[
    ("no field", "--x--\r\n", &[]),
    (
        "one",
        "--x\r\n{A}\r\n1\r\n--x--\r\n",
        &[("a", None, None, "1")],
    ),
    (
        "two",
        "--x\r\n{A}\r\n1\r\n--x\r\n{B}\r\n2\r\n--x--\r\n",
        &[("a", None, None, "1"), ("b", None, None, "2")],
    ),
    (
        "no end of the last line",
        "--x\r\n{A}\r\n1\r\n--x--",
        &[("a", None, None, "1")],
    ),
    (
        "a preamble",
        "hi\r\n--y\r\n--x\r\n{A}\r\n1\r\n--x--\r\n",
        &[("a", None, None, "1")],
    ),
    (
        "an epilogue",
        "--x\r\n{A}\r\n1\r\n--x--\r\n--x\r\n{B}",
        &[("a", None, None, "1")],
    ),
    (
        "padding",
        "--x \t\r\n{A}\r\n1\r\n--x-- \t \r\n",
        &[("a", None, None, "1")],
    ),
    (
        "no data",
        "--x\r\n{A}\r\n\r\n--x--\r\n",
        &[("a", None, None, "")],
    ),
    (
        "no line of data",
        "--x\r\n{A}\r\n--x--\r\n",
        &[("a", None, None, "")],
    ),
    (
        "no line of data, twice",
        "--x\r\n{A}\r\n--x\r\n{B}\r\n--x--\r\n",
        &[("a", None, None, ""), ("b", None, None, "")],
    ),
    (
        "data like a boundary",
        "--x\r\n{A}\r\n--\r\n-x\r\n--\r\nx\r\r\n\n--x\r\n--x--\r\n",
        &[("a", None, None, "--\r\n-x\r\n--\r\nx\r\r\n\n--x")],
    ),
    (
        "a prefix of a boundary, then another",
        "--x\r\n{A}\r\n\r\n\r\n-\r\n--\r\r\n--x--\r\n",
        &[("a", None, None, "\r\n\r\n-\r\n--\r")],
    ),
    (
        "a field that is no boundary",
        "--x\r\n{A}-x: y\r\nX: \r\n--: --x\r\n\r\n1\r\n--x--\r\n",
        &[("a", None, None, "1")],
    ),
    (
        "a file",
        "--x\r\ncontent-TYPE:image/PNG\r\nContent-Disposition: Form-Data; name=a; \
             filename=\"b.png\"\r\nX: y\r\n\r\n\x01\r\n--x--\r\n",
        &[("a", Some("b.png"), Some("image/png"), "\x01")],
    ),
    (
        "a file that was not chosen",
        "--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n\r\n--x--\r\n",
        &[("a", Some(""), Some("application/octet-stream"), "")],
    ),
    (
        "names as browsers write them",
        "--x\r\nContent-Disposition: form-data; name=\"%22%0D%0A%\"; \
             filename=\"\u{e9}\\100%41%2522;.txt\"\r\n\r\n\r\n--x--\r\n",
        &[("\"\r\n%", Some("\u{e9}\\100%41%2522;.txt"), None, "")],
    ),
    (
        "a name that ends in a backslash",
        "--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\\\"\r\n\r\n\r\n--x--",
        &[("a", Some("b\\"), None, "")],
    ),
    (
        "escaped with backslashes",
        "--x\r\nContent-Disposition: form-data; name=\"\\\"a\\\\\"; filename=\"\\\"\"\
             \r\n\r\n\r\n--x--",
        &[("\"a\\", Some("\""), None, "")],
    ),
    (
        "filename* is ignored",
        "--x\r\nContent-Disposition: form-data; name=a; filename*=UTF-8''b.exe\r\n\r\n1\
             \r\n--x--\r\n",
        &[("a", None, None, "1")],
    ),
    (
        "an encoding that changes nothing",
        "--x\r\n{A}Content-Transfer-Encoding: Binary\r\n\r\n1\r\n--x--\r\n",
        &[("a", None, None, "1")],
    ),
    (
        "a form within",
        "--x\r\n{A}Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\n1\r\n--y--\r\n\
             --x--\r\n",
        &[(
            "a",
            None,
            Some("multipart/mixed; boundary=y"),
            "--y\r\n\r\n1\r\n--y--",
        )],
    ),
    (
        "an empty name",
        "--x\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n1\r\n--x--",
        &[("", None, None, "1")],
    ),
];

/// Name, body, complete fields before the error, error.
pub(crate) const NO_FORMS: &[(&str, &str, usize, ErrorKind)] = &[
    ("nothing", "", 0, UnexpectedEof),
    ("no boundary", "a=1&b=2\r\n", 0, UnexpectedEof),
    (
        "another boundary",
        "--y\r\n{A}\r\n1\r\n--y--\r\n",
        0,
        UnexpectedEof,
    ),
    ("half a boundary", "--x\r\n{A}\r\n1\r\n--", 0, UnexpectedEof),
    (
        "no last boundary",
        "--x\r\n{A}\r\n1\r\n--x\r\n{B}\r\n2",
        1,
        UnexpectedEof,
    ),
    ("no head", "--x\r\n{A}\r\n1\r\n--x\r\n", 1, UnexpectedEof),
    (
        "no boundary before the last",
        "--x\r\n{A}1\r\n--x--\r\n",
        0,
        UnexpectedEof,
    ),
    (
        "a longer boundary",
        "--x\r\n{A}\r\n1\r\n--xy\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "a longer first boundary",
        "--xy\r\n{A}\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "a longer last boundary",
        "--x\r\n{A}\r\n1\r\n--x--y\r\n",
        0,
        InvalidData,
    ),
    (
        "three hyphens",
        "--x\r\n{A}\r\n1\r\n--x---\r\n",
        0,
        InvalidData,
    ),
    ("one hyphen", "--x\r\n{A}\r\n1\r\n--x-\r\n", 0, InvalidData),
    (
        "padding before the hyphens",
        "--x\r\n{A}\r\n1\r\n--x --\r\n",
        0,
        InvalidData,
    ),
    (
        "a bare LF after a boundary",
        "--x\n{A}\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "a bare CR after a boundary",
        "--x\r{A}\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "bare LFs",
        "--x\nContent-Disposition: form-data; name=a\n\n1\n--x--\n",
        0,
        InvalidData,
    ),
    ("no fields", "--x\r\n\r\n1\r\n--x--\r\n", 0, InvalidData),
    (
        "no disposition",
        "--x\r\nX: y\r\n\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "two dispositions",
        "--x\r\n{A}{B}\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "a line that is no field",
        "--x\r\n{A}X\r\n\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "a field that is a boundary too",
        "--x\r\n{A}--x: y\r\n\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "a first field that is a boundary too",
        "--x\r\n--x: y\r\n{A}\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "a field that begins like a boundary",
        "--x\r\n{A}--xy: z\r\n\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "a blank before the colon",
        "--x\r\n{A}X : y\r\n\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "a folded line",
        "--x\r\n{A} ; x=y\r\n\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "a bare LF in a field",
        "--x\r\n{A}X: y\nZ: z\r\n\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "a NUL in a field",
        "--x\r\n{A}X: \0\r\n\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "not form-data",
        "--x\r\nContent-Disposition: file; name=\"a\"\r\n\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "no name",
        "--x\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "two names",
        "--x\r\nContent-Disposition: form-data; name=a; NAME=a\r\n\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "two file names",
        "--x\r\nContent-Disposition: form-data; name=a; filename=b; filename=c\r\n\r\n1\
             \r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "a quote without an end",
        "--x\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "no type",
        "--x\r\n{A}Content-Type:\r\n\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "half a type",
        "--x\r\n{A}Content-Type: text/\r\n\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "two types",
        "--x\r\n{A}Content-Type: a/b\r\nContent-Type: a/b\r\n\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "an encoding",
        "--x\r\n{A}Content-Transfer-Encoding: base64\r\n\r\n1\r\n--x--\r\n",
        0,
        InvalidData,
    ),
    (
        "after a good field",
        "--x\r\n{A}\r\n1\r\n--x\r\n{B}Content-Transfer-Encoding: quoted-printable\r\n\r\n1\
             \r\n--x--\r\n",
        1,
        InvalidData,
    ),
];
