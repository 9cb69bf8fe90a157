//! The signatures of rouille: code that names these types and calls these functions compiles
//! with both libraries.

use super::*;
use std::borrow::Cow;
use std::fmt::Debug;
use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;

type Fields = Vec<(String, String)>;
type Text = Cow<'static, str>;
type Reader = Box<dyn Read + Send>;

#[test]
fn request() {
    let _: fn(&'static str, String, Fields, Vec<u8>) -> Request =
        Request::fake_http::<String, &str>;
    let _: fn(&'static str, String, Fields, Vec<u8>) -> Request =
        Request::fake_https::<String, &str>;
    let _: fn(SocketAddr, String, &'static str, Fields, Vec<u8>) -> Request =
        Request::fake_http_from::<&str, String>;
    let _: fn(SocketAddr, String, &'static str, Fields, Vec<u8>) -> Request =
        Request::fake_https_from::<&str, String>;
    let _: fn(&Request, &str) -> Option<Request> = Request::remove_prefix;
    let _: fn(&Request) -> bool = Request::is_secure;
    let _: fn(&Request) -> &str = Request::method;
    let _: fn(&Request) -> &str = Request::raw_url;
    let _: fn(&Request) -> &str = Request::raw_query_string;
    let _: fn(&Request) -> String = Request::url;
    let _: fn(&Request, &str) -> Option<String> = Request::get_param;
    let _: for<'a> fn(&'a Request, &str) -> Option<&'a str> = Request::header;
    let _: fn(&Request) -> HeadersIter<'_> = Request::headers;
    let _: fn(&Request) -> Option<bool> = Request::do_not_track;
    let _: fn(&Request) -> Option<RequestBody<'_>> = Request::data;
    let _: fn(&Request) -> &SocketAddr = Request::remote_addr;

    fn is_request<T: Debug + Send + Sync>() {}
    is_request::<Request>();
    fn is_body<T: Read + Send>() {}
    is_body::<RequestBody<'_>>();
    fn walks<'a, T>(_: T)
    where
        T: Debug + Clone + ExactSizeIterator + Iterator<Item = (&'a str, &'a str)>,
    {
    }
    walks(Request::fake_http("GET", "/", vec![], vec![]).headers());
}

#[test]
fn response() {
    for redirect in [
        Response::redirect_301::<Text>,
        Response::redirect_302,
        Response::redirect_303,
        Response::redirect_307,
        Response::redirect_308,
    ] {
        let _: fn(Text) -> Response = redirect;
    }
    let _: fn(&Response) -> bool = Response::is_success;
    let _: fn(&Response) -> bool = Response::is_error;
    let _: fn(&'static str, Vec<u8>) -> Response = Response::from_data;
    let _: fn(String, &'static str) -> Response = Response::from_data;
    let _: fn(&'static str, File) -> Response = Response::from_file;
    let _: fn(&'static str) -> Response = Response::html;
    let _: fn(String) -> Response = Response::svg;
    let _: fn(Text) -> Response = Response::text;
    #[cfg(feature = "json")]
    let _: fn(&Vec<u8>) -> Response = Response::json;
    let _: fn(&str) -> Response = Response::basic_http_auth_login_required;
    let _: fn() -> Response = Response::empty_204;
    let _: fn() -> Response = Response::empty_400;
    let _: fn() -> Response = Response::empty_404;
    let _: fn() -> Response = Response::empty_406;
    let _: fn(Response, u16) -> Response = Response::with_status_code;
    let _: fn(Response, &str) -> Response = Response::without_header;
    let _: fn(Response, &'static str, String) -> Response = Response::with_additional_header;
    let _: fn(Response, Text, &'static str) -> Response = Response::with_unique_header;
    let _: fn(Response, &Request, String) -> Response = Response::with_etag;
    let _: fn(Response, &Request) -> Response = Response::simplify_if_etag_match;
    let _: fn(Response, &'static str) -> Response = Response::with_etag_keep;
    let _: fn(Response, &str) -> Response = Response::with_content_disposition_attachment;
    let _: fn(Response, u64) -> Response = Response::with_public_cache;
    let _: fn(Response, u64) -> Response = Response::with_private_cache;
    let _: fn(Response) -> Response = Response::with_no_cache;

    fn is_response<T: Debug + Send>() {}
    is_response::<Response>();
}

#[test]
fn response_has_these_four_fields_and_no_other() {
    let data = ResponseBody::empty();
    let response = Response {
        data,
        ..Response::text("")
    };
    let Response {
        status_code,
        headers,
        data,
        upgrade,
    } = response;
    let _: (u16, Vec<(Text, Text)>) = (status_code, headers);
    let _: (ResponseBody, Option<Box<dyn Upgrade + Send>>) = (data, upgrade);
}

#[test]
fn response_body() {
    let _: fn() -> ResponseBody = ResponseBody::empty;
    let _: fn(File) -> ResponseBody = ResponseBody::from_reader;
    let _: fn(&'static [u8], usize) -> ResponseBody = ResponseBody::from_reader_and_size;
    let _: fn(&'static [u8]) -> ResponseBody = ResponseBody::from_data;
    let _: fn(File) -> ResponseBody = ResponseBody::from_file;
    let _: fn(&'static str) -> ResponseBody = ResponseBody::from_string;
    let _: fn(ResponseBody) -> (Reader, Option<usize>) = ResponseBody::into_reader_and_size;
}

#[test]
fn upgrade() {
    struct Nothing;
    impl Upgrade for Nothing {
        fn build(&mut self, socket: Box<dyn ReadWrite + Send>) {
            drop(socket);
        }
    }
    let _: Option<Box<dyn Upgrade + Send>> = Some(Box::new(Nothing));
    let _: Box<dyn ReadWrite + Send> = Box::new(std::io::Cursor::new(Vec::new()));
}
