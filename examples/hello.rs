//! The smallest server: `cargo run --release --example hello [ADDRESS]`, then open the URL it
//! prints.

use millpond::{Response, Server};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let server = Server::new(address.as_str(), |request| {
        let name = request
            .get_param("name")
            .unwrap_or_else(|| "world".to_owned());
        Response::text(format!("hello {}\n", name))
    })?;
    println!("http://{}/", server.server_addr());
    server.run();
    Ok(())
}
