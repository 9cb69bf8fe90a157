//! A folder for what a test writes, gone with its test.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

use millpond::Address;

pub struct Folder(PathBuf);

impl Folder {
    /// An empty one.
    pub fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("millpond-it-{}-{count}", process::id()));
        // In a container a process that was killed had the same number.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("a folder");
        Folder(path)
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    /// The place of a Unix socket.
    pub fn unix(&self, name: &str) -> Address {
        Address::Unix(self.path(name))
    }

    pub fn is_empty(&self) -> bool {
        let mut entries = fs::read_dir(&self.0).expect("the folder");
        entries.next().is_none()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
