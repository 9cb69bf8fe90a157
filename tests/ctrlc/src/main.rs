//! The cookbook's program for Ctrl-C, on a free port. `tests/it/docs/readme.rs` compares the two
//! programs, and `tests/signals.rs` here runs this one.

use millpond::{Response, Server};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let address = ([127, 0, 0, 1], 0);
    let server = Server::listen_on([address], |_| Response::text("hello\n"))?;
    let url = format!("http://{}/", server.server_addr());
    let (thread, stop) = server.stoppable();
    ctrlc::set_handler(move || {
        let _ = stop.send(()); // fails only if the server has stopped already
    })?;
    println!("{url}");
    thread.join().expect("server thread panicked");
    println!("every request in flight was answered");
    Ok(())
}
