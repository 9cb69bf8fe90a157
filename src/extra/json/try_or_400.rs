//! [`ErrJson`]: an error and its causes as JSON, which the response of `try_or_400!` contains.
//!
//! The name and the path are from rouille, for programs that respond with an error themselves.

use super::convert::ToJson;
use super::value::Json;
use std::error::Error;

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
