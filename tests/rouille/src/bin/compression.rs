//! A program as it is written for rouille, that compresses what it answers.

use rouille::{content_encoding, router, Request, Response, ResponseBody};
use std::io::Read;

fn main() {
    let request = |codings: &str| {
        let fields = vec![("Accept-Encoding".to_owned(), codings.to_owned())];
        Request::fake_http("GET", "/", fields, vec![])
    };
    let response = handle(&request("br, gzip"));
    assert!(response
        .headers
        .iter()
        .any(|(key, value)| key == "Content-Encoding" && value == "gzip"));
    assert_eq!(read(response)[..2], [31, 139]);
    assert_eq!(read(handle(&request("identity"))), page().as_bytes());

    // A body that somebody else has encoded is left alone.
    let response = Response {
        data: ResponseBody::from_data(vec![1, 2, 3]),
        ..Response::text("")
    };
    let response = response.with_unique_header("Content-Encoding", "br");
    assert_eq!(
        read(content_encoding::apply(&request("gzip"), response)),
        [1, 2, 3]
    );
}

fn page() -> String {
    "<p>Hello world</p>".repeat(100)
}

fn handle(request: &Request) -> Response {
    let response = router!(request,
        (GET) (/) => { Response::html(page()) },
        _ => Response::empty_404()
    );
    content_encoding::apply(&request, response)
}

fn read(response: Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut reader, _) = response.data.into_reader_and_size();
    reader.read_to_end(&mut bytes).unwrap();
    bytes
}
