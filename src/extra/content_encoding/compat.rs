//! The signature of rouille: code that calls this function compiles with both libraries.

use super::*;

#[test]
fn rouille_has_this_signature() {
    let _: fn(&Request, Response) -> Response = apply;
}
