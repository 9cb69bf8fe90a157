//! actix-web 4: default settings (as many workers as cores), but a body limit that lets 1 MiB in.

use actix_web::rt::{time::sleep, System};
use actix_web::web::{get, post, Bytes, PayloadConfig};
use actix_web::{App, HttpServer};
use std::time::Duration;

async fn hello(delay: Duration) -> &'static str {
    if !delay.is_zero() {
        sleep(delay).await;
    }
    "hello world"
}

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).expect("an address to listen on");
    System::new().block_on(async {
        HttpServer::new(|| {
            App::new()
                .app_data(PayloadConfig::new(16 << 20))
                .route("/", get().to(|| hello(Duration::ZERO)))
                .route("/sleep50", get().to(|| hello(Duration::from_millis(50))))
                .route("/sleep200", get().to(|| hello(Duration::from_millis(200))))
                .route("/echo", post().to(|body: Bytes| async { body }))
        })
        .bind(addr)?
        .run()
        .await
    })
}
