//! The fuzzing of `tests/it`, for longer and from another seed.

use std::time::{Duration, Instant};

use crate::fuzz;
use crate::options::Options;

/// Mutants of one kind before the next kind's turn.
const ROUND: u64 = 2_000;

pub fn run(options: &Options) -> Result<(), String> {
    // The text of a panic is printed with its finding.
    std::panic::set_hook(Box::new(|_| ()));
    let mut targets = fuzz::targets();
    let mut inputs = vec![0; targets.len()];
    let began = Instant::now();
    let time = Duration::from_secs(options.seconds);
    let mut printed = Duration::ZERO;
    let mut seed = options.seed;
    while began.elapsed() < time {
        for (target, inputs) in targets.iter_mut().zip(&mut inputs) {
            *inputs += fuzz::run(target.as_mut(), seed, ROUND)?;
        }
        seed += ROUND;
        if began.elapsed() - printed > Duration::from_secs(10) {
            printed = began.elapsed();
            println!("{:4} s, seed {seed}", printed.as_secs());
        }
    }
    for (target, inputs) in targets.iter().zip(&inputs) {
        println!("{:>12}: {inputs} inputs", target.name());
    }
    let total: u64 = inputs.iter().sum();
    let seconds = began.elapsed().as_secs();
    let first = options.seed;
    println!("{total} inputs in {seconds} s, seeds {first} to {seed}: no finding");
    Ok(())
}
