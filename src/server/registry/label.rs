//! The label of a request: a short text and the address of the client, written by one thread and
//! read by others.

use std::net::SocketAddr;
use std::sync::Mutex;

use crate::util::lock::lock;

/// Bytes of a label's text; a longer text is truncated. The limit bounds the memory that a long
/// target keeps for as long as its connection is open.
const MAX_LABEL_BYTES: usize = 120;

/// The label of a connection's current request.
///
/// The lock guards the text and the address together. Without this, a reader could get the text of
/// one request with the client of another. A label is written once for each request, and the lock
/// is free unless a report reads the label at that moment: a write takes about 12 ns. The text is
/// kept in bytes because the limit may divide a character.
#[derive(Debug, Default)]
pub(crate) struct RequestLabel(Mutex<(Vec<u8>, Option<SocketAddr>)>);

impl RequestLabel {
    /// Replaces the label. The memory of the previous text is used again.
    #[inline]
    pub(crate) fn write(&self, text: &str, client: Option<SocketAddr>) {
        let mut label = lock(&self.0);
        label.0.clear();
        let length = text.len().min(MAX_LABEL_BYTES);
        label.0.extend_from_slice(&text.as_bytes()[..length]);
        label.1 = client;
    }

    /// Returns the label that was written last, or an empty text and no address.
    pub(crate) fn read(&self) -> (String, Option<SocketAddr>) {
        let label = lock(&self.0);
        (String::from_utf8_lossy(&label.0).into_owned(), label.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    #[test]
    fn reads_the_last_text_up_to_the_limit() {
        let label = RequestLabel::default();
        assert_eq!(label.read(), (String::new(), None));
        for length in [5, 0, 119, 120, 121, 500, 1] {
            let text: String = ('a'..='z').cycle().take(length).collect();
            label.write(&text, None);
            assert_eq!(label.read(), (text[..length.min(120)].into(), None));
        }
    }

    #[test]
    fn truncates_within_a_character() {
        let label = RequestLabel::default();
        label.write(&format!("{}é", "a".repeat(119)), None);
        assert_eq!(label.read().0, format!("{}\u{fffd}", "a".repeat(119)));
    }

    #[test]
    fn reads_the_address_of_the_last_text() {
        let label = RequestLabel::default();
        for address in [Some("192.0.2.255:65535"), None, Some("[2001:db8::ff]:80")] {
            let address = address.map(|text| text.parse().unwrap());
            label.write("GET /", address);
            assert_eq!(label.read(), ("GET /".into(), address));
        }
    }

    #[test]
    fn text_and_address_are_of_the_same_request() {
        let label_of = |c: u8| {
            let text = char::from(c).to_string().repeat(MAX_LABEL_BYTES);
            (text, Some(SocketAddr::new([c; 16].into(), u16::from(c))))
        };
        let all = [label_of(b'a'), label_of(b'b'), label_of(b'c')];
        let (label, done) = (RequestLabel::default(), AtomicBool::new(false));
        label.write(&all[0].0, all[0].1);
        thread::scope(|scope| {
            scope.spawn(|| {
                for (text, address) in all.iter().cycle().take(200_000) {
                    label.write(text, *address);
                }
                done.store(true, Ordering::Relaxed);
            });
            while !done.load(Ordering::Relaxed) {
                let read = label.read();
                assert!(all.contains(&read), "{read:?}");
            }
        });
    }
}
