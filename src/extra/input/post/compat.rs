//! The signatures of rouille: code that uses these types and functions compiles with both
//! libraries.

use super::*;
use crate::extra::input::multipart::{
    get_multipart_input, Multipart, MultipartData, MultipartError, MultipartField,
};
use crate::message::Request;
use std::borrow::Cow;
use std::error::Error;
use std::io::{self, BufRead, Read};
use std::num::{ParseFloatError, ParseIntError};
use std::sync::Arc;

#[test]
fn multipart() {
    let _: for<'a> fn(&'a Request) -> Result<Multipart<'a>, MultipartError> = get_multipart_input;
    fn next<'m, 'a>(form: &'m mut Multipart<'a>) -> Option<MultipartField<&'m mut Multipart<'a>>> {
        form.next()
    }
    fn reads<M>(field: MultipartField<M>) -> (String, Option<String>)
    where
        MultipartData<M>: BufRead + Read,
    {
        let _: bool = field.is_text();
        let headers = field.headers.clone();
        let _: Arc<str> = headers.name;
        let _: Option<String> = headers.content_type.map(|mime| mime.to_string());
        // Both can be destructured.
        let (headers, mut data) = (field.headers, field.data);
        let mut text = String::new();
        data.read_to_string(&mut text).expect("text");
        (text, headers.filename)
    }
    let fields = vec![(
        "Content-Type".to_owned(),
        "multipart/form-data; boundary=x".to_owned(),
    )];
    let body = b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--".to_vec();
    let request = Request::fake_http("POST", "/", fields, body);
    let mut form = get_multipart_input(&request).expect("a form");
    assert_eq!(next(&mut form).map(reads), Some(("1".to_owned(), None)));

    fn is_error<T: Error + Clone>() {}
    is_error::<MultipartError>();
    // These are all variants.
    match MultipartError::WrongContentType {
        MultipartError::WrongContentType | MultipartError::BodyAlreadyExtracted => {}
    }
}

#[test]
fn post() {
    type Pairs = Vec<(String, String)>;
    let _: fn(&Request) -> Result<Pairs, PostError> = raw_urlencoded_post_input;
    fn is_error<T: Error + From<io::Error>>() {}
    is_error::<PostError>();
    is_error::<PostFieldError>();
    let _: fn(ParseIntError) -> PostFieldError = PostFieldError::from;
    let _: fn(ParseFloatError) -> PostFieldError = PostFieldError::from;
    fn all(error: PostError) {
        match error {
            PostError::WrongContentType | PostError::BodyAlreadyExtracted => {}
            PostError::IoError(error) => is::<io::Error>(&error),
            PostError::NotUtf8(text) => is::<String>(&text),
            PostError::Field { field, error } => {
                is::<Cow<'static, str>>(&field);
                match error {
                    PostFieldError::IoError(error) => is::<io::Error>(&error),
                    PostFieldError::MissingField
                    | PostFieldError::WrongFieldType
                    | PostFieldError::UnexpectedMultipleValues => {}
                    PostFieldError::WrongDataTypeInt(error) => is::<ParseIntError>(&error),
                    PostFieldError::WrongDataTypeFloat(error) => is::<ParseFloatError>(&error),
                }
            }
        }
    }
    fn is<T>(_: &T) {}
    all(PostError::WrongContentType);
}

#[test]
fn a_field_is_decoded_by_four_functions() {
    type Decoded<T> = Result<T, PostFieldError>;
    fn four<C, T: DecodePostField<C> + std::fmt::Debug>() {
        let _: fn(C, &str) -> Decoded<T> = T::from_field;
        let _: fn(C, &'static [u8], Option<&str>, &str) -> Decoded<T> = T::from_file;
        let _: fn(T, T) -> Decoded<T> = T::merge_multiple;
        let _: fn(C) -> Decoded<T> = T::not_found;
    }
    macro_rules! each {
        ($($type:ty)*) => {$(
            four::<(), $type>();
            four::<(), Option<$type>>();
            four::<(), Vec<$type>>();
        )*};
    }
    each!(u8 i8 u16 i16 u32 i32 u64 i64 usize isize f32 f64 String bool BufferedFile);

    /// Two of the four functions are required.
    #[derive(Debug)]
    struct Own;
    impl DecodePostField<u8> for Own {
        fn from_field(_config: u8, _content: &str) -> Decoded<Own> {
            Ok(Own)
        }
        fn from_file<R>(_: u8, _: R, _: Option<&str>, _: &str) -> Decoded<Own>
        where
            R: BufRead,
        {
            Err(PostFieldError::WrongFieldType)
        }
    }
    four::<u8, Own>();
    assert!(matches!(
        Own::not_found(1),
        Err(PostFieldError::MissingField)
    ));
    let several = Own.merge_multiple(Own);
    assert!(matches!(
        several,
        Err(PostFieldError::UnexpectedMultipleValues)
    ));
}

#[test]
fn a_buffered_file_has_these_three_fields_and_no_other() {
    let file = BufferedFile {
        data: vec![1],
        mime: String::new(),
        filename: None,
    };
    let BufferedFile {
        data,
        mime,
        filename,
    } = file.clone();
    let _: (Vec<u8>, String, Option<String>) = (data, mime, filename);
}
