//! Websockets that send everything back, beside a thread for each connection that only reads the
//! lengths of frames: `cargo run --release --features millpond,rouille --bin websockets`. Each
//! server is a process of its own; the clients are threads of this one, and wait for each answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, thread};

// Other packages use the other parts.
#[allow(dead_code, unused_imports)]
#[path = "../support.rs"]
mod support;
use support::Process;

/// The longest wait for a server's line.
const GUARD: Duration = Duration::from_secs(10);

const ASK: &str = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const TIME: Duration = Duration::from_millis(1500);
const ROUNDS: usize = 3;
const QUIET: usize = 1000;
const KINDS: [&str; 3] = ["plain", "millpond", "rouille"];

fn main() {
    if let Some(kind) = env::args().nth(1) {
        return serve(&kind);
    }
    let kinds = &KINDS[..if cfg!(feature = "rouille") { 3 } else { 2 }];
    println!("messages a second, medians of {ROUNDS} rounds");
    for (clients, size) in [(1, 16), (8, 16), (64, 16), (8, 64 * 1024)] {
        let mut rates = vec![Vec::new(); kinds.len()];
        for _ in 0..ROUNDS {
            for (kind, rates) in kinds.iter().zip(&mut rates) {
                rates.push(rate(&Server::start(kind), clients, size));
            }
        }
        print!("{clients:3} clients, {size:6} bytes:");
        for (kind, rates) in kinds.iter().zip(&mut rates) {
            rates.sort_by(f64::total_cmp);
            print!("  {kind} {:8.0}", rates[ROUNDS / 2]);
        }
        println!();
    }
    println!("{QUIET} websockets that are open and quiet");
    for kind in kinds {
        let server = Server::start(kind);
        let (rss, threads) = server.size();
        let open: Vec<TcpStream> = (0..QUIET).map(|_| connect(server.addr)).collect();
        thread::sleep(Duration::from_millis(300));
        let (more_rss, more_threads) = server.size();
        let (kib, more) = (more_rss - rss, more_threads - threads);
        println!("  {kind}: {kib} KiB and {more} threads more");
        drop(open);
    }
}

struct Server {
    process: Process,
    addr: SocketAddr,
}

impl Server {
    fn start(kind: &str) -> Server {
        let program = env::current_exe().expect("this program");
        let mut process = Process::start(Command::new(program).arg(kind));
        let addr = process.addr_after("");
        Server { process, addr }
    }

    /// Resident KiB, and threads.
    fn size(&self) -> (usize, usize) {
        let number = |name| self.process.status_number(name);
        (number("VmRSS:"), number("Threads:"))
    }
}

fn connect(addr: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(addr).expect("the server listens");
    stream.set_nodelay(true).expect("an option");
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("an option");
    stream
        .write_all(ASK.as_bytes())
        .expect("the request is sent");
    skip_head(&mut stream);
    stream
}

fn skip_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
}

fn rate(server: &Server, clients: usize, size: usize) -> f64 {
    let frame = |mask: u8, key: &[u8]| {
        let mut frame = vec![0x82, mask | 126];
        match size {
            0..=125 => frame[1] = mask | size as u8,
            126..=65_535 => frame.extend((size as u16).to_be_bytes()),
            _ => {
                frame[1] = mask | 127;
                frame.extend((size as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(key);
        frame.resize(frame.len() + size, 7);
        frame
    };
    let (ask, answer) = (frame(0x80, &[1, 2, 3, 4]), frame(0, b"").len());
    let (over, count) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..clients {
            let mut stream = connect(server.addr);
            let (ask, over, count) = (&ask, &over, &count);
            scope.spawn(move || {
                let mut buf = vec![0; answer];
                while !over.load(Ordering::Relaxed) {
                    stream.write_all(ask).expect("it is sent");
                    stream.read_exact(&mut buf).expect("it comes back");
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        thread::sleep(TIME / 5);
        let (began, before) = (Instant::now(), count.load(Ordering::Relaxed));
        thread::sleep(TIME);
        let done = count.load(Ordering::Relaxed) - before;
        over.store(true, Ordering::Relaxed);
        done as f64 / began.elapsed().as_secs_f64()
    })
}

macro_rules! echo {
    ($library:ident) => {{
        use $library::websocket::{self, Message};
        let server = $library::Server::new("127.0.0.1:0", |request| {
            let (response, receiver) = match websocket::start(request, None::<String>) {
                Ok(started) => started,
                Err(_) => return $library::Response::empty_400(),
            };
            thread::spawn(move || {
                let mut socket = receiver.recv().expect("it begins");
                while let Some(Message::Binary(bytes)) = socket.next() {
                    if socket.send_binary(&bytes).is_err() {
                        break;
                    }
                }
            });
            response
        });
        let server = server.expect("a free port");
        println!("{}", server.server_addr());
        server.run()
    }};
}

fn serve(kind: &str) {
    match kind {
        "millpond" => echo!(millpond),
        #[cfg(feature = "rouille")]
        "rouille" => echo!(rouille),
        _ => plain(),
    }
}

/// The least: a frame's length is read, the bytes go back as they came, without a mask.
fn plain() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    println!("{}", listener.local_addr().expect("an address"));
    for stream in listener.incoming() {
        let mut stream = stream.expect("a connection");
        thread::spawn(move || -> std::io::Result<()> {
            stream.set_nodelay(true)?;
            skip_head(&mut stream);
            stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")?;
            let mut buf = vec![0; 128 * 1024];
            loop {
                let mut have = stream.read(&mut buf)?;
                if have < 2 {
                    return Ok(());
                }
                let (head, size) = match buf[1] & 0x7f {
                    126 => (4, usize::from(u16::from_be_bytes([buf[2], buf[3]]))),
                    127 => (10, usize::from_be_bytes(buf[2..10].try_into().expect("8"))),
                    size => (2, usize::from(size)),
                };
                while have < head + 4 + size {
                    have += stream.read(&mut buf[have..])?;
                }
                buf[1] &= 0x7f;
                buf.copy_within(..head, 4);
                stream.write_all(&buf[4..head + 4 + size])?;
            }
        });
    }
}
