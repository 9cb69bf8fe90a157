//! What the head that a program wrote means for the client (RFC 3875 §6).

use std::io::{self, ErrorKind};

use super::process::Script;
use crate::extra::gateway::hops::Hops;
use crate::extra::gateway::response::{only_length, status_code, ResponseHead};
use crate::{Response, ResponseBody};

/// A response that has no body yet.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    fields: Vec<(String, String)>,
    length: Option<u64>,
}

impl Answer {
    pub(super) fn of(head: &ResponseHead) -> io::Result<Answer> {
        let wrong = |what: &str| io::Error::new(ErrorKind::InvalidData, what);
        let status = only(head, "Status")?;
        let location = only(head, "Location")?;
        let content_type = only(head, "Content-Type")?;
        let status = match (status, location) {
            // Status = "Status:" status-code SP reason-phrase; the phrase is often missing.
            (Some(text), _) => {
                let (code, reason) = text.as_bytes().split_at(text.len().min(3));
                let code = status_code(code).filter(|_| matches!(reason, [] | [b' ', ..]));
                // RFC 3875 §6.3.3: no interim ones, which are the server's.
                code.filter(|code| *code >= 200)
                    .ok_or_else(|| wrong("its Status is no final status code"))?
            }
            (None, Some(_)) => 302,
            (None, None) if content_type.is_some() => 200,
            // §6.2: one of the three has to be there.
            (None, None) => return Err(wrong("no Content-Type, Location or Status in its head")),
        };
        let hops = Hops::of(head.fields());
        let kept = head.fields.iter();
        let kept = kept.filter(|(name, _)| !hops.end(name) && !name.eq_ignore_ascii_case("Status"));
        Ok(Answer {
            status,
            fields: kept.cloned().collect(),
            length: only_length(head).map_err(wrong)?,
        })
    }

    /// With the rest of the program's output as its body.
    pub(super) fn with(self, script: Script) -> Response {
        let data = match self.length {
            Some(length) => ResponseBody::from_reader_and_length(script, length),
            None => ResponseBody::from_reader(script),
        };
        let fields = self.fields.into_iter();
        Response {
            status_code: self.status,
            headers: fields
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            data,
            upgrade: None,
        }
    }
}

/// RFC 3875 §6.3: none of these more than once.
fn only<'a>(head: &'a ResponseHead, name: &str) -> io::Result<Option<&'a str>> {
    let mut values = head
        .fields()
        .filter(|(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(io::Error::new(
            ErrorKind::InvalidData,
            format!("more than one {name} in its head"),
        )),
        (value, None) => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extra::gateway::response::{Dialect, ResponseParser};

    fn answer(text: &str) -> Result<String, String> {
        let bytes = format!("{}\n\n", text.replace('|', "\n"));
        let fed = ResponseParser::new(Dialect::Cgi).feed(bytes.as_bytes());
        let (_, head) = fed.unwrap().expect("a whole head");
        let answer = Answer::of(&head).map_err(|e| {
            assert_eq!(e.kind(), ErrorKind::InvalidData);
            e.to_string()
        })?;
        let mut line = answer.status.to_string();
        for (name, value) in &answer.fields {
            line += &format!("|{name}: {value}");
        }
        if let Some(length) = answer.length {
            line += &format!("|={length}");
        }
        Ok(line)
    }

    #[test]
    fn heads_mean_what_rfc_3875_says() {
        for (text, want) in [
            ("Content-Type: a/b", "200|Content-Type: a/b"),
            ("content-type: a/b|X: y", "200|content-type: a/b|X: y"),
            ("Status: 404 Not Found", "404"),
            ("status: 404", "404"),
            ("Status: 200 OK|A: b|A: c", "200|A: b|A: c"),
            ("Location: /here?a=b", "302|Location: /here?a=b"),
            ("Location: http://b/", "302|Location: http://b/"),
            ("Location: /x|Status: 303 See Other", "303|Location: /x"),
            (
                "Content-Type: a/b|Content-Length: 5",
                "200|Content-Type: a/b|=5",
            ),
            (
                "Content-Type: a/b|Connection: x, y|X: 1|Y: 2|Z: 3",
                "200|Content-Type: a/b|Z: 3",
            ),
            ("Status: 200|Transfer-Encoding: chunked|Upgrade: a", "200"),
        ] {
            assert_eq!(answer(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn heads_that_mean_nothing_are_refused() {
        for (text, want) in [
            ("X: y", "no Content-Type, Location or Status in its head"),
            (
                "Status: 200|Status: 200",
                "more than one Status in its head",
            ),
            (
                "Location: /|location: /",
                "more than one Location in its head",
            ),
            (
                "Content-Type: a|Content-Type: a",
                "more than one Content-Type in its head",
            ),
            (
                "Status: 101 Switching",
                "its Status is no final status code",
            ),
            ("Status: 199", "its Status is no final status code"),
            ("Status:", "its Status is no final status code"),
            ("Status: 20", "its Status is no final status code"),
            ("Status: 2000", "its Status is no final status code"),
            ("Status: OK 200", "its Status is no final status code"),
            ("Status: 2\u{e9}", "its Status is no final status code"),
            (
                "Status: 200|Content-Length: x",
                "Content-Length is not a number",
            ),
        ] {
            assert_eq!(answer(text), Err(want.to_owned()), "{text}");
        }
    }
}
