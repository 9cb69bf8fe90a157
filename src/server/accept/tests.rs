//! Deadlines, being woken, and what becomes of the queue, on sockets of this machine.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{mpsc, Arc};
use std::thread;
use std::time::{Duration, Instant};

use super::socket::Socket;
use super::Listener;
use crate::util::lock::lock;

/// Nothing here takes longer on a machine that works.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a loaded machine may be late by, beyond what is promised.
const SLACK: Duration = Duration::from_millis(500);

fn listener() -> Arc<Listener> {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    Arc::new(Listener::new(Socket::tcp(socket, false).unwrap()))
}

/// Waits for connections as a server does; what it accepted, and when it returned.
fn wait_in_thread(
    listener: &Arc<Listener>,
    deadline: Option<Instant>,
) -> mpsc::Receiver<(Vec<SocketAddr>, Instant)> {
    let (done, waited) = mpsc::channel();
    let listener = Arc::clone(listener);
    thread::spawn(move || {
        let mut peers = Vec::new();
        assert!(listener.sit(deadline));
        listener.wait(deadline, |accepted| {
            peers.push(accepted.unwrap().1);
            true
        });
        listener.stand_up();
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
        let waited = wait_in_thread(&listener, Some(began + time));
        // Those that come half way through must not start the time anew.
        let half = waited.recv_timeout(time / 2);
        assert!(half.is_err(), "it returned early: {:?}", half);
        let clients: Vec<_> = (0..connections).map(|_| connect(&listener)).collect();
        let (peers, ended) = waited.recv_timeout(PATIENCE).unwrap();
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
    let waited = wait_in_thread(&listener, Some(Instant::now()));
    assert!(waited.recv_timeout(PATIENCE).is_ok());
}

#[test]
fn closing_ends_a_wait_without_deadline() {
    for round in 0..50 {
        let listener = listener();
        let waited = wait_in_thread(&listener, None);
        if round % 2 == 0 {
            // Whether it waits in the kernel already is left to chance in the other rounds.
            let client = connect(&listener);
            let end = Instant::now() + PATIENCE;
            while Arc::strong_count(&listener) < 2 && Instant::now() < end {
                thread::yield_now();
            }
            drop(client);
        }
        listener.close();
        let (peers, _) = waited.recv_timeout(PATIENCE).expect("woken");
        // Accepted before or after, it is there once; the connection that woke the wait is not.
        let late = finish(&listener);
        assert_eq!(peers.len() + late.len(), 1 - round % 2, "round {}", round);
    }
}

#[test]
fn what_is_queued_when_it_closes_is_had_and_then_nobody_is() {
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
fn closing_with_a_full_queue_loses_nobody() {
    let listener = listener();
    let (taken, took) = mpsc::channel();
    let (go_on, told) = mpsc::channel::<()>();
    let accepting = Arc::clone(&listener);
    // Somebody has the seat and takes his time over the first connection.
    let waiter = thread::spawn(move || {
        assert!(accepting.sit(None));
        accepting.wait(None, |accepted| {
            taken.send(accepted.unwrap().1).unwrap();
            told.recv_timeout(PATIENCE).is_ok()
        });
        accepting.stand_up();
    });
    let mut clients = vec![connect(&listener)];
    took.recv_timeout(PATIENCE).unwrap();
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
    // It finds no way in for a while, and must not think that the one inside is asleep.
    let _ = has_closed.recv_timeout(Duration::from_millis(100));
    go_on.send(()).unwrap();
    waiter.join().unwrap();
    assert!(finish(&listener).len() >= queued);
}

#[test]
fn taking_what_waits_does_not_wait() {
    let listener = listener();
    let count = |listener: &Listener| {
        let mut count = 0;
        assert!(listener.sit(Some(Instant::now())));
        assert!(listener.take_waiting(64, |_, _| count += 1).is_ok());
        listener.stand_up();
        count
    };
    let began = Instant::now();
    assert_eq!(count(&listener), 0);
    let _clients: Vec<_> = (0..3).map(|_| connect(&listener)).collect();
    assert_eq!(count(&listener), 3);
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[test]
fn of_two_callers_one_has_the_seat_and_both_keep_their_time() {
    let listener = listener();
    assert!(listener.sit(None));
    let began = Instant::now();
    assert!(!listener.sit(Some(began)));
    let time = Duration::from_millis(50);
    assert!(!listener.sit(Some(began + time)));
    assert!(began.elapsed() >= time && began.elapsed() < time + SLACK);
    // Whoever waits for the seat has it when it is left ...
    let waited = wait_in_thread(&listener, Some(Instant::now() + PATIENCE));
    listener.stand_up();
    let left = Instant::now();
    while !*lock(&listener.seat) {
        assert!(left.elapsed() < PATIENCE, "nobody takes the seat");
        thread::yield_now();
    }
    let _client = connect(&listener);
    // ... and leaves it when the listener closes, however many are waiting.
    let others: Vec<_> = (0..3)
        .map(|_| {
            let listener = Arc::clone(&listener);
            thread::spawn(move || {
                if listener.sit(None) {
                    listener.stand_up();
                }
            })
        })
        .collect();
    listener.close();
    waited.recv_timeout(PATIENCE).unwrap();
    for other in others {
        other.join().unwrap();
    }
}

#[test]
fn what_is_accepted_does_not_delay_and_bounds_its_writes() {
    for shared in [false, true] {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let listener = Listener::new(Socket::tcp(socket, shared).unwrap());
        let _client = connect(&listener);
        let mut streams = Vec::new();
        assert!(listener.sit(None));
        let took = listener.take_waiting(1, |stream, _| streams.push(stream));
        took.unwrap();
        listener.stand_up();
        assert!(streams[0].nodelay().unwrap());
        let patience = streams[0].write_timeout().unwrap();
        assert!(patience.map_or(false, |time| time <= Duration::from_millis(10)));
    }
}

/// Another process may rely on how it left the socket, and this one may not rely on that.
#[cfg(unix)]
#[test]
fn a_shared_socket_is_waited_for_without_a_change_to_it() {
    use std::os::unix::io::OwnedFd;

    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = TcpStream::from(OwnedFd::from(socket.try_clone().unwrap()));
    let listener = Arc::new(Listener::new(Socket::tcp(socket, true).unwrap()));
    let began = Instant::now();
    let waited = wait_in_thread(&listener, Some(began + Duration::from_millis(200)));
    let client = connect(&listener);
    let (peers, ended) = waited.recv_timeout(PATIENCE).unwrap();
    assert_eq!(peers, [client.local_addr().unwrap()]);
    assert!(ended - began >= Duration::from_millis(200));
    assert_eq!(other.read_timeout().unwrap(), None);
    assert_eq!(other.write_timeout().unwrap(), None);
    let waited = wait_in_thread(&listener, None);
    listener.close();
    waited.recv_timeout(PATIENCE).expect("it looks for itself");
    assert_eq!(finish(&listener), []);
    // It goes on listening, for those who have it.
    let _next = connect(&listener);
}

#[cfg(unix)]
#[test]
fn closing_a_unix_socket_keeps_its_queue_and_lets_nobody_else_in() {
    use crate::server::Listen;
    use std::os::unix::net::UnixStream;

    let name = format!("millpond-listener-{}.sock", std::process::id());
    let path = std::env::temp_dir().join(name);
    let address = crate::server::Address::Unix(path.clone());
    let listener = Arc::new(Listener::new(Listen::from(address).open().unwrap()));
    let waited = wait_in_thread(&listener, None);
    let _first = UnixStream::connect(&path).unwrap();
    let end = Instant::now() + PATIENCE;
    while !*lock(&listener.seat) {
        assert!(Instant::now() < end);
        thread::yield_now();
    }
    listener.close();
    let early = waited.recv_timeout(PATIENCE).expect("woken").0.len();
    let refused = UnixStream::connect(&path).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(early + finish(&listener).len(), 1);
    assert!(!path.exists());
}
