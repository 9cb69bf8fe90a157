//! A program as it is written for rouille. It serves itself, and panics if an answer is wrong.

#[macro_use]
extern crate rouille;

use rouille::{Request, Response, ResponseBody, Server};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

fn main() {
    // A router, redirects, state behind a lock, and a loop that polls until it is told to stop.
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let visits = Mutex::new(0);
    let server = Server::new("localhost:0", move |request| {
        let response = rouille::match_assets(&request, "examples");
        if response.is_success() {
            return response;
        }
        *visits.lock().unwrap() += 1;
        router!(request,
            (GET) (/) => {
                Response::redirect_302("/hello/world")
            },
            (GET) (/hello/{name: String}) => {
                Response::text(format!("hello {}", name)).with_additional_header("X-A", "b")
            },
            (GET) (/visits) => {
                Response::html(format!("<b>{}</b>", *visits.lock().unwrap()))
            },
            (POST) (/echo) => {
                echo(request)
            },
            (GET) (/stop) => {
                told.store(true, Ordering::SeqCst);
                Response::empty_204()
            },
            (GET) ["/files/{name}/v1.2", name: String] => {
                Response::from_data("application/octet-stream", name).with_public_cache(60)
            },
            _ => find_route!(double(request), Response::empty_404())
        )
    })
    .unwrap()
    .pool_size(4);
    let address = server.server_addr();
    let client = thread::spawn(move || {
        assert!(get(address, "/live/page.html").ends_with("</html>\n"));
        assert!(get(address, "/").contains("\r\nLocation: /hello/world\r\n"));
        assert!(get(address, "/hello/w%C3%A9").ends_with("\r\n\r\nhello w\u{e9}"));
        assert!(get(address, "/visits").ends_with("\r\n\r\n<b>3</b>"));
        assert!(get(address, "/files/a%2Fb/v1.2").ends_with("\r\n\r\na/b"));
        assert!(get(address, "/double?n=21").ends_with("\r\n\r\n42"));
        assert!(get(address, "/double?n=x").starts_with("HTTP/1.1 400 "));
        assert!(get(address, "/none").starts_with("HTTP/1.1 404 "));
        let echoed = ask(
            address,
            "POST /echo HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody",
        );
        assert!(echoed.ends_with("\r\n\r\nbody"));
        assert!(get(address, "/stop").starts_with("HTTP/1.1 204 "));
    });
    while !stop.load(Ordering::SeqCst) {
        server.poll_timeout(Duration::from_millis(10));
    }
    server.poll_timeout(Duration::from_millis(10));
    server.join();
    client.join().unwrap();

    // A server that is stopped from another thread.
    let server = Server::new("localhost:0", |_: &Request| Response::text("hello world")).unwrap();
    let (handle, sender) = server.stoppable();
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(10));
        sender.send(()).unwrap();
    });
    handle.join().unwrap();

    // A handler tried without a server.
    let request = Request::fake_http("GET", "/double?n=2", vec![], vec![]);
    assert_eq!(double(&request).status_code, 200);
}

fn echo(request: &Request) -> Response {
    let mut data = request.data().expect("nobody else took the body");
    let mut buf = Vec::new();
    match data.read_to_end(&mut buf) {
        Ok(_) => (),
        Err(_) => return Response::text("Failed to read body"),
    };
    Response {
        data: ResponseBody::from_data(buf),
        ..Response::text("")
    }
}

fn double(request: &Request) -> Response {
    if request.remove_prefix("/double").is_none() {
        return Response::empty_404();
    }
    let n: u32 = try_or_400!(request.get_param("n").unwrap_or_default().parse());
    assert_or_400!(n < 1000);
    Response::text((n * 2).to_string()).with_etag(request, "v1")
}

fn get(address: SocketAddr, path: &str) -> String {
    ask(address, &format!("GET {} HTTP/1.0\r\n\r\n", path))
}

fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
