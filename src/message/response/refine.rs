//! The methods that change the status, the header fields or the file name of a response.

use super::Response;
use crate::message::syntax::percent;
use std::borrow::Cow;

impl Response {
    /// Returns the same response with another status code.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// assert_eq!(Response::text("try later").with_status_code(503).status_code, 503);
    /// ```
    #[must_use]
    pub fn with_status_code(mut self, code: u16) -> Response {
        self.status_code = code;
        self
    }

    /// Returns the same response without the headers of that name. Names ignore case.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// assert!(Response::text("?").without_header("content-type").headers.is_empty());
    /// ```
    #[must_use]
    pub fn without_header(mut self, header: &str) -> Response {
        self.headers
            .retain(|(name, _)| !name.eq_ignore_ascii_case(header));
        self
    }

    /// Returns the same response with one more header, even if the response has one of that name.
    /// Use this for headers that may be repeated, such as `Set-Cookie`.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::text("hello")
    ///     .with_additional_header("Set-Cookie", "theme=dark")
    ///     .with_additional_header("Set-Cookie", format!("visits={}", 2));
    /// assert_eq!(response.headers.len(), 3);
    /// ```
    #[must_use]
    pub fn with_additional_header<H, V>(mut self, header: H, value: V) -> Response
    where
        H: Into<Cow<'static, str>>,
        V: Into<Cow<'static, str>>,
    {
        self.headers.push((header.into(), value.into()));
        self
    }

    /// Returns the same response with exactly one header of that name. The header replaces the
    /// first one of that name; any others are removed.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::text("a,b").with_unique_header("content-type", "text/csv");
    /// assert_eq!(response.headers, [("Content-Type".into(), "text/csv".into())]);
    /// ```
    #[must_use]
    pub fn with_unique_header<H, V>(mut self, header: H, value: V) -> Response
    where
        H: Into<Cow<'static, str>>,
        V: Into<Cow<'static, str>>,
    {
        let header = header.into();
        let mut value = Some(value.into());
        self.headers.retain_mut(|(name, old)| {
            if !name.eq_ignore_ascii_case(&header) {
                return true;
            }
            value.take().map(|new| *old = new).is_some()
        });
        match value {
            Some(value) => self.with_additional_header(header, value),
            None => self,
        }
    }

    /// Returns the same response as a download with this file name (`Content-Disposition`, RFC
    /// 6266). The name may be any text. A name with characters that the header cannot hold is sent
    /// twice: in UTF-8, and with `_` for these characters, for clients that know only ASCII.
    ///
    /// Some characters always become `_`: `/` and `\`, the dots of a name of dots only, control
    /// characters, line separators, and the marks that change the direction of text. Without this,
    /// a client could save the file in another folder, or show another file type.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let named = |name| {
    ///     let response = Response::text("...").with_content_disposition_attachment(name);
    ///     response.headers[1].1.clone()
    /// };
    /// assert_eq!(named("book.txt"), r#"attachment; filename="book.txt""#);
    /// assert_eq!(named("../book.txt"), r#"attachment; filename=".._book.txt""#);
    /// let both = r#"attachment; filename="na_ve _1_"; filename*=UTF-8''na%C3%AFve%20%221%22"#;
    /// assert_eq!(named("na\u{ef}ve \"1\""), both);
    /// ```
    #[must_use]
    pub fn with_content_disposition_attachment(self, filename: &str) -> Response {
        self.with_unique_header("Content-Disposition", attachment(filename))
    }
}

/// Returns the value of Content-Disposition. RFC 6266 §4.3: `filename` is for every client, and
/// `filename*` for the clients that know it. `filename` can hold ASCII without `"` and `%` (§D);
/// for any other name, both are sent.
fn attachment(filename: &str) -> String {
    let only_dots = filename.chars().all(|c| c == '.');
    let safe = |c| match c {
        '.' if only_dots => '_',
        c if is_misleading(c) => '_',
        c => c,
    };
    let name: String = filename.chars().map(safe).collect();
    let plain = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '%');
    let mut value = String::from("attachment; filename=\"");
    value.extend(name.chars().map(|c| if plain(c) { c } else { '_' }));
    value.push('"');
    if !name.chars().all(plain) {
        value.push_str("; filename*=UTF-8''");
        percent::encode_into(&mut value, &name, is_attr_char);
    }
    value
}

/// Returns whether `c` can change the folder or the shown type of a file. RFC 6266 §4.3: no path,
/// with either separator. Unicode's Bidi_Control characters show `annexe\u{202e}fdp.exe` as
/// `annexeexe.pdf`.
fn is_misleading(c: char) -> bool {
    match c {
        '/' | '\\' => true,
        // U+2028 and U+2029 are the line and paragraph separators; five of the marks follow them.
        '\u{61c}' | '\u{200e}' | '\u{200f}' => true,
        '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    }
}

/// RFC 8187 §3.2.1: attr-char = ALPHA / DIGIT / "!" / "#" / "$" / "&" / "+" / "-" / "." / "^" / "_"
/// / "`" / "|" / "~"
fn is_attr_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(headers: &[(&'static str, &'static str)]) -> Response {
        let pair = |&(name, value): &(&'static str, &'static str)| (name.into(), value.into());
        Response {
            headers: headers.iter().map(pair).collect(),
            ..Response::empty_204()
        }
    }

    #[test]
    fn a_unique_header_takes_the_place_of_the_first() {
        type Headers = &'static [(&'static str, &'static str)];
        let table: &[(&str, Headers, Headers)] = &[
            ("added", &[], &[("X", "new")]),
            ("beside others", &[("A", "1")], &[("A", "1"), ("X", "new")]),
            (
                "replaced",
                &[("x", "old"), ("A", "1")],
                &[("x", "new"), ("A", "1")],
            ),
            (
                "one of several",
                &[("X", "1"), ("A", "1"), ("x", "2")],
                &[("X", "new"), ("A", "1")],
            ),
        ];
        for (name, before, after) in table {
            let response = with(before).with_unique_header("X", "new");
            assert_eq!(response.headers, with(after).headers, "{name}");
        }
    }

    #[test]
    fn removes_and_repeats_headers() {
        let response = with(&[("A", "1"), ("X", "2"), ("a", "3")]).without_header("a");
        assert_eq!(response.headers, with(&[("X", "2")]).headers);
        let response = response.with_additional_header("x", String::from("4"));
        assert_eq!(response.headers, with(&[("X", "2"), ("x", "4")]).headers);
    }

    #[test]
    fn a_file_name_cannot_leave_its_quotes_or_its_folder() {
        let table = [
            ("book.txt", r#"filename="book.txt""#),
            ("", r#"filename="""#),
            ("a b;c=d.txt", r#"filename="a b;c=d.txt""#),
            (
                "100%25.txt",
                r#"filename="100_25.txt"; filename*=UTF-8''100%2525.txt"#,
            ),
            (r#"a"b\c"#, r#"filename="a_b_c"; filename*=UTF-8''a%22b_c"#),
            (
                "\u{20ac} rates",
                r#"filename="_ rates"; filename*=UTF-8''%E2%82%AC%20rates"#,
            ),
            ("a\r\nX: b", r#"filename="a__X: b""#),
            ("../../etc/passwd", r#"filename=".._.._etc_passwd""#),
            (r"..\boot.ini", r#"filename=".._boot.ini""#),
            (".", r#"filename="_""#),
            ("..", r#"filename="__""#),
            (".profile", r#"filename=".profile""#),
            ("a\u{85}b\u{2028}c\u{9f}", r#"filename="a_b_c_""#),
            ("annexe\u{202e}fdp.exe", r#"filename="annexe_fdp.exe""#),
            (
                "\u{61c}\u{200e}\u{200f}\u{202a}\u{2066}\u{2069}",
                r#"filename="______""#,
            ),
            (
                "\u{5e9}\u{200f}.txt",
                r#"filename="__.txt"; filename*=UTF-8''%D7%A9_.txt"#,
            ),
            (
                "\u{10d}\u{10a}X",
                r#"filename="__X"; filename*=UTF-8''%C4%8D%C4%8AX"#,
            ),
            ("!#$&+-.^_`|~'*()", "filename=\"!#$&+-.^_`|~'*()\""),
            (
                "%!#$&+-.^_`|~'*()",
                "filename=\"_!#$&+-.^_`|~'*()\"; filename*=UTF-8''%25!#$&+-.^_`|~%27%2A%28%29",
            ),
        ];
        for (name, want) in table {
            let response = with(&[("content-disposition", "inline")]);
            let response = response.with_content_disposition_attachment(name);
            let want = format!("attachment; {want}").into();
            assert_eq!(
                response.headers,
                [("content-disposition".into(), want)],
                "{name:?}"
            );
        }
    }
}
