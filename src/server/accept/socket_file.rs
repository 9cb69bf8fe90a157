//! The file of a Unix socket, with the rules for its replacement and removal.
//!
//! The file outlives its process, and does not show whether a process listens there. A connection
//! would show that, but would wait if the queue is full, and would be accepted. A *datagram* socket
//! avoids both: its connect fails at once, with one error if the socket of the file is of another
//! type, and with another error if no process has the socket.

use std::fs::{self, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// The file of a listening socket. The drop removes the file, if the file is still this socket's.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    id: Id,
}

/// The device and the inode of a file, an identity under any name. The inode is not reused while
/// the socket exists.
type Id = (u64, u64);

/// The file that occupies the path of a new socket.
enum Occupant {
    /// The file of a socket that a process has.
    Alive,
    /// The file of a socket that no process has any more.
    Dead(Metadata),
    Other,
}

impl SocketFile {
    /// Listens at `path`.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if another process listens there and `take_over` is false, or if the file is not
    /// a socket.
    pub(crate) fn bind(
        path: &Path,
        mode: Option<u32>,
        take_over: bool,
    ) -> io::Result<(UnixListener, SocketFile)> {
        let listener = match UnixListener::bind(path) {
            Err(e) if e.kind() == ErrorKind::AddrInUse => match occupant(path)? {
                Occupant::Alive if take_over => return replace(path, mode),
                Occupant::Alive => return Err(e),
                Occupant::Other => {
                    return Err(io::Error::new(e.kind(), "existing file not a socket"))
                }
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
        // Absolute, so that the file is also removed if the process changes its folder meanwhile.
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

/// Listens under another name and renames the file to `path`. With that one step, every connection
/// reaches a listening socket.
fn replace(path: &Path, mode: Option<u32>) -> io::Result<(UnixListener, SocketFile)> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    // Short, as the path of a socket may have about 100 bytes.
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
        // EPROTOTYPE, or a datagram socket; or a socket that this process may not reach.
        _ => Ok(Occupant::Alive),
    }
}

/// Removes the file with this id. A file that cannot be removed is replaced by the next bind.
fn remove(path: &Path, wanted: Id) {
    if fs::symlink_metadata(path).map_or(false, |found| id(&found) == wanted) {
        let _ = fs::remove_file(path);
    }
}

/// Removes the file that was found dead, unless another process has replaced it meanwhile. The new
/// file may have the same inode, but not the same time.
fn remove_dead(path: &Path, found: &Metadata) {
    let time = |file: &Metadata| (file.ctime(), file.ctime_nsec());
    if fs::symlink_metadata(path).map_or(false, |now| time(&now) == time(found)) {
        remove(path, id(found));
    }
}

fn id(file: &Metadata) -> Id {
    (file.dev(), file.ino())
}
