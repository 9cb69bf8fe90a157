//! Seeded mutants of valid and invalid inputs, for every reader of bytes from a peer or a program.
//! A second reader, slow and simple, was written from the grammars and not from `src/`, and checks
//! each result. A case depends on its seed alone. `tests/soak` runs the same targets for any time.

mod form;
mod http;
mod input;
mod json;
mod mutate;
mod percent;
mod rng;
mod routes;
mod websocket;

use std::fmt::Write as _;
use std::panic::{catch_unwind, AssertUnwindSafe};

pub use mutate::mutant;
pub use rng::Rng;

/// A reader under test, and the check of its results.
pub trait Target {
    fn name(&self) -> &'static str;
    /// Well-formed and malformed inputs, with the findings of earlier fuzzing. Each is a case too.
    fn corpus(&self) -> Vec<Vec<u8>>;
    /// Pieces to put where they do not belong.
    fn tokens(&self) -> &'static [&'static str];
    /// Returns an error if this input was read wrongly.
    fn check(&mut self, input: &[u8], rng: &mut Rng) -> Result<(), String>;
    /// Returns an error if the sum of all inputs is wrong.
    fn end(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// One of each. The servers that they need run until they are dropped.
pub fn targets() -> Vec<Box<dyn Target>> {
    vec![
        Box::new(form::Forms),
        Box::new(http::heads()),
        Box::new(http::chunks()),
        Box::new(http::connections()),
        Box::new(json::Texts),
        Box::new(routes::Tables),
        Box::new(percent::Escapes),
        Box::new(input::Fields),
        Box::new(websocket::Frames),
    ]
}

/// Runs the corpus, then `cases` mutants from this seed on. Returns the number of inputs.
///
/// # Errors
///
/// The fault, with the bytes, and with the seed that makes the case the first mutant.
pub fn run(target: &mut dyn Target, seed: u64, cases: u64) -> Result<u64, String> {
    let corpus = target.corpus();
    for row in &corpus {
        judge(target, row, &mut Rng::new(seed)).map_err(|why| tell(target, seed, row, &why))?;
    }
    for case in 0..cases {
        let seed = seed.wrapping_add(case);
        let mut rng = Rng::new(seed);
        let input = mutant(&corpus, target.tokens(), &mut rng);
        judge(target, &input, &mut rng).map_err(|why| tell(target, seed, &input, &why))?;
    }
    target
        .end()
        .map_err(|why| format!("{}: after seed {seed}: {why}", target.name()))?;
    Ok(corpus.len() as u64 + cases)
}

/// A panic is a finding like any other.
fn judge(target: &mut dyn Target, input: &[u8], rng: &mut Rng) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| target.check(input, rng)))
        .unwrap_or_else(|_| Err("it panicked".to_owned()))
}

fn tell(target: &dyn Target, seed: u64, input: &[u8], why: &str) -> String {
    let name = target.name();
    format!("{name}: seed {seed}: {why}\n    b\"{}\"", literal(input))
}

/// The text between the quotes of a byte string in Rust.
fn literal(input: &[u8]) -> String {
    let mut text = String::new();
    for &byte in input {
        match byte {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => write!(text, "\\x{byte:02x}").expect("a String takes it"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(target: &mut dyn Target, cases: u64) {
        let inputs = run(target, 0, cases).unwrap_or_else(|why| panic!("{why}"));
        assert!(inputs > cases, "no corpus");
    }

    #[test]
    fn heads() {
        holds(&mut http::heads(), 1500);
    }

    #[test]
    fn chunked_bodies() {
        holds(&mut http::chunks(), 1500);
    }

    #[test]
    fn connections() {
        holds(&mut http::connections(), 1000);
    }

    #[test]
    fn forms() {
        holds(&mut form::Forms, 8000);
    }

    #[test]
    fn json_texts() {
        holds(&mut json::Texts, 8000);
    }

    #[test]
    fn route_tables() {
        holds(&mut routes::Tables, 8000);
    }

    #[test]
    fn escapes() {
        holds(&mut percent::Escapes, 8000);
    }

    #[test]
    fn fields() {
        holds(&mut input::Fields, 8000);
    }

    #[test]
    fn websocket_frames() {
        holds(&mut websocket::Frames, 8000);
    }

    #[test]
    fn every_target_is_tested() {
        assert_eq!(targets().len(), 9);
    }

    /// Refuses an input that many mutants have.
    struct RefusesSome;

    impl Target for RefusesSome {
        fn name(&self) -> &'static str {
            "fussy"
        }

        fn corpus(&self) -> Vec<Vec<u8>> {
            vec![b"abc\n".to_vec()]
        }

        fn tokens(&self) -> &'static [&'static str] {
            &["\"\0"]
        }

        fn check(&mut self, input: &[u8], _: &mut Rng) -> Result<(), String> {
            assert!(!input.starts_with(b"\"\0"), "no such thing");
            Ok(())
        }
    }

    #[test]
    fn a_finding_is_told_with_its_seed_and_its_bytes() {
        let told = run(&mut RefusesSome, 7, 10_000).expect_err("a panic is a finding");
        let (seed, rest) = told["fussy: seed ".len()..].split_once(": ").unwrap();
        assert!(
            rest.starts_with("it panicked\n    b\"\\\"\\x00"),
            "{told:?}"
        );
        let again = run(&mut RefusesSome, seed.parse().unwrap(), 1).expect_err("the same case");
        assert_eq!(again, told);
    }
}
