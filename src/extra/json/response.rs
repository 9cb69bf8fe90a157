//! The constructor of a [`Response`] from a JSON value.

use super::convert::ToJson;
use crate::message::Response;

impl Response {
    /// Returns a 200 with a JSON body: a [`Json`](crate::Json) value, a struct of
    /// [`json_struct!`](crate::json_struct), or any other value that implements [`ToJson`].
    ///
    /// ```
    /// use millpond::{json, Response};
    ///
    /// let response = Response::json(&json!({ "name": "Ann", "age": 41 }));
    /// assert_eq!(response.headers[0].1, "application/json");
    /// assert_eq!(response.data.into_reader_and_size().1, Some(23));
    /// ```
    pub fn json<T: ToJson + ?Sized>(content: &T) -> Response {
        let mut text = String::new();
        content.write_json(&mut text);
        // RFC 8259 §11: the media type has no charset parameter; the text is always UTF-8.
        Response::from_data("application/json", text)
    }
}
