//! Deadlines, wake-ups, and the queue of a listener that closes, on sockets of this machine.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{mpsc, Arc};
use std::thread;
use std::time::{Duration, Instant};

use super::listen::Listen;
use super::Listener;
use crate::util::io::never;
use crate::util::lock::lock;

/// 10 s: no step takes longer, also on a loaded machine.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);
/// 500 ms: the delay of a loaded machine, added to each promised time.
const SLACK: Duration = Duration::from_millis(500);

fn listener() -> Arc<Listener> {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    Arc::new(Listen::from(socket).open().unwrap())
}

/// Waits for connections as a server does. Sends the peers, and the time of the return.
fn wait_in_thread(
    listener: &Arc<Listener>,
    deadline: Instant,
) -> mpsc::Receiver<(Vec<SocketAddr>, Instant)> {
    let (done, waited) = mpsc::channel();
    let listener = Arc::clone(listener);
    thread::spawn(move || {
        let mut peers = Vec::new();
        assert!(listener.lock_accept(deadline));
        listener.wait(deadline, |accepted| {
            peers.push(accepted.unwrap().1);
            true
        });
        listener.unlock_accept();
        done.send((peers, Instant::now()))
    });
    waited
}

fn connect(listener: &Listener) -> TcpStream {
    TcpStream::connect(tcp(listener)).unwrap()
}

fn tcp(listener: &Listener) -> SocketAddr {
    listener.address().tcp().unwrap()
}

fn finish(listener: &Listener) -> Vec<SocketAddr> {
    let mut peers = Vec::new();
    listener.finish(|accepted| peers.push(accepted.expect("a connection").1));
    peers
}

#[test]
fn a_wait_ends_at_its_deadline_with_and_without_connections() {
    for &connections in &[0, 1, 7] {
        let listener = listener();
        let (began, time) = (Instant::now(), Duration::from_millis(1200));
        let waited = wait_in_thread(&listener, began + time);
        // Connections that arrive half way must not restart the time.
        let half = waited.recv_timeout(time / 2);
        assert!(half.is_err(), "it returned early: {:?}", half);
        let clients: Vec<_> = (0..connections).map(|_| connect(&listener)).collect();
        let (peers, ended) = waited.recv_timeout(STEP_TIMEOUT).unwrap();
        let took = ended - began;
        assert!(took >= time, "{:?}", took);
        assert!(
            took < time + Duration::from_millis(20) + SLACK,
            "{:?}",
            took
        );
        let local = |client: &TcpStream| client.local_addr().unwrap();
        assert_eq!(peers, clients.iter().map(local).collect::<Vec<_>>());
    }
}

#[test]
fn a_deadline_that_has_passed_ends_the_wait_at_once() {
    let listener = listener();
    let _client = connect(&listener);
    let waited = wait_in_thread(&listener, Instant::now());
    assert!(waited.recv_timeout(STEP_TIMEOUT).is_ok());
}

#[test]
fn closing_ends_a_wait_without_deadline() {
    for round in 0..50 {
        let listener = listener();
        let waited = wait_in_thread(&listener, never());
        if round % 2 == 0 {
            // In the other rounds, the thread may or may not be blocked in the kernel yet.
            let client = connect(&listener);
            let end = Instant::now() + STEP_TIMEOUT;
            while Arc::strong_count(&listener) < 2 && Instant::now() < end {
                thread::yield_now();
            }
            drop(client);
        }
        listener.close();
        let (peers, _) = waited.recv_timeout(STEP_TIMEOUT).expect("woken");
        // The client's connection is returned once, and that of the wake-up is not.
        let late = finish(&listener);
        assert_eq!(peers.len() + late.len(), 1 - round % 2, "round {}", round);
    }
}

#[test]
fn closing_keeps_the_queue_and_refuses_later_connections() {
    let listener = listener();
    let clients: Vec<_> = (0..20).map(|_| connect(&listener)).collect();
    listener.close();
    let local = |client: &TcpStream| client.local_addr().unwrap();
    assert_eq!(
        finish(&listener),
        clients.iter().map(local).collect::<Vec<_>>()
    );
    assert_eq!(finish(&listener), []);
    let refused = TcpStream::connect(tcp(&listener)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn closing_with_a_full_queue_loses_no_connection() {
    let listener = listener();
    let (accepted_tx, accepted_rx) = mpsc::channel();
    let (resume, resumed) = mpsc::channel::<()>();
    let accepting = Arc::clone(&listener);
    // A thread holds the accept lock and takes long over the first connection.
    let waiter = thread::spawn(move || {
        assert!(accepting.lock_accept(never()));
        accepting.wait(never(), |accepted| {
            accepted_tx.send(accepted.unwrap().1).unwrap();
            resumed.recv_timeout(STEP_TIMEOUT).is_ok()
        });
        accepting.unlock_accept();
    });
    let mut clients = vec![connect(&listener)];
    accepted_rx.recv_timeout(STEP_TIMEOUT).unwrap();
    while clients.len() < 10_000 {
        let quick = Duration::from_millis(100);
        match TcpStream::connect_timeout(&tcp(&listener), quick) {
            Ok(client) => clients.push(client),
            Err(_) => break,
        }
    }
    let queued = clients.len() - 1;
    assert!(queued > 100 && queued < 9_999, "{} are queued", queued);
    let (closed, has_closed) = mpsc::channel();
    let closing = Arc::clone(&listener);
    thread::spawn(move || {
        closing.close();
        closed.send(())
    });
    // The wake-up finds the queue full, and must not take the thread for a blocked one.
    let _ = has_closed.recv_timeout(Duration::from_millis(100));
    resume.send(()).unwrap();
    waiter.join().unwrap();
    assert!(finish(&listener).len() >= queued);
}

#[test]
fn accepting_the_queue_does_not_wait() {
    let listener = listener();
    let count = |listener: &Listener| {
        let mut count = 0;
        assert!(listener.lock_accept(Instant::now()));
        assert!(listener.accept_queued(64, |_| count += 1).is_ok());
        listener.unlock_accept();
        count
    };
    let began = Instant::now();
    assert_eq!(count(&listener), 0);
    let _clients: Vec<_> = (0..3).map(|_| connect(&listener)).collect();
    assert_eq!(count(&listener), 3);
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[test]
fn one_caller_at_a_time_accepts_and_both_keep_their_deadlines() {
    let listener = listener();
    assert!(listener.lock_accept(never()));
    let began = Instant::now();
    assert!(!listener.lock_accept(began));
    let time = Duration::from_millis(50);
    assert!(!listener.lock_accept(began + time));
    assert!(began.elapsed() >= time && began.elapsed() < time + SLACK);
    // A caller that waits for the lock gets it when it is unlocked ...
    let waited = wait_in_thread(&listener, Instant::now() + STEP_TIMEOUT);
    listener.unlock_accept();
    let left = Instant::now();
    while !*lock(&listener.accept_lock) {
        assert!(left.elapsed() < STEP_TIMEOUT, "the lock is free");
        thread::yield_now();
    }
    let _client = connect(&listener);
    // ... and unlocks it when the listener closes, for any number of waiting callers.
    let others: Vec<_> = (0..3)
        .map(|_| {
            let listener = Arc::clone(&listener);
            thread::spawn(move || {
                if listener.lock_accept(never()) {
                    listener.unlock_accept();
                }
            })
        })
        .collect();
    listener.close();
    waited.recv_timeout(STEP_TIMEOUT).unwrap();
    for other in others {
        other.join().unwrap();
    }
}

#[test]
fn accepted_connections_have_no_delay_and_bounded_writes() {
    for shared in [false, true] {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = Listen::from(socket);
        let listen = if shared { listen.shared() } else { listen };
        let listener = listen.open().unwrap();
        let _client = connect(&listener);
        let mut streams = Vec::new();
        assert!(listener.lock_accept(never()));
        let took = listener.accept_queued(1, |(stream, _)| streams.push(stream));
        took.unwrap();
        listener.unlock_accept();
        assert!(streams[0].nodelay().unwrap());
        let timeout = streams[0].write_timeout().unwrap();
        assert!(timeout.map_or(false, |time| time <= Duration::from_millis(10)));
    }
}

/// Another process may rely on the mode and options that it set, and this one may not.
#[cfg(unix)]
#[test]
fn waiting_does_not_change_a_shared_socket() {
    use std::os::unix::io::OwnedFd;

    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = TcpStream::from(OwnedFd::from(socket.try_clone().unwrap()));
    let listener = Arc::new(Listen::from(socket).shared().open().unwrap());
    let began = Instant::now();
    let waited = wait_in_thread(&listener, began + Duration::from_millis(200));
    let client = connect(&listener);
    let (peers, ended) = waited.recv_timeout(STEP_TIMEOUT).unwrap();
    assert_eq!(peers, [client.local_addr().unwrap()]);
    assert!(ended - began >= Duration::from_millis(200));
    assert_eq!(other.read_timeout().unwrap(), None);
    assert_eq!(other.write_timeout().unwrap(), None);
    let waited = wait_in_thread(&listener, never());
    listener.close();
    waited
        .recv_timeout(STEP_TIMEOUT)
        .expect("a poll finds the close");
    assert_eq!(finish(&listener), []);
    // The socket goes on listening in the other process.
    let _next = connect(&listener);
}

#[cfg(unix)]
#[test]
fn closing_a_unix_socket_keeps_its_queue_and_refuses_later_connections() {
    use std::os::unix::net::UnixStream;

    let name = format!("millpond-listener-{}.sock", std::process::id());
    let path = std::env::temp_dir().join(name);
    let address = crate::server::Address::Unix(path.clone());
    let listener = Arc::new(Listen::from(address).open().unwrap());
    let waited = wait_in_thread(&listener, never());
    let _first = UnixStream::connect(&path).unwrap();
    let end = Instant::now() + STEP_TIMEOUT;
    while !*lock(&listener.accept_lock) {
        assert!(Instant::now() < end);
        thread::yield_now();
    }
    listener.close();
    let early = waited.recv_timeout(STEP_TIMEOUT).expect("woken").0.len();
    let refused = UnixStream::connect(&path).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(early + finish(&listener).len(), 1);
    assert!(!path.exists());
}
