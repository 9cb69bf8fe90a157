//! The signatures of rouille: code that uses these types and functions compiles with both
//! libraries.

use super::*;
use crate::message::Request;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::io;

fn is_error<T: Error + Debug + Display + From<io::Error> + 'static>() {}

#[test]
fn fields() {
    let _: fn(&Request) -> Option<HttpAuthCredentials> = basic_http_auth;
    let _: for<'a> fn(&'a Request) -> CookiesIter<'a> = cookies;
    let _: for<'a> fn(&'a str) -> PriorityHeaderIter<'a> = parse_priority_header;
    let _: fn(&'static str, std::vec::IntoIter<&'static str>) -> Option<usize> =
        priority_header_preferred;

    fn walks<'a, T: Iterator<Item = (&'a str, &'a str)>>(_: T) {}
    walks(cookies(&Request::fake_http("GET", "/", vec![], vec![])));
    fn weighs<'a, T: Iterator<Item = (&'a str, f32)>>(_: T) {}
    weighs(parse_priority_header(""));
}

#[test]
fn credentials_have_these_two_fields_and_no_other() {
    fn is_value<T: Debug + Clone + PartialEq + Eq>() {}
    is_value::<HttpAuthCredentials>();
    let made = HttpAuthCredentials {
        login: String::new(),
        password: String::new(),
    };
    let HttpAuthCredentials { login, password } = made;
    let _: (String, String) = (login, password);
}

#[test]
fn plain_text() {
    let _: fn(&Request) -> Result<String, PlainTextError> = plain_text_body;
    let _: fn(&Request, usize) -> Result<String, PlainTextError> = plain_text_body_with_limit;
    is_error::<PlainTextError>();
    // These are all variants.
    let _ = |error| match error {
        PlainTextError::BodyAlreadyExtracted
        | PlainTextError::WrongContentType
        | PlainTextError::LimitExceeded
        | PlainTextError::NotUtf8 => None,
        PlainTextError::IoError(error) => Some::<io::Error>(error),
    };
}

#[test]
fn json() {
    let _: fn(&Request) -> Result<Vec<u8>, json::JsonError> = json_input;
    let _: fn(&Request) -> Result<String, json::JsonError> = json::json_input;
    is_error::<json::JsonError>();
    // These are all variants. In rouille, the last one has an error of serde.
    let _ = |error| match error {
        json::JsonError::BodyAlreadyExtracted | json::JsonError::WrongContentType => None,
        json::JsonError::IoError(error) => Some::<io::Error>(error),
        json::JsonError::ParseError(error) => {
            let _: crate::json::JsonError = error;
            None
        }
    };
}
