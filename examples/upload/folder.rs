//! The files. A body gets its name when it is whole and on disk; if its client leaves half-way, or
//! it is too long, nothing is left of it. It is never in memory as a whole.

use std::collections::{hash_map::RandomState, BTreeMap};
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read};
use std::path::PathBuf;

pub struct Folder {
    path: PathBuf,
}

impl Folder {
    pub fn create(path: PathBuf) -> io::Result<Folder> {
        fs::create_dir_all(&path)?;
        Ok(Folder { path })
    }

    pub fn save(&self, name: &str, body: &mut impl Read) -> io::Result<u64> {
        // No two write to one file, be they two processes: it is new, and its name is random.
        let random = RandomState::new().build_hasher().finish();
        let part = self.path.join(format!(".{random:016x}"));
        let mut new = OpenOptions::new();
        let mut file = new.write(true).create_new(true).open(&part)?;
        let saved = io::copy(body, &mut file)
            .and_then(|size| file.sync_all().map(|()| size))
            .and_then(|size| fs::rename(&part, self.path.join(name)).map(|()| size));
        if saved.is_err() {
            let _ = fs::remove_file(&part);
        }
        saved
    }

    pub fn open(&self, name: &str) -> Option<File> {
        let path = self.path.join(name);
        let file = is_plain(name) && path.is_file();
        file.then(|| File::open(path).ok()).flatten()
    }

    /// The whole files: their names and sizes.
    pub fn list(&self) -> io::Result<BTreeMap<String, u64>> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(&self.path)?.flatten() {
            let name = entry.file_name().into_string().unwrap_or_default();
            match entry.metadata() {
                Ok(meta) if is_plain(&name) => files.insert(name, meta.len()),
                _ => None, // Not whole yet, not ours, or gone meanwhile.
            };
        }
        Ok(files)
    }
}

/// Whether it names a file in the folder and is no way out of it, nor a file that is not whole yet.
pub fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || " ._-+()".contains(c);
    !name.is_empty() && !name.starts_with('.') && name.chars().all(plain)
}
