//! `post_input!`: names and types in Rust source to a struct of them.

/// Reads a form into a struct with these fields: a `Result` of that or a
/// [`PostError`](crate::input::post::PostError).
///
/// The names are those of the form's fields; `r#type` is `type`. The types are told in
/// [`input::post`](crate::input::post), with the bounds of what is read. A type may have a
/// configuration in braces behind it, for types of your own. The struct is called `PostInput`, is
/// `Debug`, and has no name outside of the macro.
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
        // A field may be asked for only because it has to be there.
        #[allow(dead_code)]
        #[derive(Debug)]
        struct PostInput {
            $($field: $type,)*
        }

        #[allow(unused_variables)] // Without fields nobody looks at an entry.
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

/// The last configuration, `()` if there is none.
#[doc(hidden)]
#[macro_export]
macro_rules! __post_config {
    () => { () };
    ({$config:expr}) => { $config };
    ({$config:expr} $($rest:tt)+) => { $crate::__post_config!($($rest)+) };
}
