//! `post_input!`: reads a form into a struct.

/// Reads a form into a struct with these fields. Returns a `Result` with that struct or a
/// [`PostError`](crate::input::post::PostError).
///
/// The names are those of the form's fields; `r#type` means `type`. The module
/// [`input::post`](crate::input::post) lists the types and the limits. A type of your program may
/// have a configuration, which follows the type in braces. The struct has the name `PostInput` and
/// implements `Debug`. The name is not visible outside of the macro.
///
/// ```
/// use millpond::{post_input, try_or_400, Request, Response};
///
/// fn login(request: &Request) -> Response {
///     let input = try_or_400!(post_input!(request, {
///         name: String,
///         remember: bool,
///     }));
///     Response::text(format!("hello {}", input.name))
/// }
/// # let kind = "application/x-www-form-urlencoded".to_owned();
/// # let fields = vec![("Content-Type".to_owned(), kind)];
/// # let request = Request::fake_http("POST", "/", fields, b"name=Ann".to_vec());
/// # assert_eq!(login(&request).status_code, 200);
/// ```
#[macro_export]
macro_rules! post_input {
    ($request:expr, {$($field:ident: $type:ty $({$config:expr})*),* $(,)*}) => {{
        // A program may name a field only to require the field.
        #[allow(dead_code)]
        #[derive(Debug)]
        struct PostInput {
            $($field: $type,)*
        }

        #[allow(unused_variables)] // Without fields, no entry is used.
        fn go(
            request: &$crate::Request,
        ) -> ::core::result::Result<PostInput, $crate::input::post::PostError> {
            $(let mut $field: ::core::option::Option<$type> = ::core::option::Option::None;)*
            let mut form = $crate::input::post::__Form::of(request)?;
            while let ::core::option::Option::Some(entry) = form.entry()? {
                $(
                    let name = $crate::json::field_name(::core::stringify!($field));
                    if entry.is(name) {
                        entry.put(name, $crate::__post_config!($({$config})*), &mut $field)?;
                        continue;
                    }
                )*
            }
            ::core::result::Result::Ok(PostInput {
                $($field: match $field {
                    ::core::option::Option::Some(value) => value,
                    ::core::option::Option::None => $crate::input::post::__absent(
                        $crate::json::field_name(::core::stringify!($field)),
                        $crate::__post_config!($({$config})*),
                    )?,
                },)*
            })
        }

        go($request)
    }};
}

/// Expands to the last configuration, or to `()` if there is none.
#[doc(hidden)]
#[macro_export]
macro_rules! __post_config {
    () => { () };
    ({$config:expr}) => { $config };
    ({$config:expr} $($rest:tt)+) => { $crate::__post_config!($($rest)+) };
}
