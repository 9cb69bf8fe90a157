//! Who is here. Each has a thread that hears it, and one that tells it what is said: that one gets
//! it by a channel with a bound, so that nobody waits for one who does not read.

use millpond::websocket::{Message, Websocket, WebsocketSender};
use std::sync::{mpsc, Arc, Mutex};
use std::{mem, thread};

/// What may be said and not yet told to one.
const BEHIND: usize = 100;

#[derive(Clone, Default)]
pub struct Room(Arc<Mutex<Vec<Guest>>>);

struct Guest {
    told: mpsc::SyncSender<Arc<str>>,
    sender: WebsocketSender,
}

impl Room {
    pub fn talk(&self, mut socket: Websocket) {
        socket.set_max_message_bytes(2000);
        let (told, hears) = mpsc::sync_channel::<Arc<str>>(BEHIND);
        let (sender, teller) = (socket.sender(), socket.sender());
        self.0.lock().unwrap().push(Guest { told, sender });
        thread::spawn(move || {
            hears.iter().all(|text| teller.send_text(&text).is_ok());
            // It has left, which makes this an error; or it does not keep up.
            let _ = teller.close(1008, "too slow");
        });
        for message in socket.by_ref() {
            if let Message::Text(text) = message {
                self.say(&Arc::from(text));
            }
        }
        let mut guests = self.0.lock().unwrap();
        guests.retain(|guest| !guest.sender.is_closed());
    }

    fn say(&self, text: &Arc<str>) {
        let mut guests = self.0.lock().unwrap();
        guests.retain(|guest| guest.told.try_send(Arc::clone(text)).is_ok());
    }

    /// Tells all that this is the end. How many they were.
    pub fn close(&self) -> usize {
        let guests = mem::take(&mut *self.0.lock().unwrap());
        for guest in &guests {
            let _ = guest.sender.close(1001, "the server goes away");
        }
        guests.len()
    }
}
