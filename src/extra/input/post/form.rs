//! The fields of a form, one after the other, whichever of the two ways it came: what `post_input!`
//! expands to. It knows no types but through `DecodePostField`.

use super::decode::{refused, up_to};
use super::{
    DecodePostField, PostError, PostFieldError, MAX_BUFFERED_BYTES, MAX_FIELDS, MAX_FORM_BYTES,
};
use crate::extra::input::body;
use crate::extra::input::body::content_type::ContentType;
use crate::extra::input::body::Unread;
use crate::extra::input::multipart::{
    get_multipart_input, Multipart, MultipartData, MultipartError, MultipartField,
};
use crate::message::syntax::percent;
use crate::message::Request;

/// A form, field by field.
pub struct Form<'r> {
    fields: Fields<'r>,
    held: Held,
}

enum Fields<'r> {
    Urlencoded(Pairs),
    Multipart(Multipart<'r>),
}

/// What was kept of the form so far.
#[derive(Default)]
struct Held {
    text: usize,
    all: usize,
}

/// A field that has come.
pub struct Entry<'f, 'r> {
    content: Content<'f, 'r>,
    held: &'f mut Held,
}

enum Content<'f, 'r> {
    Pair(&'f [u8], &'f [u8]),
    Part(MultipartField<&'f mut Multipart<'r>>),
}

impl<'r> Form<'r> {
    /// The form of this request.
    pub fn of(request: &'r Request) -> Result<Form<'r>, PostError> {
        let fields = match urlencoded(request) {
            Ok(pairs) => Fields::Urlencoded(pairs),
            Err(PostError::WrongContentType) => {
                let form = get_multipart_input(request).map_err(|error| match error {
                    MultipartError::WrongContentType => PostError::WrongContentType,
                    MultipartError::BodyAlreadyExtracted => PostError::BodyAlreadyExtracted,
                })?;
                Fields::Multipart(form)
            }
            Err(error) => return Err(error),
        };
        let held = Held::default();
        Ok(Form { fields, held })
    }

    /// The next field, in the order of the form.
    pub fn entry(&mut self) -> Result<Option<Entry<'_, 'r>>, PostError> {
        let content = match &mut self.fields {
            Fields::Urlencoded(pairs) => {
                let pair = pairs.next()?;
                pair.map(|(name, value)| Content::Pair(name, value))
            }
            Fields::Multipart(form) => form.try_next()?.map(Content::Part),
        };
        let held = &mut self.held;
        Ok(content.map(|content| Entry { content, held }))
    }
}

impl<'f, 'r> Entry<'f, 'r> {
    /// Whether it has this name.
    pub fn is(&self, name: &str) -> bool {
        match &self.content {
            Content::Pair(written, _) => percent::form_bytes(written).eq(name.bytes()),
            Content::Part(field) => &*field.headers.name == name,
        }
    }

    /// Puts its value into the place for the field `name`, to what is there already.
    pub fn put<T, C>(
        self,
        name: &'static str,
        config: C,
        place: &mut Option<T>,
    ) -> Result<(), PostError>
    where
        T: DecodePostField<C>,
    {
        let held = self.held;
        let value = match self.content {
            Content::Pair(_, value) => {
                let text = utf8(name, percent::form_bytes(value).collect())?;
                T::from_field(config, &text)
            }
            Content::Part(field) if field.is_text() && field.headers.filename.is_none() => {
                let text = held.text(name, field.data)?;
                T::from_field(config, &text)
            }
            Content::Part(MultipartField { headers, data }) => {
                // Without one it is text/plain: RFC 7578 §4.4.
                let mime = headers.content_type.as_ref();
                let mime = mime.map_or("text/plain", AsRef::as_ref);
                T::from_file(config, data, headers.filename.as_deref(), mime)
            }
        };
        let value = value.map_err(|error| wrong(name, error))?;
        held.all += value.bytes_held();
        if held.all > MAX_BUFFERED_BYTES {
            return Err(wrong(name, refused("the form is too large").into()));
        }
        let merged = match place.take() {
            Some(before) => before.merge_multiple(value),
            None => Ok(value),
        };
        *place = Some(merged.map_err(|error| wrong(name, error))?);
        Ok(())
    }
}

impl Held {
    fn text(
        &mut self,
        name: &'static str,
        data: MultipartData<&mut Multipart<'_>>,
    ) -> Result<String, PostError> {
        let bytes = up_to(MAX_FORM_BYTES - self.text, data)?;
        self.text += bytes.len();
        utf8(name, bytes)
    }
}

/// The value of a field, or what the type makes of it that there was none.
pub fn absent<T, C>(name: &'static str, config: C) -> Result<T, PostError>
where
    T: DecodePostField<C>,
{
    T::not_found(config).map_err(|error| wrong(name, error))
}

fn wrong(name: &'static str, error: PostFieldError) -> PostError {
    let field = name.into();
    PostError::Field { field, error }
}

fn utf8(name: &str, bytes: Vec<u8>) -> Result<String, PostError> {
    String::from_utf8(bytes).map_err(|_| PostError::NotUtf8(name.to_owned()))
}

/// The names and values of an urlencoded body, as they are written (WHATWG URL §5.1).
pub(crate) struct Pairs {
    body: Vec<u8>,
    at: usize,
    count: usize,
}

/// A name and a value, escapes not decoded.
type Pair<'a> = (&'a [u8], &'a [u8]);

pub(crate) fn urlencoded(request: &Request) -> Result<Pairs, PostError> {
    match ContentType::of(request) {
        Some(kind) if kind.is("application/x-www-form-urlencoded") => {}
        _ => return Err(PostError::WrongContentType),
    }
    let body = body::read(request, MAX_FORM_BYTES).map_err(|unread| match unread {
        Unread::Extracted => PostError::BodyAlreadyExtracted,
        Unread::TooLong(_) => refused("the form is too large").into(),
        Unread::Io(error) => error.into(),
    })?;
    Ok(Pairs {
        body,
        at: 0,
        count: 0,
    })
}

impl Pairs {
    fn next(&mut self) -> Result<Option<Pair<'_>>, PostError> {
        while self.at < self.body.len() {
            let start = self.at;
            let rest = &self.body[start..];
            let length = rest.iter().position(|&byte| byte == b'&');
            let length = length.unwrap_or(rest.len());
            self.at += length + 1;
            if length == 0 {
                continue;
            }
            self.count += 1;
            if self.count > MAX_FIELDS {
                return Err(refused("the form has too many fields").into());
            }
            let pair = &self.body[start..start + length];
            let equals = pair.iter().position(|&byte| byte == b'=');
            let (name, value) = pair.split_at(equals.unwrap_or(length));
            return Ok(Some((name, value.get(1..).unwrap_or_default())));
        }
        Ok(None)
    }

    pub(super) fn decoded(mut self) -> Result<Vec<(String, String)>, PostError> {
        let mut all = Vec::new();
        while let Some((name, value)) = self.next()? {
            let not_utf8 = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let name = String::from_utf8(percent::form_bytes(name).collect())
                .map_err(|error| PostError::NotUtf8(not_utf8(error.as_bytes())))?;
            let value = utf8(&name, percent::form_bytes(value).collect())?;
            all.push((name, value));
        }
        Ok(all)
    }
}
