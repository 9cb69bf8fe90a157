//! What takes minutes: fuzzing for as long as one likes, and a soak, which is millions of requests
//! from clients of every kind while the server's routes change and its address moves.
//!
//! ```text
//! cd tests/soak
//! cargo run --release -- fuzz --seconds 600 --seed 1
//! cargo run --release -- soak --seconds 470 --requests 10000000
//! ```
//!
//! Either ends with a verdict, and with a status of 1 if that is bad. The soak needs Linux.

mod client;
mod kinds;
mod long;
mod options;
mod process;
mod rude;
mod server;
mod soak;
mod world;

#[path = "../../it/hostile/fuzz/mod.rs"]
mod fuzz;

use std::process::ExitCode;

use options::{Command, Options};

fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("{why}\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    let ended = match options.command {
        Command::Fuzz => long::run(&options),
        Command::Soak => soak::run(&options),
        Command::Serve => server::run(),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
