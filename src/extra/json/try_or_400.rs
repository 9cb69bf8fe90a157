//! `try_or_400!`, and [`ErrJson`]: an error and its causes as JSON, which the response contains.
//!
//! The name and the path are from rouille, for programs that respond with an error themselves.

use super::convert::ToJson;
use super::value::Json;
use std::error::Error;

/// Evaluates to the value of a `Result`; on an error, returns a 400 with the error from the
/// function, which must return a [`Response`](crate::Response).
///
/// The error must be a [`std::error::Error`]. The body is `{"description": "..", "cause": ..}` in
/// JSON. The cause is the source of the error in the same form, or `null`.
///
/// The description is the message of the error. If the message quotes input of the client, the
/// input is sent back, as a JSON string that no browser shows as a page. If the message contains
/// more than a client should know, such as the name of a file, send another response. The parse
/// errors of std quote nothing, and [`JsonError`](crate::JsonError) quotes only short plain names
/// of members.
///
/// ```
/// use millpond::{try_or_400, Request, Response};
///
/// fn double(request: &Request) -> Response {
///     let number: u32 = try_or_400!(request.raw_query_string().parse());
///     Response::text((2 * u64::from(number)).to_string())
/// }
///
/// let ask = |url| double(&Request::fake_http("GET", url, vec![], vec![]));
/// assert_eq!(ask("/?21").status_code, 200);
/// assert_eq!(ask("/?x").status_code, 400);
/// ```
#[macro_export]
macro_rules! try_or_400 {
    ($result:expr) => {
        match $result {
            ::core::result::Result::Ok(value) => value,
            ::core::result::Result::Err(error) => {
                let error = $crate::try_or_400::ErrJson::from_err(&error);
                return $crate::Response::json(&error).with_status_code(400);
            }
        }
    };
}

/// The texts of an error and of its causes: `{"description": "..", "cause": ..}`.
pub struct ErrJson {
    description: String,
    cause: Option<Box<ErrJson>>,
}

impl ErrJson {
    /// Returns the texts of an error and of its causes.
    pub fn from_err<E: ?Sized + Error>(err: &E) -> ErrJson {
        ErrJson {
            description: err.to_string(),
            cause: err.source().map(ErrJson::from_err).map(Box::new),
        }
    }
}

impl ToJson for ErrJson {
    fn to_json(&self) -> Json {
        let cause = self.cause.as_ref().map(|cause| cause.to_json());
        crate::json!({ "description": self.description, "cause": cause })
    }
}
