//! The files of Unix sockets: a dead one is replaced, a live one is not, and no other file is ever
//! changed.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{symlink, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::slice;

use super::{echo, get, is_refused, serve, Folder, LATE};
use crate::support::{Barrier, KeepAliveMode, Load};
use millpond::{Address, Listen, Request, Response, Server};

type Plain = Server<fn(&Request) -> Response>;

fn listen(place: impl Into<Listen>) -> std::io::Result<Plain> {
    Server::listen_on([place.into()], echo)
}

fn refused(place: impl Into<Listen>) -> std::io::Error {
    listen(place).map(drop).unwrap_err()
}

fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).expect("a file").ino()
}

#[test]
fn the_file_of_a_dead_server_is_replaced() {
    let folder = Folder::new();
    let (path, at) = (folder.path("a.sock"), folder.unix("a.sock"));
    // std's listener leaves its file behind, as a process that is killed does.
    drop(UnixListener::bind(&path).unwrap());
    assert!(is_refused(&at));
    let server = serve(&[&at], &Barrier::default());
    assert_eq!(get(&at, "/x"), "/x from 0.0.0.0:0");
    let _ = server.stop();
    assert!(folder.is_empty());
}

#[test]
fn a_live_one_is_in_use_whether_or_not_it_accepts() {
    let folder = Folder::new();
    let (path, at) = (folder.path("a.sock"), folder.unix("a.sock"));
    let first = serve(&[&at], &Barrier::default());
    let before = inode(&path);
    let error = refused(at.clone());
    assert_eq!(error.kind(), ErrorKind::AddrInUse, "{error}");
    assert_eq!(inode(&path), before);
    assert_eq!(get(&at, "/x"), "/x from 0.0.0.0:0");
    assert_eq!(first.stats().accepted, 1, "to look is not to connect");
    let _ = first.stop();
    let silent = UnixListener::bind(&path).unwrap();
    let error = refused(at);
    assert_eq!(error.kind(), ErrorKind::AddrInUse, "{error}");
    silent.set_nonblocking(true).unwrap();
    assert!(silent.accept().is_err(), "to look is not to connect");
    assert!(path.exists());
}

#[test]
fn what_is_no_socket_of_a_listener_stays() {
    let folder = Folder::new();
    fs::write(folder.path("file"), "precious").unwrap();
    fs::create_dir(folder.path("dir")).unwrap();
    drop(UnixListener::bind(folder.path("dead")).unwrap());
    symlink(folder.path("dead"), folder.path("link")).unwrap();
    symlink(folder.path("nowhere"), folder.path("dangling")).unwrap();
    let _held = UnixDatagram::bind(folder.path("datagram")).unwrap();
    for name in ["file", "dir", "link", "dangling", "datagram"] {
        let path = folder.path(name);
        let before = inode(&path);
        for place in [
            Listen::from(folder.unix(name)),
            Listen::from(folder.unix(name)).mode(0o600),
        ] {
            let error = refused(place);
            assert_eq!(error.kind(), ErrorKind::AddrInUse, "{name}: {error}");
            assert_eq!(inode(&path), before, "{name}");
        }
    }
    for name in ["file", "dir", "link", "dangling"] {
        let error = refused(Listen::from(folder.unix(name)).take_over());
        assert_eq!(error.kind(), ErrorKind::AddrInUse, "{name}: {error}");
    }
    assert_eq!(fs::read(folder.path("file")).unwrap(), b"precious");
}

#[test]
fn a_path_that_cannot_be_is_an_error() {
    let folder = Folder::new();
    let long = "x".repeat(200);
    for (name, kind) in [
        (long.as_str(), ErrorKind::InvalidInput),
        ("none/a.sock", ErrorKind::NotFound),
        ("a\0b", ErrorKind::InvalidInput),
    ] {
        let error = refused(folder.unix(name));
        assert_eq!(error.kind(), kind, "{name:?}: {error}");
    }
    assert!(folder.is_empty());
}

#[test]
fn the_rights_are_those_asked_for() {
    let folder = Folder::new();
    for (name, mode) in [("a", 0o600), ("b", 0o660), ("c", 0o777)] {
        let place = Listen::from(folder.unix(name)).mode(mode);
        let server = listen(place).unwrap();
        let file = fs::symlink_metadata(folder.path(name)).unwrap();
        assert!(file.file_type().is_socket());
        assert_eq!(file.permissions().mode() & 0o7777, mode);
        let place = Listen::from(folder.unix(name)).mode(0o611).take_over();
        let next = listen(place).unwrap();
        let file = fs::symlink_metadata(folder.path(name)).unwrap();
        assert_eq!(file.permissions().mode() & 0o7777, 0o611);
        drop((server, next));
    }
    assert!(folder.is_empty());
}

#[test]
fn only_its_own_file_is_removed() {
    let folder = Folder::new();
    let (path, at) = (folder.path("a.sock"), folder.unix("a.sock"));
    let server = serve(&[&at], &Barrier::default());
    fs::remove_file(&path).unwrap();
    let _ = server.stop(); // It is gone already.
    let server = serve(&[&at], &Barrier::default());
    // Beside it first: the same inode could be given out again.
    fs::write(folder.path("other"), "precious").unwrap();
    fs::rename(folder.path("other"), &path).unwrap();
    let _ = server.stop();
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

#[test]
fn a_next_server_takes_over_and_the_old_one_leaves_its_file() {
    let folder = Folder::new();
    let (path, at) = (folder.path("a.sock"), folder.unix("a.sock"));
    let old = Server::listen_on([at.clone()], |_| Response::text("old")).unwrap();
    let mut queued = crate::support::Client::at(&at);
    queued.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let take = Listen::from(at.clone()).take_over();
    let new = Server::listen_on([take], |_| Response::text("new")).unwrap();
    assert_eq!(new.addresses(), slice::from_ref(&at));
    let (handle, stop) = new.stoppable();
    assert_eq!(get(&at, "/"), "new");
    old.poll();
    assert_eq!(queued.response().text(), "old");
    drop(old);
    assert!(path.exists());
    assert_eq!(get(&at, "/"), "new");
    drop(stop);
    handle.join().unwrap();
    assert!(folder.is_empty());
}

/// Each generation takes the path from the one before, which then drains. Not one client finds the
/// door closed or is cut off.
#[test]
fn generations_under_load_lose_nobody() {
    let folder = Folder::new();
    let at = folder.unix("a.sock");
    let start = |at: &Address| {
        let place = Listen::from(at.clone()).take_over();
        super::router(&Barrier::default())
            .serve_managed_on([place], Default::default())
            .unwrap()
    };
    let mut server = start(&at);
    let load = Load::on(at.clone(), 4, KeepAliveMode::Close);
    for _ in 0..20 {
        let next = start(&at);
        let drained = std::mem::replace(&mut server, next).stop();
        assert_eq!(drained.cut, 0);
        load.each_answered(2);
    }
    let tally = load.end();
    assert!(tally.refused == 0 && tally.dropped <= LATE, "{tally:?}");
    let _ = server.stop();
    assert!(folder.is_empty());
}
