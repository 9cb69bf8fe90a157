//! The migration from rouille: programs written for it build against this crate after one line of
//! their Cargo.toml has changed, and run. Each file in `bin` is one of them. It serves itself, and
//! panics if an answer is wrong.

use std::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Runs a program to its end, which must be a success.
fn runs(program: &str) {
    let output = Command::new(program).current_dir(ROOT).output();
    let output = output.unwrap_or_else(|e| panic!("{}: {}", program, e));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}", errors);
}

#[test]
fn a_program_with_routes_files_and_json_runs() {
    runs(env!("CARGO_BIN_EXE_program"));
}

#[test]
fn a_program_that_compresses_runs() {
    runs(env!("CARGO_BIN_EXE_compression"));
}

#[test]
fn a_program_with_forms_and_a_login_runs() {
    runs(env!("CARGO_BIN_EXE_forms"));
}

#[test]
fn a_program_with_a_proxy_and_cgi_runs() {
    runs(env!("CARGO_BIN_EXE_gateway"));
}

#[test]
fn a_program_that_reads_a_clients_fields_runs() {
    runs(env!("CARGO_BIN_EXE_input"));
}

#[test]
fn a_program_with_websockets_runs() {
    runs(env!("CARGO_BIN_EXE_websocket"));
}
