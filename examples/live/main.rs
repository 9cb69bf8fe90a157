//! A page that shows a running server, and changes its routes and its address:
//! `cargo run --release --example live [ADDRESS]`, then open the printed URL.
//!
//! `rebind` and `stop` wait until all requests in flight are answered. A handler that called one of
//! them would wait for its own request, forever. So handlers send a command to the main thread,
//! which answers no request.

use millpond::{json, reply, router, try_or_400, Address, BackgroundServer, CloseReason, Json};
use millpond::{Request, Response, Route, Router, Settings};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex};
use std::{error::Error, num::NonZeroU16, thread, time::Duration};

/// The time between two requests of an open page for the state of the server.
const REFRESH_INTERVAL: Duration = Duration::from_millis(250);

/// A change that only the main thread can make.
enum Command {
    Move(NonZeroU16),
    Stop,
}

/// The data that all handlers share.
struct Site {
    /// The routes that come and go. They are in a router of their own, so that no change can remove
    /// the page itself.
    routes: Router,
    /// The state of the server, for the page.
    state: Mutex<Json>,
    commands: SyncSender<Command>,
}

fn main() -> Result<(), Box<dyn Error>> {
    // 1. Start the server in the background.
    let address = std::env::args().nth(1);
    let address: Address = address.as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    let routes = Router::default();
    routes.add(Route::get("/hello").onconnect(|_| Response::text("hello from millpond")));
    routes.add(Route::get("/slow").onconnect(|_| {
        thread::sleep(Duration::from_secs(2));
        Response::text("slow, and complete")
    }));
    let (commands, received) = mpsc::sync_channel(1);
    let site = Arc::new(Site {
        routes,
        state: Mutex::default(),
        commands,
    });
    let outer = Router::default();
    let handler_site = site.clone();
    outer.fallback(move |request| handler_site.respond(request));
    let mut server = outer.serve_managed_on([address], Settings::default())?;
    // Publish the state before the URL, so that the first page contains the state.
    site.publish(&server, "serving", "");
    println!("http://{}/", server.addr());
    // 2. Execute commands, and publish the state between them.
    let mut message = String::new();
    loop {
        site.publish(&server, "serving", &message);
        match received.recv_timeout(REFRESH_INTERVAL) {
            Ok(Command::Move(port)) => {
                // Announce the move and wait. Without this, open pages could not follow.
                site.publish(&server, "moving", &port.to_string());
                thread::sleep(2 * REFRESH_INTERVAL);
                // If the new address cannot be bound, the server stays at the old address.
                let result = server.rebind((server.addr().ip(), port.get()));
                message = result.map_or_else(|error| error.to_string(), |()| String::new());
                println!("http://{}/ {message}", server.addr());
            }
            Ok(Command::Stop) => break,
            Err(_) => {} // No command within the interval.
        }
    }
    // 3. Stop. All requests in flight are answered.
    site.publish(&server, "stopping", "");
    thread::sleep(2 * REFRESH_INTERVAL);
    println!("{}", server.stop());
    Ok(())
}

impl Site {
    fn respond(&self, request: &Request) -> Response {
        let param = |name| request.get_param(name).unwrap_or_default();
        // Changes use PUT and DELETE. The browser does not send these for a page of another site.
        router!(request,
            (GET) (/) => self.page(),
            (GET) (/stats) => Response::json(&*self.state.lock().unwrap()).with_no_cache(),
            (PUT) (/routes) => {
                let route = try_or_400!(Route::try_on("GET", param("pattern")));
                let text = param("text");
                self.routes.add(route.onconnect(move |_| Response::text(text.as_str())));
                reply!(json => json!({ "routes": self.routes.routes().len() }), status => 201)
            },
            (DELETE) (/routes) => reply!(json => self.routes.remove("GET", &param("pattern"))),
            (PUT) (/address) => self.send(Command::Move(try_or_400!(param("port").parse()))),
            (PUT) (/stop) => self.send(Command::Stop),
            _ => self.routes.handle(request),
        )
    }

    /// Returns the page with the present state. Without the state, the page would be empty at first
    /// and would change its layout after the first request of its script.
    fn page(&self) -> Response {
        // In a script, `<` could begin `</script>`. In a string of JSON, `\u003c` means the same.
        let state = self.state.lock().unwrap().to_string();
        let state = state.replace('<', "\\u003c");
        Response::html(include_str!("page.html").replacen("{{state}}", &state, 1)).with_no_cache()
    }

    fn send(&self, command: Command) -> Response {
        match self.commands.try_send(command) {
            Ok(()) => reply!(message => "accepted\n", status => 202),
            Err(_) => reply!(message => "another command is waiting\n", status => 503),
        }
    }

    fn publish(&self, server: &BackgroundServer, phase: &str, message: &str) {
        let stats = server.stats();
        let routes = self.routes.routes();
        *self.state.lock().unwrap() = json!({
            "phase": phase,
            "message": message,
            "address": server.addr().to_string(),
            "routes": routes.iter().map(|route| json!(route.pattern())).collect::<Vec<_>>(),
            "closed": CloseReason::ALL.map(|reason| (format!("{reason:?}"), stats.closed(reason))),
            "requests": stats.requests,
            "responses": stats.responses,
            "open": stats.open,
            "in_flight": stats.in_flight,
            "accepted": stats.accepted,
            "workers": stats.workers,
            "turned_away": stats.turned_away,
            "panics": stats.panics,
        });
    }
}
