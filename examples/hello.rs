//! The smallest server: `cargo run --release --example hello [ADDRESS]`, then open the URL it
//! prints.

use millpond::{Response, Server};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let address = std::env::args().nth(1);
    let server = Server::new(address.as_deref().unwrap_or("127.0.0.1:8080"), |request| {
        let name = request.get_param("name");
        Response::text(format!("hello {}\n", name.as_deref().unwrap_or("world")))
    })?;
    println!("http://{}/", server.server_addr());
    server.run();
    Ok(())
}
