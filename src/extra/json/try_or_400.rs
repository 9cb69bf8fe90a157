//! An error and its causes as JSON: what `try_or_400!` answers with. It has its name and its place
//! from rouille, where programs that answer with an error by themselves find it.

use crate::extra::json::{Json, ToJson};
use std::error::Error;

/// An error's own words and those of its causes: `{"description": "..", "cause": ..}`.
pub struct ErrJson {
    description: String,
    cause: Option<Box<ErrJson>>,
}

impl ErrJson {
    /// Reads the words of an error.
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
