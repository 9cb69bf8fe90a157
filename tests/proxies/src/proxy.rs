//! A proxy as a process: it has a folder and a port of its own, and ends with its test.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub struct Proxy {
    pub port: u16,
    process: Child,
    folder: PathBuf,
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.local_addr().expect("its address").port()
}

impl Proxy {
    pub fn haproxy(port: u16, configuration: &str) -> Proxy {
        Proxy::start(port, configuration, |file, _| {
            let mut command = Command::new("haproxy");
            command.arg("-db").arg("-q").arg("-f").arg(file);
            command
        })
    }

    pub fn nginx(port: u16, configuration: &str) -> Proxy {
        Proxy::start(port, configuration, |file, folder| {
            let mut command = Command::new("nginx");
            command.arg("-p").arg(folder).arg("-c").arg(file);
            command.arg("-e").arg(folder.join("errors"));
            let own = "daemon off; master_process off; pid nginx.pid;";
            command.arg("-g").arg(own);
            command
        })
    }

    fn start(
        port: u16,
        configuration: &str,
        command: impl FnOnce(&Path, &Path) -> Command,
    ) -> Proxy {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("millpond-proxies-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("configuration");
        fs::write(&file, configuration).expect("its configuration");
        let process = command(&file, &folder).spawn().expect("it is installed");
        let mut proxy = Proxy {
            port,
            process,
            folder,
        };
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = proxy.process.try_wait().expect("a process");
            assert!(ended.is_none(), "it ended, {ended:?}, with {configuration}");
            assert!(
                began.elapsed() < Duration::from_secs(10),
                "it does not listen"
            );
            sleep(Duration::from_millis(5));
        }
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
