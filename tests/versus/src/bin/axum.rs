//! axum 0.8: a router under `axum::serve`, with TCP_NODELAY as its `ListenerExt` offers it.

use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::Router;
use std::time::Duration;
use tokio::{net::TcpListener, time::sleep};

async fn hello(delay: Duration) -> &'static str {
    if !delay.is_zero() {
        sleep(delay).await;
    }
    "hello world"
}

fn main() {
    let addr = std::env::args().nth(1).expect("an address to listen on");
    let router = Router::new()
        .route("/", get(|| hello(Duration::ZERO)))
        .route("/sleep50", get(|| hello(Duration::from_millis(50))))
        .route("/sleep200", get(|| hello(Duration::from_millis(200))))
        .route("/echo", post(|body: Bytes| async { body }))
        .layer(DefaultBodyLimit::max(16 << 20));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let listener = TcpListener::bind(addr).await.expect("the address is free");
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, router)
            .await
            .expect("serves until it is ended");
    });
}
