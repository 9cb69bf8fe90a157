//! The body of a request and the body of a response.
//!
//! The module knows readers and sizes, and not the framing of a body on the wire.

use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::marker::PhantomData;

/// The body of a request: a reader that ends where the body ends.
///
/// [`Request::data`](crate::Request::data) returns one. A read fails with `UnexpectedEof` if the
/// client closed the connection before the end of the body. A body that was read to its end is
/// therefore complete.
pub struct RequestBody<'a> {
    reader: Box<dyn Read + Send>,
    // The reader owns its source. The lifetime parameter is that of rouille's type of this name.
    request: PhantomData<&'a ()>,
}

impl RequestBody<'_> {
    pub(crate) fn new<'a>(reader: Box<dyn Read + Send>) -> RequestBody<'a> {
        RequestBody {
            reader,
            request: PhantomData,
        }
    }
}

impl Read for RequestBody<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buf)
    }
}

impl fmt::Debug for RequestBody<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").finish_non_exhaustive()
    }
}

/// The body of a response: bytes, or a reader that the server reads while it sends the response.
///
/// The constructors of [`Response`](crate::Response) set the body. To set another one, use the
/// `data` field:
///
/// ```
/// use millpond::{Response, ResponseBody};
///
/// let lines = std::io::Read::chain(&b"one\n"[..], &b"two\n"[..]);
/// let response = Response { data: ResponseBody::from_reader(lines), ..Response::text("") };
/// # assert_eq!(response.data.into_reader_and_size().1, None);
/// ```
pub struct ResponseBody {
    data: Data,
}

/// The content of a body. The server writes bytes together with the head, and reads a reader piece
/// by piece.
pub(crate) enum Data {
    Empty,
    Bytes(Vec<u8>),
    Reader {
        reader: Box<dyn Read + Send>,
        /// The announced length in bytes. The server sends no more than this, and closes the
        /// connection if the reader yields less.
        size: Option<u64>,
    },
}

impl ResponseBody {
    /// Returns a body without bytes.
    ///
    /// ```
    /// let (_, size) = millpond::ResponseBody::empty().into_reader_and_size();
    /// assert_eq!(size, Some(0));
    /// ```
    pub fn empty() -> ResponseBody {
        ResponseBody { data: Data::Empty }
    }

    /// Returns a body of unknown size. The server reads `data` while it sends the response.
    ///
    /// If the reader fails, the server closes the connection early, so that the client does not
    /// take the body for a complete one. Each piece is sent as soon as the reader yields it, the
    /// first one together with the head. The head of a `text/event-stream` is sent at once.
    ///
    /// ```
    /// let squares = (0..10u8).map(|n| n * n).collect::<Vec<_>>();
    /// let body = millpond::ResponseBody::from_reader(std::io::Cursor::new(squares));
    /// ```
    pub fn from_reader<R: Read + Send + 'static>(data: R) -> ResponseBody {
        ResponseBody {
            data: Data::Reader {
                reader: Box::new(data),
                size: None,
            },
        }
    }

    /// Returns a body of `size` bytes. The server reads `data` while it sends the response.
    ///
    /// Bytes beyond `size` are not sent. If the reader yields less, the server closes the
    /// connection early, so that the client does not take the body for a complete one.
    ///
    /// ```
    /// let zeros = std::io::Read::take(std::io::repeat(0), 128);
    /// let body = millpond::ResponseBody::from_reader_and_size(zeros, 128);
    /// ```
    pub fn from_reader_and_size<R: Read + Send + 'static>(data: R, size: usize) -> ResponseBody {
        // A usize is at most 64 bits wide on every target Rust has.
        ResponseBody::from_reader_and_length(data, size as u64)
    }

    /// [`from_reader_and_size`](ResponseBody::from_reader_and_size) with a length in 64 bits: a
    /// file can be larger than the memory that a `usize` addresses.
    pub(crate) fn from_reader_and_length<R>(data: R, length: u64) -> ResponseBody
    where
        R: Read + Send + 'static,
    {
        ResponseBody {
            data: Data::Reader {
                reader: Box::new(data),
                size: Some(length),
            },
        }
    }

    /// Returns a body of these bytes.
    ///
    /// ```
    /// let body = millpond::ResponseBody::from_data(vec![0x89, b'P', b'N', b'G']);
    /// ```
    pub fn from_data<D: Into<Vec<u8>>>(data: D) -> ResponseBody {
        ResponseBody {
            data: Data::Bytes(data.into()),
        }
    }

    /// Returns a body with the rest of an open file. The server reads the file while it sends the
    /// response.
    ///
    /// The size is the present size of the file less the current position in it. The size of a pipe
    /// or a device is unknown.
    ///
    /// ```
    /// let body = millpond::ResponseBody::from_file(std::fs::File::open("Cargo.toml")?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn from_file(file: File) -> ResponseBody {
        let size = rest_of_file(&file);
        ResponseBody {
            data: Data::Reader {
                reader: Box::new(file),
                size,
            },
        }
    }

    /// Returns a body of this text, as UTF-8.
    ///
    /// ```
    /// let body = millpond::ResponseBody::from_string("hello world");
    /// ```
    pub fn from_string<S: Into<String>>(data: S) -> ResponseBody {
        ResponseBody::from_data(data.into())
    }

    /// Returns the body as a reader, and its size in bytes if the size is known. Use this to read a
    /// response in a test, or to wrap a body in another one (compression, a checksum).
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let (mut reader, size) = Response::text("hello").data.into_reader_and_size();
    /// let mut text = String::new();
    /// reader.read_to_string(&mut text)?;
    /// assert_eq!((text.as_str(), size), ("hello", Some(5)));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_reader_and_size(self) -> (Box<dyn Read + Send>, Option<usize>) {
        match self.data {
            Data::Empty => (Box::new(io::empty()), Some(0)),
            Data::Bytes(bytes) => {
                let size = bytes.len();
                (Box::new(Cursor::new(bytes)), Some(size))
            }
            Data::Reader { reader, size } => {
                (reader, size.and_then(|size| usize::try_from(size).ok()))
            }
        }
    }

    pub(crate) fn into_data(self) -> Data {
        self.data
    }

    /// Returns the number of bytes, or `None` if the number is not known in advance.
    pub(crate) fn size(&self) -> Option<u64> {
        match &self.data {
            Data::Empty => Some(0),
            Data::Bytes(bytes) => Some(bytes.len() as u64),
            Data::Reader { size, .. } => *size,
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody")
            .field("size", &self.size())
            .finish()
    }
}

fn rest_of_file(mut file: &File) -> Option<u64> {
    let metadata = file.metadata().ok().filter(|metadata| metadata.is_file())?;
    let position = file.stream_position().ok()?;
    Some(metadata.len().saturating_sub(position))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::SeekFrom;

    #[test]
    fn a_body_is_what_it_was_made_of() {
        let own_source = || File::open("src/message/body.rs").unwrap();
        let whole = std::fs::read("src/message/body.rs").unwrap();
        let mut read_into = own_source();
        read_into.seek(SeekFrom::Start(100)).unwrap();
        let mut read_past = own_source();
        read_past.seek(SeekFrom::End(5)).unwrap();

        type Row<'a> = (&'a str, ResponseBody, &'a [u8], Option<usize>);
        let table: Vec<Row<'_>> = vec![
            ("empty", ResponseBody::empty(), b"", Some(0)),
            ("no data", ResponseBody::from_data(""), b"", Some(0)),
            (
                "data",
                ResponseBody::from_data(vec![0, 255]),
                &[0, 255],
                Some(2),
            ),
            (
                "text",
                ResponseBody::from_string("h\u{e9}"),
                b"h\xc3\xa9",
                Some(3),
            ),
            (
                "reader",
                ResponseBody::from_reader(&b"abc"[..]),
                b"abc",
                None,
            ),
            (
                "sized",
                ResponseBody::from_reader_and_size(&b"abc"[..], 2),
                b"abc",
                Some(2),
            ),
            (
                "file",
                ResponseBody::from_file(own_source()),
                &whole,
                Some(whole.len()),
            ),
            (
                "seeked",
                ResponseBody::from_file(read_into),
                &whole[100..],
                Some(whole.len() - 100),
            ),
            (
                "past its end",
                ResponseBody::from_file(read_past),
                b"",
                Some(0),
            ),
        ];
        for (name, body, want, want_size) in table {
            let (mut reader, size) = body.into_reader_and_size();
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).unwrap();
            assert_eq!((&bytes[..], size), (want, want_size), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_device_has_no_size() {
        let body = ResponseBody::from_file(File::open("/dev/zero").unwrap());
        assert_eq!(body.into_reader_and_size().1, None);
    }
}
