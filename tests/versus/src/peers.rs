//! The servers compared: how each is built, started and ended. The load is in other files.

use crate::load;
use crate::support::{Folder, Process};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A server that may take part.
pub struct Entry {
    pub name: &'static str,
    /// The crate whose version is printed; empty for a server that is not in the lock file.
    package: &'static str,
    source: Source,
}

enum Source {
    /// `src/bin`, behind a feature named after the package where it has one.
    Binary {
        bin: &'static str,
        feature: Option<&'static str>,
        args: &'static [&'static str],
    },
    Nginx,
}

const fn binary(
    name: &'static str,
    package: &'static str,
    bin: &'static str,
    args: &'static [&'static str],
) -> Entry {
    Entry {
        name,
        package,
        source: Source::Binary {
            bin,
            feature: Some(package),
            args,
        },
    }
}

pub const ENTRIES: [Entry; 9] = [
    binary("millpond", "millpond", "peer-millpond", &[]),
    binary("rouille", "rouille", "peer-rouille", &[]),
    binary("rouille-pool64", "rouille", "peer-rouille", &["64"]),
    binary("tiny_http", "tiny_http", "peer-tiny_http", &[]),
    binary("hyper", "hyper", "peer-hyper", &[]),
    binary("axum", "axum", "peer-axum", &[]),
    binary("actix-web", "actix-web", "peer-actix-web", &[]),
    Entry {
        name: "nginx",
        package: "",
        source: Source::Nginx,
    },
    Entry {
        name: "floor",
        package: "",
        source: Source::Binary {
            bin: "peer-floor",
            feature: None,
            args: &[],
        },
    },
];

/// A server that is ready to be started, any number of times.
pub struct Peer {
    pub name: String,
    pub version: String,
    program: PathBuf,
    args: Vec<OsString>,
    nginx: bool,
}

impl Peer {
    /// Any program that takes an address as its first argument and serves the common routes.
    pub fn other(name: &str, program: &Path) -> Peer {
        Peer {
            name: name.to_owned(),
            version: program.display().to_string(),
            program: program.to_owned(),
            args: Vec::new(),
            nginx: false,
        }
    }

    /// nginx alone serves constants only: it neither echoes nor waits.
    pub fn only_says_hello(&self) -> bool {
        self.nginx
    }

    /// Starts the server and returns once it answers.
    ///
    /// # Errors
    ///
    /// It does not start, or does not say "hello world" within 5 seconds.
    pub fn start(&self, port: u16) -> io::Result<Running> {
        let addr = free_address(port)?;
        let mut command = Command::new(&self.program);
        let mut folder = None;
        if self.nginx {
            let made = configure_nginx(addr)?;
            command
                .arg("-p")
                .arg(made.root())
                .arg("-c")
                .arg(made.path("nginx.conf"));
            folder = Some(made);
        } else {
            command.arg(addr.to_string()).args(&self.args);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let running = Running {
            process: Process::try_start(&mut command)?,
            addr,
            folder,
        };
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            match load::says_hello(addr) {
                Ok(()) => return Ok(running),
                Err(e) if Instant::now() > deadline => return Err(e),
                Err(_) => thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

/// A started server; dropping it ends it.
pub struct Running {
    process: Process,
    pub addr: SocketAddr,
    /// nginx's own.
    folder: Option<Folder>,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The server has crashed or left by itself.
    pub fn has_ended(&mut self) -> bool {
        self.process.has_ended()
    }

    /// nginx's master must be asked, or its workers outlive it; the others keep nothing to lose.
    fn ask_to_end(&mut self) {
        let pid = self.pid().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        let deadline = Instant::now() + Duration::from_secs(3);
        while asked.is_ok() && Instant::now() < deadline {
            if self.has_ended() {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.folder.is_some() {
            self.ask_to_end();
        }
    }
}

/// Builds an entry, or finds it installed.
///
/// # Errors
///
/// A sentence for the reader: the missing part.
pub fn prepare(entry: &Entry, build: bool) -> Result<Peer, String> {
    let (bin, feature, args) = match entry.source {
        Source::Nginx => return find_nginx(entry.name),
        Source::Binary { bin, feature, args } => (bin, feature, args),
    };
    let driver = std::env::current_exe().map_err(|e| e.to_string())?;
    let profile_dir = driver.parent().ok_or("the driver lies in no directory")?;
    if build {
        cargo_build(bin, feature, profile_dir.parent().unwrap_or(profile_dir))?;
    }
    let program = profile_dir.join(bin);
    if !program.exists() {
        return Err(format!("{} is not built", program.display()));
    }
    Ok(Peer {
        name: entry.name.to_owned(),
        version: match entry.package {
            "" => "std".to_owned(),
            package => locked_version(package).unwrap_or_default(),
        },
        program,
        args: args.iter().map(OsString::from).collect(),
        nginx: false,
    })
}

fn cargo_build(bin: &str, feature: Option<&str>, target_dir: &Path) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--release", "--manifest-path"]);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    command
        .arg("--target-dir")
        .arg(target_dir)
        .args(["--bin", bin]);
    if let Some(feature) = feature {
        command.args(["--features", feature]);
    }
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("it does not build (see above)".to_owned()),
        Err(e) => Err(format!("cargo cannot be run: {e}")),
    }
}

fn locked_version(package: &str) -> Option<String> {
    let lock = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock")).ok()?;
    let entry = &lock[lock.find(&format!("name = \"{package}\"\n"))?..];
    let version = &entry[entry.find("version = \"")? + 11..];
    Some(version[..version.find('"')?].to_owned())
}

fn find_nginx(name: &str) -> Result<Peer, String> {
    let candidates = ["nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"];
    let found = candidates.iter().find_map(|program| {
        let output = Command::new(program).arg("-v").output().ok()?;
        // "nginx version: nginx/1.22.1", on standard error.
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        Some((program, text.trim().rsplit('/').next()?.to_owned()))
    });
    let (program, version) = found.ok_or("it is not installed")?;
    Ok(Peer {
        name: name.to_owned(),
        version,
        program: program.into(),
        args: Vec::new(),
        nginx: true,
    })
}

fn configure_nginx(addr: SocketAddr) -> io::Result<Folder> {
    let folder = Folder::new();
    let temp_paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {kind};"))
        .collect();
    let config = format!(
        "daemon off; worker_processes auto; pid nginx.pid; error_log stderr crit;\n\
         events {{ worker_connections 8192; }}\n\
         http {{ access_log off; {temp_paths}\n\
         keepalive_requests 1000000000; keepalive_timeout 75s; default_type text/plain;\n\
         server {{ listen {addr} backlog=4096; location / {{ return 200 'hello world'; }} }} }}\n"
    );
    fs::write(folder.path("nginx.conf"), config)?;
    Ok(folder)
}

/// The given port, or for 0 one that is free now. Servers that cannot print their port need it
/// beforehand. If another process takes the port meanwhile, the start fails with an error.
fn free_address(port: u16) -> io::Result<SocketAddr> {
    let addr = SocketAddr::from(([127, 0, 0, 1], port));
    if port != 0 {
        return Ok(addr);
    }
    TcpListener::bind(addr)?.local_addr()
}
