//! A temporary folder, removed at the end of its test.
//!
//! It needs nothing but `std`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

pub struct Folder(PathBuf);

impl Folder {
    /// Creates an empty folder.
    pub fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("millpond-{}-{count}", process::id());
        let path = env::temp_dir().join(name);
        // In a container, a process that was killed may have had the same number.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("a folder");
        Folder(path)
    }

    /// The path of the folder itself.
    pub fn root(&self) -> &Path {
        &self.0
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
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
