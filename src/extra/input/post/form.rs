//! [`Form`]: the fields of a form in either encoding, for the expansion of `post_input!`. The types
//! of the fields are known only through `DecodePostField`.

use super::decode::read_up_to;
use super::error::{PostError, PostFieldError};
use super::field::DecodePostField;
use super::limits::{MAX_BUFFERED_BYTES, MAX_FORM_BYTES};
use super::urlencoded::{read_pairs, refused, utf8, Pairs};
use crate::extra::input::multipart::{
    get_multipart_input, Multipart, MultipartData, MultipartError, MultipartField,
};
use crate::message::syntax::percent;
use crate::message::Request;

/// A form whose fields are read in order.
pub struct Form<'r> {
    fields: Fields<'r>,
    held: BytesHeld,
}

enum Fields<'r> {
    Urlencoded(Pairs),
    Multipart(Multipart<'r>),
}

/// The bytes that are kept of the form so far.
#[derive(Default)]
struct BytesHeld {
    text: usize,
    total: usize,
}

/// A field of the form.
pub struct Entry<'f, 'r> {
    content: Content<'f, 'r>,
    held: &'f mut BytesHeld,
}

enum Content<'f, 'r> {
    Pair(&'f [u8], &'f [u8]),
    Part(MultipartField<&'f mut Multipart<'r>>),
}

impl<'r> Form<'r> {
    /// Returns the form of this request.
    pub fn of(request: &'r Request) -> Result<Form<'r>, PostError> {
        let fields = match read_pairs(request) {
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
        let held = BytesHeld::default();
        Ok(Form { fields, held })
    }

    /// Returns the next field, in the order of the form.
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
    /// Returns whether the field has this name.
    pub fn is(&self, name: &str) -> bool {
        match &self.content {
            Content::Pair(written, _) => percent::form_bytes(written).eq(name.bytes()),
            Content::Part(field) => &*field.headers.name == name,
        }
    }

    /// Decodes the value and stores it in `slot`. Merges with an earlier value.
    pub fn put<T, C>(
        self,
        name: &'static str,
        config: C,
        slot: &mut Option<T>,
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
                // RFC 7578 §4.4: without a content type, the part is text/plain.
                let mime = headers.content_type.as_ref();
                let mime = mime.map_or("text/plain", AsRef::as_ref);
                T::from_file(config, data, headers.filename.as_deref(), mime)
            }
        };
        let value = value.map_err(|error| invalid(name, error))?;
        held.total += value.bytes_held();
        if held.total > MAX_BUFFERED_BYTES {
            let too_large = refused(format!("form larger than {MAX_BUFFERED_BYTES} bytes"));
            return Err(invalid(name, too_large.into()));
        }
        let merged = match slot.take() {
            Some(before) => before.merge_multiple(value),
            None => Ok(value),
        };
        *slot = Some(merged.map_err(|error| invalid(name, error))?);
        Ok(())
    }
}

impl BytesHeld {
    fn text(
        &mut self,
        name: &'static str,
        data: MultipartData<&mut Multipart<'_>>,
    ) -> Result<String, PostError> {
        let bytes = read_up_to(MAX_FORM_BYTES - self.text, data)?;
        self.text += bytes.len();
        utf8(name, bytes)
    }
}

/// Returns the value of a field that the form does not have.
pub fn absent<T, C>(name: &'static str, config: C) -> Result<T, PostError>
where
    T: DecodePostField<C>,
{
    T::not_found(config).map_err(|error| invalid(name, error))
}

fn invalid(name: &'static str, error: PostFieldError) -> PostError {
    let field = name.into();
    PostError::Field { field, error }
}
