//! A folder that is served, and requests for its files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use millpond::match_assets;

use crate::support::{self, serve, Client, Reply, Running};

/// A folder `site` in a folder of its own, so that something can lie beside it.
pub struct Folder(support::Folder);

impl Folder {
    pub fn new() -> Folder {
        let folder = Folder(support::Folder::new());
        fs::create_dir(folder.path("")).expect("a folder");
        folder
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path("site").join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).expect("a file");
    }

    /// A file that has not changed since Sun, 06 Nov 1994 08:49:37 GMT.
    pub fn settled(&self, name: &str, bytes: impl AsRef<[u8]>) {
        self.write(name, bytes);
        self.date(name, "1994-11-06T08:49:37Z");
    }

    pub fn date(&self, name: &str, time: &str) {
        let touched = Command::new("touch")
            .args(["-d", time])
            .arg(self.path(name))
            .status();
        assert!(touched.expect("touch").success());
    }
}

pub fn serve_folder(folder: &Folder) -> Running {
    let path = folder.path("");
    serve(move |request| match_assets(request, &path))
}

/// A request with these fields, and its response.
pub fn ask(client: &mut Client, method: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: a\r\n");
    for (name, value) in fields {
        head += &format!("{name}: {value}\r\n");
    }
    client.send(head + "\r\n");
    client
        .try_response(method)
        .unwrap_or_else(|cut| panic!("{method} {path}: {cut:?}"))
}
