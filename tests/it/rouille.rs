//! The migration from rouille: a program written for it builds against this crate after one line of
//! its Cargo.toml has changed, and runs.

use std::fs;
use std::path::Path;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn one_line_of_cargo_toml_is_the_migration() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rouille");
    fs::create_dir_all(&folder).expect("a folder for the program");
    // `{:?}` quotes and escapes a path as TOML has it.
    let manifest = format!(
        "[package]\nname = \"program\"\nversion = \"0.0.0\"\nedition = \"2018\"\n\
         [[bin]]\nname = \"program\"\npath = {:?}\n\
         [dependencies]\nrouille = {{ package = \"millpond\", path = {ROOT:?} }}\n\
         [workspace]\n",
        Path::new(ROOT).join("tests/it/rouille/program.rs"),
    );
    fs::write(folder.join("Cargo.toml"), manifest).expect("its manifest");
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--offline", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(folder.join("target"))
        .output()
        .expect("cargo");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("warning"), "{said}");
}
