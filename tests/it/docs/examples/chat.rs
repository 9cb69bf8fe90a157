//! The example `chat`, by the messages that its page sends.

use super::child::Example;
use crate::extras::websocket::{Peer, ASK, CLOSE, TEXT};
use crate::support::Client;

fn enter(chat: &Example, more: &str) -> Client {
    let more = format!("Sec-WebSocket-Protocol: millpond-chat\r\n{more}\r\n");
    let mut client = Client::connect(chat.addr);
    let ask = ASK.replace("/ws", "/room");
    client.send(ask.trim_end().to_owned() + "\r\n" + &more);
    client
}

#[test]
fn chat_is_heard_by_all() {
    let chat = Example::start("chat", &[]);
    let mut guests: Vec<Peer> = (0..3).map(|_| Peer::switched(enter(&chat, ""))).collect();
    let hears = |guest: &mut Peer, text: &str| loop {
        let (_, words) = guest.frame().expect("what was said");
        if words == text.as_bytes() {
            break;
        }
    };
    // A guest is in the room once it hears itself, between others.
    for (guest, n) in guests.iter_mut().zip(0..) {
        let greeting = format!("guest {n}");
        hears(guest.text(&greeting), &greeting);
    }
    let said = r#"{"name":"A","text":"h\u00e9"}"#;
    guests[0].text(said);
    for guest in &mut guests {
        hears(guest, said);
    }
    let mut gone = guests.remove(1);
    gone.close(1000).closed_with(1000).over();
    guests[1].text("again");
    for guest in &mut guests {
        guest.hears("again");
    }
}

/// Two clients answer the close frame. The third does not answer, and delays the end only a little.
#[test]
fn chat_closes_each_websocket_at_the_end() {
    let mut chat = Example::start_typed("chat");
    let mut guests: Vec<Peer> = (0..3).map(|_| Peer::switched(enter(&chat, ""))).collect();
    for guest in &mut guests {
        guest.text("here");
        // It is in the room.
        assert!(guest.frame().is_some());
    }
    chat.types("\n");
    for guest in &mut guests {
        let last = loop {
            match guest.frame().expect("a close frame") {
                (TEXT, _) => {}
                other => break other,
            }
        };
        let close = (CLOSE, b"\x03\xe9server stopped".to_vec());
        assert_eq!(last, close);
    }
    for guest in &mut guests[..2] {
        guest.close(1001).over();
    }
    assert_eq!(chat.ends(), "3 clients disconnected\n");
    guests[2].over();
}

#[test]
fn chat_is_for_its_own_page() {
    let chat = Example::start("chat", &[]);
    let page = crate::support::get(chat.addr, "/");
    assert!(page.text().contains("<title>millpond, chat</title>"));
    // `null` is what a browser says of a frame in a sandbox, which any page can have.
    for foreign in ["http://elsewhere", "null", "http://a.elsewhere", "a"] {
        let origin = format!("Origin: {foreign}\r\n");
        assert_eq!(enter(&chat, &origin).response().status, 403, "{foreign}");
    }
    Peer::switched(enter(&chat, "Origin: http://a\r\n"));
    assert_eq!(Client::connect(chat.addr).get("/room").status, 426);
}
