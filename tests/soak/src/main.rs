//! Programs that run for minutes: fuzzing for any time, and a soak, which is millions of requests
//! from clients of every kind while the server's routes change and its address moves.
//!
//! ```text
//! cd tests/soak
//! cargo run --release -- fuzz --seconds 600 --seed 1
//! cargo run --release -- soak --seconds 470 --requests 10000000
//! ```
//!
//! Both print a verdict, and end with a status of 1 after a failure. The soak needs Linux.

#![warn(rust_2018_idioms)]
#![warn(clippy::self_named_module_files)]

mod client;
mod kinds;
mod long;
mod misbehaving;
mod options;
mod process;
mod server;
mod shared_state;
mod soak;

// A package uses some of these parts, and other packages the others.
#[path = "../../it/hostile/fuzz/mod.rs"]
mod fuzz;
#[allow(dead_code, unused_imports)]
#[path = "../../support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::time::Duration;

use options::{Command, Options};

/// A client that hears nothing for so long has found an error.
pub const GUARD: Duration = Duration::from_secs(10);

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
