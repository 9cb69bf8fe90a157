//! Bodies of every size, with and without a length, both ways, up to the limit.

use std::io::{self, Read};

use millpond::{Request, Response, ResponseBody, Route};
use ureq::SendBody;

use crate::agents::{agent, echo, serve, url, verify, Patterned, MOST};

const KIB: u64 = 1024;
/// Around the size up to which a body is buffered before the handler runs (64 KiB), and around the
/// sizes of buffers.
const SIZES: [u64; 9] = [
    0,
    1,
    16 * KIB,
    64 * KIB - 1,
    64 * KIB,
    64 * KIB + 1,
    1_000_003,
    4 * KIB * KIB,
    MOST,
];

fn sized(length: u64) -> Response {
    let length = usize::try_from(length).expect("a length in memory");
    Response {
        data: ResponseBody::from_reader_and_size(Patterned::default(), length),
        ..Response::text("")
    }
}

fn unsized_(length: u64) -> Response {
    Response {
        data: ResponseBody::from_reader(Patterned::of(length)),
        ..Response::text("")
    }
}

fn in_memory(length: u64) -> Response {
    let mut bytes = Vec::new();
    let read = Patterned::of(length).read_to_end(&mut bytes);
    read.expect("a pattern does not end");
    Response::from_data("application/octet-stream", bytes)
}

fn download(make: fn(u64) -> Response) -> Route {
    Route::get("/{length}").onconnect(move |request: &Request| {
        let length = request.param("length").and_then(|text| text.parse().ok());
        make(length.expect("a length"))
    })
}

/// Fetches all sizes and compares every byte.
fn fetch_all(make: fn(u64) -> Response, says_length: bool) {
    let server = serve(vec![download(make)]);
    let agent = agent();
    for size in SIZES {
        let mut response = agent.get(url(&server, &format!("/{size}"))).call().unwrap();
        let length = response.headers().get("content-length");
        let length = length.map(|value| value.to_str().expect("digits").to_owned());
        assert_eq!(length, says_length.then(|| size.to_string()));
        let chunked = response.headers().contains_key("transfer-encoding");
        assert_eq!(chunked, !says_length);
        let came = io::copy(
            &mut response.body_mut().as_reader(),
            &mut Patterned::default(),
        );
        assert_eq!(came.unwrap(), size);
    }
    assert_eq!(server.stats().accepted, 1);
}

#[test]
fn downloads_from_memory_are_whole() {
    fetch_all(in_memory, true);
}

#[test]
fn streamed_downloads_of_known_length_are_whole() {
    fetch_all(sized, true);
}

#[test]
fn chunked_downloads_are_whole() {
    fetch_all(unsized_, false);
}

/// Sends all sizes; the server compares every byte.
fn send_all(says_length: bool) {
    let server = serve(vec![Route::post("/").onconnect(verify)]);
    let agent = agent();
    for size in SIZES {
        let mut post = agent.post(url(&server, "/"));
        if says_length {
            post = post.header("Content-Length", size.to_string());
        }
        let body = SendBody::from_owned_reader(Patterned::of(size));
        let mut response = post.send(body).unwrap();
        let said = response.body_mut().read_to_string().unwrap();
        assert_eq!((response.status().as_u16(), said), (200, size.to_string()));
    }
    assert_eq!(server.stats().accepted, 1);
}

#[test]
fn uploads_of_known_length_are_whole() {
    send_all(true);
}

#[test]
fn chunked_uploads_are_whole() {
    send_all(false);
}

#[test]
fn an_upload_in_many_small_chunks_is_whole() {
    /// One byte less at every read: each becomes a chunk of its own.
    struct Dwindling(io::Take<Patterned>, usize);
    impl Read for Dwindling {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.1 = if self.1 > 1 { self.1 - 1 } else { 700 };
            let most = self.1.min(buf.len());
            self.0.read(&mut buf[..most])
        }
    }
    let server = serve(vec![Route::post("/").onconnect(verify)]);
    let body = SendBody::from_owned_reader(Dwindling(Patterned::of(500_000), 700));
    let mut response = agent().post(url(&server, "/")).send(body).unwrap();
    let said = response.body_mut().read_to_string().unwrap();
    assert_eq!(said, "500000");
}

#[test]
fn the_largest_body_comes_back_and_one_byte_more_is_413() {
    let server = serve(vec![Route::post("/").onconnect(echo)]);
    let agent = agent();
    let body = SendBody::from_owned_reader(Patterned::of(MOST));
    let mut response = agent.post(url(&server, "/")).send(body).unwrap();
    let came = io::copy(
        &mut response.body_mut().as_reader(),
        &mut Patterned::default(),
    );
    assert_eq!(came.unwrap(), MOST);

    // Chunked, so that it shows only at the end.
    let body = SendBody::from_owned_reader(Patterned::of(MOST + 1));
    let response = agent.post(url(&server, "/")).send(body).unwrap();
    assert_eq!(response.status(), 413);
}

#[test]
fn a_reader_that_fails_is_seen_by_the_client() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("as intended"))
        }
    }
    for known in [true, false] {
        let fail = move |_: &Request| {
            let reader = Patterned::of(100_000).chain(Failing);
            let data = match known {
                true => ResponseBody::from_reader_and_size(reader, 100_001),
                false => ResponseBody::from_reader(reader),
            };
            Response {
                data,
                ..Response::text("")
            }
        };
        let server = serve(vec![Route::get("/").onconnect(fail)]);
        let mut response = agent().get(url(&server, "/")).call().unwrap();
        let read = response.body_mut().read_to_vec();
        assert!(
            read.is_err(),
            "a cut body looks whole; length known: {known}"
        );
    }
}
