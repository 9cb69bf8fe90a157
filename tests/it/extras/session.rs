//! Sessions over real sockets: new ids, and the ids that are accepted.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use crate::support::{serve, Client, Reply, Running};
use millpond::session::session;
use millpond::{router, Proxies, Request, Response, Router, Settings};

/// A site with a login. `/plant` reveals any id, as a page with a hole would.
fn site() -> Running {
    let users: Mutex<HashMap<String, String>> = Mutex::default();
    serve(move |request| {
        session(request, "SID", 600, |session| {
            let mut users = users.lock().unwrap();
            router!(request,
                (GET) (/login/{name: String}) => {
                    if session.client_has_sid() {
                        users.remove(session.id());
                    }
                    session.regenerate_id();
                    users.insert(session.id().to_owned(), name);
                    Response::redirect_303("/")
                },
                (GET) (/plant) => Response::text(session.id()),
                (GET) (/static) => Response::text("nothing of yours"),
                _ => match users.get(session.id()) {
                    Some(name) => Response::text(name.clone()),
                    None => Response::empty_404(),
                },
            )
        })
    })
}

fn ask(client: &mut Client, path: &str, sid: &str) -> Reply {
    let cookie = match sid {
        "" => String::new(),
        sid => format!("Cookie: theme=dark; SID={sid}\r\n"),
    };
    client
        .send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{cookie}\r\n"))
        .response()
}

fn sid(reply: &Reply) -> &str {
    let cookie = reply.header("Set-Cookie").expect("a cookie");
    let (pair, attributes) = cookie.split_once("; ").expect("attributes");
    assert_eq!(attributes, "Max-Age=600; Path=/; HttpOnly; SameSite=Lax");
    let id = pair.strip_prefix("SID=").expect("its name");
    assert!(id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()));
    id
}

#[test]
fn a_client_is_known_again_by_its_cookie() {
    let site = site();
    let mut client = site.connect();
    let login = ask(&mut client, "/login/Ann", "");
    let ann = sid(&login).to_owned();
    for _ in 0..3 {
        let reply = ask(&mut site.connect(), "/", &ann);
        assert_eq!((reply.text(), sid(&reply)), ("Ann", &*ann));
    }
    // Two clients on one connection are different clients.
    assert_eq!(ask(&mut client, "/", "").status, 404);
    let bob = sid(&ask(&mut client, "/login/Bob", "")).to_owned();
    assert_eq!(ask(&mut client, "/", &ann).text(), "Ann");
    assert_eq!(ask(&mut client, "/", &bob).text(), "Bob");
    let quiet = ask(&mut client, "/static", &ann);
    assert_eq!(quiet.header("Set-Cookie"), None);
}

#[test]
fn an_id_that_was_planted_is_worth_nothing_after_the_login() {
    let site = site();
    let mut attacker = site.connect();
    // One that is the site's own, and one that is made up.
    let own = sid(&ask(&mut attacker, "/plant", "")).to_owned();
    for planted in [own, "f".repeat(64)] {
        let mut victim = site.connect();
        let login = ask(&mut victim, "/login/Ann", &planted);
        assert_ne!(sid(&login), planted);
        assert_eq!(ask(&mut victim, "/", sid(&login)).text(), "Ann");
        assert_eq!(ask(&mut attacker, "/", &planted).status, 404);
    }
}

#[test]
fn what_is_no_id_is_not_believed_and_not_sent_back() {
    let site = site();
    let mut client = site.connect();
    let valid = "0".repeat(64);
    for made_up in [
        "1",
        "admin",
        "<script>",
        &"a".repeat(63),
        &"a".repeat(65),
        &"a".repeat(5_000),
        &format!("{valid}; SID={}", "1".repeat(64)),
        &"-".repeat(64),
    ] {
        let reply = ask(&mut client, "/plant", made_up);
        assert_eq!(reply.text(), sid(&reply));
        assert!(!made_up.contains(sid(&reply)), "{made_up}");
    }
    let reply = ask(&mut client, "/plant", &valid);
    assert_eq!((reply.text(), sid(&reply)), (&*valid, &*valid));
}

#[test]
fn clients_that_come_at_once_have_ids_of_their_own() {
    let site = site();
    let addr = site.addr;
    let visit = move || {
        let mut client = Client::connect(addr);
        let visits = (0..50).map(|_| sid(&ask(&mut client, "/plant", "")).to_owned());
        visits.collect::<Vec<_>>()
    };
    let threads: Vec<_> = (0..8).map(|_| std::thread::spawn(visit)).collect();
    let ids: HashSet<String> = threads
        .into_iter()
        .flat_map(|thread| thread.join().unwrap())
        .collect();
    assert_eq!(ids.len(), 400);
}

#[test]
fn the_cookie_is_for_tls_alone_where_the_client_came_over_tls() {
    let router = Router::default();
    router.fallback(|request: &Request| {
        session(request, "SID", 600, |session| Response::text(session.id()))
    });
    let proxies = Proxies::new(["127.0.0.1"]).unwrap().x_forwarded();
    let settings = Settings::default().proxies(proxies);
    let server = router.serve_managed_with(([127, 0, 0, 1], 0), settings);
    let server = server.expect("a free port");
    for (scheme, secure) in [("https", true), ("http", false)] {
        let reply = Client::connect(server.addr())
            .send(format!(
                "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\n\
                 X-Forwarded-Proto: {scheme}\r\n\r\n"
            ))
            .response();
        let cookie = reply.header("Set-Cookie").expect("a cookie");
        assert_eq!(cookie.ends_with("; Secure"), secure, "{scheme}: {cookie}");
    }
    server.stop();
}
