//! The smallest server: `cargo run --release --example hello [ADDRESS]...`, then open the URL it
//! prints. An address is `127.0.0.1:8080`, `[::]:8080` or `unix:/tmp/hello.sock`; to ask the last
//! there is `curl --unix-socket /tmp/hello.sock http://localhost/`.

use millpond::{Address, Response, Server};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut addresses = Vec::new();
    for argument in std::env::args().skip(1) {
        addresses.push(argument.parse::<Address>()?);
    }
    if addresses.is_empty() {
        addresses.push(([127, 0, 0, 1], 8080).into());
    }
    let server = Server::listen_on(addresses, |request| {
        let name = request.get_param("name");
        Response::text(format!("hello {}\n", name.as_deref().unwrap_or("world")))
    })?;
    for address in server.addresses() {
        println!("{address}");
    }
    server.run();
    Ok(())
}
