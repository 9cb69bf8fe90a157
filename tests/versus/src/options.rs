//! The command line.

use crate::peers;
use crate::work::{self, Work, WORKS};
use std::path::PathBuf;

const USAGE: &str = "\
Usage: cargo run --release --manifest-path tests/versus/Cargo.toml -- [options]

  --only A,B         these servers and no others, in this order
  --with NAME=PATH   one more: a program that takes an address and serves the same routes
  --base NAME        the server that ratios refer to (default: floor, else the first)
  --work A,B         these workloads; a name also stands for all that begin with it
  --rounds N         how often everything is measured (default 3)
  --seconds N        how long each measurement takes (default 3)
  --minutes N        begin no measurement after this time (default 40)
  --threads N        threads of wrk (default: half of the cores)
  --port N           where the servers listen on 127.0.0.1 (default: any free port)
  --svg FILE         draw the results
  --json FILE        write every sample
  --no-build         take the servers as they were built before
  --list             name servers and workloads, and end";

pub struct Options {
    pub only: Vec<String>,
    pub with: Vec<(String, PathBuf)>,
    pub base: String,
    pub works: Vec<&'static Work>,
    pub rounds: usize,
    pub seconds: u64,
    pub minutes: u64,
    pub threads: usize,
    pub port: u16,
    pub svg: Option<PathBuf>,
    pub json: Option<PathBuf>,
    pub build: bool,
}

/// The text that was asked for in place of a run.
pub fn inquiry(args: &[String]) -> Option<String> {
    args.iter().find_map(|arg| match arg.as_str() {
        "--help" | "-h" => Some(USAGE.to_owned()),
        "--list" => Some(listing()),
        _ => None,
    })
}

/// # Errors
///
/// A sentence on the mistake.
pub fn parse(args: Vec<String>) -> Result<Options, String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut options = Options {
        only: peers::ENTRIES
            .iter()
            .map(|entry| entry.name.to_owned())
            .collect(),
        with: Vec::new(),
        base: "floor".to_owned(),
        works: WORKS.iter().collect(),
        rounds: 3,
        seconds: 3,
        minutes: 40,
        threads: (cores / 2).max(1),
        port: 0,
        svg: None,
        json: None,
        build: true,
    };
    let mut args = args.into_iter();
    while let Some(option) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{option} wants a value"));
        match option.as_str() {
            "--only" => {
                let names = value()?;
                options.only = names
                    .split(',')
                    .map(entry_named)
                    .collect::<Result<_, _>>()?;
            }
            "--with" => {
                let value = value()?;
                let (name, path) = value.split_once('=').ok_or("--with wants NAME=PATH")?;
                options.with.push((name.to_owned(), path.into()));
            }
            "--base" => options.base = value()?,
            "--work" => options.works = works_named(&value()?)?,
            "--rounds" => options.rounds = positive(&option, &value()?)? as usize,
            "--seconds" => options.seconds = positive(&option, &value()?)?,
            "--minutes" => options.minutes = positive(&option, &value()?)?,
            "--threads" => options.threads = positive(&option, &value()?)? as usize,
            "--port" => options.port = value()?.parse().map_err(|_| "--port wants a port")?,
            "--svg" => options.svg = Some(value()?.into()),
            "--json" => options.json = Some(value()?.into()),
            "--no-build" => options.build = false,
            _ => return Err(format!("{option} is not known\n\n{USAGE}")),
        }
    }
    Ok(options)
}

fn listing() -> String {
    let mut text = String::from("servers:\n");
    for entry in &peers::ENTRIES {
        text.push_str(&format!("  {}\n", entry.name));
    }
    text.push_str("workloads:\n");
    for work in &WORKS {
        text.push_str(&format!("  {:<14} {}\n", work.name, work.title));
    }
    text
}

fn entry_named(name: &str) -> Result<String, String> {
    match peers::ENTRIES.iter().any(|entry| entry.name == name) {
        true => Ok(name.to_owned()),
        false => Err(format!("no server is called {name}; --list names them")),
    }
}

fn works_named(names: &str) -> Result<Vec<&'static Work>, String> {
    let mut works = Vec::new();
    for name in names.split(',') {
        let found = work::named(name);
        if found.is_empty() {
            return Err(format!("no workload is called {name}; --list names them"));
        }
        works.extend(found);
    }
    Ok(works)
}

fn positive(option: &str, value: &str) -> Result<u64, String> {
    match value.parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err(format!("{option} wants a number above 0")),
    }
}
