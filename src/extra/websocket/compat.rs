//! The signatures of rouille: code that uses these types and functions compiles with both
//! libraries.

use super::*;
use crate::{Request, Response, Upgrade};
use std::borrow::Cow;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::io;
use std::sync::mpsc::{Receiver, Sender};

type Started = Result<(Response, Receiver<Websocket>), WebsocketError>;

#[test]
fn functions() {
    let _: fn(&Request, Option<&'static str>) -> Started = start;
    let _: fn(&Request, Option<String>) -> Started = start;
    let _: fn(&Request, Option<Cow<'static, str>>) -> Started = start;
    let _: fn(&Request) -> RequestedProtocolsIter = requested_protocols;
    fn walks<T: ExactSizeIterator<Item = String>>() {}
    walks::<RequestedProtocolsIter>();
}

#[test]
fn websocket() {
    let _: fn(&mut Websocket, &str) -> Result<(), SendError> = Websocket::send_text;
    let _: fn(&mut Websocket, &[u8]) -> Result<(), SendError> = Websocket::send_binary;
    let _: fn(&Websocket) -> bool = Websocket::is_closed;
    fn walks<T: Iterator<Item = Message> + Send + 'static>() {}
    walks::<Websocket>();
    fn takes_over<T: Upgrade>() {}
    takes_over::<Sender<Websocket>>();
}

#[test]
fn enums_have_these_variants_and_no_other() {
    fn is_message<T: Debug + Clone + PartialEq + Eq>() {}
    is_message::<Message>();
    match Message::Text(String::new()) {
        Message::Text(text) => drop::<String>(text),
        Message::Binary(bytes) => drop::<Vec<u8>>(bytes),
    }
    fn is_send_error<T: Debug + From<io::Error>>() {}
    is_send_error::<SendError>();
    match SendError::Closed {
        SendError::IoError(error) => drop::<io::Error>(error),
        SendError::Closed => {}
    }
    fn is_error<T: Debug + Display + Error>() {}
    is_error::<WebsocketError>();
    match WebsocketError::WrongSubprotocol {
        WebsocketError::InvalidWebsocketRequest | WebsocketError::WrongSubprotocol => {}
    }
}
