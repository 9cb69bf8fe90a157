//! A received head as one text and spans into it: what the parser fills and a [`Request`] reads.
//! It knows nothing of how the bytes arrived, and decides nothing.
//!
//! [`Request`]: super::Request

/// A half-open range of bytes in [`Head::text`]. Heads are bounded far below 4 GiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub(crate) fn of(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }
}

/// One field line: its name as it was sent, and its value without the blanks around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub name: Span,
    pub value: Span,
}

/// The minor versions this server speaks; a higher one is spoken to as 1.1 (RFC 9110 §2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    Http10,
    Http11,
}

impl Version {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
        }
    }
}

/// Method, target, version and fields of one request. Cleared and filled again for the next one, so
/// that a connection's requests share their allocations.
#[derive(Debug)]
pub(crate) struct Head {
    pub text: String,
    pub method: Span,
    pub target: Span,
    pub version: Version,
    pub fields: Vec<Field>,
}

impl Default for Head {
    fn default() -> Head {
        Head {
            text: String::new(),
            method: Span::default(),
            target: Span::default(),
            version: Version::Http11,
            fields: Vec::new(),
        }
    }
}

impl Head {
    /// Forgets everything but the capacity.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.fields.clear();
        self.method = Span::default();
        self.target = Span::default();
        self.version = Version::Http11;
    }

    /// Appends to the text what no client sent, and says where it is: for requests made up in
    /// tests.
    ///
    /// # Panics
    ///
    /// When the text comes to 4 GiB: a span cannot say where that is.
    pub(crate) fn push(&mut self, part: &str) -> Span {
        let place = |text: &str| u32::try_from(text.len()).expect("a head is far below 4 GiB");
        let start = place(&self.text);
        self.text.push_str(part);
        let end = place(&self.text);
        Span { start, end }
    }

    pub(crate) fn method(&self) -> &str {
        self.method.of(&self.text)
    }

    pub(crate) fn target(&self) -> &str {
        self.target.of(&self.text)
    }

    /// `GET /path?query`: method and target stand side by side. Of an absolute-form with a path
    /// that is `GET http://host/path?query`, as it was sent.
    pub(crate) fn request(&self) -> &str {
        let (start, end) = (self.method.start, self.target.end);
        Span { start, end }.of(&self.text)
    }

    /// The field lines in the order they came, duplicates kept.
    pub(crate) fn fields(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.fields
            .iter()
            .map(move |f| (f.name.of(&self.text), f.value.of(&self.text)))
    }

    /// The value of the first field of that name; names ignore case (RFC 9110 §5.1).
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}
