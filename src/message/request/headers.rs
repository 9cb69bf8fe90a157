//! The iterator over the header fields of a request.

use super::head::{Field, Head};
use std::fmt;

/// An iterator over the header fields of a request, in the order of their arrival, duplicates
/// included.
///
/// [`Request::headers`](crate::Request::headers) returns one. Names are as received and ignore case
/// (RFC 9110 §5.1): compare names with `eq_ignore_ascii_case`, or use
/// [`Request::header`](crate::Request::header).
///
/// ```
/// use millpond::Request;
///
/// let fields = vec![("Accept".into(), "a/b".into()), ("accept".into(), "c/d".into())];
/// let request = Request::fake_http("GET", "/", fields, vec![]);
/// assert_eq!(request.headers().len(), 2);
/// assert_eq!(request.headers().last(), Some(("accept", "c/d")));
/// ```
#[derive(Clone)]
pub struct HeadersIter<'a> {
    text: &'a str,
    fields: std::slice::Iter<'a, Field>,
}

impl<'a> HeadersIter<'a> {
    pub(crate) fn new(head: &'a Head) -> HeadersIter<'a> {
        HeadersIter {
            text: &head.text,
            fields: head.fields.iter(),
        }
    }
}

impl<'a> Iterator for HeadersIter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        let field = self.fields.next()?;
        Some((field.name.of(self.text), field.value.of(self.text)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.fields.size_hint()
    }
}

impl ExactSizeIterator for HeadersIter<'_> {}

impl fmt::Debug for HeadersIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}
