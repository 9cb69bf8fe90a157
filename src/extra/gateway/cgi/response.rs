//! The response in the head that a program wrote (RFC 3875 §6).

use std::io::{self, ErrorKind};

use super::program::Program;
use crate::extra::gateway::request::HopByHop;
use crate::extra::gateway::response_head::{announced_length, status_code, ResponseHead};
use crate::{Response, ResponseBody};

/// A response without its body.
#[derive(Debug)]
pub(crate) struct CgiResponse {
    status: u16,
    fields: Vec<(String, String)>,
    length: Option<u64>,
}

impl CgiResponse {
    pub(crate) fn of(head: &ResponseHead) -> io::Result<CgiResponse> {
        let status = only(head, "Status")?;
        let location = only(head, "Location")?;
        let content_type = only(head, "Content-Type")?;
        let status = match (status, location) {
            // Status = "Status:" status-code SP reason-phrase. The phrase is often missing.
            (Some(text), _) => {
                let (code, reason) = text.as_bytes().split_at(text.len().min(3));
                let code = status_code(code).filter(|_| matches!(reason, [] | [b' ', ..]));
                // RFC 3875 §6.3.3: no interim codes, which only the server sends.
                code.filter(|code| *code >= 200)
                    .ok_or_else(|| invalid("invalid Status in CGI head: expected 200 to 999"))?
            }
            (None, Some(_)) => 302,
            (None, None) if content_type.is_some() => 200,
            // §6.2: the head must have one of the three.
            (None, None) => {
                let text = "missing Content-Type, Location or Status in CGI head";
                return Err(invalid(text));
            }
        };
        let hop_by_hop = HopByHop::of(head.fields());
        let kept = head.fields.iter();
        let kept =
            kept.filter(|(name, _)| !hop_by_hop.has(name) && !name.eq_ignore_ascii_case("Status"));
        Ok(CgiResponse {
            status,
            fields: kept.cloned().collect(),
            length: announced_length(head).map_err(invalid)?,
        })
    }

    /// Returns the response with the rest of the program's output as its body.
    pub(crate) fn with_body(self, program: Program) -> Response {
        let data = match self.length {
            Some(length) => ResponseBody::from_reader_and_length(program, length),
            None => ResponseBody::from_reader(program),
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

/// Returns the value of a field. RFC 3875 §6.3: these fields must not occur twice.
fn only<'a>(head: &'a ResponseHead, name: &str) -> io::Result<Option<&'a str>> {
    let mut values = head
        .fields()
        .filter(|(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(invalid(&format!("more than one {name} field in CGI head"))),
        (value, None) => Ok(value),
    }
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extra::gateway::response_head::{HeadSyntax, ResponseParser};

    fn response(text: &str) -> Result<String, String> {
        let bytes = format!("{}\n\n", text.replace('|', "\n"));
        let fed = ResponseParser::new(HeadSyntax::Cgi).feed(bytes.as_bytes());
        let (_, head) = fed.unwrap().expect("a whole head");
        let response = CgiResponse::of(&head).map_err(|e| {
            assert_eq!(e.kind(), ErrorKind::InvalidData);
            e.to_string()
        })?;
        let mut line = response.status.to_string();
        for (name, value) in &response.fields {
            line += &format!("|{name}: {value}");
        }
        if let Some(length) = response.length {
            line += &format!("|={length}");
        }
        Ok(line)
    }

    #[test]
    fn heads_become_responses_as_in_rfc_3875() {
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
            assert_eq!(response(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn invalid_heads_are_rejected() {
        for (text, want) in [
            (
                "X: y",
                "missing Content-Type, Location or Status in CGI head",
            ),
            (
                "Status: 200|Status: 200",
                "more than one Status field in CGI head",
            ),
            (
                "Location: /|location: /",
                "more than one Location field in CGI head",
            ),
            (
                "Content-Type: a|Content-Type: a",
                "more than one Content-Type field in CGI head",
            ),
            (
                "Status: 101 Switching",
                "invalid Status in CGI head: expected 200 to 999",
            ),
            (
                "Status: 199",
                "invalid Status in CGI head: expected 200 to 999",
            ),
            ("Status:", "invalid Status in CGI head: expected 200 to 999"),
            (
                "Status: 20",
                "invalid Status in CGI head: expected 200 to 999",
            ),
            (
                "Status: 2000",
                "invalid Status in CGI head: expected 200 to 999",
            ),
            (
                "Status: OK 200",
                "invalid Status in CGI head: expected 200 to 999",
            ),
            (
                "Status: 2\u{e9}",
                "invalid Status in CGI head: expected 200 to 999",
            ),
            (
                "Status: 200|Content-Length: x",
                "invalid Content-Length: expected decimal number",
            ),
        ] {
            assert_eq!(response(text), Err(want.to_owned()), "{text}");
        }
    }
}
