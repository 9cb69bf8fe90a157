//! hyper 1: HTTP/1 on tokio's multi-threaded runtime, as its guide has it, with TCP_NODELAY.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::{net::TcpListener, time::sleep};

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let body = match (request.method(), request.uri().path()) {
        (&Method::POST, "/echo") => request.into_body().collect().await?.to_bytes(),
        (_, path) => {
            match path {
                "/sleep50" => sleep(Duration::from_millis(50)).await,
                "/sleep200" => sleep(Duration::from_millis(200)).await,
                _ => {}
            }
            Bytes::from_static(b"hello world")
        }
    };
    let response = Response::builder().header("Content-Type", "text/plain; charset=utf-8");
    Ok(response
        .body(Full::new(body))
        .expect("constant headers are valid"))
}

fn main() {
    let addr = std::env::args().nth(1).expect("an address to listen on");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let listener = TcpListener::bind(addr).await.expect("the address is free");
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            let _ = stream.set_nodelay(true);
            tokio::spawn(async move {
                // An error here is the client's going away.
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(answer))
                    .await;
            });
        }
    });
}
