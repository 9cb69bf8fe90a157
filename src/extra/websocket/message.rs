//! [`Message`]: the unit that a websocket receives.

/// A message from a client.
///
/// ```
/// use millpond::websocket::Message;
///
/// fn length(message: &Message) -> usize {
///     match message {
///         Message::Text(text) => text.chars().count(),
///         Message::Binary(bytes) => bytes.len(),
///     }
/// }
/// # assert_eq!(length(&Message::Text("\u{e9}".to_owned())), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text. In a browser, a script passed a string to `send()`.
    Text(String),

    /// Bytes. In a browser, a script passed a blob or an array buffer to `send()`.
    Binary(Vec<u8>),
}
