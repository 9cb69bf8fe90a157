//! Forms in both encodings, into fields of each type.

use super::*;
use crate::message::Request;
use crate::post_input;
use std::fmt::Debug;
use std::io::{BufRead, ErrorKind};

const URLENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=x";

fn request(content_type: &str, body: impl Into<Vec<u8>>) -> Request {
    let fields = vec![("content-type".to_owned(), content_type.to_owned())];
    Request::fake_http("POST", "/", fields, body.into())
}

/// Returns a form with a part for each name and value. A name `a@f@t` is the file `f` of type `t`.
fn multipart(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut body = String::new();
    for (name, value) in fields {
        let mut pieces = name.split('@');
        let name = pieces.next().unwrap_or_default();
        body += &format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"");
        if let Some(filename) = pieces.next() {
            body += &format!("; filename=\"{filename}\"");
        }
        if let Some(mime) = pieces.next() {
            body += &format!("\r\nContent-Type: {mime}");
        }
        body += &format!("\r\n\r\n{value}\r\n");
    }
    (body + "--x--\r\n").into_bytes()
}

/// Returns the value of the field `a`, or the error, as text for a table.
fn outcome<T: Debug>(input: Result<T, PostError>) -> String {
    match input {
        Ok(value) => format!("{value:?}"),
        Err(PostError::Field { field, error }) => {
            assert_eq!(field, "a");
            let error = format!("{error:?}");
            error
                .split(['(', ' '])
                .next()
                .unwrap_or_default()
                .to_owned()
        }
        Err(PostError::IoError(error)) => format!("IoError {:?}", error.kind()),
        Err(error) => format!("{error:?}"),
    }
}

/// Reads the form with a field `a` of the type `kind`.
fn row(request: &dyn Fn() -> Request, kind: &str) -> String {
    macro_rules! kinds {
        ($($type:ty)*) => {
            match kind {
                $(k if k == stringify!($type) => {
                    outcome(post_input!(&request(), { a: $type }).map(|input| input.a))
                })*
                other => panic!("{other} is missing here"),
            }
        };
    }
    kinds!(u8 i8 u16 i16 u32 i32 u64 i64 usize isize f32 f64 bool String BufferedFile
        Option<u8> Option<String> Option<BufferedFile> Option<Vec<u8>>
        Vec<u8> Vec<String> Vec<bool> Vec<Option<u8>> Vec<BufferedFile>)
}

#[test]
fn a_field_is_decoded_or_an_error() {
    for (body, kind, want) in [
        ("a=value", "String", "\"value\""),
        ("a=", "String", "\"\""),
        ("a", "String", "\"\""),
        ("a=b=c", "String", "\"b=c\""),
        ("a=1+%2B%3D%26%c3%a9", "String", "\"1 +=&\u{e9}\""),
        ("a=\u{e9}%", "String", "\"\u{e9}%\""),
        ("%61=1", "String", "\"1\""),
        ("&=&b&c=&d=e=e&a=1&", "String", "\"1\""),
        ("b=1&a=2&c=3", "String", "\"2\""),
        ("A=1&aa=2&b=a", "String", "MissingField"),
        ("", "String", "MissingField"),
        ("a=1&a=1", "String", "UnexpectedMultipleValues"),
        ("a=%ff", "String", "NotUtf8(\"a\")"),
        ("b=%ff&%ff=1&a=1", "String", "\"1\""),
        ("a=12", "u32", "12"),
        ("a=255", "u8", "255"),
        ("a=256", "u8", "WrongDataTypeInt"),
        ("a=-1", "u8", "WrongDataTypeInt"),
        ("a=-128", "i8", "-128"),
        ("a=65535", "u16", "65535"),
        ("a=-32768", "i16", "-32768"),
        ("a=-2147483648", "i32", "-2147483648"),
        ("a=18446744073709551615", "u64", "18446744073709551615"),
        ("a=18446744073709551616", "u64", "WrongDataTypeInt"),
        ("a=-9223372036854775808", "i64", "-9223372036854775808"),
        ("a=7", "usize", "7"),
        ("a=-7", "isize", "-7"),
        ("a=12x", "u32", "WrongDataTypeInt"),
        ("a=+1", "u32", "WrongDataTypeInt"),
        ("a=", "u32", "WrongDataTypeInt"),
        ("a=1&a=2", "u32", "UnexpectedMultipleValues"),
        ("a=1.5", "f32", "1.5"),
        ("a=-1e3", "f64", "-1000.0"),
        ("a=1,5", "f64", "WrongDataTypeFloat"),
        ("a=false", "bool", "true"),
        ("a=1&a=2", "bool", "true"),
        ("b=1", "bool", "false"),
        ("a=1", "BufferedFile", "WrongFieldType"),
        ("a=1", "Option<u8>", "Some(1)"),
        ("a=x", "Option<u8>", "None"),
        ("b=1", "Option<u8>", "None"),
        ("a=1&a=2", "Option<u8>", "UnexpectedMultipleValues"),
        ("a=1", "Option<BufferedFile>", "None"),
        ("a=%ff", "Option<String>", "NotUtf8(\"a\")"),
        ("a=12&b=3&a=58", "Vec<u8>", "[12, 58]"),
        ("a=12&a=800", "Vec<u8>", "WrongDataTypeInt"),
        ("a=12&a=800", "Vec<Option<u8>>", "[Some(12), None]"),
        ("b=1", "Vec<String>", "[]"),
        ("a=1&a", "Vec<bool>", "[true, true]"),
        ("a=1&a=2", "Option<Vec<u8>>", "UnexpectedMultipleValues"),
        ("a=1", "Vec<BufferedFile>", "WrongFieldType"),
    ] {
        let got = row(&|| request(URLENCODED, body), kind);
        assert_eq!(got, want, "{kind} of {body:?}");
        // The same field in a multipart form has the same value, unless the value has escapes.
        if body.contains(['%', '+']) || body.is_empty() {
            continue;
        }
        let pairs = body.split('&').filter(|pair| !pair.is_empty());
        let pairs: Vec<_> = pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .collect();
        let got = row(&|| request(MULTIPART, multipart(&pairs)), kind);
        assert_eq!(got, want, "{kind} of {pairs:?}");
    }
}

#[test]
fn a_part_with_a_file_name_or_without_text_is_a_file() {
    let file = |data: usize, mime: &str, name: Option<&str>| {
        format!("BufferedFile {{ data: <{data} bytes>, mime: {mime:?}, filename: {name:?} }}")
    };
    for (name, value, kind, want) in [
        (
            "a@b.bin@x/y",
            "123",
            "BufferedFile",
            file(3, "x/y", Some("b.bin")),
        ),
        (
            "a@b.txt@text/plain",
            "123",
            "BufferedFile",
            file(3, "text/plain", Some("b.txt")),
        ),
        (
            "a@b.txt",
            "123",
            "BufferedFile",
            file(3, "text/plain", Some("b.txt")),
        ),
        ("a@@x/y", "", "BufferedFile", file(0, "x/y", Some(""))),
        (
            "a@b@X/Y; z=1",
            "",
            "BufferedFile",
            file(0, "x/y; z=1", Some("b")),
        ),
        ("a", "123", "BufferedFile", "WrongFieldType".into()),
        ("a@b@x/y", "1", "String", "WrongFieldType".into()),
        ("a@b@text/csv", "1;2", "String", "\"1;2\"".into()),
        ("a@b", "1", "u8", "1".into()),
        ("a@b", "x", "u8", "WrongDataTypeInt".into()),
        ("a@b", "1", "Option<String>", "Some(\"1\")".into()),
        ("a@b@x/y", "1", "Option<String>", "None".into()),
        ("a@b@x/y", "1", "bool", "true".into()),
        (
            "a@b@x/y",
            "1",
            "Option<BufferedFile>",
            format!("Some({})", file(1, "x/y", Some("b"))),
        ),
        (
            "a@b@x/y",
            "1",
            "Vec<BufferedFile>",
            format!("[{}]", file(1, "x/y", Some("b"))),
        ),
    ] {
        let got = row(
            &|| request(MULTIPART, multipart(&[("z", "0"), (name, value)])),
            kind,
        );
        assert_eq!(got, want, "{kind} of {name:?}");
    }
    // A content type that is not text, and no file name.
    let body =
        "--x\r\nContent-Disposition: form-data; name=a\r\nContent-Type: x/y\r\n\r\n1\r\n--x--";
    let got = row(&|| request(MULTIPART, body), "BufferedFile");
    assert_eq!(got, file(1, "x/y", None));
}

#[test]
fn a_form_with_everything_is_a_struct() {
    let body = multipart(&[
        ("txt", "h\u{e9}"),
        ("files@a.txt@text/plain", "one"),
        ("skipped@b@x/y", "\r\n--"),
        ("files@c.bin@application/octet-stream", "\0\r\n"),
        ("type", "t"),
    ]);
    let request = request(MULTIPART, body);
    let input = post_input!(&request, {
        txt: String,
        files: Vec<BufferedFile>,
        n: Option<u32>,
        r#type: String,
    })
    .unwrap();
    let files: Vec<_> = input.files.iter().map(|file| &*file.data).collect();
    assert_eq!(files, [&b"one"[..], &b"\0\r\n"[..]]);
    assert_eq!(input.files[1].filename.as_deref(), Some("c.bin"));
    assert_eq!(
        (&*input.txt, input.n, &*input.r#type),
        ("h\u{e9}", None, "t")
    );
    assert!(format!("{input:?}").starts_with("PostInput { txt: \"h\u{e9}\", files: [Buffered"));
}

#[test]
fn the_content_type_decides_the_encoding() {
    for (content_type, is_form) in [
        ("application/x-www-form-urlencoded", true),
        ("Application/X-WWW-Form-Urlencoded; charset=UTF-8", true),
        ("application/x-www-form-urlencoded ;x", true),
        ("application/x-www-form-urlencodedx", false),
        ("application/json", false),
        ("multipart/form-data", false),
        ("multipart/mixed; boundary=x", false),
        ("wrong", false),
        ("", false),
    ] {
        let request = request(content_type, "a=1");
        let input = post_input!(&request, { a: u8 });
        match input {
            Ok(input) => assert!(is_form && input.a == 1, "{content_type}"),
            Err(PostError::WrongContentType) => assert!(!is_form, "{content_type}"),
            Err(error) => panic!("{content_type}: {error:?}"),
        }
        // A body that is refused as a form can still be read.
        assert_eq!(request.data().is_none(), is_form, "{content_type}");
    }
    let none = Request::fake_http("POST", "/", vec![], b"a=1".to_vec());
    let error = raw_urlencoded_post_input(&none).unwrap_err();
    assert!(matches!(error, PostError::WrongContentType));
}

#[test]
fn a_body_that_was_read_is_an_error() {
    for content_type in [URLENCODED, MULTIPART] {
        let request = request(content_type, "a=1");
        drop(request.data());
        let error = post_input!(&request, { a: u8 }).unwrap_err();
        assert!(
            matches!(error, PostError::BodyAlreadyExtracted),
            "{content_type}"
        );
        assert_eq!(error.to_string(), "request body already read");
    }
}

#[test]
fn a_truncated_form_is_an_error_for_all_types() {
    let body = multipart(&[("a", "12"), ("b@f@x/y", "34"), ("c", "56")]);
    let last = body.len() - "\r\n".len();
    for end in 0..last {
        let request = request(MULTIPART, &body[..end]);
        let input = post_input!(&request, {
            a: Option<u8>,
            b: Option<BufferedFile>,
            z: Option<String>,
        });
        let kind = match input.unwrap_err() {
            PostError::IoError(error) => error.kind(),
            PostError::Field {
                error: PostFieldError::IoError(error),
                ..
            } => error.kind(),
            other => panic!("cut at {end}: {other:?}"),
        };
        assert_eq!(kind, ErrorKind::UnexpectedEof, "cut at {end}");
    }
    let input = post_input!(&request(MULTIPART, &body[..last]), { a: u8 });
    assert_eq!(input.unwrap().a, 12);
}

#[test]
fn an_urlencoded_form_has_at_most_the_maximum_of_bytes_and_fields() {
    let value = |count: usize| [b"a=", &*vec![b'1'; count - 2]].concat();
    let many = |count: usize| "a&".repeat(count).into_bytes();
    for (good, bad) in [
        (value(MAX_FORM_BYTES), value(MAX_FORM_BYTES + 1)),
        (many(MAX_FIELDS), many(MAX_FIELDS + 1)),
    ] {
        let read = |body: &Vec<u8>| {
            let typed = row(&|| request(URLENCODED, body.clone()), "Vec<bool>");
            let raw = raw_urlencoded_post_input(&request(URLENCODED, body.clone()));
            (typed, raw.map(|pairs| pairs.len()))
        };
        let (typed, raw) = read(&good);
        assert_eq!(typed.matches("true").count(), raw.unwrap());
        let (typed, raw) = read(&bad);
        assert_eq!(typed, "IoError InvalidData");
        assert!(matches!(raw, Err(PostError::IoError(_))));
    }
}

#[test]
fn the_text_of_a_multipart_form_has_at_most_the_maximum_of_bytes() {
    let half = "1".repeat(MAX_FORM_BYTES / 2);
    let more = half.clone() + "1";
    let skipped = "1".repeat(2 * MAX_FORM_BYTES);
    let read = |second: &str| {
        let body = multipart(&[("a", &half), ("z", &skipped), ("a", second)]);
        row(&|| request(MULTIPART, body.clone()), "Vec<String>")
    };
    assert_eq!(read(&half).len(), MAX_FORM_BYTES + "[\"\", \"\"]".len());
    assert_eq!(read(&more), "IoError InvalidData");
    // Also for text in a file.
    let read = |length: usize| {
        let body = multipart(&[("a@b", &*"1".repeat(length))]);
        row(&|| request(MULTIPART, body.clone()), "String")
    };
    assert_eq!(read(MAX_FORM_BYTES).len(), MAX_FORM_BYTES + 2);
    assert_eq!(read(MAX_FORM_BYTES + 1), "IoError");
}

#[test]
fn the_files_of_a_form_have_at_most_the_maximum_of_bytes() {
    // The file name and the media type count too.
    let names = "b".len() + "x/y".len();
    let own = std::mem::size_of::<BufferedFile>();
    let one = "1".repeat(MAX_BUFFERED_BYTES - names);
    let read = |files: &[&str], kind: &str| {
        let files: Vec<_> = files.iter().map(|file| ("a@b@x/y", *file)).collect();
        let body = multipart(&files);
        row(&|| request(MULTIPART, body.clone()), kind)
    };
    assert!(read(&[&one], "BufferedFile").starts_with("BufferedFile"));
    assert_eq!(read(&[&(one.clone() + "1")], "BufferedFile"), "IoError");
    assert_eq!(read(&[&(one + "1")], "Option<BufferedFile>"), "IoError");
    let more = vec![b'1'; MAX_BUFFERED_BYTES + 1];
    let buffered = |file: &[u8]| BufferedFile::from_file((), file, None, "").is_ok();
    assert!(buffered(&more[1..]) && !buffered(&more));
    // A file that is too long is an error, and not a missing file.
    Option::<BufferedFile>::from_file((), &*more, None, "").unwrap_err();
    let half = "1".repeat(MAX_BUFFERED_BYTES / 2 - names - own);
    assert!(read(&[&half, &half], "Vec<BufferedFile>").starts_with("[BufferedFile"));
    assert_eq!(
        read(&[&half, &(half.clone() + "1")], "Vec<BufferedFile>"),
        "IoError"
    );
}

#[test]
fn the_error_for_invalid_utf8_has_the_name_of_the_field() {
    let body = [
        &b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n"[..],
        b"\xff\r\n--x--",
    ];
    let got = row(&|| request(MULTIPART, body.concat()), "String");
    assert_eq!(got, "NotUtf8(\"a\")");
    let raw = |body: &[u8]| raw_urlencoded_post_input(&request(URLENCODED, body)).unwrap_err();
    assert!(matches!(raw(b"a=\xff"), PostError::NotUtf8(name) if name == "a"));
    assert!(matches!(raw(b"b%ff=1"), PostError::NotUtf8(name) if name == "b\u{fffd}"));
}

#[test]
fn pairs_are_returned_in_order() {
    let request = request(URLENCODED, "&=&b&c=&c=d=d&+%61=%26&\u{e9}&");
    let pairs = raw_urlencoded_post_input(&request).unwrap();
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let want = [
        ("", ""),
        ("b", ""),
        ("c", ""),
        ("c", "d=d"),
        (" a", "&"),
        ("\u{e9}", ""),
    ];
    assert_eq!(pairs, want);
}

/// The length of the value, and the configuration.
#[derive(Debug, PartialEq)]
struct Counted(&'static str, u64);

impl DecodePostField<&'static str> for Counted {
    fn from_field(config: &'static str, content: &str) -> Result<Counted, PostFieldError> {
        Ok(Counted(config, content.len() as u64))
    }

    fn from_file<R>(
        config: &'static str,
        mut file: R,
        filename: Option<&str>,
        mime: &str,
    ) -> Result<Counted, PostFieldError>
    where
        R: BufRead,
    {
        assert_eq!((filename, mime), (Some("b"), "x/y"));
        Ok(Counted(
            config,
            std::io::copy(&mut file, &mut std::io::sink())?,
        ))
    }
}

#[test]
fn a_type_of_the_program_receives_its_configuration() {
    const SECOND: &str = "second";
    let long = "1".repeat(MAX_BUFFERED_BYTES + 1);
    let request = request(MULTIPART, multipart(&[("a", "12"), ("b@b@x/y", &long)]));
    let input = post_input!(&request, {
        a: Counted {"first"},
        b: Option<Counted> {"not this"} {SECOND},
        c: Vec<Counted> {SECOND},
    })
    .unwrap();
    assert_eq!(input.a, Counted("first", 2));
    // A value that is not kept in memory is limited only by the limit of the body.
    assert_eq!(input.b, Some(Counted(SECOND, long.len() as u64)));
    assert_eq!(input.c, []);
}

#[test]
fn a_file_that_is_not_read_is_skipped() {
    #[derive(Debug)]
    struct First(u8);
    impl DecodePostField<()> for First {
        fn from_field(_: (), _: &str) -> Result<First, PostFieldError> {
            Err(PostFieldError::WrongFieldType)
        }
        fn from_file<R: BufRead>(
            _: (),
            mut file: R,
            _: Option<&str>,
            _: &str,
        ) -> Result<First, PostFieldError> {
            let mut byte = [0];
            file.read_exact(&mut byte)?;
            Ok(First(byte[0]))
        }
    }
    let body = multipart(&[("a@b@x/y", "123"), ("c", "4")]);
    let input = post_input!(&request(MULTIPART, body), { a: First, c: u8 }).unwrap();
    assert_eq!((input.a.0, input.c), (b'1', 4));
    let empty = request(MULTIPART, multipart(&[("a@b@x/y", "")]));
    let error = post_input!(&empty, { a: First }).map(|input| input.a.0);
    assert_eq!(outcome(error), "IoError");
}

#[test]
fn the_macro_may_name_no_fields() {
    for (content_type, body) in [(URLENCODED, &b"a=1"[..]), (MULTIPART, b"--x--")] {
        let request = request(content_type, body);
        post_input!(&request, {}).unwrap();
    }
}

#[test]
fn error_texts_have_the_reason_and_no_text_of_the_client() {
    let io = || std::io::Error::from(ErrorKind::UnexpectedEof);
    let request = request(URLENCODED, "a=secret");
    let error = post_input!(&request, { a: u8 }).unwrap_err();
    let text = std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
    let text: Vec<String> = text.map(ToString::to_string).collect();
    assert_eq!(
        text[0],
        "invalid form field \"a\": expected an integer: invalid digit found in string"
    );
    assert_eq!(
        text[1],
        "expected an integer: invalid digit found in string"
    );
    assert!(
        text.len() == 3 && !text.concat().contains("secret"),
        "{text:?}"
    );
    assert_eq!(
        PostError::from(io()).to_string(),
        "cannot read form: unexpected end of file"
    );
    assert_eq!(
        PostFieldError::from(io()).to_string(),
        "cannot read field: unexpected end of file"
    );
}
