//! A proxy as a process: it has a folder and a port of its own, and ends with its test.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use crate::support::{eventually, Folder, Process};

pub struct Proxy {
    pub port: u16,
    /// Before the folder, so that it ends first.
    _process: Process,
    _folder: Folder,
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
        let folder = Folder::new();
        let file = folder.path("configuration");
        fs::write(&file, configuration).expect("its configuration");
        let mut process = Process::start(&mut command(&file, folder.root()));
        eventually("the proxy listens", || {
            assert!(!process.has_ended(), "it ended, with {configuration}");
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        Proxy {
            port,
            _process: process,
            _folder: folder,
        }
    }
}
