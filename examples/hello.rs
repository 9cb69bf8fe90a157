//! The smallest server: `cargo run --release --example hello [ADDRESS]`, then open the printed URL.

use millpond::{Address, Response, Server};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:8080".into());
    let server = Server::listen_on([address.parse::<Address>()?], |_| {
        Response::text("hello world\n")
    })?;
    println!("http://{}/", server.server_addr());
    server.run();
    Ok(())
}
