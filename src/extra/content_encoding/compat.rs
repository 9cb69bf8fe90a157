//! rouille's signature: code that calls this compiles against both.

use super::*;

#[test]
fn rouille_has_this_signature() {
    let _: fn(&Request, Response) -> Response = apply;
}
