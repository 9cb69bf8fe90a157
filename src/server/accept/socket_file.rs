//! The file of a Unix socket: when it may be replaced, and when it is removed. The socket behind it
//! is another's concern.
//!
//! A file says nothing about whether somebody listens: it outlives its process. To connect would
//! tell, but would also wait where the queue is full, and be a connection. A *datagram* socket does
//! neither: it is told at once that the file's socket is of another type, or that there is none.

use std::fs::{self, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// The file of a socket that listens. Dropping it removes the file if it is still this socket's.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    id: Id,
}

/// Device and inode: which file it is, under whatever name. The socket keeps the number from being
/// given out again.
type Id = (u64, u64);

/// What stands in the way.
enum Occupant {
    /// The file of a socket that somebody holds.
    Alive,
    /// The file of a socket that nobody holds any more.
    Dead(Metadata),
    Other,
}

impl SocketFile {
    /// Listens at `path`.
    ///
    /// # Errors
    ///
    /// `AddrInUse` where another process listens there, unless it is to be replaced (`take_over`),
    /// and where the file is none of a socket.
    pub(crate) fn bind(
        path: &Path,
        mode: Option<u32>,
        take_over: bool,
    ) -> io::Result<(UnixListener, SocketFile)> {
        let listener = match UnixListener::bind(path) {
            Err(e) if e.kind() == ErrorKind::AddrInUse => match occupant(path)? {
                Occupant::Alive if take_over => return replace(path, mode),
                Occupant::Alive => return Err(in_use(path, "somebody listens there already")),
                Occupant::Other => return Err(in_use(path, "there is a file that is no socket")),
                Occupant::Dead(found) => {
                    remove_dead(path, &found);
                    UnixListener::bind(path)?
                }
            },
            bound => bound?,
        };
        let file = SocketFile::of(path)?;
        file.set_mode(mode)?;
        Ok((listener, file))
    }

    fn of(path: &Path) -> io::Result<SocketFile> {
        let id = id(&fs::symlink_metadata(path)?);
        // Where the process goes meanwhile is no reason to leave the file behind.
        let path = std::env::current_dir()?.join(path);
        Ok(SocketFile { path, id })
    }

    fn set_mode(&self, mode: Option<u32>) -> io::Result<()> {
        mode.map_or(Ok(()), |mode| {
            fs::set_permissions(&self.path, Permissions::from_mode(mode))
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        remove(&self.path, self.id);
    }
}

/// Listens under another name and takes the path in one step: there is no moment at which a client
/// finds nobody.
fn replace(path: &Path, mode: Option<u32>) -> io::Result<(UnixListener, SocketFile)> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    // Short, as a path to a socket may have about 100 bytes.
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let beside = path.with_file_name(format!(".{:x}.{:x}", process::id(), count));
    let listener = UnixListener::bind(&beside)?;
    let mut file = SocketFile::of(&beside)?;
    file.set_mode(mode)?;
    fs::rename(&beside, path)?;
    file.path
        .set_file_name(path.file_name().unwrap_or_default());
    Ok((listener, file))
}

fn occupant(path: &Path) -> io::Result<Occupant> {
    let found = fs::symlink_metadata(path)?;
    if !found.file_type().is_socket() {
        return Ok(Occupant::Other);
    }
    match UnixDatagram::unbound()?.connect(path) {
        Err(e) if e.kind() == ErrorKind::ConnectionRefused => Ok(Occupant::Dead(found)),
        // EPROTOTYPE, or a datagram socket; or one that we may not reach, and so is not ours.
        _ => Ok(Occupant::Alive),
    }
}

/// Removes the file if it is that one.
fn remove(path: &Path, wanted: Id) {
    // One that cannot be removed is one more that is found dead.
    if fs::symlink_metadata(path).map_or(false, |found| id(&found) == wanted) {
        let _ = fs::remove_file(path);
    }
}

/// Removes the file that was found dead, unless somebody was faster. It may look the same then, as
/// the number of a file that is gone is given out again; its time is not.
fn remove_dead(path: &Path, found: &Metadata) {
    let time = |file: &Metadata| (file.ctime(), file.ctime_nsec());
    if fs::symlink_metadata(path).map_or(false, |now| time(&now) == time(found)) {
        remove(path, id(found));
    }
}

fn id(file: &Metadata) -> Id {
    (file.dev(), file.ino())
}

fn in_use(path: &Path, why: &str) -> io::Error {
    io::Error::new(ErrorKind::AddrInUse, format!("{}: {}", path.display(), why))
}
