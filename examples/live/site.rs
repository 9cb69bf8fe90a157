//! What the page asks for. The routes that come and go are a router within this one, so that no
//! change of them can take the page itself away.

use millpond::{json, reply, router, try_or_400, BackgroundServer, CloseReason, Json};
use millpond::{Response, Route, Router};
use std::sync::{mpsc::SyncSender, Arc, Mutex};

/// What all pages show.
pub type Board = Arc<Mutex<Json>>;

pub enum Order {
    Move(std::num::NonZeroU16),
    Stop,
}

pub fn new(routes: Router, board: Board, orders: SyncSender<Order>) -> Router {
    let site = Router::default();
    let order = move |order| match orders.try_send(order) {
        Ok(()) => reply!(message => "ordered\n", status => 202),
        Err(_) => reply!(message => "an order is waiting already\n", status => 503),
    };
    site.fallback(move |request| {
        let asked = |name| request.get_param(name).unwrap_or_default();
        // What changes something is PUT or DELETE: a foreign page's browser does not send those.
        router!(request,
            (GET) (/) => Response::html(include_str!("page.html")),
            (GET) (/stats) => Response::json(&*board.lock().unwrap()).with_no_cache(),
            (PUT) (/routes) => {
                let route = try_or_400!(Route::try_on("GET", asked("pattern")));
                let text = asked("text");
                routes.add(route.onconnect(move |_| Response::text(text.as_str())));
                reply!(json => json!({ "routes": routes.routes().len() }), status => 201)
            },
            (DELETE) (/routes) => reply!(json => routes.remove("GET", &asked("pattern"))),
            (PUT) (/address) => order(Order::Move(try_or_400!(asked("port").parse()))),
            (PUT) (/stop) => order(Order::Stop),
            _ => routes.handle(request),
        )
    });
    site
}

pub fn news(server: &BackgroundServer, routes: &Router, state: &str, word: &str) -> Json {
    let stats = server.stats();
    json!({
        "state": state, "word": word, "address": server.addr().to_string(),
        "routes": routes.routes().iter().map(|r| json!(r.pattern())).collect::<Vec<_>>(),
        "closed": CloseReason::ALL.map(|why| (format!("{:?}", why), stats.closed(why))),
        "requests": stats.requests, "responses": stats.responses, "open": stats.open,
        "in_flight": stats.in_flight, "accepted": stats.accepted, "workers": stats.workers,
        "turned_away": stats.turned_away, "panics": stats.panics,
    })
}
