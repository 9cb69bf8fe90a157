//! The types of form fields: types of std, and [`BufferedFile`].

use super::error::PostFieldError;
use super::field::DecodePostField;
use super::limits::{MAX_BUFFERED_BYTES, MAX_FORM_BYTES};
use super::urlencoded::refused;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::mem;

/// A file of a form, whole and in memory, of at most [`MAX_BUFFERED_BYTES`].
#[derive(Clone)]
pub struct BufferedFile {
    /// The content of the file.
    pub data: Vec<u8>,
    /// The media type that the client names; `text/plain` if there is none.
    pub mime: String,
    /// The file name that the client sent, which may contain any text. Never use the name as a
    /// path.
    pub filename: Option<String>,
}

impl fmt::Debug for BufferedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferedFile")
            .field("data", &format_args!("<{} bytes>", self.data.len()))
            .field("mime", &self.mime)
            .field("filename", &self.filename)
            .finish()
    }
}

impl DecodePostField<()> for BufferedFile {
    fn from_field(_: (), _: &str) -> Result<Self, PostFieldError> {
        Err(PostFieldError::WrongFieldType)
    }

    fn from_file<R>(
        _: (),
        file: R,
        filename: Option<&str>,
        mime: &str,
    ) -> Result<Self, PostFieldError>
    where
        R: BufRead,
    {
        Ok(BufferedFile {
            data: read_up_to(MAX_BUFFERED_BYTES, file)?,
            mime: mime.to_owned(),
            filename: filename.map(str::to_owned),
        })
    }

    fn bytes_held(&self) -> usize {
        let filename = self.filename.as_ref().map_or(0, String::len);
        self.data.len() + self.mime.len() + filename
    }
}

/// Reads to the end.
///
/// # Errors
///
/// Returns an error if there are more than `max` bytes.
pub(crate) fn read_up_to(max: usize, reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // A usize has at most 64 bits on every target of Rust.
    reader.take(max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > max {
        return Err(refused(format!("form field longer than {max} bytes")));
    }
    Ok(bytes)
}

/// Reads text that the client sent as a file, for example with `curl -F a=@file`.
fn text(file: impl Read, mime: &str) -> Result<String, PostFieldError> {
    match mime.get(..5) {
        Some(kind) if kind.eq_ignore_ascii_case("text/") => {}
        _ => return Err(PostFieldError::WrongFieldType),
    }
    let bytes = read_up_to(MAX_FORM_BYTES, file)?;
    String::from_utf8(bytes).map_err(|_| refused("invalid UTF-8 in file of form").into())
}

macro_rules! parsed {
    ($($type:ty)*) => {$(
        impl DecodePostField<()> for $type {
            fn from_field(_: (), content: &str) -> Result<Self, PostFieldError> {
                Ok(content.parse()?)
            }

            fn from_file<R>(
                _: (),
                file: R,
                _: Option<&str>,
                mime: &str,
            ) -> Result<Self, PostFieldError>
            where
                R: BufRead,
            {
                Ok(text(file, mime)?.parse()?)
            }
        }
    )*};
}

parsed!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64);

impl DecodePostField<()> for String {
    fn from_field(_: (), content: &str) -> Result<Self, PostFieldError> {
        Ok(content.to_owned())
    }

    fn from_file<R>(_: (), file: R, _: Option<&str>, mime: &str) -> Result<Self, PostFieldError>
    where
        R: BufRead,
    {
        text(file, mime)
    }

    fn bytes_held(&self) -> usize {
        self.len()
    }
}

impl DecodePostField<()> for bool {
    fn from_field(_: (), _: &str) -> Result<Self, PostFieldError> {
        Ok(true)
    }

    fn from_file<R>(_: (), _: R, _: Option<&str>, _: &str) -> Result<Self, PostFieldError>
    where
        R: BufRead,
    {
        Ok(true)
    }

    fn merge_multiple(self, existing: bool) -> Result<bool, PostFieldError> {
        Ok(self || existing)
    }

    fn not_found(_: ()) -> Result<Self, PostFieldError> {
        Ok(false)
    }
}

impl<T, C> DecodePostField<C> for Option<T>
where
    T: DecodePostField<C>,
{
    fn from_field(config: C, content: &str) -> Result<Self, PostFieldError> {
        none_if_invalid(T::from_field(config, content))
    }

    fn from_file<R>(
        config: C,
        file: R,
        filename: Option<&str>,
        mime: &str,
    ) -> Result<Self, PostFieldError>
    where
        R: BufRead,
    {
        none_if_invalid(T::from_file(config, file, filename, mime))
    }

    fn not_found(_: C) -> Result<Self, PostFieldError> {
        Ok(None)
    }

    fn bytes_held(&self) -> usize {
        self.as_ref().map_or(0, T::bytes_held)
    }
}

/// Returns `None` for an invalid value. An error of reading stays an error, because the form is
/// incomplete.
fn none_if_invalid<T>(decoded: Result<T, PostFieldError>) -> Result<Option<T>, PostFieldError> {
    match decoded {
        Ok(value) => Ok(Some(value)),
        Err(PostFieldError::IoError(error)) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

impl<T, C> DecodePostField<C> for Vec<T>
where
    T: DecodePostField<C>,
{
    fn from_field(config: C, content: &str) -> Result<Self, PostFieldError> {
        Ok(vec![T::from_field(config, content)?])
    }

    fn from_file<R>(
        config: C,
        file: R,
        filename: Option<&str>,
        mime: &str,
    ) -> Result<Self, PostFieldError>
    where
        R: BufRead,
    {
        Ok(vec![T::from_file(config, file, filename, mime)?])
    }

    fn merge_multiple(mut self, mut existing: Vec<T>) -> Result<Vec<T>, PostFieldError> {
        self.append(&mut existing);
        Ok(self)
    }

    fn not_found(_: C) -> Result<Self, PostFieldError> {
        Ok(Vec::new())
    }

    fn bytes_held(&self) -> usize {
        // The size of `T` counts too, because a value may hold nothing else.
        let each = |value: &T| mem::size_of::<T>() + value.bytes_held();
        self.iter().map(each).sum()
    }
}
