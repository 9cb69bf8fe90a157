//! The migration from rouille: programs written for it build against this crate after one line of
//! their Cargo.toml has changed, and run. Each other file in this folder is one; they are built
//! together.

use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn one_line_of_cargo_toml_is_the_migration() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rouille");
    fs::create_dir_all(&folder).expect("a folder for the programs");
    let programs = programs();
    assert!(!programs.is_empty(), "no programs");
    // `{:?}` quotes and escapes a path as TOML has it.
    let mut manifest = format!(
        "[package]\nname = \"programs\"\nversion = \"0.0.0\"\nedition = \"2018\"\n\
         [dependencies]\nrouille = {{ package = \"millpond\", path = {ROOT:?} }}\n\
         [workspace]\n",
    );
    for (name, path) in &programs {
        manifest += &format!("[[bin]]\nname = {name:?}\npath = {path:?}\n");
    }
    fs::write(folder.join("Cargo.toml"), manifest).expect("their manifest");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(folder.join("target"))
        .output()
        .expect("cargo");
    let said = well(&built);
    assert!(!said.contains("warning"), "{said}");
    for (name, _) in &programs {
        let program = folder.join(format!("target/debug/{name}{EXE_SUFFIX}"));
        let ran = Command::new(program).current_dir(ROOT).output();
        well(&ran.unwrap_or_else(|e| panic!("{name}: {e}")));
    }
}

fn programs() -> Vec<(String, PathBuf)> {
    let entries =
        fs::read_dir(Path::new(ROOT).join("tests/it/extras/rouille")).expect("the folder");
    let mut programs: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| !path.ends_with("mod.rs"))
        .map(|path| {
            let name = path.file_stem().and_then(|name| name.to_str());
            (name.expect("a name of text").to_owned(), path)
        })
        .collect();
    programs.sort();
    programs
}

/// What it had to say, if it ended well.
fn well(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    said.into_owned()
}
