//! A chat over websockets: `cargo run --release --example chat [ADDRESS]`, then open the printed
//! URL in two windows. Enter ends the program, after each client has received a close frame.
//!
//! Each client has two threads. One thread receives the messages of the client, and the other sends
//! the messages of all clients to this client. A bounded queue connects them, so that no client
//! waits for another client that reads slowly.

use millpond::websocket::{self, Message, Websocket, WebsocketSender};
use millpond::{router, Address, Request, Response, Router, Settings};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{error::Error, io, thread};

/// Messages that wait for one client. A client with more waiting messages is disconnected.
const MAX_QUEUED_MESSAGES: usize = 100;
const MAX_MESSAGE_BYTES: usize = 2_000;
/// The time that clients have to answer the close frame at the end of the program.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// All connected clients.
type Clients = Arc<Mutex<Vec<Client>>>;

struct Client {
    queue: SyncSender<Arc<str>>,
    sender: WebsocketSender,
}

fn main() -> Result<(), Box<dyn Error>> {
    // 1. Start the server in the background.
    let address = std::env::args().nth(1);
    let address: Address = address.as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    let clients = Clients::default();
    let router = Router::default();
    let handler_clients = clients.clone();
    router.fallback(move |request| {
        router!(request,
            (GET) (/) => Response::html(include_str!("page.html")),
            (GET) (/room) => connect(request, &handler_clients),
            _ => Response::empty_404(),
        )
    });
    let server = router.serve_managed_on([address], Settings::default())?;
    println!("http://{}/", server.addr());
    // 2. Wait for Enter. If standard input is at its end, no Enter can come: wait forever.
    while io::stdin().read_line(&mut String::new())? == 0 {
        thread::park();
    }
    // 3. Stop. The server accepts no new client, but leaves websockets to the program.
    let monitor = server.monitor();
    server.stop();
    let all: Vec<Client> = clients.lock().unwrap().drain(..).collect();
    for client in &all {
        let _ = client.sender.close(1001, "server stopped"); // An error: the client has left.
    }
    println!("{} clients disconnected", all.len());
    // 4. Wait until the clients have answered. Without this, they could miss the close frame.
    let deadline = Instant::now() + CLOSE_TIMEOUT;
    while monitor.stats().upgraded > 0 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Answers the request for a websocket, and starts the threads of the client.
fn connect(request: &Request, clients: &Clients) -> Response {
    // A page of any site can open a websocket to this server. The browser sends the site as
    // `Origin`, which must be the site of this server. A client that is no browser sends none.
    let origin = request.header("Origin");
    let site = origin.map(|origin| origin.split("://").nth(1));
    if site.map_or(false, |site| site != request.header("Host")) {
        return Response::text("request from another site\n").with_status_code(403);
    }
    match websocket::start(request, Some("millpond-chat")) {
        Ok((response, receiver)) => {
            // The websocket arrives when the response has been sent.
            let clients = clients.clone();
            thread::spawn(move || {
                receiver
                    .into_iter()
                    .for_each(|socket| chat(socket, &clients))
            });
            response
        }
        Err(_) => websocket::refusal(request),
    }
}

/// Receives the messages of one client until the client leaves.
fn chat(mut socket: Websocket, clients: &Clients) {
    socket.set_max_message_bytes(MAX_MESSAGE_BYTES);
    let (queue, messages) = mpsc::sync_channel::<Arc<str>>(MAX_QUEUED_MESSAGES);
    let client = Client {
        queue,
        sender: socket.sender(),
    };
    clients.lock().unwrap().push(client);
    // The second thread sends until the client leaves, or until `broadcast` drops the queue.
    let sender = socket.sender();
    thread::spawn(move || {
        messages.iter().all(|text| sender.send_text(&text).is_ok());
        let _ = sender.close(1008, "too slow"); // An error: the client has left.
    });
    for message in socket.by_ref() {
        if let Message::Text(text) = message {
            broadcast(&Arc::from(text), clients);
        }
    }
    let mut clients = clients.lock().unwrap();
    clients.retain(|client| !client.sender.is_closed());
}

/// Queues a message for all clients, and drops each client whose queue is full.
fn broadcast(text: &Arc<str>, clients: &Clients) {
    let mut clients = clients.lock().unwrap();
    clients.retain(|client| client.queue.try_send(Arc::clone(text)).is_ok());
}
