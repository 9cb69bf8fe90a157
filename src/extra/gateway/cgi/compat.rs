//! The signatures of rouille: code that names these types and calls these functions compiles
//! with both libraries.

use super::*;
use std::fmt::{Debug, Display};

#[test]
fn the_trait() {
    let _: fn(Command, &Request) -> Result<Response, CgiError> = Command::start_cgi;
    let _: fn(Command, &Request) -> Result<Response, CgiError> = <Command as CgiRun>::start_cgi;

    struct Own;
    impl CgiRun for Own {
        fn start_cgi(self, request: &Request) -> Result<Response, CgiError> {
            Command::new("none").start_cgi(request)
        }
    }
    let _: fn(Own, &Request) -> Result<Response, CgiError> = Own::start_cgi;
}

#[test]
fn the_error_has_these_variants_and_no_other() {
    match CgiError::BodyAlreadyExtracted {
        CgiError::BodyAlreadyExtracted => {}
        CgiError::IoError(error) => drop::<io::Error>(error),
    }
    fn is_error<T: Error + Debug + Display + Send + Sync + 'static>() {}
    is_error::<CgiError>();
    let _: fn(io::Error) -> CgiError = CgiError::from;
}
