//! A received head: one text, and spans into the text. The parser fills the head for a [`Request`].
//!
//! [`Request`]: super::Request

use std::fmt;

/// A half-open range of bytes in [`Head::text`]. 32 bits suffice: a received head has at most 1
/// GiB, and its text at most three times as much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn of(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }
}

/// A field line: its name as received, and its value without the OWS around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: Span,
    pub(crate) value: Span,
}

/// The HTTP versions of this server. A request of a higher minor version counts as 1.1 (RFC 9110
/// §2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    Http10,
    #[default]
    Http11,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
        })
    }
}

/// Method, target, version and fields of one request.
///
/// A connection clears the head and fills it again for the next request, so that its requests share
/// their allocations.
#[derive(Debug, Default)]
pub(crate) struct Head {
    pub(crate) text: String,
    pub(crate) method: Span,
    pub(crate) target: Span,
    pub(crate) version: Version,
    pub(crate) fields: Vec<Field>,
}

impl Head {
    /// Removes the content and keeps the capacity.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.fields.clear();
        self.method = Span::default();
        self.target = Span::default();
        self.version = Version::default();
    }

    /// Appends `part` to the text and returns its span: for requests made up by tests.
    ///
    /// # Panics
    ///
    /// Panics if the text reaches 4 GiB, the end of the range of a span.
    pub(crate) fn push(&mut self, part: &str) -> Span {
        let len = |text: &str| u32::try_from(text.len()).expect("head below 4 GiB");
        let start = len(&self.text);
        self.text.push_str(part);
        let end = len(&self.text);
        Span { start, end }
    }

    pub(crate) fn method(&self) -> &str {
        self.method.of(&self.text)
    }

    pub(crate) fn target(&self) -> &str {
        self.target.of(&self.text)
    }

    /// Returns `GET /path?query`: the text from the method to the end of the target. For a target
    /// in absolute-form with a path, the text is as received: `GET http://host/path?query`.
    pub(crate) fn request(&self) -> &str {
        let (start, end) = (self.method.start, self.target.end);
        Span { start, end }.of(&self.text)
    }

    /// Returns the field lines in the order of their arrival, duplicates included.
    pub(crate) fn fields(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.fields
            .iter()
            .map(move |f| (f.name.of(&self.text), f.value.of(&self.text)))
    }

    /// Returns the value of the first field of that name. Names ignore case (RFC 9110 §5.1).
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}
